/*
 * play_box.c: penstock-box with another zygote: the real warden, and in the zygote's place a
 * process that does what the test's configuration names. Has no Landlock and no filters, so that
 * what the warden alone holds back is seen.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fdutil.h"
#include "base/text.h"
#include "sandbox/chan.h"
#include "sandbox/filter.h"
#include "sandbox/warden.h"

#define MFD_EXEC_ 0x10U /* younger than the header */

struct play {
    struct {
        struct zygote_setup setup;
        char config[BOX_CONFIG_MAX + 1];
    } m;
    int channel;
    int fds[4];
    struct zygote_fork order;
    int data, page, output;
};

static void say(struct play *p, const void *message, size_t n)
{
    fd_send_message(p->channel, message, n, NULL, 0, 0);
}

static void say_ready(struct play *p, uint32_t has_threads)
{
    const struct zygote_ready m = {{CHAN_MAGIC, CHAN_VERSION, ZYGOTE_READY}, has_threads};
    say(p, &m, sizeof m);
}

static void say_failed(struct play *p, uint32_t is_ours, const char *text)
{
    struct zygote_failed m = {{CHAN_MAGIC, CHAN_VERSION, ZYGOTE_FAILED}, is_ours, ""};
    snprintf(m.text, sizeof m.text, "%s", text);
    say(p, &m, sizeof m);
}

static void say_forked(struct play *p, pid_t pid)
{
    const struct zygote_forked m = {{CHAN_MAGIC, CHAN_VERSION, ZYGOTE_FORKED},
                                    p->order.slot,
                                    (int32_t)pid,
                                    p->order.generation};
    say(p, &m, sizeof m);
}

/* 0: the channel has ended. */
static int next_order(struct play *p)
{
    int fds[3];
    size_t n = 3;
    if (fd_recv_message(p->channel, &p->order, sizeof p->order, fds, &n, 0) <= 0 || n != 3)
        return 0;
    p->data = fds[0];
    p->page = fds[1];
    p->output = fds[2];
    return 1;
}

static void done_with_order(struct play *p)
{
    fd_close(&p->data);
    fd_close(&p->page);
    fd_close(&p->output);
}

static pid_t clone_task(void)
{
    return (pid_t)syscall(SYS_clone, TASK_CLONE_FLAGS, 0UL, NULL, NULL, 0UL);
}

static void wait_for_end(int data)
{
    char byte;
    while (read(data, &byte, 1) > 0)
        continue;
}

/* ---- what a worker does ---- */

typedef void (*worker_fn)(struct play *p);

static void work_obey(struct play *p)
{
    wait_for_end(p->data);
}

static void work_spin(struct play *p)
{
    (void)p;
    for (volatile uint64_t n = 0;; n++)
        continue;
}

static void work_flood(struct play *p)
{
    char line[64];
    for (int i = 0; i < 20000; i++) {
        const int n = snprintf(line, sizeof line, "line %d of a long story that nobody reads\n", i);
        (void)!write(p->output, line, (size_t)n);
    }
}

static void make_file(int dir, const char *name)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT, 0000);
    fd_close(&fd);
}

/* Directories without rights, a deep chain, links to where nobody may go. */
static void work_litter(struct play *p)
{
    static const mode_t modes[] = {0500, 0000, 0300, 0100};
    char top[PATH_MAX + 16];
    snprintf(top, sizeof top, "%s/%u", p->m.setup.task_dir, p->order.slot);
    int at = open(top, O_RDONLY | O_DIRECTORY);
    if (at < 0)
        _exit(3);
    symlinkat("/", at, "link");
    symlinkat("/usr/nowhere", at, "dangling");
    make_file(at, "file");
    for (int i = 0; i < 40; i++) {
        if (mkdirat(at, "d", 0700) < 0)
            _exit(4);
        const int next = openat(at, "d", O_RDONLY | O_DIRECTORY);
        make_file(next, "file");
        fchmod(at, modes[i % 4]);
        close(at);
        at = next;
    }
}

static pid_t fork_worker(struct play *p, worker_fn work)
{
    const pid_t pid = clone_task();
    if (pid == 0) {
        fd_close(&p->channel);
        work(p);
        _exit(0);
    }
    return pid;
}

static int serve(struct play *p, worker_fn work)
{
    say_ready(p, 0);
    while (next_order(p)) {
        say_forked(p, fork_worker(p, work));
        done_with_order(p);
    }
    return 0;
}

static int obey(struct play *p)
{
    return serve(p, work_obey);
}

static int spin(struct play *p)
{
    return serve(p, work_spin);
}

static int flood(struct play *p)
{
    return serve(p, work_flood);
}

static int litter(struct play *p)
{
    return serve(p, work_litter);
}

/* ---- loading ---- */

static int hang(struct play *p)
{
    wait_for_end(p->channel);
    return 0;
}

static int exit_three(struct play *p)
{
    (void)p;
    return 3;
}

/* With nothing but the memory files' own setting in the way; the status is the errno. */
static int make_memory_file(struct play *p)
{
    (void)p;
    return memfd_create("play", MFD_CLOEXEC) < 0 || memfd_create("play", MFD_EXEC_) < 0 ? errno : 0;
}

static int exit_well(struct play *p)
{
    (void)p;
    return 0;
}

static int die(struct play *p)
{
    (void)p;
    raise(SIGSEGV);
    return 0;
}

static int refuse(struct play *p)
{
    say_failed(p, 0, "no such pipeline");
    return 1;
}

static int refuse_ours(struct play *p)
{
    say_failed(p, 1, "Landlock of the zygote");
    return 1;
}

/* In fork mode it has threads; in warm mode it serves. */
static int threads(struct play *p)
{
    say_ready(p, 1);
    wait_for_end(p->m.setup.mode == BOX_WARM ? p->fds[2] : p->channel);
    return 0;
}

static int ready_and_die(struct play *p)
{
    say_ready(p, 0);
    return 1;
}

/* Serves one order and dies then; the worker lives on. */
static int die_after_one(struct play *p)
{
    say_ready(p, 0);
    if (next_order(p))
        say_forked(p, fork_worker(p, work_obey));
    raise(SIGKILL);
    return 0;
}

/* ---- lies ---- */

static int name(struct play *p, pid_t pid)
{
    say_ready(p, 0);
    if (next_order(p))
        say_forked(p, pid);
    wait_for_end(p->channel);
    return 0;
}

static int name_first(struct play *p)
{
    return name(p, 1);
}

static int name_self(struct play *p)
{
    return name(p, getpid());
}

static int name_parent(struct play *p)
{
    return name(p, getppid());
}

static int name_nobody(struct play *p)
{
    return name(p, 4000000);
}

/* "name-pid-<number>": whoever that is. */
static int name_pid(struct play *p)
{
    int64_t pid = 0;
    text_parse_i64(p->m.config + strlen("name-pid-"), &pid);
    return name(p, (pid_t)pid);
}

static int name_twice(struct play *p)
{
    say_ready(p, 0);
    next_order(p);
    const pid_t pid = fork_worker(p, work_obey);
    say_forked(p, pid);
    next_order(p);
    say_forked(p, pid);
    wait_for_end(p->channel);
    return 0;
}

/* A child that was not ordered: first one that stays, then one that ends. */
static int extra_child(struct play *p)
{
    say_ready(p, 0);
    next_order(p);
    fork_worker(p, work_obey);
    say_forked(p, fork_worker(p, work_obey));
    wait_for_end(p->channel);
    return 0;
}

static void work_nothing(struct play *p)
{
    (void)p;
}

static int extra_exit(struct play *p)
{
    say_ready(p, 0);
    next_order(p);
    fork_worker(p, work_nothing);
    fork_worker(p, work_nothing);
    wait_for_end(p->channel);
    return 0;
}

/* Names its workers only after they have been reaped: slow, but honest. */
static int name_late(struct play *p)
{
    say_ready(p, 0);
    while (next_order(p)) {
        const pid_t pid = fork_worker(p, work_nothing);
        while (kill(pid, 0) == 0)
            sched_yield();
        say_forked(p, pid);
        done_with_order(p);
    }
    return 0;
}

static int silent(struct play *p)
{
    say_ready(p, 0);
    while (next_order(p))
        done_with_order(p);
    return 0;
}

static int cannot_fork(struct play *p)
{
    say_ready(p, 0);
    for (int i = 0; next_order(p); i++) {
        say_forked(p, i == 0 ? -EAGAIN : fork_worker(p, work_obey));
        done_with_order(p);
    }
    return 0;
}

static int ready_twice(struct play *p)
{
    say_ready(p, 0);
    say_ready(p, 0);
    wait_for_end(p->channel);
    return 0;
}

static int fail_late(struct play *p)
{
    say_ready(p, 0);
    say_failed(p, 0, "changed my mind");
    wait_for_end(p->channel);
    return 0;
}

static int garbage(struct play *p)
{
    say(p, "garbage", 7);
    wait_for_end(p->channel);
    return 0;
}

static int unordered(struct play *p)
{
    say_ready(p, 0);
    p->order.slot = 9;
    say_forked(p, 2);
    wait_for_end(p->channel);
    return 0;
}

/* ---- a look round: what the warden's walls alone leave ---- */

static void show_path(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC);
    printf("open %s: %s\n", path, fd >= 0 ? "yes" : strerrorname_np(errno));
    fd_close(&fd);
}

static void show_status(void)
{
    static const char *const wanted[] = {"Uid:",    "Gid:",    "Groups:", "NoNewPrivs:", "CapInh:",
                                         "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"};
    char line[256];
    FILE *f = fopen("/proc/self/status", "re");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
            if (strncmp(line, wanted[i], strlen(wanted[i])) == 0)
                printf("%s", line);
        }
    }
    if (f != NULL)
        fclose(f);
}

static void show_limits(void)
{
    struct rlimit l;
    getrlimit(RLIMIT_CORE, &l);
    printf("limit core %lu\n", (unsigned long)l.rlim_max);
    getrlimit(RLIMIT_DATA, &l);
    printf("limit data %lu\n", (unsigned long)l.rlim_max);
    getrlimit(RLIMIT_FSIZE, &l);
    printf("limit fsize %lu\n", (unsigned long)l.rlim_max);
    getrlimit(RLIMIT_NOFILE, &l);
    printf("limit nofile %lu\n", (unsigned long)l.rlim_max);
}

static int look(struct play *p)
{
    char path[PATH_MAX + 32], host[64];
    extern char **environ;
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    for (int fd = 0; fd < 256; fd++) {
        if (fcntl(fd, F_GETFD) >= 0)
            printf("fd %d\n", fd);
    }
    for (char **e = environ; *e != NULL; e++)
        printf("env %s\n", *e);
    printf("ids %u %u %u %u\n", getuid(), geteuid(), getgid(), getegid());
    printf("pids %d %d\n", getpid(), getppid());
    printf("nnp %d\n", prctl(PR_GET_NO_NEW_PRIVS, 0L, 0L, 0L, 0L));
    gethostname(host, sizeof host);
    printf("host %s\n", host);
    show_limits();
    show_status();
    printf("setuid 0: %s\n", setuid(0) == 0 ? "yes" : strerrorname_np(errno));
    printf("unshare user: %s\n", unshare(CLONE_NEWUSER) == 0 ? "yes" : strerrorname_np(errno));
    show_path("/etc/shadow", O_RDONLY);
    show_path("/etc/passwd", O_RDONLY);
    show_path("/root", O_RDONLY);
    show_path("/work", O_RDONLY);
    show_path("/usr/lib", O_RDONLY);
    show_path("/lib64/ld-linux-x86-64.so.2", O_RDONLY);
    show_path("/dev/null", O_RDWR);
    show_path("/dev/kmsg", O_RDONLY);
    show_path("/proc/1/environ", O_RDONLY);
    show_path("/proc/sys/kernel/hostname", O_RDONLY);
    show_path("/usr/new", O_WRONLY | O_CREAT);
    show_path("/new", O_WRONLY | O_CREAT);
    show_path("/tmp", O_RDONLY);
    show_path(p->m.setup.plugin_path, O_RDONLY);
    show_path(p->m.setup.plugin_path, O_WRONLY);
    snprintf(path, sizeof path, "%s/%u/new", p->m.setup.task_dir, p->m.setup.slot);
    show_path(path, O_WRONLY | O_CREAT);
    printf("end\n");
    return obey(p);
}

struct part {
    const char *name;
    int (*act)(struct play *p);
};

static const struct part parts[] = {
    {"obey", obey},
    {"spin", spin},
    {"flood", flood},
    {"litter", litter},
    {"hang", hang},
    {"exit-3", exit_three},
    {"exit-0", exit_well},
    {"memory-file", make_memory_file},
    {"die", die},
    {"refuse", refuse},
    {"refuse-ours", refuse_ours},
    {"threads", threads},
    {"ready-and-die", ready_and_die},
    {"die-after-one", die_after_one},
    {"name-first", name_first},
    {"name-self", name_self},
    {"name-parent", name_parent},
    {"name-nobody", name_nobody},
    {"name-twice", name_twice},
    {"extra-child", extra_child},
    {"extra-exit", extra_exit},
    {"name-late", name_late},
    {"silent", silent},
    {"cannot-fork", cannot_fork},
    {"ready-twice", ready_twice},
    {"fail-late", fail_late},
    {"garbage", garbage},
    {"unordered", unordered},
    {"look", look},
};

static int play_zygote(int channel)
{
    struct play *p = calloc(1, sizeof *p);
    size_t n_fds = 4;
    if (p == NULL)
        return 99;
    p->channel = channel;
    if (fd_recv_message(channel, &p->m, sizeof p->m, p->fds, &n_fds, 0) <= 0)
        return 98;
    if (strncmp(p->m.config, "name-pid-", strlen("name-pid-")) == 0)
        return name_pid(p);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (strcmp(p->m.config, parts[i].name) == 0)
            return parts[i].act(p);
    }
    return 97;
}

int main(int argc, char **argv)
{
    int64_t fd = -1;
    fault_setup();
    if (argc != 3 || text_parse_i64(argv[2], &fd) < 0)
        return 2;
    return strcmp(argv[1], "warden") == 0 ? warden_main((int)fd) : play_zygote((int)fd);
}
