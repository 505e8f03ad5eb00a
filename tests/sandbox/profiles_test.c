/*
 * profiles_test.c: what each profile lets a task do, tried by a task, as root and as a user, with
 * namespaces and without. The rights are those that spec.c gives.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmocka_all.h"

#include "base/fdutil.h"
#include "conf/extra_calls.h"
#include "inner_host.h"
#include "sandbox/confine.h"

#define PLUGIN "tests/plugins/profile_plugin"

/* ---- the ground: files of the host, and ports of it ---- */

enum profile { STRICT, DEFAULT, NETWORK, GPU, OFF, PROFILES };

static const char *const names[PROFILES] = {"strict", "default", "network", "gpu", "off"};
static const uint32_t rights[PROFILES] = {
    [STRICT] = 0,
    [DEFAULT] = BOX_MAY_PROC,
    [NETWORK] = BOX_MAY_PROC | BOX_MAY_NETWORK,
    [GPU] = BOX_MAY_PROC | BOX_MAY_GPU,
    [OFF] = BOX_MAY_PROC | BOX_MAY_NETWORK | BOX_MAY_JIT | BOX_MAY_GPU | BOX_MAY_ALL,
};

/* Root and user, with namespaces and without. */
enum { SETTINGS = 4 };

static bool is_user(int setting)
{
    return geteuid() != 0 || setting % 2 == 1;
}

static bool is_bare(int setting)
{
    return setting >= 2;
}

struct ground {
    struct host host;
    int setting;
    char dir[256];
    uint16_t listed, other; /* ports that somebody listens on */
    int fds[2];
};

static void put(const struct ground *g, const char *name, mode_t mode)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", g->dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0 && write(fd, "text", 4) == 4 && fchmod(fd, mode) == 0);
    close(fd);
}

static void link_to(const struct ground *g, const char *target, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", g->dir, name);
    assert_int_equal(symlink(target, path), 0);
}

static uint16_t listener(int *fd)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    *fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(*fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(*fd, 64), 0);
    assert_int_equal(getsockname(*fd, (struct sockaddr *)&a, &n), 0);
    return ntohs(a.sin_port);
}

static void make_ground(struct ground *g)
{
    char path[512];
    snprintf(g->dir, sizeof g->dir, "%s/ground-XXXXXX",
             getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
    assert_non_null(mkdtemp(g->dir));
    assert_int_equal(chmod(g->dir, 0755), 0);
    snprintf(path, sizeof path, "%s/models", g->dir);
    assert_int_equal(mkdir(path, 0755), 0);
    assert_int_equal(chmod(path, 0777), 0);
    put(g, "models/v1", 0666); /* so that only the walls are in the way */
    put(g, "alone", 0644);
    put(g, "secret", 0644);
    put(g, "private", 0600);
    link_to(g, "models/v1", "latest");
    link_to(g, "/proc/self", "to-proc");
    snprintf(path, sizeof path, "%s/fifo", g->dir);
    assert_int_equal(mkfifo(path, 0644), 0);
    g->listed = listener(&g->fds[0]);
    g->other = listener(&g->fds[1]);
}

/* A build, or a temporary directory, below a folder that only root enters cannot be tried as
 * somebody else. */
static bool can_be_reached(const struct ground *g)
{
    int status = -1;
    const pid_t pid = fork();
    if (pid == 0)
        _exit(setresuid(HOST_USER, HOST_USER, HOST_USER) == 0 && access(g->dir, X_OK) == 0 ? 0 : 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status == 0;
}

/* Runs fn in each setting; what cannot be had is left out, and said so. */
static void in_each_setting(void (*fn)(struct ground *g))
{
    for (int setting = 0; setting < SETTINGS; setting++) {
        struct ground *g = calloc(1, sizeof *g);
        const bool becomes_user = geteuid() == 0 && is_user(setting);
        assert_non_null(g);
        g->setting = setting;
        make_ground(g);
        if ((geteuid() != 0 && setting % 2 == 0) || (becomes_user && !can_be_reached(g))) {
            print_message("setting %d is left out\n", setting);
        } else {
            assert_int_equal(host_start_as(&g->host, becomes_user, is_bare(setting)), 0);
            fn(g);
            host_stop(&g->host);
        }
        close(g->fds[0]);
        close(g->fds[1]);
        free(g);
    }
    /* Nobody of the launchers' is left. */
    assert_int_equal(waitpid(-1, NULL, 0), -1);
}

/* ---- boxes ---- */

static void spec(struct ground *g, enum profile p, enum box_mode mode)
{
    host_spec(&g->host, PLUGIN, "probe", mode, 1);
    g->host.spec.rights = rights[p];
    g->host.spec.n_ports = 2;
    g->host.spec.ports[0] = 9;
    g->host.spec.ports[1] = g->listed;
}

static void start(struct ground *g, const char *what)
{
    host_box(&g->host);
    if (g->host.box == NULL)
        fail_msg("setting %d, %s: no box: %s", g->setting, what, g->host.ended_text);
}

/* "@" stands for the ground, "$1" and "$2" for the ports. */
static void fill_in(const struct ground *g, const char *deed, char *out, size_t size)
{
    const char *at = strpbrk(deed, "@$");
    if (at == NULL)
        snprintf(out, size, "%s", deed);
    else if (*at == '@')
        snprintf(out, size, "%.*s%s%s", (int)(at - deed), deed, g->dir, at + 1);
    else
        snprintf(out, size, "%.*s%d", (int)(at - deed), deed, at[1] == '1' ? g->listed : g->other);
}

enum { VIOLATION = -1 };

/* The errno of a deed, 0, or VIOLATION. */
static int attempt(struct ground *g, const char *deed)
{
    char text[600], params[640];
    const struct host_outcome *o = &g->host.last;
    fill_in(g, deed, text, sizeof text);
    snprintf(params, sizeof params, "{\"do\":\"%s\"}", text);
    host_params(&g->host, params, 10000);
    if (o->code == CODE_SANDBOX_VIOLATION)
        return VIOLATION;
    if (o->code != CODE_OK)
        fail_msg("setting %d, %s: %s: %s", g->setting, text, code_name(o->code), o->message);
    return atoi(o->data);
}

/* ---- the table ---- */

enum { ANY = -2, V = VIOLATION };

struct probe {
    const char *deed;
    int expected[PROFILES]; /* with a root of the box's own */
    int bare[PROFILES];     /* without; Landlock and the filter are left */
};

static const struct probe probes[] = {
    {"read /proc/self/status", {ENOENT, 0, 0, 0, 0}, {EACCES, EACCES, EACCES, EACCES, 0}},
    {"read /proc/version",
     {ENOENT, ENOENT, ENOENT, ENOENT, 0},
     {EACCES, EACCES, EACCES, EACCES, 0}},
    {"read @/models/v1", {ENOENT, 0, 0, 0, 0}, {EACCES, 0, 0, 0, 0}},
    {"read @/models", {ENOENT, 0, 0, 0, 0}, {EACCES, 0, 0, 0, 0}},
    {"read @/alone", {ENOENT, 0, 0, 0, 0}, {EACCES, 0, 0, 0, 0}},
    {"read @/latest", {ENOENT, 0, 0, 0, 0}, {EACCES, 0, 0, 0, 0}},
    {"write @/models/v1", {ENOENT, EROFS, EROFS, EROFS, 0}, {EACCES, EACCES, EACCES, EACCES, 0}},
    {"make @/models/new", {ENOENT, EROFS, EROFS, EROFS, 0}, {EACCES, EACCES, EACCES, EACCES, 0}},
    {"read @/secret", {ENOENT, ENOENT, ENOENT, ENOENT, 0}, {EACCES, EACCES, EACCES, EACCES, 0}},
    {"read @/private",
     {ENOENT, ENOENT, ENOENT, ENOENT, EACCES},
     {EACCES, EACCES, EACCES, EACCES, EACCES}},
    {"read /etc/passwd", {ENOENT, ENOENT, ENOENT, ENOENT, 0}, {EACCES, EACCES, EACCES, EACCES, 0}},
    {"read /etc/hosts", {ENOENT, ENOENT, 0, ENOENT, 0}, {EACCES, EACCES, 0, EACCES, 0}},
    {"connect $1", {EPERM, EPERM, 0, EPERM, 0}, {EPERM, EPERM, 0, EPERM, 0}},
    {"connect $2", {EPERM, EPERM, EACCES, EPERM, 0}, {EPERM, EPERM, EACCES, EPERM, 0}},
    {"udp $2", {EPERM, EPERM, 0, EPERM, 0}, {EPERM, EPERM, 0, EPERM, 0}},
    {"bind 0", {EPERM, EPERM, EPERM, EPERM, 0}, {EPERM, EPERM, EPERM, EPERM, 0}},
    {"mptcp $1", {EPERM, EPERM, EPERM, EPERM, ANY}, {EPERM, EPERM, EPERM, EPERM, ANY}},
    {"resolver", {EPERM, EPERM, 0, EPERM, 0}, {EPERM, EPERM, 0, EPERM, 0}},
    {"pair", {EPERM, EPERM, 0, EPERM, 0}, {EPERM, EPERM, 0, EPERM, 0}},
    {"memfd", {EPERM, EPERM, EPERM, EPERM, 0}, {EPERM, EPERM, EPERM, EPERM, 0}},
    {"pages", {EACCES, EACCES, EACCES, EACCES, 0}, {EACCES, EACCES, EACCES, EACCES, 0}},
    {"exec /usr/bin/true", {EPERM, EPERM, EPERM, EPERM, 0}, {EPERM, EPERM, EPERM, EPERM, 0}},
    {"ioctl /dev/null", {V, V, V, EACCES, ENOTTY}, {V, V, V, EACCES, ENOTTY}},
};

/* Some of it is not there on older kernels. */
static bool can_be_asked(const struct ground *g, const struct probe *p)
{
    const uint32_t abi = confine_landlock_abi();
    if (strncmp(p->deed, "connect $2", 10) == 0)
        return abi >= LANDLOCK_ABI_NET;
    if (strncmp(p->deed, "ioctl", 5) == 0)
        return abi >= 5;
    if (strncmp(p->deed, "pages", 5) == 0)
        return (g->host.walls & WALL_MDWE) != 0 || (g->host.spec.rights & BOX_MAY_JIT) != 0;
    return true;
}

static void look_at_profile(struct ground *g, enum profile p, enum box_mode mode)
{
    char models[512], alone[512], latest[512];
    const char *const inputs[] = {models, alone, latest};
    fill_in(g, "@/models/", models, sizeof models);
    fill_in(g, "@/alone", alone, sizeof alone);
    fill_in(g, "@/latest", latest, sizeof latest);
    spec(g, p, mode);
    g->host.spec.inputs = inputs;
    g->host.spec.n_inputs = p == STRICT ? 0 : 3;
    start(g, names[p]);
    const bool has_root = (g->host.walls & WALL_NEWROOT) != 0 || (p == OFF && !is_bare(g->setting));
    assert_int_equal(has_root, !is_bare(g->setting));
    for (size_t i = 0; i < sizeof probes / sizeof *probes; i++) {
        const int wanted = has_root ? probes[i].expected[p] : probes[i].bare[p];
        if (!can_be_asked(g, &probes[i]))
            continue;
        const int got = attempt(g, probes[i].deed);
        if (wanted != ANY && got != wanted)
            fail_msg("setting %d, mode %d, profile %s, %s: %d, wanted %d", g->setting, mode,
                     names[p], probes[i].deed, got, wanted);
    }
    host_end_box(&g->host);
    assert_int_equal(g->host.ended_code, CODE_OK);
}

static void look_at_profiles(struct ground *g)
{
    for (int p = 0; p < PROFILES; p++)
        look_at_profile(g, (enum profile)p, p % 2 == 0 ? BOX_FORK : BOX_WARM);
}

static void what_profiles_allow(void **state)
{
    (void)state;
    in_each_setting(look_at_profiles);
}

/* ---- what the configuration adds ---- */

struct addition {
    const char *extra;
    uint32_t rights;
    const char *deed;
    int expected;
};

static void look_at_additions(struct ground *g)
{
    static const struct addition additions[] = {
        {NULL, BOX_MAY_JIT, "memfd", 0},
        {NULL, BOX_MAY_JIT, "pages", 0},
        {NULL, BOX_MAY_JIT, "exec /usr/bin/true", EPERM},
        {"memfd_create", 0, "memfd", 0},
        {"mincore", 0, "memfd", EPERM},
        {"socketpair", 0, "resolver", EPERM},
    };
    for (size_t i = 0; i < sizeof additions / sizeof *additions; i++) {
        const struct addition *a = &additions[i];
        for (enum box_mode mode = BOX_FORK; mode <= BOX_WARM; mode++) {
            spec(g, DEFAULT, mode);
            g->host.spec.rights |= a->rights;
            g->host.spec.extra_calls = a->extra != NULL ? extra_call_bit(a->extra) : 0;
            start(g, a->deed);
            const int got = attempt(g, a->deed);
            if (got != a->expected)
                fail_msg("setting %d, mode %d, %s, %s: %d", g->setting, mode,
                         a->extra != NULL ? a->extra : "jit", a->deed, got);
            host_end_box(&g->host);
        }
    }
    spec(g, DEFAULT, BOX_FORK);
    g->host.spec.extra_calls =
        extra_call_bit("socketpair") | extra_call_bit("sendto") | extra_call_bit("recvfrom");
    start(g, "pair");
    assert_int_equal(attempt(g, "pair"), 0);
    host_end_box(&g->host);
}

static void what_the_configuration_adds(void **state)
{
    (void)state;
    in_each_setting(look_at_additions);
}

static void look_at_all_ports(struct ground *g)
{
    spec(g, NETWORK, BOX_FORK);
    g->host.spec.ports[0] = 0;
    start(g, "ports");
    assert_int_equal(attempt(g, "connect $2"), 0);
    host_end_box(&g->host);
}

static void port_0_is_all_of_them(void **state)
{
    (void)state;
    in_each_setting(look_at_all_ports);
}

/* More kinds of boxes than there are filters kept. */
static void many_kinds_of_boxes(void **state)
{
    struct ground *g = calloc(1, sizeof *g);
    (void)state;
    assert_non_null(g);
    make_ground(g);
    assert_int_equal(host_start(&g->host), 0);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 20; i++) {
            spec(g, DEFAULT, BOX_FORK);
            g->host.spec.extra_calls = extra_call_bit("mincore") | UINT64_C(1) << (i % 18);
            start(g, "one of many");
            assert_int_equal(
                attempt(g, "memfd"),
                (g->host.spec.extra_calls & extra_call_bit("memfd_create")) != 0 ? 0 : EPERM);
            host_end_box(&g->host);
        }
    }
    host_stop(&g->host);
    close(g->fds[0]);
    close(g->fds[1]);
    free(g);
}

/* ---- inputs ---- */

struct input_case {
    const char *path, *said; /* NULL: it is taken */
    const char *deed;
};

static const struct input_case input_cases[] = {
    {"/", "not a plain absolute path", NULL},
    {"@/models/../secret", "not a plain absolute path", NULL},
    {"@/./alone", "not a plain absolute path", NULL},
    {"relative", "not a plain absolute path", NULL},
    {"/proc/version", "nothing below /proc", NULL},
    {"/proc", "nothing below /proc", NULL},
    {"/sys/kernel", "nothing below /sys", NULL},
    {"/dev/null", "nothing below /dev", NULL},
    {"/run/penstock", "nothing below /run", NULL},
    {"/task", "nothing below /task", NULL},
    {"@/to-proc", "nothing below /proc", NULL},
    {"@/fifo", "not a file and not a folder", NULL},
    {"@/nothing", "No such file or directory", NULL},
    {"@/models/v1/deeper", "Not a directory", NULL},
    {"@/private", "Permission denied", NULL},
    {"/usr/share", NULL, "read /usr/share"},
    {"/usr/bin/env", NULL, "read /usr/bin/env"},
    {"@", NULL, "read @/secret"},
    {"@/latest", NULL, "read @/latest"},
};

static void look_at_input(struct ground *g, const struct input_case *c)
{
    char path[512];
    const char *const inputs[] = {path};
    fill_in(g, c->path, path, sizeof path);
    spec(g, DEFAULT, BOX_FORK);
    g->host.spec.inputs = inputs;
    g->host.spec.n_inputs = 1;
    host_box(&g->host);
    if (c->said == NULL) {
        if (g->host.box == NULL)
            fail_msg("setting %d, %s: %s", g->setting, path, g->host.ended_text);
        assert_int_equal(attempt(g, c->deed), 0);
        host_end_box(&g->host);
        return;
    }
    if (g->host.box != NULL || strstr(g->host.ended_text, c->said) == NULL ||
        strstr(g->host.ended_text, path) == NULL || g->host.ended_code != CODE_SANDBOX_ERROR)
        fail_msg("setting %d, %s: %s", g->setting, path, g->host.ended_text);
}

static void look_at_inputs(struct ground *g)
{
    for (size_t i = 0; i < sizeof input_cases / sizeof *input_cases; i++)
        look_at_input(g, &input_cases[i]);
    const struct input_case state = {g->host.state, "the state directory", NULL};
    look_at_input(g, &state);
}

static void inputs_that_are_shown_or_not(void **state)
{
    (void)state;
    in_each_setting(look_at_inputs);
}

/* A model that is an input, mapped by open, and looked at by each task. */
static void look_at_model(struct ground *g)
{
    char path[512], config[600];
    const char *const inputs[] = {path};
    fill_in(g, "@/big", path, sizeof path);
    snprintf(config, sizeof config, "{\"file\":\"%s\",\"mb\":4}", path);
    put(g, "big", 0644);
    assert_int_equal(truncate(path, 4 << 20), 0);
    for (enum box_mode mode = BOX_FORK; mode <= BOX_WARM; mode++) {
        host_spec(&g->host, "tests/plugins/model_plugin", "model_shared", mode, 1);
        g->host.spec.rights = rights[DEFAULT];
        g->host.spec.config = config;
        g->host.spec.inputs = inputs;
        g->host.spec.n_inputs = 1;
        start(g, "model");
        for (int i = 0; i < 2; i++)
            assert_int_equal(attempt(g, "look"), 0);
        host_end_box(&g->host);
    }
}

static void models_are_mapped(void **state)
{
    (void)state;
    in_each_setting(look_at_model);
}

/* ---- the profile off: processes that are left ---- */

/* Processes of that name on this machine. */
static int count_named(const char *name)
{
    DIR *proc = opendir("/proc");
    const struct dirent *e;
    int n = 0;
    while ((e = readdir(proc)) != NULL) {
        char path[300], comm[64] = "";
        snprintf(path, sizeof path, "/proc/%s/comm", e->d_name);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0 && read(fd, comm, sizeof comm - 1) > 0)
            n += strncmp(comm, name, strlen(name)) == 0 && comm[strlen(name)] == '\n';
        if (fd >= 0)
            close(fd);
    }
    closedir(proc);
    return n;
}

static void leave(struct ground *g, enum box_mode mode, const char *deed)
{
    char name[32], text[64];
    snprintf(name, sizeof name, "stray-%d", getpid());
    snprintf(text, sizeof text, "%s %s", deed, name);
    spec(g, OFF, mode);
    start(g, deed);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(attempt(g, text), 0);
        if (count_named(name) != 0)
            fail_msg("setting %d, mode %d: %s: a process is left", g->setting, mode, deed);
    }
    host_end_box(&g->host);
    assert_int_equal(g->host.ended_code, CODE_OK);
}

static void leave_in_all_ways(struct ground *g)
{
    for (enum box_mode mode = BOX_FORK; mode <= BOX_WARM; mode++) {
        leave(g, mode, "leave");
        leave(g, mode, "daemon");
    }
}

static void what_a_task_leaves_is_killed(void **state)
{
    (void)state;
    in_each_setting(leave_in_all_ways);
}

static void keep_a_helper(struct ground *g)
{
    for (enum box_mode mode = BOX_FORK; mode <= BOX_WARM; mode++) {
        spec(g, OFF, mode);
        g->host.spec.slug = "helper";
        start(g, "helper");
        for (int i = 0; i < 3; i++) {
            assert_int_equal(attempt(g, "daemon pen-stray"), 0);
            assert_int_equal(count_named("pen-helper"), 1);
        }
        host_end_box(&g->host);
        assert_int_equal(g->host.ended_code, CODE_OK);
        assert_int_equal(count_named("pen-helper"), 0);
    }
}

/* What the plugin's open has started serves all tasks, and ends with the box. */
static void what_open_starts_stays(void **state)
{
    (void)state;
    in_each_setting(keep_a_helper);
}

static void end_of_another_task(struct ground *g)
{
    const char hang[] = "{\"do\":\"hang pen-busy\"}", done[] = "{\"do\":\"daemon pen-other\"}";
    const struct box_task long_one = {
        .id = "long", .params = hang, .params_len = strlen(hang), .timeout_ms = 20000};
    const struct box_task short_one = {
        .id = "short", .params = done, .params_len = strlen(done), .timeout_ms = 10000};
    struct host *h = &g->host;
    spec(g, OFF, BOX_FORK);
    h->spec.slots = 2;
    start(g, "two slots");
    assert_int_equal(box_run(h->box, 1, &long_one, h), 0);
    h->is_free[1] = false;
    h->n_running++;
    while (count_named("pen-busy") == 0)
        loop_turn(h->loop, 10);
    assert_int_equal(box_run(h->box, 0, &short_one, h), 0);
    h->is_free[0] = false;
    h->n_running++;
    host_turn_until(h, &h->n_done, 1);
    assert_int_equal(h->last.code, CODE_OK);
    assert_int_equal(count_named("pen-other"), 0);
    assert_int_equal(count_named("pen-busy"), 1);
    box_kill(h->box);
    while (h->box != NULL)
        loop_turn(h->loop, 1000);
    assert_int_equal(count_named("pen-busy"), 0);
}

/* Its processes belong to a task even when their parents have ended. */
static void tasks_do_not_lose_processes_to_others(void **state)
{
    (void)state;
    in_each_setting(end_of_another_task);
}

/* A test that failed has left its launcher, and that its boxes; each that dies may hand us another. */
static int bury(void **state)
{
    (void)state;
    for (;;) {
        char text[64] = "";
        int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
        const ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
        close(fd);
        const pid_t pid = n > 0 ? (pid_t)atoi(text) : 0;
        if (pid <= 0)
            return 0;
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
}

#define TEST(name) cmocka_unit_test_teardown(name, bury)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(what_profiles_allow),
        TEST(what_the_configuration_adds),
        TEST(port_0_is_all_of_them),
        TEST(many_kinds_of_boxes),
        TEST(inputs_that_are_shown_or_not),
        TEST(models_are_mapped),
        TEST(what_a_task_leaves_is_killed),
        TEST(what_open_starts_stays),
        TEST(tasks_do_not_lose_processes_to_others),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
