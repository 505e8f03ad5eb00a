/* sdk_abi.c: the checks of a plugin's descriptor (host/plugin/abi.h), on structs made up here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/json.h"
#include "plugin/abi.h"

static pen_status run(void *self, const pen_host *host, const pen_task *task)
{
    (void)self;
    (void)host;
    (void)task;
    return PEN_OK;
}

static pen_status open_nothing(const pen_host *host, const char *config, void **self)
{
    (void)host;
    (void)config;
    (void)self;
    return PEN_OK;
}

/* A descriptor in order; each test spoils one thing of its copy. */
struct sample {
    pen_plugin plugin;
    pen_pipeline pipeline;
    const pen_pipeline *list[70];
    const char *words[40];
    struct abi_plugin read;
    char why[ABI_WHY];
};

static int set_up(void **state)
{
    static struct sample s;
    const pen_pipeline pipeline = {
        .size = sizeof pipeline, .slug = "sample", .version = "1.2.0", .run = run};
    const pen_plugin plugin = {PEN_PLUGIN_HEADER, .id = "org.example.sample", .version = "1.0.0",
                               .pipelines = s.list};
    memset(&s, 0, sizeof s);
    s.pipeline = pipeline;
    s.list[0] = &s.pipeline;
    memcpy(&s.plugin, &plugin, sizeof plugin);
    *state = &s;
    return 0;
}

static int read_it(struct sample *s)
{
    return abi_read(&s->read, &s->plugin, sizeof s->plugin, s->why);
}

static void assert_refused(struct sample *s, const char *words)
{
    assert_int_equal(read_it(s), -1);
    if (strstr(s->why, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", s->why, words);
}

static void test_takes_a_good_one(void **state)
{
    struct sample *s = *state;
    assert_int_equal(read_it(s), 0);
    assert_int_equal(s->read.n_pipelines, 1);
    assert_string_equal(s->read.head.id, "org.example.sample");
    assert_ptr_equal(abi_pipeline(&s->read, "sample"), &s->read.pipelines[0]);
    assert_null(abi_pipeline(&s->read, "other"));
    assert_true(s->read.pipelines[0].run == run);
}

static void test_takes_a_size_it_cannot_check(void **state)
{
    struct sample *s = *state;
    assert_int_equal(abi_read(&s->read, &s->plugin, 0, s->why), 0);
}

static void test_refuses_no_symbol(void **state)
{
    struct sample *s = *state;
    assert_int_equal(abi_read(&s->read, NULL, 0, s->why), -1);
    assert_non_null(strstr(s->why, "no symbol pen_plugin_entry"));
}

static void test_refuses_a_tiny_symbol(void **state)
{
    struct sample *s = *state;
    assert_int_equal(abi_read(&s->read, &s->plugin, 4, s->why), -1);
    assert_non_null(strstr(s->why, "has 4 bytes"));
}

static void test_refuses_another_magic(void **state)
{
    struct sample *s = *state;
    s->plugin.magic = 0x12345678;
    assert_refused(s, "magic is 0x12345678, expected 0x314e4550");
}

static void test_refuses_another_major(void **state)
{
    struct sample *s = *state;
    s->plugin.abi_major = 2;
    assert_refused(s, "ABI major is 2, expected 1");
}

static void test_takes_any_minor(void **state)
{
    struct sample *s = *state;
    s->plugin.abi_minor = 77;
    assert_int_equal(read_it(s), 0);
}

static void test_refuses_a_short_size(void **state)
{
    struct sample *s = *state;
    s->plugin.size = offsetof(pen_plugin, pipelines);
    assert_refused(s, "size of pen_plugin is");
}

static void test_refuses_a_lying_size(void **state)
{
    struct sample *s = *state;
    s->plugin.size = sizeof s->plugin + 8;
    assert_refused(s, "but its symbol has");
}

static void test_refuses_a_size_that_is_none(void **state)
{
    struct sample *s = *state;
    s->plugin.size = 0xffffffff;
    assert_refused(s, "expected at most");
}

/* A plugin of a later minor: fields behind those that this host knows. */
static void test_takes_a_longer_struct(void **state)
{
    struct sample *s = *state;
    struct {
        pen_plugin known;
        void *later[4];
    } longer;
    memset(&longer, 0xff, sizeof longer);
    s->plugin.size = sizeof longer;
    memcpy(&longer, &s->plugin, sizeof s->plugin);
    assert_int_equal(abi_read(&s->read, &longer, sizeof longer, s->why), 0);
}

/* A plugin of an earlier one: what it lacks is zero, whatever lies behind it. */
static void test_a_shorter_pipeline_reads_as_zero(void **state)
{
    struct sample *s = *state;
    s->pipeline.size = offsetof(pen_pipeline, close);
    s->pipeline.close = (void (*)(void *))(uintptr_t)8;
    assert_int_equal(read_it(s), 0);
    assert_true(s->read.pipelines[0].close == NULL);
    assert_true(s->read.pipelines[0].extension == NULL);
}

static void test_refuses_a_pipeline_without_run(void **state)
{
    struct sample *s = *state;
    s->pipeline.run = NULL;
    assert_refused(s, "pipeline \"sample\": run is missing");
    s->pipeline.run = run;
    s->pipeline.size = offsetof(pen_pipeline, run);
    assert_refused(s, "size of pen_pipeline is");
}

static void test_refuses_bad_ids(void **state)
{
    static const char *const bad[] = {"", "-a", "a b", "a/b", "\xff"};
    struct sample *s = *state;
    char longest[RULE_ID_MAX + 2];

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        s->plugin.id = bad[i];
        assert_refused(s, "id is");
    }
    s->plugin.id = NULL;
    assert_refused(s, "id is missing");
    memset(longest, 'a', sizeof longest);
    longest[RULE_ID_MAX] = 0;
    s->plugin.id = longest;
    assert_int_equal(read_it(s), 0);
    longest[RULE_ID_MAX] = 'a';
    longest[RULE_ID_MAX + 1] = 0;
    assert_refused(s, "id is not");
}

static void test_refuses_bad_words(void **state)
{
    struct sample *s = *state;
    s->plugin.version = NULL;
    assert_refused(s, "version is missing");
    s->plugin.version = "1 0";
    assert_refused(s, "version is \"1 0\", expected");
    s->plugin.version = "1.0";
    s->pipeline.slug = NULL;
    assert_refused(s, "slug is missing");
    s->pipeline.slug = "a/b";
    assert_refused(s, "slug is \"a/b\"");
    s->pipeline.slug = "sample";
    s->pipeline.version = NULL;
    assert_refused(s, "pipeline \"sample\": version is missing");
    s->pipeline.version = "1";
    s->pipeline.summary = "two\nlines";
    assert_refused(s, "summary is not one line");
    s->pipeline.summary = "caf\xe9";
    assert_refused(s, "summary is not one line of UTF-8");
}

static void test_refuses_an_empty_list(void **state)
{
    struct sample *s = *state;
    s->list[0] = NULL;
    assert_refused(s, "list of pipelines is empty");
    s->plugin.pipelines = NULL;
    assert_refused(s, "list of pipelines is empty");
}

static void test_refuses_two_of_one_name(void **state)
{
    struct sample *s = *state;
    s->list[1] = &s->pipeline;
    assert_refused(s, "two pipelines are called \"sample\"");
}

static void test_bounds_the_list(void **state)
{
    static pen_pipeline many[RULE_PIPELINES_MAX + 1];
    static char slugs[RULE_PIPELINES_MAX + 1][8];
    struct sample *s = *state;
    for (int i = 0; i <= RULE_PIPELINES_MAX; i++) {
        many[i] = s->pipeline;
        slugs[i][0] = 'p';
        slugs[i][1] = (char)('a' + i / 26);
        slugs[i][2] = (char)('a' + i % 26);
        many[i].slug = slugs[i];
        s->list[i] = &many[i];
    }
    assert_refused(s, "has no end after 64");
    s->list[RULE_PIPELINES_MAX] = NULL;
    assert_int_equal(read_it(s), 0);
    assert_int_equal(s->read.n_pipelines, RULE_PIPELINES_MAX);
}

static void test_checks_needs(void **state)
{
    struct sample *s = *state;
    s->pipeline.needs = s->words;
    s->words[0] = "pen.files/1";
    s->words[1] = "gpu";
    assert_int_equal(read_it(s), 0);
    s->words[1] = "pen.files/2";
    assert_refused(s, "need \"pen.files/2\" is not known, expected one of pen.files/1");
    for (int i = 0; i < 39; i++)
        s->words[i] = "jit";
    assert_refused(s, "needs has more than 32");
}

static void test_checks_statuses(void **state)
{
    struct sample *s = *state;
    s->pipeline.output_statuses = s->words;
    s->words[0] = "partial";
    assert_int_equal(read_it(s), 0);
    s->words[1] = "not a name";
    assert_refused(s, "an output status is \"not a name\"");
}

static void test_checks_json(void **state)
{
    struct sample *s = *state;
    s->pipeline.params_schema = "{\"type\":\"object\"}";
    s->pipeline.result_schema = "true";
    s->pipeline.manifest = "{\"models\":[1,2]}";
    assert_int_equal(read_it(s), 0);
    s->pipeline.manifest = "[]";
    assert_refused(s, "manifest is JSON, but not an object");
    s->pipeline.manifest = NULL;
    s->pipeline.result_schema = "{\"a\":1,\"a\":2}";
    assert_refused(s, "pipeline \"sample\": result_schema is not JSON");
    s->pipeline.result_schema = "3";
    assert_refused(s, "result_schema is JSON, but not an object");
}

static void test_describes(void **state)
{
    static const char expected[] =
        "{\"abi\":[1,0],\"id\":\"org.example.sample\",\"version\":\"1.0.0\",\"license\":\"CC0-1."
        "0\","
        "\"pipelines\":[{\"slug\":\"sample\",\"version\":\"1.2.0\",\"summary\":\"says "
        "\\\"hello\\\"\","
        "\"task_type\":\"sample\",\"params_schema\":{\"type\": \"object\"},\"needs\":[\"gpu\"],"
        "\"output_statuses\":[],\"has_open\":true}]}";
    struct sample *s = *state;
    struct buf out = BUF_INIT(RULE_REPORT_MAX);

    s->plugin.license = "CC0-1.0";
    s->pipeline.summary = "says \"hello\"";
    s->pipeline.params_schema = "{\"type\": \"object\"}";
    s->pipeline.needs = s->words;
    s->words[0] = "gpu";
    s->pipeline.open = open_nothing;
    assert_int_equal(read_it(s), 0);
    assert_int_equal(abi_describe(&s->read, &out), 0);
    assert_string_equal(buf_cstr(&out), expected);
    buf_clear(&out);
}

static void test_a_description_is_bounded(void **state)
{
    struct sample *s = *state;
    struct buf out = BUF_INIT(40);
    assert_int_equal(read_it(s), 0);
    assert_int_equal(abi_describe(&s->read, &out), -1);
    buf_clear(&out);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_takes_a_good_one),
        TEST(test_takes_a_size_it_cannot_check),
        TEST(test_refuses_no_symbol),
        TEST(test_refuses_a_tiny_symbol),
        TEST(test_refuses_another_magic),
        TEST(test_refuses_another_major),
        TEST(test_takes_any_minor),
        TEST(test_refuses_a_short_size),
        TEST(test_refuses_a_lying_size),
        TEST(test_refuses_a_size_that_is_none),
        TEST(test_takes_a_longer_struct),
        TEST(test_a_shorter_pipeline_reads_as_zero),
        TEST(test_refuses_a_pipeline_without_run),
        TEST(test_refuses_bad_ids),
        TEST(test_refuses_bad_words),
        TEST(test_refuses_an_empty_list),
        TEST(test_refuses_two_of_one_name),
        TEST(test_bounds_the_list),
        TEST(test_checks_needs),
        TEST(test_checks_statuses),
        TEST(test_checks_json),
        TEST(test_describes),
        TEST(test_a_description_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
