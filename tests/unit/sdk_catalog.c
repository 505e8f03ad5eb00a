/* sdk_catalog.c: the catalogue of plugins (host/plugin/catalog.h): good reports, lying reports,
 * rules among plugins. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/json.h"
#include "plugin/catalog.h"
#include "plugin/rules.h"
#include "plugin/schema.h"

static int set_up(void **state)
{
    *state = catalog_new();
    return *state == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    catalog_unref(*state);
    return 0;
}

static void add(struct catalog *c, const char *path, const char *report)
{
    assert_int_equal(catalog_add(c, path, report, strlen(report)), 0);
}

/* One plugin with one pipeline; more: members of the pipeline, each with a comma before it. */
static void add_small(struct catalog *c, const char *path, const char *id, const char *slug,
                      const char *more)
{
    char report[1024];
    snprintf(report, sizeof report,
             "{\"abi\":[1,0],\"id\":\"%s\",\"version\":\"1.0\",\"pipelines\":"
             "[{\"slug\":\"%s\",\"version\":\"2.0\"%s}]}",
             id, slug, more);
    add(c, path, report);
}

static void test_lists_a_good_one(void **state)
{
    static const char report[] =
        "{\"abi\":[1,3],\"id\":\"org.example.moth\",\"version\":\"1.0.0\",\"vendor\":\"Example\","
        "\"license\":\"MIT\",\"pipelines\":[{\"slug\":\"moth\",\"version\":\"2.1\","
        "\"summary\":\"finds moths\",\"task_type\":\"vision\",\"params_schema\":{\"type\": "
        "\"object\"},"
        "\"result_schema\":{\"type\":\"array\"},\"events_schema\":{},\"manifest\":{\"big\":"
        "12345678901234567890},"
        "\"needs\":[\"gpu\",\"pen.files/"
        "1\"],\"output_statuses\":[\"partial\"],\"has_open\":true}]}";
    struct catalog *c = *state;
    const struct catalog_pipeline *p;

    add(c, "/p/moth.so", report);
    assert_int_equal(catalog_settle(c), 0);
    assert_int_equal(catalog_count(c), 1);
    assert_int_equal(catalog_pipelines(c), 1);
    p = catalog_find(c, "moth");
    assert_non_null(p);
    assert_ptr_equal(p->plugin, catalog_plugin(c, "org.example.moth"));
    assert_ptr_equal(p->plugin, catalog_file(c, "/p/moth.so"));
    assert_int_equal(p->plugin->state, CATALOG_OK);
    assert_null(p->plugin->reason);
    assert_int_equal(p->plugin->abi_minor, 3);
    assert_string_equal(p->plugin->vendor, "Example");
    assert_string_equal(p->version, "2.1");
    assert_string_equal(p->task_type, "vision");
    assert_true(p->has_open);
    assert_true(catalog_needs(p, "gpu") && catalog_needs(p, "pen.files/1"));
    assert_false(catalog_needs(p, "network"));
    assert_true(catalog_has_status(p, "partial") && catalog_has_status(p, "success"));
    assert_false(catalog_has_status(p, "sideways"));
    assert_memory_equal(p->manifest.at, "{\"big\":12345678901234567890}", p->manifest.len);
    assert_non_null(p->params);
    assert_non_null(p->result);
}

static void test_the_schema_is_in_force(void **state)
{
    struct catalog *c = *state;
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault;

    add_small(c, "/p/a.so", "a", "a", ",\"params_schema\":{\"type\":\"object\"}");
    assert_int_equal(catalog_settle(c), 0);
    assert_int_equal(json_scan(&doc, "[]", 2, &fault), 0);
    assert_int_equal(schema_check(catalog_find(c, "a")->params, &doc, 0, NULL, NULL), 1);
    assert_int_equal(json_scan(&doc, "{}", 2, &fault), 0);
    assert_int_equal(schema_check(catalog_find(c, "a")->params, &doc, 0, NULL, NULL), 0);
    json_doc_clear(&doc);
}

static void test_defaults(void **state)
{
    struct catalog *c = *state;
    const struct catalog_pipeline *p;
    add_small(c, "/p/a.so", "a", "short", "");
    assert_int_equal(catalog_settle(c), 0);
    p = catalog_find(c, "short");
    assert_string_equal(p->summary, "");
    assert_string_equal(p->task_type, "short");
    assert_null(p->params);
    assert_null(p->manifest.at);
    assert_null(p->needs[0]);
    assert_false(p->has_open);
}

/* Each report is refused with words; %s is never in them. */
static const struct {
    const char *report, *words;
} lies[] = {
    {"", "report:"},
    {"nonsense", "report:"},
    {"[]", "not an object"},
    {"{}", "abi is not two integers"},
    {"{\"abi\":[1]}", "abi is not two integers"},
    {"{\"abi\":[2,0]}", "ABI major is not 1"},
    {"{\"abi\":[1,-1]}", "ABI major is not 1"},
    {"{\"abi\":[1,0]}", "id is missing"},
    {"{\"abi\":[1,0],\"id\":7}", "id is not a string"},
    {"{\"abi\":[1,0],\"id\":\"../x\"}", "id is not well-formed"},
    {"{\"abi\":[1,0],\"id\":\"x\",\"version\":\"a b\"}", "version is not well-formed"},
    {"{\"abi\":[1,0],\"id\":\"x\",\"version\":\"1\"}", "pipelines is not a list"},
    {"{\"abi\":[1,0],\"id\":\"x\",\"version\":\"1\",\"pipelines\":[]}", "0 pipelines"},
    {"{\"abi\":[1,0],\"id\":\"x\",\"version\":\"1\",\"pipelines\":[1]}", "not an object"},
    {"{\"abi\":[1,0],\"id\":\"x\",\"version\":\"1\",\"pipelines\":[{}]}", "slug is missing"},
    {"{\"abi\":[1,0],\"id\":\"x\",\"version\":\"1\",\"pipelines\":[{\"slug\":\"s\"}]}",
     "pipeline \"s\": report: version is missing"},
    {"{\"abi\":[1,0],\"id\":\"x\",\"id\":\"y\"}", "report:"},
    {"{\"abi\":[1,0],\"id\":\"x\",\"version\":\"1\",\"pipelines\":[{\"slug\":\"s\",\"version\":"
     "\"1\"},"
     "{\"slug\":\"s\",\"version\":\"1\"}]}",
     "two pipelines are called \"s\""},
};

static const struct {
    const char *member, *words;
} small_lies[] = {
    {",\"needs\":[\"root\"]", "needs is not well-formed"},
    {",\"needs\":\"gpu\"", "needs is not a list"},
    {",\"needs\":[1]", "needs is not a string"},
    {",\"output_statuses\":[\"a b\"]", "output_statuses is not well-formed"},
    {",\"summary\":\"a\\nb\"", "summary is not well-formed"},
    {",\"task_type\":\"\"", "task_type is not well-formed"},
    {",\"params_schema\":{\"type\":\"objekt\"}", "params_schema: at "},
    {",\"result_schema\":5", "result_schema: at "},
};

static void test_lies_make_it_broken(void **state)
{
    struct catalog *c = *state;
    size_t n = sizeof lies / sizeof *lies;
    char path[32];

    for (size_t i = 0; i < n; i++) {
        snprintf(path, sizeof path, "/p/%03zu.so", i);
        add(c, path, lies[i].report);
    }
    assert_int_equal(catalog_settle(c), 0);
    assert_int_equal(catalog_count(c), n);
    assert_int_equal(catalog_pipelines(c), 0);
    for (size_t i = 0; i < n; i++) {
        const struct catalog_plugin *p = catalog_at(c, i);
        assert_int_equal(p->state, CATALOG_BROKEN);
        assert_int_equal(p->n_pipelines, 0);
        if (strstr(p->reason, lies[i].words) == NULL)
            fail_msg("\"%s\" does not say \"%s\"", p->reason, lies[i].words);
    }
}

static void test_lies_about_a_pipeline(void **state)
{
    struct catalog *c = *state;
    char path[32];
    for (size_t i = 0; i < sizeof small_lies / sizeof *small_lies; i++) {
        const struct catalog_plugin *p;
        snprintf(path, sizeof path, "/p/%03zu.so", i);
        add_small(c, path, "x", "s", small_lies[i].member);
        p = catalog_file(c, path);
        assert_int_equal(p->state, CATALOG_BROKEN);
        if (strstr(p->reason, small_lies[i].words) == NULL)
            fail_msg("\"%s\" does not say \"%s\"", p->reason, small_lies[i].words);
    }
}

static void test_too_long_a_report(void **state)
{
    struct catalog *c = *state;
    char *report = malloc(RULE_REPORT_MAX + 1);
    assert_non_null(report);
    memset(report, ' ', RULE_REPORT_MAX + 1);
    assert_int_equal(catalog_add(c, "/p/a.so", report, RULE_REPORT_MAX + 1), 0);
    assert_non_null(strstr(catalog_file(c, "/p/a.so")->reason, "longer than"));
    free(report);
}

static void test_one_slug_one_plugin(void **state)
{
    struct catalog *c = *state;
    const struct catalog_plugin *second;
    add_small(c, "/z/a.so", "org.a", "dup", "");
    add_small(c, "/p/b.so", "org.b", "dup", "");
    assert_int_equal(catalog_settle(c), 0);
    assert_string_equal(catalog_find(c, "dup")->plugin->id, "org.a");
    second = catalog_file(c, "/p/b.so");
    assert_int_equal(second->state, CATALOG_BROKEN);
    assert_string_equal(second->reason, "pipeline \"dup\" is already provided by org.a (/z/a.so): "
                                        "org.b (/p/b.so) is refused");
    assert_null(catalog_plugin(c, "org.b"));
    assert_int_equal(catalog_pipelines(c), 1);
}

static void test_one_id_one_plugin(void **state)
{
    struct catalog *c = *state;
    add_small(c, "/z/a.so", "org.a", "first", "");
    add_small(c, "/p/b.so", "org.a", "second", "");
    assert_int_equal(catalog_settle(c), 0);
    assert_non_null(catalog_find(c, "first"));
    assert_null(catalog_find(c, "second"));
    assert_string_equal(catalog_file(c, "/p/b.so")->reason,
                        "id \"org.a\" is already taken by /z/a.so: /p/b.so is refused");
}

/* A broken plugin takes nothing from others, whatever its path. */
static void test_a_broken_one_owns_nothing(void **state)
{
    struct catalog *c = *state;
    add_small(c, "/p/a.so", "org.a", "s", ",\"needs\":[\"root\"]");
    add_small(c, "/p/b.so", "org.a", "s", "");
    assert_int_equal(catalog_add_broken(c, "/p/0.so", "the scan ended by SIGSEGV"), 0);
    assert_int_equal(catalog_settle(c), 0);
    assert_int_equal(catalog_file(c, "/p/b.so")->state, CATALOG_OK);
    assert_string_equal(catalog_at(c, 2)->reason, "the scan ended by SIGSEGV");
    assert_null(catalog_at(c, 2)->id);
}

static void test_a_path_comes_once(void **state)
{
    struct catalog *c = *state;
    add_small(c, "/p/a.so", "org.a", "s", "");
    assert_int_equal(catalog_add_broken(c, "/p/a.so", "again"), -1);
    assert_int_equal(errno, EEXIST);
    assert_int_equal(catalog_settle(c), 0);
    assert_int_equal(catalog_count(c), 1);
}

/* A reload adds what did not change from its kept report, and the old catalogue outlives it while
 * it is used. */
static void test_goes_on_to_the_next(void **state)
{
    struct catalog *c = *state;
    struct catalog *next = catalog_new();
    const struct catalog_plugin *old;
    assert_non_null(next);
    add_small(c, "/p/a.so", "org.a", "s", "");
    assert_int_equal(catalog_settle(c), 0);
    old = catalog_at(c, 0);
    assert_int_equal(catalog_add(next, old->path, old->report, old->report_len), 0);
    assert_int_equal(catalog_settle(next), 0);
    assert_ptr_equal(catalog_ref(c), c);
    catalog_unref(c);
    assert_string_equal(catalog_find(c, "s")->slug, catalog_find(next, "s")->slug);
    catalog_unref(next);
}

static void test_thousands(void **state)
{
    struct catalog *c = *state;
    char path[64], id[64], slug[64];
    for (int i = 0; i < 4000; i++) {
        snprintf(path, sizeof path, "/p/%d.so", i);
        snprintf(id, sizeof id, "org.many.%d", i);
        snprintf(slug, sizeof slug, "pipeline-%d", i);
        add_small(c, path, id, slug, ",\"params_schema\":{\"type\":\"object\"}");
    }
    assert_int_equal(catalog_settle(c), 0);
    assert_int_equal(catalog_pipelines(c), 4000);
    for (int i = 0; i < 4000; i++) {
        snprintf(slug, sizeof slug, "pipeline-%d", i);
        assert_string_equal(catalog_find(c, slug)->slug, slug);
    }
    assert_null(catalog_find(c, "pipeline-4000"));
}

static void test_an_empty_one(void **state)
{
    struct catalog *c = *state;
    assert_int_equal(catalog_settle(c), 0);
    assert_int_equal(catalog_count(c), 0);
    assert_null(catalog_find(c, "x"));
    assert_null(catalog_plugin(c, "x"));
    catalog_unref(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_lists_a_good_one),
        TEST(test_the_schema_is_in_force),
        TEST(test_defaults),
        TEST(test_lies_make_it_broken),
        TEST(test_lies_about_a_pipeline),
        TEST(test_too_long_a_report),
        TEST(test_one_slug_one_plugin),
        TEST(test_one_id_one_plugin),
        TEST(test_a_broken_one_owns_nothing),
        TEST(test_a_path_comes_once),
        TEST(test_goes_on_to_the_next),
        TEST(test_thousands),
        TEST(test_an_empty_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
