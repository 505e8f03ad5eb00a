/* conf_changes.c: what a new configuration changes in a running host. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "conf/bundle.h"
#include "conf/changes.h"
#include "conf/conf.h"
#include "conf_kit.h"

#define HOST(text)     "host { runtime_dir = /r state_dir = /s " text " }\n"
#define PIPELINE(text) HOST("") "plugin \"a\" { pipeline \"p\" { " text " } }"

struct row {
    const char *before, *after;
    const char *names; /* of what needs a restart */
    bool is_same;      /* the pipeline p of plugin a */
};

static const struct row rows[] = {
    {HOST(""), HOST(""), "", true},
    {HOST(""), HOST("queue_max = 5 log_level = debug drain_timeout = 5s"), "", true},
    {HOST(""), HOST("tcp = \"127.0.0.1:7000\""), "host.tcp", true},
    {HOST("tcp = \"127.0.0.1:7000\""), HOST(""), "host.tcp", true},
    {HOST("require = fs"), HOST("require = { fs, net }"), "host.require", true},
    {HOST("cgroup = off"), HOST("max_frames = 16 require_signature = yes trusted_keys = /k"),
     "host.max_frames host.cgroup host.require_signature host.trusted_keys", true},
    {HOST("max_log = 1Mi"), HOST("max_log = 2Mi"), "", false},
    {HOST("max_result = 1Mi"), HOST("max_result = 2Mi"), "", false},
    {HOST(""), "host { runtime_dir = /other state_dir = /s }",
     "host.runtime_dir host.tasks_socket host.control_socket", true},
    {PIPELINE("timeout = 5s"), PIPELINE("timeout = 5000ms"), "", true},
    {PIPELINE("timeout = 5s"), PIPELINE("timeout = 6s"), "", false},
    {PIPELINE("timeout = 30s"), HOST(""), "", true}, /* the default, written out */
    {PIPELINE("inputs = { /a, /b }"), PIPELINE("inputs = { /b, /a }"), "", false},
    {HOST(""), HOST("") "plugin \"a\" { config = \"{}\" }", "", false},
    {HOST(""), HOST("") "plugin \"b\" { config = \"{}\" }", "", true},
    {HOST("load_timeout = 5s"), HOST("load_timeout = 6s"), "", false},
    {HOST("max_concurrent = 1") "plugin \"a\" { }", HOST("max_concurrent = 1"), "", true},
};

static void check_names(const struct conf_list *names, const char *expected)
{
    struct buf text = BUF_INIT(4096);
    for (size_t i = 0; i < names->n; i++)
        buf_printf(&text, "%s%s", i > 0 ? " " : "", names->items[i]);
    assert_string_equal(text.len > 0 ? buf_cstr(&text) : "", expected);
    buf_clear(&text);
}

static void test_what_differs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct kit a = {.request = {.variables = NULL}}, b = a;
        struct conf_list names = {.n = 0};
        kit_expect_fine(&a, rows[i].before);
        kit_expect_fine(&b, rows[i].after);
        assert_int_equal(conf_same_pipeline(a.conf, b.conf, "a", "p"), rows[i].is_same);
        assert_int_equal(conf_keep_fixed(b.conf, a.conf, &names), 0);
        check_names(&names, rows[i].names);
        conf_list_clear(&names);
        /* Kept values are the running ones: nothing differs any more. */
        assert_int_equal(conf_keep_fixed(b.conf, a.conf, &names), 0);
        assert_int_equal(names.n, 0);
        kit_clear(&a);
        kit_clear(&b);
    }
}

#define SHIM(name, text) "shim \"" name "\" { dialect = avtomatika url = \"http://h\" " text " }\n"

static void test_shims(void **state)
{
    (void)state;
    struct kit a = {.request = {.variables = NULL}}, b = a;
    kit_expect_fine(&a, SHIM("one", "token = x") SHIM("two", "token = x") SHIM("old", ""));
    kit_expect_fine(&b, SHIM("one", "token = x") SHIM("two", "token = y") SHIM("new", ""));
    assert_true(conf_same_shim(a.conf, b.conf, "one"));
    assert_false(conf_same_shim(a.conf, b.conf, "two"));
    assert_false(conf_same_shim(a.conf, b.conf, "old"));
    assert_false(conf_same_shim(a.conf, b.conf, "new"));
    kit_clear(&a);
    kit_clear(&b);
}

/* What one process has read another one loads, the mistakes included. */
static void test_bundle(void **state)
{
    (void)state;
    struct buf bundle = BUF_INIT(BUNDLE_MAX);
    struct kit a = {.request = {.variables = NULL, .capture = &bundle}};
    kit_expect_fine(&a, HOST("queue_max = 7"));
    struct kit b = {
        .request = {.file = "/nowhere", .bundle = bundle.data, .bundle_len = bundle.len}};
    kit_load_request(&b);
    assert_non_null(b.conf);
    assert_int_equal(conf_host(b.conf)->queue_max, 7);
    assert_string_equal(conf_files(b.conf)->items[0], conf_files(a.conf)->items[0]);
    for (size_t len = 1; len < bundle.len; len++) { /* whatever is cut off is no configuration */
        b.request.bundle_len = len;
        kit_load_request(&b);
        assert_null(b.conf);
    }
    buf_reset(&bundle);
    a.request.file = "/nowhere";
    kit_load_request(&a);
    assert_null(a.conf);
    b.request = (struct conf_request){.bundle = bundle.data, .bundle_len = bundle.len};
    kit_load_request(&b);
    kit_has_error(&b, "/nowhere", "cannot be read: No such file");
    kit_clear(&a);
    kit_clear(&b);
    buf_clear(&bundle);
}

static void test_owners(void **state)
{
    (void)state;
    struct kit k = {.request = {.variables = NULL}};
    kit_expect_fine(&k, HOST("queue_max = 7"));
    struct conf *second = conf_ref(k.conf);
    kit_clear(&k);
    assert_int_equal(conf_host(second)->queue_max, 7);
    conf_free(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_differs),
        cmocka_unit_test(test_shims),
        cmocka_unit_test(test_bundle),
        cmocka_unit_test(test_owners),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
