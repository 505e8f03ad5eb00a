/* core_submit.c: headers of SUBMIT, each wrong member with its pointer. */
#include "cmocka_all.h"

#include <string.h>

#include "core/content_key.h"
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
    {"{\"pipeline\":\"a\",\"content_key\":true}", 0, CODE_OK, NULL},
    {"{\"pipeline\":\"a\",\"content_key\":false,\"idempotency_key\":\"k\"}", 0, CODE_OK, NULL},
    {"{\"pipeline\":\"a\",\"content_key\":true,\"idempotency_key\":\"k\"}", 0, CODE_INVALID_INPUT,
     "/content_key"},
    {"{\"pipeline\":\"a\",\"content_key\":\"yes\"}", 0, CODE_INVALID_INPUT, "/content_key"},
    {"{\"pipeline\":\"a\",\"idempotency_key\":\"conten\\u0074:1\"}", 0, CODE_INVALID_INPUT,
     "/idempotency_key"},
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

/* The key of a SUBMIT whose frames hold their own numbers, for a pipeline of that version. */
static void key_of(const char *header, const char *version, size_t n_body, char *key)
{
    static struct submit s;
    struct catalog_plugin plugin = {.id = (char *)(size_t) "org.x"};
    struct catalog_pipeline p = {
        .plugin = &plugin, .slug = (char *)(size_t) "a", .version = (char *)(size_t)version};
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault;
    struct refusal r = REFUSAL_INIT;
    zmq_msg_t body[3];
    for (size_t i = 0; i < n_body; i++) {
        assert_int_equal(zmq_msg_init_size(&body[i], 1), 0);
        memset(zmq_msg_data(&body[i]), (int)('0' + i), 1);
    }
    assert_int_equal(json_scan(&doc, header, strlen(header), &fault), 0);
    assert_int_equal(submit_read(&s, &doc, n_body, &r), 0);
    assert_int_equal(content_key_make(&s, &p, body), 0);
    strcpy(key, s.content);
    for (size_t i = 0; i < n_body; i++)
        zmq_msg_close(&body[i]);
    refusal_clear(&r);
    json_doc_clear(&doc);
}

#define CONTENT(rest) "{\"pipeline\":\"a\",\"content_key\":true" rest "}"

static const struct {
    const char *a, *b;
    bool is_same;
} contents[] = {
    {CONTENT(""), CONTENT(",\"params\":{ }"), true},
    {CONTENT(",\"params\":{\"a\":1,\"b\":{\"d\":[],\"c\":2}}"),
     CONTENT(",\"params\": {\"b\":{\"c\":2, \"d\":[]}, \"\\u0061\":1}"), true},
    {CONTENT(",\"params\":{\"a\":[1,2]}"), CONTENT(",\"params\":{\"a\":[2,1]}"), false},
    {CONTENT(",\"params\":{\"a\":null}"), CONTENT(""), false},
    {CONTENT(",\"params\":{\"a\":1}"), CONTENT(",\"params\":{\"a\":1.0}"), false},
    {CONTENT(",\"params\":{\"a\":0.1}"), CONTENT(",\"params\":{\"a\":0.1000000000000000001}"),
     false},
    {CONTENT(",\"task_id\":\"x\",\"priority\":9,\"ttl_ms\":5,\"metadata\":{\"m\":1}"), CONTENT(""),
     true},
    {CONTENT(",\"inputs\":[{\"name\":\"i\",\"frame\":0},{\"name\":\"j\",\"frame\":1}]"),
     CONTENT(",\"inputs\":[{\"name\":\"j\",\"frame\":1},{\"name\":\"i\",\"frame\":0}]"), false},
    {CONTENT(",\"inputs\":[{\"name\":\"i\",\"frame\":0},{\"name\":\"j\",\"frame\":1}]"),
     CONTENT(",\"inputs\":[{\"name\":\"i\",\"frame\":1},{\"name\":\"j\",\"frame\":0}]"), false},
    {CONTENT(",\"inputs\":[{\"name\":\"i\",\"frame\":0}]"),
     CONTENT(",\"inputs\":[{\"name\":\"k\",\"frame\":0}]"), false},
};

static void content_keys(void **state)
{
    (void)state;
    char a[SUBMIT_CONTENT], b[SUBMIT_CONTENT];
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
        key_of(contents[i].a, "1", 3, a);
        key_of(contents[i].b, "1", 3, b);
        if ((strcmp(a, b) == 0) != contents[i].is_same)
            fail_msg("%s and %s", contents[i].a, contents[i].b);
        key_of(contents[i].a, "2", 3, b);
        assert_string_not_equal(a, b);
    }
}

/* As protocol.md says, so that others can make it too: it may never change. */
static void content_key_is_what_the_protocol_says(void **state)
{
    (void)state;
    char key[SUBMIT_CONTENT];
    key_of(CONTENT(",\"params\":{\"w\":320},\"inputs\":[{\"name\":\"z\",\"frame\":0},{\"name\":"
                   "\"i\",\"frame\":1}]"),
           "1.0.0", 2, key);
    assert_string_equal(key,
                        "content:2c6e35b2c592d137da6d19b3fe27fab708dd263b7e246d3476c81148d9077f0b");
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_row), cmocka_unit_test(content_keys),
                                       cmocka_unit_test(content_key_is_what_the_protocol_says),
                                       cmocka_unit_test(unknown_members_are_named)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
