/* walls_confine.c: what Landlock leaves of the host's files, ports and signals where a box has no
 * root of its own, and the small walls beside it. Each look is taken by a child behind the wall. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/confine.h"
#include "walls_kit.h"

enum { ABI_SCOPE = 6 };

struct ground {
    struct zygote_setup setup;
    char top[PATH_MAX - 64];
    char inputs[4 * PATH_MAX];
};

static void make_dir(const struct ground *g, const char *name)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", g->top, name);
    assert_int_equal(mkdir(path, 0755), 0);
}

static void make_file(const struct ground *g, const char *name)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", g->top, name);
    kit_write(path, "text", 0644);
}

static int setup(void **state)
{
    struct ground *g = calloc(1, sizeof *g);
    assert_non_null(g);
    snprintf(g->top, sizeof g->top, "%s/ground-XXXXXX",
             getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
    assert_non_null(mkdtemp(g->top));
    make_dir(g, "plugin");
    make_dir(g, "tasks");
    make_dir(g, "tasks/0");
    make_dir(g, "tasks/1");
    make_dir(g, "models");
    make_file(g, "models/a");
    make_file(g, "alone");
    make_file(g, "secret");
    make_file(g, "plugin/p.so");
    make_file(g, "tasks/0/mine");
    make_file(g, "tasks/1/theirs");
    g->setup.landlock_abi = confine_landlock_abi();
    snprintf(g->setup.plugin_path, sizeof g->setup.plugin_path, "%s/plugin/p.so", g->top);
    snprintf(g->setup.task_dir, sizeof g->setup.task_dir, "%s/tasks", g->top);
    *state = g;
    return 0;
}

static int teardown(void **state)
{
    free(*state); /* the directory goes with the test's own */
    return 0;
}

static void need_abi(const struct ground *g, uint32_t abi)
{
    if (g->setup.landlock_abi < abi) {
        print_message("skipped: Landlock ABI %u, needs %u\n", g->setup.landlock_abi, abi);
        skip();
    }
}

/* As a zygote does, and then as its task. */
static int go_behind(const struct ground *g, bool is_task)
{
    int zygote = confine_landlock_ruleset(&g->setup, g->inputs, CONFINE_ALL_SLOTS);
    int task = confine_landlock_ruleset(&g->setup, g->inputs, 0);
    if (zygote < 0 || task < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) < 0 ||
        confine_landlock_enforce(zygote) < 0)
        return -1;
    return is_task ? confine_landlock_enforce(task) : 0;
}

/* Runs look in a child behind the wall: what it returns, 0 to 200. */
static int behind(const struct ground *g, bool is_task,
                  int (*look)(const struct ground *, const void *), const void *arg)
{
    int status;
    const pid_t pid = fork();
    if (pid == 0)
        _exit(go_behind(g, is_task) < 0 ? 201 : look(g, arg));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* ---- files ---- */

struct file_ask {
    const char *path; /* within the ground unless it begins with a slash */
    int flags;
    int zygote, task; /* errno */
};

static const struct file_ask file_asks[] = {
    {"/usr/bin/env", O_RDONLY, 0, 0},
    {"/usr", O_RDONLY | O_DIRECTORY, 0, 0},
    {"/etc/ld.so.cache", O_RDONLY, 0, 0},
    {"/dev/null", O_RDWR, 0, 0},
    {"/dev/urandom", O_RDONLY, 0, 0},
    {"/dev/urandom", O_RDWR, EACCES, EACCES},
    {"/etc/passwd", O_RDONLY, EACCES, EACCES},
    {"/etc", O_RDONLY | O_DIRECTORY, EACCES, EACCES},
    {"/", O_RDONLY | O_DIRECTORY, EACCES, EACCES},
    {"/proc/self/status", O_RDONLY, EACCES, EACCES},
    {"/proc/version", O_RDONLY, EACCES, EACCES},
    {"/usr/new", O_WRONLY | O_CREAT, EACCES, EACCES},
    {"/dev/shm/new", O_WRONLY | O_CREAT, EACCES, EACCES},
    {"secret", O_RDONLY, EACCES, EACCES},
    {"plugin/p.so", O_RDONLY, 0, 0},
    {"plugin/p.so", O_WRONLY, EACCES, EACCES},
    {"plugin/new", O_WRONLY | O_CREAT, EACCES, EACCES},
    {"tasks/0/mine", O_RDWR | O_TRUNC, 0, 0},
    {"tasks/0/new", O_WRONLY | O_CREAT, 0, 0},
    {"tasks/1/theirs", O_RDONLY, 0, EACCES},
    {"tasks/1/new", O_WRONLY | O_CREAT, 0, EACCES},
    {"tasks/new", O_WRONLY | O_CREAT, 0, EACCES},
    {"tasks/0/../1/theirs", O_RDONLY, 0, EACCES},
    {"tasks/0/../../secret", O_RDONLY, EACCES, EACCES},
    {"models/a", O_RDONLY, 0, 0},
    {"models/a", O_RDWR, EACCES, EACCES},
    {"models", O_RDONLY | O_DIRECTORY, 0, 0},
    {"models/new", O_WRONLY | O_CREAT, EACCES, EACCES},
    {"alone", O_RDONLY, 0, 0},
    {"alone", O_WRONLY, EACCES, EACCES},
};

static int open_it(const struct ground *g, const void *arg)
{
    const struct file_ask *a = arg;
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s%s%s", a->path[0] == '/' ? "" : g->top,
             a->path[0] == '/' ? "" : "/", a->path);
    return open(path, a->flags | O_CLOEXEC, 0600) >= 0 ? 0 : errno;
}

/* The path, and the real one behind it. */
static void add_input(struct ground *g, const char *name)
{
    for (int i = 0; i < 2; i++) {
        char *at = g->inputs + g->setup.inputs_len;
        g->setup.inputs_len += (uint32_t)sprintf(at, "%s/%s", g->top, name) + 1;
    }
}

static void files(void **state)
{
    struct ground *g = *state;
    need_abi(g, 1);
    add_input(g, "models");
    add_input(g, "alone");
    for (size_t i = 0; i < sizeof file_asks / sizeof *file_asks; i++) {
        const struct file_ask *a = &file_asks[i];
        const int zygote = behind(g, false, open_it, a), task = behind(g, true, open_it, a);
        if (zygote != a->zygote || task != a->task)
            fail_msg("%s, flags %x: zygote %d, wanted %d; task %d, wanted %d", a->path, a->flags,
                     zygote, a->zygote, task, a->task);
    }
}

static int execute(const struct ground *g, const void *arg)
{
    char *argv[] = {(char[]){"true"}, NULL};
    (void)g;
    (void)arg;
    execv("/usr/bin/true", argv);
    return errno;
}

static int move_and_link(const struct ground *g, const void *arg)
{
    (void)arg;
    if (chdir(g->top) < 0 || chdir("tasks/0") < 0)
        return 1;
    if (mkdir("d", 0700) < 0 || rename("mine", "d/mine") < 0 || symlink("d/mine", "link") < 0 ||
        unlink("link") < 0)
        return 2;
    if (mkfifo("fifo", 0600) == 0 || link("d/mine", "../1/hard") == 0 ||
        rename("d/mine", "../1/x") == 0)
        return 3;
    return unlink("d/mine") == 0 && rmdir("d") == 0 ? 0 : 4;
}

static void an_input_that_is_gone(void **state)
{
    struct ground *g = *state;
    need_abi(g, 1);
    add_input(g, "nothing");
    assert_int_equal(confine_landlock_ruleset(&g->setup, g->inputs, 0), -1);
    assert_int_equal(errno, ENOENT);
}

/* The box's own /proc is there to be read with the right to it only. */
static void proc(void **state)
{
    static const struct file_ask ask = {.path = "/proc/self/status", .flags = O_RDONLY};
    struct ground *g = *state;
    need_abi(g, 1);
    g->setup.walls = WALL_NEWROOT;
    assert_int_equal(behind(g, true, open_it, &ask), EACCES);
    g->setup.rights = BOX_MAY_PROC;
    assert_int_equal(behind(g, true, open_it, &ask), 0);
    g->setup.walls = 0;
    assert_int_equal(behind(g, true, open_it, &ask), EACCES);
}

static void what_else_can_be_done_with_files(void **state)
{
    const struct ground *g = *state;
    need_abi(g, 2); /* links and moves between directories */
    assert_int_equal(behind(g, false, execute, NULL), EACCES);
    assert_int_equal(behind(g, true, execute, NULL), EACCES);
    assert_int_equal(behind(g, true, move_and_link, NULL), 0);
}

/* ---- ports ---- */

static int listener(struct sockaddr_in *a)
{
    socklen_t n = sizeof *a;
    *a = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)a, sizeof *a), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)a, &n), 0);
    return fd;
}

static int connect_to(const struct ground *g, const void *arg)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)g;
    return connect(fd, arg, sizeof(struct sockaddr_in)) == 0 ? 0 : errno;
}

static int bind_any(const struct ground *g, const void *arg)
{
    const struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)g;
    (void)arg;
    return bind(fd, (const struct sockaddr *)&a, sizeof a) == 0 ? 0 : errno;
}

static void ports(void **state)
{
    struct ground *g = *state;
    struct sockaddr_in listed, other;
    need_abi(g, LANDLOCK_ABI_NET);
    const int fds[] = {listener(&listed), listener(&other)};
    assert_int_equal(behind(g, true, connect_to, &listed), EACCES);
    assert_int_equal(behind(g, true, bind_any, NULL), EACCES);
    g->setup.rights = BOX_MAY_NETWORK;
    assert_int_equal(behind(g, true, connect_to, &listed), EACCES);
    g->setup.ports[g->setup.n_ports++] = 9;
    g->setup.ports[g->setup.n_ports++] = ntohs(listed.sin_port);
    assert_int_equal(behind(g, true, connect_to, &listed), 0);
    assert_int_equal(behind(g, true, connect_to, &other), EACCES);
    assert_int_equal(behind(g, true, bind_any, NULL), EACCES);
    g->setup.ports[0] = 0; /* all */
    assert_int_equal(behind(g, true, connect_to, &other), 0);
    assert_int_equal(behind(g, true, bind_any, NULL), EACCES);
    close(fds[0]);
    close(fds[1]);
}

/* ---- signals and abstract sockets ---- */

static int signal_it(const struct ground *g, const void *arg)
{
    (void)g;
    return kill(*(const pid_t *)arg, 0) == 0 ? 0 : errno;
}

static int connect_abstract(const struct ground *g, const void *arg)
{
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)g;
    return connect(fd, arg, sizeof(struct sockaddr_un)) == 0 ? 0 : errno;
}

static void scopes(void **state)
{
    const struct ground *g = *state;
    const pid_t self = getpid();
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    need_abi(g, ABI_SCOPE);
    snprintf(a.sun_path + 1, sizeof a.sun_path - 1, "penstock-test-%d", self);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(behind(g, false, signal_it, &self), EPERM);
    assert_int_equal(behind(g, true, connect_abstract, &a), EPERM);
    close(fd);
}

/* ---- the small ones ---- */

static int signal_threads(const struct ground *g, const void *arg)
{
    const pid_t other = *(const pid_t *)arg;
    (void)g;
    if (confine_own_signals() < 0)
        return 202;
    if (syscall(SYS_tgkill, other, other, 0) == 0 || errno != EPERM)
        return 1;
    if (syscall(SYS_tgkill, getpid(), gettid(), 0) < 0 || kill(getpid(), 0) < 0)
        return 2;
    return 0;
}

static void own_signals(void **state)
{
    const struct ground *g = *state;
    const pid_t self = getpid();
    int status;
    const pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L);
        _exit(signal_threads(g, &self));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* 0: refused as it should be; 77: this kernel has no such wall. */
static int try_pages(void)
{
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (confine_mdwe() < 0)
        return errno == EINVAL ? 77 : 1;
    if (mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0)
        return 2;
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                0) == MAP_FAILED
               ? 0
               : 3;
}

static void pages(void **state)
{
    int status;
    (void)state;
    const pid_t pid = fork();
    if (pid == 0)
        _exit(try_pages());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(status, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(files),
        TEST(what_else_can_be_done_with_files),
        TEST(an_input_that_is_gone),
        TEST(proc),
        TEST(ports),
        TEST(scopes),
        TEST(own_signals),
        TEST(pages),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
