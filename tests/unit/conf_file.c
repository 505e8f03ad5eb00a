/* conf_file.c: reading plugins.conf: forms of writing, every kind of mistake, and the line each is
 * reported at. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf_kit.h"

static void test_empty(void **state)
{
    (void)state;
    static const char *const texts[] = {"",      "\n", "#",        "# only a comment\n",
                                        "/* */", "//", "host { }", " \t\r\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct kit k = {.conf = NULL};
        kit_expect_fine(&k, texts[i]);
        assert_int_equal(conf_host(k.conf)->queue_max, 10000);
        kit_clear(&k);
    }
}

static void test_forms(void **state)
{
    (void)state;
    struct kit k = {.conf = NULL};
    kit_expect_fine(
        &k, "// one\n# two {\n/* three\n \"host { */ host{drain_timeout=30s queue_max = \"7\"\r\n"
            "plugin_dirs = { \"a b\", # why\n c, /* d */ '/e' }\n"
            "tcp = \"127.0.0.1:0\" task_type gpu { max_concurrent = 2 } }\n"
            "shim s { dialect = x url = http://h:1/p//q # comment\n pipelines = one }\n"
            "plugin org.example.echo {\n config = '{\"text\": \"a#b\\\\n\"}'\n"
            "  pipeline \"echo\" { timeout = '2m' memory = \"1Gi\" cpu_limit = 1500ms mode = warm "
            "}\n}");
    const struct conf_host *h = conf_host(k.conf);
    assert_int_equal(h->drain_timeout_ms, 30000);
    assert_int_equal(h->queue_max, 7);
    assert_string_equal(h->tcp, "127.0.0.1:0");
    assert_int_equal(h->plugin_dirs.n, 3);
    assert_string_equal(h->plugin_dirs.items[0], kit_path("a b"));
    assert_string_equal(h->plugin_dirs.items[1], kit_path("c"));
    assert_string_equal(h->plugin_dirs.items[2], "/e");
    assert_int_equal(conf_task_type_limit(k.conf, "gpu"), 2);
    assert_int_equal(conf_task_type_limit(k.conf, "cpu"), 0);
    const struct conf_shim *s = conf_shim_find(k.conf, "s");
    assert_string_equal(s->url, "http://h:1/p//q");
    assert_int_equal(s->pipelines.n, 1);
    assert_string_equal(conf_plugin(k.conf, "org.example.echo")->config, "{\"text\": \"a#b\\n\"}");
    const struct conf_pipeline *p = conf_pipeline(k.conf, "org.example.echo", "echo");
    assert_string_equal(p->slug, "echo");
    assert_int_equal(p->timeout_ms, 120000);
    assert_int_equal(p->memory_bytes, 1 << 30);
    assert_int_equal(p->cpu_limit_ms, 1500);
    assert_int_equal(p->mode, CONF_MODE_WARM);
    kit_clear(&k);
}

static void test_environment_in_strings(void **state)
{
    (void)state;
    struct kit k = {.conf = NULL};
    setenv("CONF_TEST_PORT", "7001", 1);
    unsetenv("CONF_TEST_NONE");
    kit_expect_fine(
        &k,
        "host { tcp = \"127.0.0.1:${CONF_TEST_PORT}\" socket_group = \"${CONF_TEST_NONE:-}\" }\n"
        "plugin a { config = '{\"x\": \"${CONF_TEST_NONE}\"}' }");
    assert_string_equal(conf_host(k.conf)->tcp, "127.0.0.1:7001");
    assert_string_equal(conf_host(k.conf)->socket_group, "");
    assert_string_equal(conf_plugin(k.conf, "a")->config, "{\"x\": \"${CONF_TEST_NONE}\"}");
    kit_clear(&k);
    kit_expect_error("\nhost { tcp = \"${CONF_TEST_NONE}\" }", ".conf:2",
                     "CONF_TEST_NONE is not set");
    kit_expect_error("host { tcp = \"${CONF_TEST_PORT\" }", ".conf:1", "${ without }");
    kit_expect_error("host { tcp = \"${CONF_TEST_PORT", ".conf:1", "${ without }");
    kit_expect_error("host { tcp = ${CONF_TEST_PORT} }", ".conf:1", "into double quotes");
    kit_expect_error("host { tcp = a${CONF_TEST_PORT} }", ".conf:1", "into double quotes");
}

/* text, where, what: each has exactly this one error. */
static const char *const mistakes[][3] = {
    /* syntax */
    {"host {\n queue_max = 5\n", ".conf:1", "a { in this line has no }"},
    {"host { }\nplugin a {\n pipeline b {\n}\n", ".conf:2", "a { in this line has no }"},
    {"host { }\n}\n", ".conf:2", "unexpected closing brace"},
    {"host {\n queue_max 5 }", ".conf:2", "missing equal sign after option 'queue_max'"},
    {"host {\n queue_max = }", ".conf:2", "unexpected token '}'"},
    {"host {\n queue_max = { 1, 2 } }", ".conf:2", "unexpected token '{'"},
    {"host {\n plugin_dirs = { a b } }", ".conf:2", "unexpected token"},
    {"plugin { }", ".conf:1", "missing title for section 'plugin'"},
    {"host x { }", ".conf:1", "missing opening brace for section 'host'"},
    {"host {\n\n tcp = \"a\n }\n", ".conf:3", "a string starts here and has no closing \""},
    {"host { tcp = 'a\\", ".conf:1", "a string starts here and has no closing '"},
    {"\n/* a\n\n", ".conf:2", "a comment starts here and has no */"},
    {"/*/", ".conf:1", "a comment starts here and has no */"},
    {"host { tcp = a*b }", ".conf:1", "put a value with * into quotes"},
    {"host { tcp = a+b }", ".conf:1", "put a value with + into quotes"},
    {"host { tcp = f(x) }", ".conf:1", "put a value with ( into quotes"},
    {"host|tcp = a", ".conf:1", "put a value with | into double quotes"},
    {"host { plugin_dirs += x }", ".conf:1", "+= is not known here: write the whole list"},
    {"host { tcp = \"\\400\" }", ".conf:1", "invalid octal number"},
    {"host { tcp = \"\xff\" }", ".conf", "not UTF-8"},
    /* names */
    {"host {\n\n queue_mx = 5 }", ".conf:3",
     "unknown name \"queue_mx\"; did you mean \"queue_max\"?"},
    {"# a\n# b\n/* c\n d */ hots { }", ".conf:4", "unknown name \"hots\"; did you mean \"host\"?"},
    {"pluggin x {\n y = 5\n}", ".conf:1", "did you mean \"plugin\"?"},
    {"plugin x {\n pipelin y { timeout = 5s } }", ".conf:2", "did you mean \"pipeline\"?"},
    {"plugin x {\n timeout = 5s }", ".conf:2", "\"timeout\"; it belongs in a section \"pipeline\""},
    {"max_frames = 16", ".conf:1", "\"max_frames\"; it belongs in a section \"host\""},
    {"host { completely_else = { a, b } }", ".conf:1", "unknown name \"completely_else\""},
    {"host { \"a\\nb\" = 1 }", ".conf:1", "unknown name \"a?b\""},
    {"shim \"a b\" { }", ".conf:1", "expected <name> after \"shim\""},
    {"plugin \"\" { }", ".conf:1", "expected <id> after \"plugin\""},
    {"plugin \"../x\" { }", ".conf:1", "found \"../x\""},
    {"plugin \"a.pipeline.b\" { }", ".conf:1", "expected <id> after \"plugin\""},
    {"plugin p { pipeline \"a/b\" { } }", ".conf:1", "expected <slug> after \"pipeline\""},
    /* values */
    {"host {\n queue_max = many }", ".conf:2",
     "host.queue_max: expected a whole number, from 1 to 10000000, "
     "found \"many\""},
    {"host {\n queue_max = 5\n queue_max = 6 }", ".conf:3",
     "\"queue_max\" is set twice in this section, first in "
     "line 2"},
    {"host { queue_max = 5 }\nhost { queue_max = 6 }", ".conf:2", "first in line 1"},
    {"plugin p {\n pipeline s {\n  timeout =\n 30 } }", ".conf:4",
     "plugin.p.pipeline.s.timeout: expected a duration"},
    {"host { plugin_dirs = { a, \"\" } }", ".conf:1",
     "host.plugin_dirs: expected a list of paths, found \"\""},
    /* values against each other */
    {"host {\n max_message = 1Mi }", ".conf:2", "host.max_frame is larger than host.max_message"},
    {"host {\n max_unfinished = 64Mi }", ".conf:2",
     "host.max_message is larger than host.max_unfinished"},
    {"host {\n tcp = \"0.0.0.0:7000\" }", ".conf:2", "name their list in host.allowed_keys"},
    {"host {\n tcp = \"[2001:db8::1]:0\" }", ".conf:2", "or take 127.0.0.1"},
    {"host {\n require_signature = yes }", ".conf:2", "host.trusted_keys names no key"},
    {"host {\n trusted_keys = {a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q} }", ".conf:2", "at most 16 keys"},
    {"host {\n max_frame = 256Mi }", ".conf:2", "host.max_frame is larger than host.max_message"},
    {"host {\n tasks_socket = /x control_socket = /x }", ".conf:2",
     "must differ from host.tasks_socket"},
    {"shim s {\n\n dialect = x }", ".conf:3", "shim.s.url is missing"},
    {"shim s { dialect = x url = http://h token = a\n token_file = b }", ".conf:1",
     "token_file is given too"},
};

static void test_mistakes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        print_message("%s\n", mistakes[i][0]);
        kit_expect_error(mistakes[i][0], mistakes[i][1], mistakes[i][2]);
    }
}

/* Everything wrong in one pass, in the order of the file. */
static void test_all_at_once(void **state)
{
    (void)state;
    struct kit k = {.conf = NULL};
    kit_load(
        &k, "host {\n queue_mx = 5\n queue_max = x\n}\nplugin p {\n config = '{'\n"
            " pipeline s { memory = 1\n tiemout = 1s }\n}\nshim s { url = x\n token = \"a b\" }\n");
    static const char *const where[] = {":2", ":3", ":6", ":7", ":8", ":10", ":11"};
    assert_int_equal(k.errors.n, sizeof where / sizeof *where);
    for (size_t i = 0; i < k.errors.n; i++)
        assert_string_equal(strrchr(k.errors.items[i].where, ':'), where[i]);
    kit_clear(&k);
}

static void test_second_section(void **state)
{
    (void)state;
    struct kit k = {.conf = NULL};
    kit_load(&k, "plugin a {\n}\nplugin b { }\n\nplugin a { }\n");
    assert_int_equal(k.errors.n, 2);
    kit_has_error(&k, ".conf:2", "the first plugin \"a\" ends here");
    kit_has_error(&k, ".conf:5", "a second plugin \"a\" in this file");
    kit_load(&k, "plugin a {\n pipeline s { }\n pipeline s { } }\n");
    kit_has_error(&k, ".conf:2", "the first pipeline \"s\" ends here");
    kit_has_error(&k, ".conf:3", "a second pipeline \"s\" in this file");
    kit_clear(&k);
    /* The same name of another kind, and a slug in two plugins, are fine. */
    kit_expect_fine(
        &k, "shim a { enabled = no }\nplugin a { pipeline s { } }\nplugin b { pipeline s { } }");
    kit_clear(&k);
}

static void test_many_errors(void **state)
{
    (void)state;
    struct kit k = {.conf = NULL};
    char text[16384] = "host {\n";
    size_t n = strlen(text);
    for (int i = 0; i < 300; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "queue_max%d = 1\n", i);
    snprintf(text + n, sizeof text - n, "}\n");
    kit_load(&k, text);
    assert_int_equal(k.errors.n, 100);
    assert_int_equal(k.errors.n_dropped, 200);
    kit_clear(&k);
}

static void test_no_file(void **state)
{
    (void)state;
    struct kit k = {.conf = NULL};
    k.request.file = kit_path("none/x.conf");
    kit_load_request(&k);
    kit_has_error(&k, "none/x.conf", "cannot be read: No such file or directory");
    k.request.file = kit_path(".");
    kit_load_request(&k);
    kit_has_error(&k, "/.", "cannot be read: Is a directory");
    char *big = malloc((1 << 20) + 2);
    assert_non_null(big);
    memset(big, '\n', (1 << 20) + 1);
    big[(1 << 20) + 1] = '\0';
    kit_load(&k, big);
    kit_has_error(&k, "test.conf", "longer than 1Mi");
    free(big);
    kit_clear(&k);
}

/* Messages are recognised whatever the language of the program is. */
static void test_locale(void **state)
{
    (void)state;
    if (setlocale(LC_ALL, "C.UTF-8") == NULL)
        skip();
    setenv("LANGUAGE", "de", 1); /* libConfuse comes with a translation */
    kit_expect_error("host { queue_mx = 5 }", ".conf:1", "did you mean");
    setlocale(LC_ALL, "C");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_environment_in_strings),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_all_at_once),
        cmocka_unit_test(test_second_section),
        cmocka_unit_test(test_many_errors),
        cmocka_unit_test(test_no_file),
        cmocka_unit_test(test_locale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
