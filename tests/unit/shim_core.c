/* shim_core.c: headers of SUBMIT as they are written, of RESULT as they are read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "shim/bridge_internal.h"

static struct json_span span(const char *text)
{
    return (struct json_span){text, strlen(text)};
}

static void test_submit(void **state)
{
    char name[] = "image", type[] = "image/jpeg";
    struct bridge_input inputs[] = {{.name = name, .media_type = type}, {.name = name}};
    struct bridge_order o = {.task_id = "t\"1",
                             .job_id = "j",
                             .pipeline = "thumb",
                             .params = span("{\"w\": 1.0}"),
                             .metadata = span("{\"job_id\":\"j\"}"),
                             .priority = 5.5,
                             .deadline_ms = 1795230469500,
                             .max_attempts = 1,
                             .inputs = inputs,
                             .n_inputs = 2};
    struct buf b = BUF_INIT(4096);
    (void)state;
    assert_int_equal(submit_header(&o, 7, &b), 0);
    assert_string_equal(
        buf_cstr(&b),
        "{\"pipeline\":\"thumb\",\"task_id\":\"t\\\"1\",\"job_id\":\"j\",\"request\":\"t7\","
        "\"params\":{\"w\": 1.0},\"priority\":5.5,\"deadline\":1795230469500,"
        "\"max_attempts\":1,\"events\":[\"progress\"],\"children\":\"none\",\"metadata\":{\"job_"
        "id\":\"j\"},"
        "\"inputs\":[{\"name\":\"image\",\"frame\":0,\"media_type\":\"image/jpeg\"},"
        "{\"name\":\"image\",\"frame\":1}]}");
    buf_reset(&b);
    o = (struct bridge_order){.task_id = "t", .pipeline = "p", .params = span("{}"), .priority = 5};
    assert_int_equal(submit_header(&o, 8, &b), 0);
    assert_string_equal(buf_cstr(&b),
                        "{\"pipeline\":\"p\",\"task_id\":\"t\",\"request\":\"t8\",\"params\":{},"
                        "\"priority\":5,\"events\":[\"progress\"],\"children\":\"none\"}");
    buf_clear(&b);
}

static struct outcome_reader *read_result(struct json_doc *doc, const char *json,
                                          const struct wire_view *body, size_t n)
{
    struct json_fault fault;
    struct outcome_reader *r = calloc(1, sizeof *r);
    assert_non_null(r);
    assert_int_equal(json_scan(doc, json, strlen(json), &fault), 0);
    const struct corelink_message m = {.verb = WIRE_RESULT, .doc = doc, .body = body, .n_body = n};
    outcome_read(r, &m);
    return r;
}

static void test_success(void **state)
{
    const struct wire_view body[] = {{"AB", 2}, {"C", 1}};
    struct json_doc doc = JSON_DOC_INIT;
    (void)state;
    struct outcome_reader *r =
        read_result(&doc,
                    "{\"task_id\":\"t\",\"status\":\"needs_review\",\"data\": {\"a\":1.50},"
                    "\"outputs\":[{\"name\":\"x\",\"frame\":1,\"media_type\":\"m/t\"},"
                    "{\"name\":\"y\",\"frame\":0}]}",
                    body, 2);
    const struct bridge_outcome *o = &r->outcome;
    assert_string_equal(o->status, "needs_review");
    assert_int_equal(o->code, CODE_OK);
    assert_memory_equal(o->data.at, "{\"a\":1.50}", o->data.len);
    assert_int_equal(o->n_outputs, 2);
    assert_string_equal(o->outputs[0].name, "x");
    assert_string_equal(o->outputs[0].media_type, "m/t");
    assert_int_equal(o->outputs[0].bytes.len, 1);
    assert_null(o->outputs[1].media_type);
    outcome_clear(r);
    free(r);
    json_doc_clear(&doc);
}

static void test_failures(void **state)
{
    static const struct {
        const char *json, *status, *message;
        enum code code;
        bool has_details;
    } rows[] = {
        {"{\"status\":\"failure\",\"error\":{\"code\":\"CRASH\",\"message\":\"m\",\"details\":{"
         "\"signal\":11}}}",
         "failure", "m", CODE_CRASH, true},
        {"{\"status\":\"failure\",\"error\":{\"code\":\"NEWER\",\"message\":\"m\"}}", "failure",
         "m", CODE_INTERNAL, false},
        {"{\"status\":\"failure\"}", "failure", NULL, CODE_INTERNAL, false},
        {"{\"status\":\"failure\",\"error\":7}", "failure", NULL, CODE_INTERNAL, false},
        {"{\"status\":\"failure\",\"error\":{\"code\":7,\"details\":[]}}", "failure", NULL,
         CODE_INTERNAL, false},
        {"{\"status\":\"cancelled\",\"error\":{\"code\":\"CANCELLED\",\"message\":\"m\"}}",
         "cancelled", "m", CODE_CANCELLED, false},
        {"{}", "failure", NULL, CODE_INTERNAL, false},
        {"{\"status\":\"success\",\"outputs\":[{\"name\":\"x\",\"frame\":5}]}", "failure", NULL,
         CODE_INTERNAL, false},
        {"{\"status\":\"success\",\"outputs\":[{\"name\":\"x\",\"frame\":-1}]}", "failure", NULL,
         CODE_INTERNAL, false},
        {"{\"status\":\"success\",\"outputs\":[{\"frame\":0}]}", "failure", NULL, CODE_INTERNAL,
         false},
        {"{\"status\":\"success\",\"outputs\":[0]}", "failure", NULL, CODE_INTERNAL, false},
    };
    const struct wire_view body[] = {{"A", 1}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct json_doc doc = JSON_DOC_INIT;
        struct outcome_reader *r = read_result(&doc, rows[i].json, body, 1);
        assert_string_equal(r->outcome.status, rows[i].status);
        assert_int_equal(r->outcome.code, rows[i].code);
        assert_non_null(r->outcome.message);
        if (rows[i].message != NULL)
            assert_string_equal(r->outcome.message, rows[i].message);
        assert_int_equal(r->outcome.details.at != NULL, rows[i].has_details);
        assert_int_equal(r->outcome.n_outputs, 0);
        outcome_clear(r);
        free(r);
        json_doc_clear(&doc);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_submit),
        cmocka_unit_test(test_success),
        cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
