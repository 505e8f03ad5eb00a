/* conf_load.c: which files are read and in which order, merging, defaults, the reference, the
 * sample. */
#include <errno.h>
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
#include "conf/users.h"
#include "conf_kit.h"

/* A kit for the system's files below a root of the test's own. */
static struct kit system_kit(const char *const *variables)
{
    static char root[512];
    snprintf(root, sizeof root, "%s", kit_path("root"));
    return (struct kit){.request = {.root = root, .variables = variables}};
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
    kit_take(&k.request,
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
    kit_take(&k.request, (const char *const[]){"--plugin-dirs", "a, b,/c", NULL});
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

static void expect_tenant(const struct conf_tenant *t, int64_t weight, int64_t queue_max,
                          int64_t queue_max_bytes, int64_t max_concurrent)
{
    assert_int_equal(t->weight, weight);
    assert_int_equal(t->queue_max, queue_max);
    assert_int_equal(t->queue_max_bytes, queue_max_bytes);
    assert_int_equal(t->max_concurrent, max_concurrent);
}

/* Without a section, or where that says nothing: the host's. */
static void test_tenants(void **state)
{
    (void)state;
    static const char *const variables[] = {"HOME=/home/nobody", "PENSTOCK_TENANT_C_WEIGHT=9",
                                            NULL};
    struct kit k = {.conf = NULL, .request.variables = variables};
    kit_take(&k.request, (const char *const[]){"--set", "tenant.b.queue_max=3", NULL});
    kit_expect_fine(&k, "host { tenant_queue_max = 7 tenant_max_concurrent = 2 }\n"
                        "tenant a { weight = 5 max_concurrent = 4 queue_max_bytes = 1Mi }");
    expect_tenant(conf_tenant(k.conf, "a"), 5, 7, 1 << 20, 4);
    expect_tenant(conf_tenant(k.conf, "b"), 1, 3, 0, 2);
    expect_tenant(conf_tenant(k.conf, "c"), 9, 7, 0, 2);
    expect_tenant(conf_tenant(k.conf, "d"), 1, 7, 0, 2);
    expect_tenant(conf_tenant(k.conf, NULL), 1, 7, 0, 2);
    expect_tenant(conf_tenant(k.conf, "a.b/c\n"), 1, 7, 0, 2);
    kit_clear(&k);
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

/* Each role has a number of its own, and none is a box's. */
static void test_users_of_roles(void **state)
{
    (void)state;
    struct kit k = {.conf = NULL};
    gid_t group;
    kit_load(&k, "host { box_uid_base = 200000 }\n"
                 "shim \"one\" { dialect = avtomatika url = \"http://h\" }\n"
                 "shim \"two\" { dialect = avtomatika url = \"http://h\" }");
    const struct conf_host *host = conf_host(k.conf);
    assert_int_equal(users_core(host), 199999);
    assert_int_equal(users_last_box(host), 265535);
    assert_int_equal(users_shim(k.conf, conf_shim_find(k.conf, "one")), 199998);
    assert_int_equal(users_shim(k.conf, conf_shim_find(k.conf, "two")), 199997);
    assert_int_equal(users_tasks_group(host, &group), 0);
    assert_int_equal(group, 199999);
    kit_load(&k, "host { socket_group = root }");
    assert_int_equal(users_tasks_group(conf_host(k.conf), &group), 0);
    assert_int_equal(group, 0);
    kit_load(&k, "host { socket_group = no-such-group }");
    assert_int_equal(users_tasks_group(conf_host(k.conf), &group), -1);
    assert_int_not_equal(errno, 0);
    kit_clear(&k);
    kit_expect_error("host { box_uid_base = 65536 }", ":1", "131072");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_precedence),
        cmocka_unit_test(test_users_of_roles),
        cmocka_unit_test(test_sections_merge_across_files),
        cmocka_unit_test(test_configuration_directory),
        cmocka_unit_test(test_user_file),
        cmocka_unit_test(test_file_in_place),
        cmocka_unit_test(test_relative_paths),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_tenants),
        cmocka_unit_test(test_reference),
        cmocka_unit_test(test_sample),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
