/* conf_load.c: sources and their order, origins, the environment, flags, secrets, what is shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "conf_kit.h"

/* A kit for the system's files below a root of the test's own. */
static struct kit system_kit(const char *const *variables)
{
    static char root[512];
    snprintf(root, sizeof root, "%s", kit_path("root"));
    return (struct kit){.request = {.root = root, .variables = variables}};
}

static void take(struct conf_request *r, const char *const *words)
{
    static char *argv[16];
    const char *problem = NULL;
    int argc = 1;
    argv[0] = (char *)"program";
    for (; words[argc - 1] != NULL; argc++)
        argv[argc] = (char *)words[argc - 1];
    argv[argc] = NULL;
    assert_int_equal(conf_request_take(r, &argc, argv, &problem), 0);
    assert_int_equal(argc, 1);
}

/* Each source in turn overrules the ones before it. */
static void test_precedence(void **state)
{
    (void)state;
    static const char *const none[] = {"HOME=/home/nobody", NULL};
    static const char *const set[] = {"HOME=/home/nobody", "PENSTOCK_HOST_QUEUE_MAX=6", NULL};
    struct kit k = system_kit(none);
    kit_load_request(&k);
    kit_expect_value(&k, "host", "queue_max", "10000", "default");
    kit_file("root/usr/lib/penstock/10-a.conf", "host { queue_max = 1 max_frames = 16 }");
    kit_load_request(&k);
    kit_expect_value(&k, "host", "queue_max", "1", "/usr/lib/penstock/10-a.conf:1");
    kit_file("root/usr/lib/penstock/20-b.conf", "\nhost { queue_max = 2 }");
    kit_load_request(&k);
    kit_expect_value(&k, "host", "queue_max", "2", "/usr/lib/penstock/20-b.conf:2");
    kit_file("root/etc/penstock/plugins.conf", "host { queue_max = 3 }");
    kit_load_request(&k);
    kit_expect_value(&k, "host", "queue_max", "3", "/etc/penstock/plugins.conf:1");
    kit_file("root/etc/penstock/conf.d/b.conf", "host { queue_max = 5 }");
    kit_file("root/etc/penstock/conf.d/a.conf", "host { queue_max = 4 }");
    kit_file("root/etc/penstock/conf.d/c.conf.bak", "not read");
    kit_file("root/etc/penstock/conf.d/.d.conf", "not read");
    kit_load_request(&k);
    kit_expect_value(&k, "host", "queue_max", "5", "/etc/penstock/conf.d/b.conf:1");
    k.request.variables = set;
    kit_load_request(&k);
    kit_expect_value(&k, "host", "queue_max", "6", "environment PENSTOCK_HOST_QUEUE_MAX");
    take(&k.request,
         (const char *const[]){"--set", "host.queue_max=7", "--set=host.queue_max=8", NULL});
    kit_load_request(&k);
    kit_expect_value(&k, "host", "queue_max", "8", "flag --set");
    kit_expect_value(&k, "host", "max_frames", "16", "/usr/lib/penstock/10-a.conf:1");
    assert_int_equal(conf_files(k.conf)->n, 5);
    assert_non_null(strstr(conf_files(k.conf)->items[4], "conf.d/b.conf"));
    kit_clear(&k);
}

static void test_sections_merge_across_files(void **state)
{
    (void)state;
    static const char *const none[] = {"HOME=/home/nobody", NULL};
    struct kit k = system_kit(none);
    kit_file("root/etc/penstock/plugins.conf",
             "plugin a { config = '{}'\n pipeline s { timeout = 1s memory = 1G } }");
    kit_file("root/etc/penstock/conf.d/b.conf",
             "plugin a { pipeline s { timeout = 2s }\n pipeline t { } }");
    kit_load_request(&k);
    kit_expect_value(&k, "plugin.a", "config", "{}", "plugins.conf:1");
    kit_expect_value(&k, "plugin.a.pipeline.s", "timeout", "2s", "b.conf:1");
    kit_expect_value(&k, "plugin.a.pipeline.s", "memory", "1G", "plugins.conf:2");
    kit_expect_value(&k, "plugin.a.pipeline.t", "timeout", "30s", "default");
    kit_clear(&k);
    unlink(kit_path("root/etc/penstock/conf.d/b.conf"));
}

static void test_configuration_directory(void **state)
{
    (void)state;
    char folder[600];
    snprintf(folder, sizeof folder, "CONFIGURATION_DIRECTORY=%s:/other", kit_path("unit"));
    const char *const variables[] = {"HOME=/home/nobody", folder, NULL};
    struct kit k = system_kit(variables);
    kit_file("root/etc/penstock/plugins.conf", "not read");
    kit_file("unit/plugins.conf", "host { max_frames = 11 }");
    kit_file("unit/conf.d/a.conf", "host { queue_max = 12 }");
    kit_load_request(&k);
    kit_expect_value(&k, "host", "max_frames", "11", "unit/plugins.conf:1");
    kit_expect_value(&k, "host", "queue_max", "12", "unit/conf.d/a.conf:1");
    kit_clear(&k);
}

/* A user's own file overrules the system's. In a child, as the tests may run as root. */
static int load_as_user(const char *const *variables)
{
    struct conf_errors errors = {.n = 0};
    struct conf_request request = {.variables = variables, .root = "/nonexistent"};
    if (geteuid() == 0 && seteuid(65534) < 0)
        return 77;
    struct conf *c = conf_load(&request, &errors);
    int queue_max = c != NULL ? (int)conf_host(c)->queue_max : 0;
    conf_free(c);
    conf_errors_clear(&errors);
    return queue_max;
}

static void test_user_file(void **state)
{
    (void)state;
    char home[600], config[600];
    int status = 0;
    snprintf(home, sizeof home, "HOME=%s", kit_path("home"));
    snprintf(config, sizeof config, "XDG_CONFIG_HOME=%s", kit_path("home/xdg"));
    kit_file("home/.config/penstock/plugins.conf", "host { queue_max = 41 }");
    kit_file("home/xdg/penstock/plugins.conf", "host { queue_max = 42 }");
    static const char *const folders[] = {"home", "home/.config", "home/.config/penstock",
                                          "home/xdg", "home/xdg/penstock"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        assert_int_equal(chmod(kit_path(folders[i]), 0755), 0);
    for (int i = 0; i < 2; i++) {
        const char *const variables[] = {home, i == 1 ? config : NULL, NULL};
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            _exit(load_as_user(variables));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(WEXITSTATUS(status), 41 + i);
    }
}

/* With --config the system's files are not read; a folder that cannot be read is an error. */
static void test_file_in_place(void **state)
{
    (void)state;
    struct kit k = system_kit(NULL);
    kit_file("root/etc/penstock/plugins.conf", "host { queue_max = 3 }");
    kit_expect_fine(&k, "host { max_frames = 9 }");
    assert_int_equal(conf_host(k.conf)->queue_max, 10000);
    assert_int_equal(conf_files(k.conf)->n, 1);
    kit_clear(&k);
}

/* Relative paths start at the file's folder, or at the working directory. */
static void test_relative_paths(void **state)
{
    (void)state;
    static const char *const variables[] = {"HOME=/home/nobody", "PENSTOCK_HOST_STATE_DIR=here",
                                            NULL};
    struct kit k = {.request = {.variables = variables}};
    char want[512], *before = getcwd(NULL, 0);
    kit_file("sub/x.conf", "host { plugin_dirs = { p, ./q, /r } tasks_socket = t.sock }");
    assert_int_equal(chdir(kit_path(".")), 0);
    char *here = getcwd(NULL, 0);
    const char *const files[] = {"sub/x.conf", "./sub/x.conf", kit_path("sub/x.conf")};
    for (size_t i = 0; i < 3; i++) {
        k.request.file = files[i];
        kit_load_request(&k);
        assert_non_null(k.conf);
        snprintf(want, sizeof want, "%s/sub/p, %s/sub/q, /r", here, here);
        kit_expect_value(&k, "host", "plugin_dirs", want, "x.conf:1");
        snprintf(want, sizeof want, "%s/here", here);
        kit_expect_value(&k, "host", "state_dir", want, "environment PENSTOCK_HOST_STATE_DIR");
    }
    assert_int_equal(chdir(kit_path("sub")), 0);
    k.request.file = "x.conf";
    take(&k.request, (const char *const[]){"--plugin-dirs", "a, b,/c", NULL});
    kit_load_request(&k);
    snprintf(want, sizeof want, "%s/sub/a, %s/sub/b, /c", here, here);
    kit_expect_value(&k, "host", "plugin_dirs", want, "flag --plugin-dirs");
    snprintf(want, sizeof want, "%s/sub/t.sock", here);
    kit_expect_value(&k, "host", "tasks_socket", want, "x.conf:1");
    kit_clear(&k);
    assert_int_equal(chdir(before), 0);
    free(before);
    free(here);
}

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
    take(&again, (const char *const *)arguments);
    assert_string_equal(again.file, "f.conf");
    assert_int_equal(again.n_sets, 3);
    conf_arguments_free(arguments);
    conf_request_clear(&again);
    conf_request_clear(&r);
    static const char *const ends[] = {"--set", "--config", "--log-level"};
    for (size_t i = 0; i < 3; i++) {
        char *short_argv[] = {words[0], (char *)ends[i], NULL};
        argc = 2;
        assert_int_equal(conf_request_take(&r, &argc, short_argv, &problem), -1);
        assert_string_equal(problem, ends[i]);
    }
    conf_request_clear(&r);
}

static void test_sets(void **state)
{
    (void)state;
    struct kit k = {.conf = NULL};
    take(&k.request,
         (const char *const[]){"--set", "plugin.org.example.echo.pipeline.a.b.timeout=5s", "--set",
                               "plugin.org.example.echo.config={\"a\": \"b=c.d\"}", "--set",
                               "shim.x.y.enabled=no", "--set", "host.task_type.t.max_concurrent=3",
                               NULL});
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
        take(&k.request, (const char *const[]){"--set", wrong[i][0], NULL});
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

/* What has no section has the defaults; zeros that mean the host's limit are filled in. */
static void test_defaults(void **state)
{
    (void)state;
    struct kit k = {.conf = NULL};
    kit_expect_fine(
        &k, "host { max_concurrent = 3 load_timeout = 7s }\n"
            "plugin p { pipeline s { max_concurrent = 2 load_timeout = 1s } pipeline t { } }");
    const struct conf_pipeline *none = conf_pipeline(k.conf, "nobody", "nothing");
    assert_string_equal(none->slug, "");
    assert_int_equal(none->timeout_ms, 30000);
    assert_int_equal(none->memory_bytes, 512000000);
    assert_int_equal(none->max_concurrent, 3);
    assert_int_equal(none->load_timeout_ms, 7000);
    assert_int_equal(none->mode, CONF_MODE_FORK);
    assert_int_equal(conf_pipeline(k.conf, "p", "s")->max_concurrent, 2);
    assert_int_equal(conf_pipeline(k.conf, "p", "s")->load_timeout_ms, 1000);
    assert_int_equal(conf_pipeline(k.conf, "p", "t")->max_concurrent, 3);
    kit_expect_value(&k, "plugin.p.pipeline.t", "load_timeout", "7s", "host.load_timeout");
    assert_true(conf_plugin(k.conf, "nobody")->enabled);
    assert_string_equal(conf_plugin(k.conf, "p.pipeline.s")->id, "");
    assert_string_equal(conf_pipeline(k.conf, "p", "s.pipeline.t")->slug, "");
    assert_null(conf_shim_find(k.conf, "nobody"));
    kit_clear(&k);
}

static int count(void *arg, const struct conf_help *h)
{
    int *n = arg;
    assert_true(strlen(h->help) > 0 && strlen(h->type) > 0 && strlen(h->fallback) > 0);
    *n += 1;
    return strcmp(h->key, "max_threads") == 0 ? 42 : 0;
}

static void test_reference(void **state)
{
    (void)state;
    int n = 0;
    assert_int_equal(conf_each_option(count, &n), 42);
    assert_true(n > 50);
    struct buf markdown = BUF_INIT(1 << 20), plain = BUF_INIT(1 << 20), small = BUF_INIT(1000);
    assert_int_equal(conf_reference(CONF_TEXT_MARKDOWN, &markdown), 0);
    assert_int_equal(conf_reference(CONF_TEXT_PLAIN, &plain), 0);
    assert_int_equal(conf_reference(CONF_TEXT_PLAIN, &small), -1);
    static const char *const parts[] = {"## `plugin \"<id>\" { pipeline \"<slug>\" {`",
                                        "### `queue_max`",
                                        "a whole number, from 1 to 10000000",
                                        "Default: 512M",
                                        "`PENSTOCK_SHIM_<NAME>_URL`",
                                        "Flag: `--state-dir`"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        assert_non_null(strstr(buf_cstr(&markdown), parts[i]));
    assert_non_null(strstr(buf_cstr(&plain), "PENSTOCK_PLUGIN_<ID>_PIPELINE_<SLUG>_TIMEOUT"));
    buf_clear(&markdown);
    buf_clear(&plain);
    buf_clear(&small);
}

/* The sample at the top of the sources loads. */
static void test_sample(void **state)
{
    (void)state;
    static const char *const home[] = {"HOME=/h", NULL};
    char path[512], want[512];
    snprintf(path, sizeof path, "%s/plugins.conf", getenv("PENSTOCK_SOURCE"));
    snprintf(want, sizeof want, "%s/plugins", getenv("PENSTOCK_SOURCE"));
    struct kit k = {.request = {.file = path, .variables = home}};
    kit_load_request(&k);
    assert_non_null(k.conf);
    assert_string_equal(conf_host(k.conf)->plugin_dirs.items[0], want);
    assert_int_equal(conf_pipeline(k.conf, "org.penstock.thumbnail", "thumbnail")->max_concurrent,
                     4);
    kit_clear(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_precedence),
        cmocka_unit_test(test_sections_merge_across_files),
        cmocka_unit_test(test_configuration_directory),
        cmocka_unit_test(test_user_file),
        cmocka_unit_test(test_file_in_place),
        cmocka_unit_test(test_relative_paths),
        cmocka_unit_test(test_variables),
        cmocka_unit_test(test_wrong_variables),
        cmocka_unit_test(test_take),
        cmocka_unit_test(test_sets),
        cmocka_unit_test(test_wrong_sets),
        cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_bad_token_files),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_reference),
        cmocka_unit_test(test_sample),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
