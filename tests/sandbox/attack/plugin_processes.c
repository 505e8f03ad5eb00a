/* plugin_processes.c: TEST PLUGIN, bad on purpose: making processes, and reaching others. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attack.h"
#include "sandbox/filter.h"

enum { BOMB = 64, CHILD_LIVES_S = 5, PIDS = 5000 };

/* ---- new processes ---- */

static const char *end_child(pid_t pid)
{
    const char *got = attack_answer(pid);
    if (pid > 0)
        waitpid(pid, NULL, 0);
    return got;
}

static const char *by_fork(const struct attack_call *call)
{
    const pid_t pid = fork();
    (void)call;
    if (pid == 0)
        _exit(0);
    return end_child(pid);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
static const char *by_vfork(const struct attack_call *call)
{
    const pid_t pid = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork) */
    (void)call;
    if (pid == 0)
        _exit(0);
    return end_child(pid);
}
#pragma GCC diagnostic pop

struct clone_word {
    const char *name;
    unsigned long flags;
};

static const struct clone_word words[] = {
    {"plain", SIGCHLD},
    {"parent", CLONE_PARENT | SIGCHLD},
    {"ordered", TASK_CLONE_FLAGS},
    {"untraced", CLONE_UNTRACED | SIGCHLD},
    {"user", CLONE_NEWUSER | SIGCHLD},
    {"net", CLONE_NEWNET | SIGCHLD},
    {"thread-user", CLONE_THREAD | CLONE_SIGHAND | CLONE_VM | CLONE_NEWUSER},
};

static unsigned long flags_of(const char *name)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(words[i].name, name) == 0)
            return words[i].flags;
    }
    return 0;
}

static const char *by_clone(const struct attack_call *call)
{
    const unsigned long flags = flags_of(call->argument);
    const pid_t pid = (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
    if (pid == 0) {
        /* One that the warden did not order has to be found, so it does not end by itself. */
        alarm(CHILD_LIVES_S);
        for (int i = 0; (flags & CLONE_PARENT) != 0 && i < CHILD_LIVES_S; i++)
            pause();
        _exit(0);
    }
    return (flags & CLONE_PARENT) != 0 ? attack_answer(pid) : end_child(pid);
}

static const char *by_clone3(const struct attack_call *call)
{
    uint64_t args[11] = {[4] = SIGCHLD}; /* struct clone_args: exit_signal */
    const pid_t pid = (pid_t)syscall(SYS_clone3, args, sizeof args);
    (void)call;
    if (pid == 0)
        _exit(0);
    return end_child(pid);
}

static const char *bomb(const struct attack_call *call)
{
    const char *got = "done";
    pid_t children[BOMB];
    int n = 0;
    (void)call;
    while (n < BOMB) {
        const pid_t pid = fork();
        if (pid == 0) {
            alarm(CHILD_LIVES_S);
            pause();
            _exit(0);
        }
        if (pid < 0)
            break;
        children[n++] = pid;
    }
    if (n < BOMB)
        got = attack_answer(-1);
    for (int i = 0; i < n; i++) {
        kill(children[i], SIGKILL);
        waitpid(children[i], NULL, 0);
    }
    return n == 0 ? got : "done";
}

/* Out of the session and of the family; it would live for some seconds after its task. */
static const char *daemonise(const struct attack_call *call)
{
    const pid_t pid = fork();
    (void)call;
    if (pid == 0) {
        setsid();
        if (fork() == 0) {
            alarm(CHILD_LIVES_S);
            pause();
        }
        _exit(0);
    }
    return end_child(pid);
}

static char *const no_words[] = {(char[]){"true"}, NULL};
static char *const no_environment[] = {NULL};

static const char *exec_path(const struct attack_call *call)
{
    return attack_answer(execve(call->argument, no_words, no_environment));
}

static const char *exec_at(const struct attack_call *call)
{
    const int fd = open("/usr/bin/true", O_RDONLY | O_CLOEXEC);
    (void)call;
    return attack_answer(syscall(SYS_execveat, fd, "", no_words, no_environment, AT_EMPTY_PATH));
}

static int copy_program(int to)
{
    char bytes[65536];
    ssize_t n;
    const int from = open("/usr/bin/true", O_RDONLY | O_CLOEXEC);
    while ((n = read(from, bytes, sizeof bytes)) > 0) {
        if (write(to, bytes, (size_t)n) != n)
            break;
    }
    close(from);
    return n == 0 ? 0 : -1;
}

static const char *exec_memfd(const struct attack_call *call)
{
    const int fd = (int)syscall(SYS_memfd_create, "program", 0);
    (void)call;
    if (fd < 0 || copy_program(fd) < 0)
        return attack_answer(-1);
    return attack_answer(fexecve(fd, no_words, no_environment));
}

static const char *exec_dropped(const struct attack_call *call)
{
    const char *path = attack_own_path("program");
    const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
    (void)call;
    if (fd < 0 || copy_program(fd) < 0)
        return attack_answer(-1);
    close(fd);
    return attack_answer(execve(path, no_words, no_environment));
}

/* ---- others ---- */

/* "parent": the warden, or for a forked task the warden too; "zygote": who loaded the plugin. */
static pid_t target_of(const struct attack_call *call)
{
    return strcmp(call->argument, "zygote") == 0 ? call->memory->zygote : getppid();
}

static const char *trace(const struct attack_call *call)
{
    const pid_t pid = target_of(call);
    const long rc = ptrace(PTRACE_SEIZE, pid, NULL, NULL);
    if (rc == 0)
        ptrace(PTRACE_DETACH, pid, NULL, NULL);
    return attack_answer(rc);
}

static const char *read_memory(const struct attack_call *call)
{
    static char mine[16];
    const struct iovec local = {mine, sizeof mine};
    const struct iovec remote = {(void *)(uintptr_t)call->memory, sizeof mine};
    return attack_answer(process_vm_readv(target_of(call), &local, 1, &remote, 1, 0));
}

static const char *write_memory(const struct attack_call *call)
{
    static char mine[1];
    const struct iovec local = {mine, sizeof mine};
    const struct iovec remote = {mine, sizeof mine};
    return attack_answer(process_vm_writev(target_of(call), &local, 1, &remote, 1, 0));
}

static const char *hold(const struct attack_call *call)
{
    const long fd = syscall(SYS_pidfd_open, target_of(call), 0);
    if (fd >= 0)
        close((int)fd);
    return attack_answer(fd);
}

static const char *take_descriptor(const struct attack_call *call)
{
    const long fd = syscall(SYS_pidfd_open, target_of(call), 0);
    const char *got = attack_answer(syscall(SYS_pidfd_getfd, (int)fd, 3, 0));
    if (fd >= 0)
        close((int)fd);
    return got;
}

/* SIGCONT does nothing to who is not stopped. */
static const char *by_kill(const struct attack_call *call)
{
    return attack_answer(kill(target_of(call), SIGCONT));
}

/* Signal 0 to everybody: whether it could. */
static const char *kill_all(const struct attack_call *call)
{
    (void)call;
    return attack_answer(kill(-1, 0));
}

static const char *by_tgkill(const struct attack_call *call)
{
    const pid_t pid = target_of(call);
    return attack_answer(syscall(SYS_tgkill, pid, pid, SIGCONT));
}

static const char *by_tkill(const struct attack_call *call)
{
    return attack_answer(syscall(SYS_tkill, target_of(call), SIGCONT));
}

static const char *by_sigqueue(const struct attack_call *call)
{
    const union sigval nothing = {.sival_int = 0};
    return attack_answer(sigqueue(target_of(call), SIGCONT, nothing));
}

static const char *by_pidfd(const struct attack_call *call)
{
    const long fd = syscall(SYS_pidfd_open, target_of(call), 0);
    const char *got = attack_answer(syscall(SYS_pidfd_send_signal, (int)fd, SIGCONT, NULL, 0));
    if (fd >= 0)
        close((int)fd);
    return got;
}

/* The kernel sends the signal for us, when the pipe has something to read. */
static const char *by_sigio(const struct attack_call *call)
{
    int ends[2];
    if (pipe(ends) < 0)
        return attack_answer(-1);
    long rc = fcntl(ends[0], F_SETOWN, target_of(call));
    if (rc == 0)
        rc = fcntl(ends[0], F_SETSIG, SIGCONT);
    if (rc == 0)
        rc = fcntl(ends[0], F_SETFL, O_ASYNC | O_NONBLOCK);
    const char *got = attack_answer(rc);
    close(ends[0]);
    close(ends[1]);
    return got;
}

/* How many processes there are, by a call that tells it without /proc. */
static const char *scan(const struct attack_call *call)
{
    int n = 0;
    (void)call;
    for (pid_t pid = 1; pid < PIDS; pid++)
        n += getpgid(pid) >= 0;
    return n <= 2 + BOMB / 4 && getpgid(1) >= 0 && getpid() < PIDS ? "own" : "others";
}

/* Onto the processors that it may use already. */
static const char *pin(const struct attack_call *call)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) < 0)
        return attack_answer(-1);
    return attack_answer(sched_setaffinity(target_of(call), sizeof set, &set));
}

static const char *renice(const struct attack_call *call)
{
    return attack_answer(setpriority(PRIO_PROCESS, (id_t)target_of(call), 19));
}

static const char *limit(const struct attack_call *call)
{
    struct rlimit now;
    return attack_answer(prlimit(target_of(call), RLIMIT_NOFILE, NULL, &now));
}

const struct attack attacks_on_processes[] = {
    {"fork", by_fork, NULL},
    {"vfork", by_vfork, NULL},
    {"clone_plain", by_clone, "plain"},
    {"clone_parent", by_clone, "parent"},
    {"clone_ordered", by_clone, "ordered"},
    {"clone_untraced", by_clone, "untraced"},
    {"clone_user", by_clone, "user"},
    {"clone_net", by_clone, "net"},
    {"clone_thread_user", by_clone, "thread-user"},
    {"clone3", by_clone3, NULL},
    {"bomb", bomb, NULL},
    {"daemon", daemonise, NULL},
    {"exec_path", exec_path, "/usr/bin/env"},
    {"exec_at", exec_at, NULL},
    {"exec_memfd", exec_memfd, NULL},
    {"exec_dropped", exec_dropped, NULL},
    {"trace_parent", trace, "parent"},
    {"trace_zygote", trace, "zygote"},
    {"read_memory_parent", read_memory, "parent"},
    {"read_memory_zygote", read_memory, "zygote"},
    {"write_memory_parent", write_memory, "parent"},
    {"write_memory_zygote", write_memory, "zygote"},
    {"pidfd_parent", hold, "parent"},
    {"getfd_parent", take_descriptor, "parent"},
    {"getfd_zygote", take_descriptor, "zygote"},
    {"kill_parent", by_kill, "parent"},
    {"kill_zygote", by_kill, "zygote"},
    {"kill_all", kill_all, NULL},
    {"tgkill_parent", by_tgkill, "parent"},
    {"tgkill_zygote", by_tgkill, "zygote"},
    {"tkill_zygote", by_tkill, "zygote"},
    {"sigqueue_parent", by_sigqueue, "parent"},
    {"pidfd_signal_parent", by_pidfd, "parent"},
    {"sigio_parent", by_sigio, "parent"},
    {"sigio_zygote", by_sigio, "zygote"},
    {"scan_pids", scan, NULL},
    {"pin_parent", pin, "parent"},
    {"renice_parent", renice, "parent"},
    {"limit_parent", limit, "parent"},
    {NULL, NULL, NULL},
};
