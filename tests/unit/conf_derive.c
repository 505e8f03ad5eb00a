/* conf_derive.c: defaults that hang on where the host runs: folders, sockets, processors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf/derive.h"
#include "conf_kit.h"

typedef char *derive_fn(const char *const *variables, unsigned uid, const char **origin);

struct place {
    derive_fn *fn;
    unsigned uid;
    const char *variables[3]; /* NULL-ended */
    const char *path, *origin;
};

static const struct place places[] = {
    {derive_runtime_dir, 0, {NULL}, "/run/penstock", "default"},
    {derive_runtime_dir, 0, {"XDG_RUNTIME_DIR=/run/user/0", NULL}, "/run/penstock", "default"},
    {derive_runtime_dir,
     0,
     {"RUNTIME_DIRECTORY=/run/p1", NULL},
     "/run/p1",
     "environment RUNTIME_DIRECTORY"},
    {derive_runtime_dir,
     7,
     {"RUNTIME_DIRECTORY=/run/a:/run/b", NULL},
     "/run/a",
     "environment RUNTIME_DIRECTORY"},
    {derive_runtime_dir,
     7,
     {"XDG_RUNTIME_DIR=/run/user/7", NULL},
     "/run/user/7/penstock",
     "environment XDG_RUNTIME_DIR"},
    {derive_runtime_dir, 7, {"XDG_RUNTIME_DIR=relative", NULL}, "/tmp/penstock-7", "default"},
    {derive_runtime_dir, 7, {NULL}, "/tmp/penstock-7", "default"},
    {derive_state_dir, 0, {"HOME=/root", NULL}, "/var/lib/penstock", "default"},
    {derive_state_dir,
     0,
     {"STATE_DIRECTORY=/var/lib/p1", NULL},
     "/var/lib/p1",
     "environment STATE_DIRECTORY"},
    {derive_state_dir,
     7,
     {"XDG_STATE_HOME=/s", "HOME=/h", NULL},
     "/s/penstock",
     "environment XDG_STATE_HOME"},
    {derive_state_dir,
     7,
     {"XDG_STATE_HOME=", "HOME=/h", NULL},
     "/h/.local/state/penstock",
     "environment HOME"},
    {derive_state_dir, 7, {NULL}, NULL, NULL},
};

static void test_folders(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const char *origin = NULL;
        char *path = places[i].fn(places[i].variables, places[i].uid, &origin);
        if (places[i].path == NULL) {
            assert_null(path);
            continue;
        }
        assert_string_equal(path, places[i].path);
        assert_string_equal(origin, places[i].origin);
        free(path);
    }
}

static void test_sockets(void **state)
{
    (void)state;
    static const char *const variables[] = {"HOME=/h", "RUNTIME_DIRECTORY=/run/p1", NULL};
    struct kit k = {.request = {.variables = variables}};
    kit_expect_fine(&k, "host { control_socket = /c }");
    kit_expect_value(&k, "host", "runtime_dir", "/run/p1", "environment RUNTIME_DIRECTORY");
    kit_expect_value(&k, "host", "tasks_socket", "/run/p1/tasks.sock", "default");
    kit_expect_value(&k, "host", "control_socket", "/c", ".conf:1");
    kit_clear(&k);
    kit_expect_fine(&k, "host { runtime_dir = /r }");
    kit_expect_value(&k, "host", "tasks_socket", "/r/tasks.sock", "default");
    kit_clear(&k);
    char text[300] = "host {\n tasks_socket = /", *end = text + strlen(text);
    memset(end, 'a', 106);
    memcpy(end + 106, " }", 3);
    kit_expect_fine(&k, text);
    kit_clear(&k);
    memcpy(end + 106, "a }", 4);
    kit_expect_error(text, ".conf:2", "host.tasks_socket: expected at most 107 bytes");
}

static void test_plugin_folders(void **state)
{
    (void)state;
    struct kit k = {.conf = NULL};
    kit_expect_fine(&k, "");
    assert_true(conf_host(k.conf)->plugin_dirs.n >= 1);
    kit_clear(&k);
    kit_expect_fine(&k, "host { plugin_dirs = { } }");
    assert_int_equal(conf_host(k.conf)->plugin_dirs.n, 0);
    kit_clear(&k);
}

/* cpu.max of the own cgroup and of those above it; quotas are rounded up. */
static void test_processors(void **state)
{
    (void)state;
    char root[512];
    int all = derive_processors("/no/such/root");
    assert_true(all >= 1);
    snprintf(root, sizeof root, "%s", kit_path("cg"));
    kit_file("cg/proc/self/cgroup", "1:name=systemd:/x\n0::/a.slice/b.service\n");
    assert_int_equal(derive_processors(root), all);
    kit_file("cg/sys/fs/cgroup/a.slice/b.service/cpu.max", "max 100000\n");
    assert_int_equal(derive_processors(root), all);
    kit_file("cg/sys/fs/cgroup/a.slice/cpu.max", "50000 100000\n");
    assert_int_equal(derive_processors(root), 1);
    kit_file("cg/sys/fs/cgroup/a.slice/cpu.max", "100000000 100000\n");
    assert_int_equal(derive_processors(root), all);
    kit_file("cg/sys/fs/cgroup/cpu.max", "100000 100000\n");
    assert_int_equal(derive_processors(root), 1);
    /* In a container the own group is the root of what is seen. */
    kit_file("cg/proc/self/cgroup", "0::/\n");
    assert_int_equal(derive_processors(root), 1);
}

static void test_unfinished(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        long long bytes;
    } rows[] = {
        {"", 256LL << 20},
        {"host { max_message = 4Gi }", 8LL << 30},
        {"host { max_message = 2Mi max_frame = 1Mi }", 64LL << 20},
        {"host { max_message = 2Mi max_frame = 1Mi max_unfinished = 2Mi }", 2LL << 20},
    };
    struct kit k = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        kit_expect_fine(&k, rows[i].text);
        assert_int_equal(conf_host(k.conf)->max_unfinished_bytes, rows[i].bytes);
        kit_clear(&k);
    }
}

static void test_the_hosts_key_lies_in_state_dir(void **state)
{
    struct kit k = {.conf = NULL};
    (void)state;
    kit_expect_fine(
        &k, "host { state_dir = \"/s\" tcp = \"0.0.0.0:7000\" allowed_keys = \"/e/keys\" }");
    kit_expect_value(&k, "host", "curve_key_file", "/s/curve.key", "default");
    kit_clear(&k);
    kit_expect_fine(&k, "host { state_dir = \"/s\" curve_key_file = \"/c\" tcp = \"[::1]:0\" }");
    assert_string_equal(conf_host(k.conf)->curve_key_file, "/c");
    kit_clear(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_hosts_key_lies_in_state_dir),
        cmocka_unit_test(test_folders),
        cmocka_unit_test(test_sockets),
        cmocka_unit_test(test_plugin_folders),
        cmocka_unit_test(test_processors),
        cmocka_unit_test(test_unfinished),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
