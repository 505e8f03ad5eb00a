/* shim_order.c: tasks as the orchestrator gives them, good and bad. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "shim/avtomatika_map.h"

static int read_order(const char *json, struct avt_order *o, const char **why)
{
    return avt_order_read(json, strlen(json), o, why);
}

static void test_whole(void **state)
{
    struct avt_order o;
    const char *why;
    (void)state;
    assert_int_equal(
        read_order("{\"job_id\":\"j-1\",\"task_id\":\"task-1\",\"type\":\"thumb\\u0062nail\","
                   "\"params\":{\"w\": 64.0, \"x\":[1e20]},\"priority\":2.5,"
                   "\"deadline\":1795230469.5,\"timestamp\":1795230349.96,"
                   "\"tracing_context\":{\"traceparent\":\"00-1-2-3\"},"
                   "\"metadata\":{\"tenant\":\"t1\"},\"unknown\":{}}",
                   &o, &why),
        0);
    assert_string_equal(o.task_id, "task-1");
    assert_string_equal(o.job_id, "j-1");
    assert_string_equal(o.type, "thumbbnail");
    assert_string_equal(o.params, "{\"w\": 64.0, \"x\":[1e20]}"); /* as it was written */
    assert_string_equal(o.trace, "{\"traceparent\":\"00-1-2-3\"}");
    assert_string_equal(o.metadata, "{\"tenant\":\"t1\"}");
    assert_int_equal(o.deadline_ms, 1795230469500);
    assert_true(o.priority > 5 && o.priority < 9);
    avt_order_clear(&o);
}

static void test_least(void **state)
{
    struct avt_order o;
    const char *why;
    (void)state;
    assert_int_equal(
        read_order("{\"job_id\":\"j\",\"task_id\":\"t\",\"type\":\"x\",\"params\":null,"
                   "\"metadata\":[],\"deadline\":null}",
                   &o, &why),
        0);
    assert_string_equal(o.params, "{}");
    assert_null(o.metadata);
    assert_null(o.trace);
    assert_int_equal(o.deadline_ms, 0);
    assert_true(o.priority == 5);
    avt_order_clear(&o);
}

/* What is wrong with the ids still there can be answered. */
static void test_answerable(void **state)
{
    static const char *const rows[] = {
        "{\"job_id\":\"j\",\"task_id\":\"t\",\"params\":{}}",
        "{\"job_id\":\"j\",\"task_id\":\"t\",\"type\":7}",
        "{\"job_id\":\"j\",\"task_id\":\"t\",\"type\":\"x\",\"params\":[]}",
        "{\"job_id\": \"j\", \"task_id\" : \"t\",\"type\":\"x\",\"params\":{\"a\":1,\"a\":2}}",
        "{\"job_id\":\"j\",\"task_id\":\"t\",\"type\":\"x\",\"params\":{\"a\":\"\\u0000\"}}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct avt_order o;
        const char *why = NULL;
        assert_int_equal(read_order(rows[i], &o, &why), -1);
        assert_non_null(why);
        assert_string_equal(o.task_id, "t");
        assert_string_equal(o.job_id, "j");
        avt_order_clear(&o);
    }
}

static void test_lost(void **state)
{
    static const char *const rows[] = {
        "",
        "null",
        "[]",
        "{}",
        "{\"job_id\":\"j\",\"type\":\"x\"}",
        "{\"job_id\":7,\"task_id\":\"t\",\"type\":\"x\"}",
        "{\"job_id\":\"j\",\"task_id\":\"\",\"type\":\"x\"}",
        "{\"task_id\":\"t\",\"a\":1,\"a\":2}",
        "{\"task_id\":\"t\\u0041\",\"job_id\":\"j\",\"a\":1,\"a\":2}",
        "{\"task_id\":",
        "{\"task_id\":\"unended",
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct avt_order o;
        const char *why = NULL;
        assert_int_equal(read_order(rows[i], &o, &why), -1);
        assert_non_null(why);
        assert_true(o.task_id == NULL || o.job_id == NULL);
        avt_order_clear(&o);
    }
    char text[400], id[130];
    memset(id, 'a', sizeof id - 1);
    id[sizeof id - 1] = '\0';
    snprintf(text, sizeof text, "{\"job_id\":\"j\",\"type\":\"x\",\"task_id\":\"%s\"}", id);
    struct avt_order o;
    const char *why = NULL;
    assert_int_equal(read_order(text, &o, &why), -1);
    assert_null(o.task_id);
    avt_order_clear(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_least),
        cmocka_unit_test(test_answerable),
        cmocka_unit_test(test_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
