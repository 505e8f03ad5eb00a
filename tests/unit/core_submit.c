/* core_submit.c: headers of SUBMIT, each wrong member with its pointer. */
#include "cmocka_all.h"

#include <string.h>

#include "core/peers.h"
#include "core/submit.h"

struct row {
    const char *header;
    size_t n_body;
    enum code code;      /* CODE_OK: accepted */
    const char *pointer; /* in the message */
};

static const struct row rows[] = {
    {"{\"pipeline\":\"a\"}", 0, CODE_OK, NULL},
    {"{}", 0, CODE_INVALID_INPUT, "/pipeline"},
    {"{\"pipeline\":5}", 0, CODE_INVALID_INPUT, "/pipeline: expected a string, found a number"},
    {"{\"pipeline\":\"\"}", 0, CODE_INVALID_INPUT, "/pipeline"},
    {"{\"pipeline\":\"a\",\"params\":[]}", 0, CODE_INVALID_INPUT,
     "/params: expected an object, found an array"},
    {"{\"pipeline\":\"a\",\"priority\":9}", 0, CODE_OK, NULL},
    {"{\"pipeline\":\"a\",\"priority\":9.1}", 0, CODE_INVALID_INPUT, "/priority"},
    {"{\"pipeline\":\"a\",\"priority\":-1}", 0, CODE_INVALID_INPUT, "/priority"},
    {"{\"pipeline\":\"a\",\"timeout_ms\":1.5}", 0, CODE_INVALID_INPUT, "/timeout_ms"},
    {"{\"pipeline\":\"a\",\"timeout_ms\":0}", 0, CODE_INVALID_INPUT, "/timeout_ms"},
    {"{\"pipeline\":\"a\",\"max_attempts\":100}", 0, CODE_OK, NULL},
    {"{\"pipeline\":\"a\",\"max_attempts\":0}", 0, CODE_INVALID_INPUT, "/max_attempts"},
    {"{\"pipeline\":\"a\",\"max_attempts\":101}", 0, CODE_INVALID_INPUT,
     "/max_attempts: expected an integer from 1 to 100"},
    {"{\"pipeline\":\"a\",\"deadline\":\"soon\"}", 0, CODE_INVALID_INPUT, "/deadline"},
    {"{\"pipeline\":\"a\",\"wait\":1}", 0, CODE_INVALID_INPUT, "/wait"},
    {"{\"pipeline\":\"a\",\"events\":[\"state\",\"log\"]}", 0, CODE_OK, NULL},
    {"{\"pipeline\":\"a\",\"events\":[\"noise\"]}", 0, CODE_INVALID_INPUT, "/events"},
    {"{\"pipeline\":\"a\",\"children\":\"some\"}", 0, CODE_INVALID_INPUT, "/children"},
    {"{\"pipeline\":\"a\",\"metadata\":null}", 0, CODE_INVALID_INPUT, "/metadata"},
    {"{\"pipeline\":\"a\",\"inputs\":[{\"name\":\"i\",\"frame\":0}]}", 1, CODE_OK, NULL},
    {"{\"pipeline\":\"a\",\"inputs\":[{\"name\":\"i\",\"frame\":0}]}", 0, CODE_INVALID_INPUT,
     "/inputs/*/frame"},
    {"{\"pipeline\":\"a\",\"inputs\":[{\"name\":\"i\",\"frame\":-1}]}", 1, CODE_INVALID_INPUT,
     "/inputs/*/frame"},
    {"{\"pipeline\":\"a\",\"inputs\":[{\"frame\":0}]}", 1, CODE_INVALID_INPUT, "/inputs"},
    {"{\"pipeline\":\"a\",\"inputs\":[{\"name\":\"i\",\"frame\":0},{\"name\":\"\\u0069\",\"frame\":"
     "0}]}",
     1, CODE_INVALID_INPUT, "same name"},
    {"{\"pipeline\":\"a\",\"inputs\":[{\"name\":\"i\",\"uri\":\"s3://b/k\"}]}", 0,
     CODE_DEPENDENCY_MISSING, "uri"},
    {"{\"pipeline\":\"a\",\"inputs\":[{\"name\":\"i\",\"frame\":0,\"sha256\":\"abc\"}]}", 1,
     CODE_INVALID_INPUT, "/inputs/*/sha256"},
};

static void each_row(void **state)
{
    (void)state;
    struct json_doc doc = JSON_DOC_INIT;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        static struct submit s;
        struct json_fault fault;
        struct refusal r = REFUSAL_INIT;
        assert_int_equal(json_scan(&doc, rows[i].header, strlen(rows[i].header), &fault), 0);
        assert_int_equal(submit_read(&s, &doc, rows[i].n_body, &r),
                         rows[i].code == CODE_OK ? 0 : -1);
        assert_int_equal(r.code, rows[i].code);
        if (rows[i].pointer != NULL)
            assert_non_null(strstr(r.message, rows[i].pointer));
        refusal_clear(&r);
    }
    json_doc_clear(&doc);
}

static void unknown_members_are_named(void **state)
{
    (void)state;
    static const char header[] =
        "{\"colour\":1,\"pipeline\":\"a\",\"events\":[\"log\"],\"taste\":3}";
    static struct submit s;
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault;
    struct refusal r = REFUSAL_INIT;
    assert_int_equal(json_scan(&doc, header, strlen(header), &fault), 0);
    assert_int_equal(submit_read(&s, &doc, 0, &r), 0);
    assert_int_equal(s.n_ignored, 2);
    assert_true(json_string_is(&doc, s.ignored[1], "taste"));
    assert_int_equal(s.events, EVENT_LOG);
    json_doc_clear(&doc);
    refusal_clear(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_row),
                                       cmocka_unit_test(unknown_members_are_named)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
