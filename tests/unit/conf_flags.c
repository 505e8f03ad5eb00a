/* conf_flags.c: values from the environment and the command line; secrets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "conf_kit.h"

static void test_variables(void **state)
{
    (void)state;
    static const char *const variables[] = {
        "HOME=/h",
        "PENSTOCK_HOST_PLUGIN_DIRS=/a,/b",
        "PENSTOCK_HOST_TASK_TYPE_GPU_MAX_CONCURRENT=1",
        "PENSTOCK_SHIM_MAIN_EU_URL=http://h",
        "PENSTOCK_SHIM_MAIN_EU_TOKEN=abc",
        "PENSTOCK_SHIM_OTHER_ONE_DIALECT=x",
        "PENSTOCK_SHIM_OTHER_ONE_URL=http://o",
        "PENSTOCK_PLUGIN_ORG_EXAMPLE_ECHO_ENABLED=no",
        "PENSTOCK_PLUGIN_ORG_EXAMPLE_ECHO_PIPELINE_E_1_TIMEOUT=9s",
        "PENSTOCK_BUILD=/not/ours",
        "PENSTOCK_HOST_SERVICE_HOST=10.0.0.1",
        "PENSTOCK_HOST_PORT=tcp://10.0.0.1:80",
        "PENSTOCK_HOST_PORT_80_TCP_ADDR=10.0.0.1",
        NULL};
    struct kit k = {.request = {.variables = variables}};
    kit_expect_fine(&k,
                    "shim Main-eu { dialect = y }\nplugin org.example.echo { pipeline e-1 { } }");
    kit_expect_value(&k, "host", "plugin_dirs", "/a, /b", "environment PENSTOCK_HOST_PLUGIN_DIRS");
    assert_int_equal(conf_task_type_limit(k.conf, "gpu"), 1);
    kit_expect_value(&k, "shim.Main-eu", "url", "http://h",
                     "environment PENSTOCK_SHIM_MAIN_EU_URL");
    kit_expect_value(&k, "shim.other_one", "dialect", "x",
                     "environment PENSTOCK_SHIM_OTHER_ONE_DIALECT");
    assert_int_equal(conf_shim_count(k.conf), 2);
    assert_string_equal(conf_shim_at(k.conf, 1)->url, "http://o");
    assert_null(conf_shim_at(k.conf, 2));
    assert_false(conf_plugin(k.conf, "org.example.echo")->enabled);
    assert_int_equal(conf_pipeline(k.conf, "org.example.echo", "e-1")->timeout_ms, 9000);
    kit_clear(&k);
}

static void test_wrong_variables(void **state)
{
    (void)state;
    static const char *const variables[] = {"HOME=/h",
                                            "PENSTOCK_HOST_QUEUEMAX=1",
                                            "PENSTOCK_HOST_QUEUE_MAX=x",
                                            "PENSTOCK_PLUGIN_NONE_ENABLED=no",
                                            "PENSTOCK_PLUGIN_A_B_ENABLED=no",
                                            "PENSTOCK_SHIM_A_ULR=x",
                                            "PENSTOCK_SHIM__URL=x",
                                            NULL};
    struct kit k = {.request = {.variables = variables}};
    kit_load(&k, "plugin a.b { }\nplugin a-b { }");
    assert_int_equal(k.errors.n, 6);
    kit_has_error(&k, "environment PENSTOCK_HOST_QUEUEMAX", "did you mean \"queue_max\"?");
    kit_has_error(&k, "environment PENSTOCK_HOST_QUEUE_MAX",
                  "host.queue_max: expected a whole number");
    kit_has_error(&k, "environment PENSTOCK_PLUGIN_NONE_ENABLED", "has a section in a file");
    kit_has_error(&k, "environment PENSTOCK_PLUGIN_A_B_ENABLED", "it fits more than one section");
    kit_has_error(&k, "environment PENSTOCK_SHIM_A_ULR", "it names no option");
    kit_has_error(&k, "environment PENSTOCK_SHIM__URL", "it names no option");
    kit_clear(&k);
    /* A shim made by a misspelled name lacks the rest. */
    static const char *const half[] = {"HOME=/h", "PENSTOCK_SHIM_MIAN_URL=http://x", NULL};
    k.request.variables = half;
    kit_load(&k, "");
    kit_has_error(&k, "environment PENSTOCK_SHIM_MIAN_URL", "shim.mian.dialect is missing");
    kit_clear(&k);
}

static void test_take(void **state)
{
    (void)state;
    struct conf_request r = {.file = NULL};
    char words[][32] = {"program",
                        "--config=f.conf",
                        "config",
                        "--set",
                        "host.tcp=",
                        "-v",
                        "--log-level=debug",
                        "--state-dir",
                        "/s",
                        "--queue-max=5",
                        "--",
                        "--set",
                        "x"};
    char *argv[14] = {NULL};
    int argc = 13;
    const char *problem = NULL;
    for (int i = 0; i < argc; i++)
        argv[i] = words[i];
    assert_int_equal(conf_request_take(&r, &argc, argv, &problem), 0);
    assert_int_equal(argc, 7);
    static const char *const left[] = {"program", "config", "-v", "--queue-max=5",
                                       "--",      "--set",  "x"};
    for (int i = 0; i < argc; i++)
        assert_string_equal(argv[i], left[i]);
    assert_null(argv[argc]);
    assert_string_equal(r.file, "f.conf");
    char **arguments = conf_request_arguments(&r);
    static const char *const want[] = {
        "--config", "f.conf",           "--set", "host.tcp=", "--set", "host.log_level=debug",
        "--set",    "host.state_dir=/s"};
    for (size_t i = 0; i < 8; i++)
        assert_string_equal(arguments[i], want[i]);
    assert_null(arguments[8]);
    /* Taken again they are the same request. */
    struct conf_request again = {.file = NULL};
    kit_take(&again, (const char *const *)arguments);
    assert_string_equal(again.file, "f.conf");
    assert_int_equal(again.n_sets, 3);
    conf_arguments_free(arguments);
    conf_request_clear(&again);
    conf_request_clear(&r);
}

static void test_take_without_value(void **state)
{
    (void)state;
    static const char *const ends[] = {"--set", "--config", "--log-level"};
    for (size_t i = 0; i < 3; i++) {
        struct conf_request r = {.file = NULL};
        char program[] = "program", *argv[] = {program, (char *)ends[i], NULL};
        const char *problem = NULL;
        int argc = 2;
        assert_int_equal(conf_request_take(&r, &argc, argv, &problem), -1);
        assert_string_equal(problem, ends[i]);
        conf_request_clear(&r);
    }
}

static void test_sets(void **state)
{
    (void)state;
    struct kit k = {.conf = NULL};
    kit_take(&k.request,
             (const char *const[]){"--set", "plugin.org.example.echo.pipeline.a.b.timeout=5s",
                                   "--set", "plugin.org.example.echo.config={\"a\": \"b=c.d\"}",
                                   "--set", "shim.x.y.enabled=no", "--set",
                                   "host.task_type.t.max_concurrent=3", NULL});
    kit_expect_fine(&k, "");
    assert_int_equal(conf_pipeline(k.conf, "org.example.echo", "a.b")->timeout_ms, 5000);
    assert_string_equal(conf_plugin(k.conf, "org.example.echo")->config, "{\"a\": \"b=c.d\"}");
    assert_false(conf_shim_find(k.conf, "x.y")->enabled);
    assert_int_equal(conf_task_type_limit(k.conf, "t"), 3);
    kit_clear(&k);
}

static void test_wrong_sets(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"host.queue_mx=5", "unknown option \"queue_mx\" in host; did you mean \"queue_max\"?"},
        {"host.queue_max=x", "host.queue_max: expected a whole number"},
        {"host.timeout=5s", "it belongs in a section \"pipeline\""},
        {"host.queue_max", "expected SECTION.OPTION=VALUE"},
        {"queue_max=5", "expected SECTION.OPTION=VALUE"},
        {"", "expected SECTION.OPTION=VALUE"},
        {"hots.queue_max=5", "unknown section \"hots\""},
        {"plugin.a/b.enabled=no", "expected <id> after \"plugin\""},
        {"plugin.a.pipeline.b.pipeline.c.timeout=5s", "expected <slug>"},
        {"shim.enabled=no", "unknown section \"shim\""},
        {"shim.a.token=abc", "shim.a.token is a secret"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct kit k = {.conf = NULL};
        kit_take(&k.request, (const char *const[]){"--set", wrong[i][0], NULL});
        kit_load(&k, "");
        assert_int_equal(k.errors.n, 1);
        kit_has_error(&k, "flag --set", wrong[i][1]);
        kit_clear(&k);
    }
}

static int look_for_secret(void *arg, const struct conf_item *item)
{
    int *masked = arg;
    assert_null(strstr(item->value, "hidden"));
    *masked += strcmp(item->value, "********") == 0;
    return 0;
}

static void test_secrets(void **state)
{
    (void)state;
    static const char *const variables[] = {"HOME=/h", "PENSTOCK_SHIM_B_TOKEN=hidden2", NULL};
    struct kit k = {.request = {.variables = variables}};
    int masked = 0;
    kit_file("t", " hidden3\n");
    kit_expect_fine(&k, "shim a { dialect = x url = http://h token = hidden1 }\n"
                        "shim b { dialect = x url = http://h token_file = t }\n"
                        "shim c { dialect = x url = http://h token_file = t }\n"
                        "shim d { dialect = x url = http://h }");
    assert_int_equal(conf_each_value(k.conf, look_for_secret, &masked), 0);
    assert_int_equal(masked, 2);
    static const char *const want[] = {"hidden1", "hidden2", "hidden3", ""};
    for (size_t i = 0; i < 4; i++) {
        struct buf token = BUF_INIT(4096), why = BUF_INIT(4096);
        assert_int_equal(conf_shim_token(conf_shim_at(k.conf, i), &token, &why), 0);
        assert_string_equal(buf_cstr(&token), want[i]);
        buf_clear(&token);
        buf_clear(&why);
    }
    kit_clear(&k);
    assert_true(conf_variable_is_secret("PENSTOCK_SHIM_B_TOKEN=x"));
    assert_true(conf_variable_is_secret("PENSTOCK_SHIM_B_TOKEN"));
    assert_false(conf_variable_is_secret("PENSTOCK_SHIM_B_TOKEN_FILE=/x_TOKEN"));
    assert_false(conf_variable_is_secret("PENSTOCK_HOST_TCP=_TOKEN"));
    assert_false(conf_variable_is_secret("PENSTOCK_SHIM_TOKEN=x"));
}

static void test_bad_token_files(void **state)
{
    (void)state;
    static const char *const files[][2] = {{"\n \n", "is empty"},
                                           {"a b\n", "expected printable ASCII"},
                                           {"\xc3\xa9", "expected printable ASCII"}};
    char big[5001];
    memset(big, 'a', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    for (size_t i = 0; i < 5; i++) {
        struct buf token = BUF_INIT(8192), why = BUF_INIT(4096);
        char none[] = "", path[512];
        struct conf_shim shim = {.token = none, .token_file = path};
        snprintf(path, sizeof path, "%s",
                 i == 4 ? "/none" : kit_file("t", i == 3 ? big : files[i][0]));
        assert_int_equal(conf_shim_token(&shim, &token, &why), -1);
        assert_non_null(strstr(buf_cstr(&why), i == 4   ? "No such file"
                                               : i == 3 ? "is longer than"
                                                        : files[i][1]));
        assert_int_equal(token.len, 0);
        buf_clear(&token);
        buf_clear(&why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_variables), cmocka_unit_test(test_wrong_variables),
        cmocka_unit_test(test_take),      cmocka_unit_test(test_take_without_value),
        cmocka_unit_test(test_sets),      cmocka_unit_test(test_wrong_sets),
        cmocka_unit_test(test_secrets),   cmocka_unit_test(test_bad_token_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
