/* shim_skills.c: the core's list of plugins, and the list of skills made of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "conf/settings.h"
#include "shim/avtomatika.h"
#include "shim/pipelines.h"

static const char info[] =
    "{\"request\":\"plugins\",\"plugins\":[{\"state\":\"broken\",\"reason\":\"x\"},{\"state\":"
    "\"ok\",\"pipelines\":["
    "{\"slug\":\"thumb\",\"version\":\"1.2.0\",\"summary\":\"a small picture\",\"state\":\"ready\","
    "\"params_schema\":{\"type\":\"object\",\"properties\":{\"w\":{\"type\":\"integer\","
    "\"maximum\":1e3}},"
    "\"additionalProperties\":false},"
    "\"result_schema\":{\"additionalProperties\":false,\"type\":\"object\"},"
    "\"events_schema\":{\"warned\":{\"type\":\"object\"}},\"output_statuses\":[\"needs_review\"]},"
    "{\"slug\":\"list\",\"version\":\"0.1\",\"summary\":\"\",\"state\":\"idle\",\"output_"
    "statuses\":[],"
    "\"result_schema\":{\"type\":\"array\"}},"
    "{\"slug\":\"sick\",\"state\":\"quarantined\",\"reason\":\"r\"},{\"slug\":\"twin\"},{\"state\":"
    "\"idle\"}]}]}";

static int read_list(const char *json, const struct conf_list *wanted, struct pipelines *to)
{
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault;
    assert_int_equal(json_scan(&doc, json, strlen(json), &fault), 0);
    int rc = pipelines_read(&doc, wanted, to);
    int kept = errno;
    json_doc_clear(&doc);
    errno = kept;
    return rc;
}

static void test_list(void **state)
{
    struct pipelines p;
    const struct conf_list all = {.n = 0};
    (void)state;
    assert_int_equal(read_list(info, &all, &p), 0);
    assert_int_equal(p.n, 2);
    assert_string_equal(p.items[0].slug, "list");
    assert_string_equal(p.items[1].slug, "thumb");
    assert_string_equal(p.items[1].summary, "a small picture");
    assert_null(p.items[0].params_schema);
    assert_non_null(pipelines_find(&p, "thumb"));
    assert_null(pipelines_find(&p, "sick"));
    pipelines_clear(&p);
}

static void test_wanted(void **state)
{
    struct pipelines a, b;
    static char list[] = "list", sick[] = "sick", absent[] = "absent";
    char *names[] = {list, sick, absent};
    const struct conf_list all = {.n = 0}, some = {names, 3};
    (void)state;
    assert_int_equal(read_list(info, &some, &a), 0);
    assert_int_equal(a.n, 1);
    assert_int_equal(read_list(info, &all, &b), 0);
    assert_false(pipelines_equal(&a, &b));
    assert_true(pipelines_equal(&b, &b));
    pipelines_clear(&a);
    assert_int_equal(read_list(info, &all, &a), 0);
    assert_true(pipelines_equal(&a, &b));
    a.items[1].version[0] = '9';
    assert_false(pipelines_equal(&a, &b));
    pipelines_clear(&a);
    pipelines_clear(&b);
}

static void test_other_info(void **state)
{
    struct pipelines p;
    const struct conf_list all = {.n = 0};
    (void)state;
    assert_int_equal(read_list("{\"tasks\":[]}", &all, &p), -1);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(read_list("{\"plugins\":{}}", &all, &p), -1);
    assert_int_equal(read_list("{\"plugins\":[1,{\"pipelines\":7}]}", &all, &p), 0);
    assert_int_equal(p.n, 0);
    pipelines_clear(&p);
}

static void check_skills(bool with_files, const char *expected)
{
    struct pipelines p;
    const struct conf_list all = {.n = 0};
    struct buf b = BUF_INIT(1 << 16);
    char hash[65], again[65];
    assert_int_equal(read_list(info, &all, &p), 0);
    assert_int_equal(avt_skills_write(&p, with_files, &b, hash), 0);
    assert_string_equal(buf_cstr(&b), expected);
    assert_int_equal(strlen(hash), 64);
    assert_int_equal(avt_skills_write(&p, !with_files, &b, again), 0);
    assert_string_not_equal(hash, again);
    pipelines_clear(&p);
    buf_clear(&b);
}

static void test_skills(void **state)
{
    (void)state;
    check_skills(false,
                 "[{\"name\":\"list\",\"type\":\"list\",\"version\":\"0.1\",\"description\":\"\"},"
                 "{\"name\":\"thumb\",\"type\":\"thumb\",\"version\":\"1.2.0\",\"description\":\"a "
                 "small picture\","
                 "\"input_schema\":{\"type\":\"object\",\"properties\":{\"w\":{\"type\":"
                 "\"integer\",\"maximum\":1e3}},"
                 "\"additionalProperties\":false},"
                 "\"output_schema\":{\"additionalProperties\":false,\"type\":\"object\"},"
                 "\"events_schema\":{\"warned\":{\"type\":\"object\"}},\"output_statuses\":["
                 "\"needs_review\"]}]");
}

/* Addresses of files in params and data must not break what the orchestrator checks. */
static void test_skills_with_files(void **state)
{
    (void)state;
    check_skills(true,
                 "[{\"name\":\"list\",\"type\":\"list\",\"version\":\"0.1\",\"description\":\"\"},"
                 "{\"name\":\"thumb\",\"type\":\"thumb\",\"version\":\"1.2.0\",\"description\":\"a "
                 "small picture\","
                 "\"input_schema\":{\"type\":\"object\",\"properties\":{\"w\":{\"type\":"
                 "\"integer\",\"maximum\":1e3}}},"
                 "\"output_schema\":{\"type\":\"object\"},"
                 "\"events_schema\":{\"warned\":{\"type\":\"object\"}},\"output_statuses\":["
                 "\"needs_review\"]}]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list),       cmocka_unit_test(test_wanted),
        cmocka_unit_test(test_skills),     cmocka_unit_test(test_skills_with_files),
        cmocka_unit_test(test_other_info),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
