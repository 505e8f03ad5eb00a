/* walls_filter.c: what the two filters answer to system calls, asked of the kernel: each call is
 * made by a child that has loaded the zygote's filter, or both. */
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/extra_calls.h"
#include "sandbox/confine.h"
#include "sandbox/filter.h"
#include "walls_kit.h"

/* Answers beside an errno. */
enum { PASSES = 0, TRAPS = -SIGSYS };

/* The call is made with arguments that the kernel itself refuses, in another way than a filter, or
 * that are harmless. */
struct ask {
    const char *name;
    uint32_t rights;
    int zygote, task;
    long number;
    long args[4];
    const char *extra; /* named by extra_syscalls */
};

#define ASK(rights, zygote, task, name, extra, ...)                                                \
    {                                                                                              \
#name, (rights), (zygote), (task), SYS_##name, {__VA_ARGS__ }, (extra)                     \
    }
#define CALL(zygote, task, name, ...) ASK(0, zygote, task, name, NULL, __VA_ARGS__)
#define NET(zygote, task, name, ...)  ASK(BOX_MAY_NETWORK, zygote, task, name, NULL, __VA_ARGS__)

#define GPU(answer, name, ...) ASK(BOX_MAY_GPU, answer, answer, name, NULL, __VA_ARGS__)
/* With the call itself among the extra ones. */
#define EXTRA(answer, name, ...) ASK(0, answer, answer, name, #name, __VA_ARGS__)

#define MPTCP 262

static const struct ask asks[] = {
    CALL(PASSES, PASSES, getpid, 0),
    CALL(PASSES, PASSES, prctl, PR_GET_NO_NEW_PRIVS),
    /* processes */
    CALL(EPERM, EPERM, clone, SIGCHLD),
    CALL(EPERM, EPERM, clone, CLONE_VM | CLONE_VFORK | SIGCHLD),
    CALL(EPERM, EPERM, clone, CLONE_NEWUSER | SIGCHLD),
    CALL(EPERM, EPERM, clone, CLONE_NEWUSER | CLONE_NEWNS | SIGCHLD),
    CALL(TRAPS, TRAPS, clone, CLONE_PARENT | SIGCHLD),
    CALL(TRAPS, TRAPS, clone, TASK_CLONE_FLAGS | CLONE_NEWPID),
    CALL(TRAPS, TRAPS, clone, CLONE_THREAD | CLONE_NEWNS),
    CALL(EINVAL, EINVAL, clone, CLONE_THREAD), /* a thread: only its flags are incomplete */
    CALL(ENOSYS, ENOSYS, clone3, 0, 0),
#ifdef SYS_fork
    CALL(EPERM, EPERM, fork, 0),
    CALL(EPERM, EPERM, vfork, 0),
#endif
    CALL(EPERM, EPERM, execve, 0),
    CALL(EPERM, EPERM, execveat, -1),
    CALL(EPERM, EPERM, kill, 1, 0),
    CALL(EPERM, EPERM, tkill, 1, 0),
    CALL(EPERM, EPERM, wait4, -1, 0, WNOHANG),
    CALL(EPERM, EPERM, setsid, 0),
    CALL(PASSES, TRAPS, unshare, CLONE_THREAD),
    CALL(TRAPS, TRAPS, unshare, CLONE_NEWUSER),
    CALL(TRAPS, TRAPS, unshare, CLONE_THREAD | CLONE_NEWUSER),
    /* limits and process settings */
    CALL(PASSES, PASSES, prlimit64, 0, 0, 0, 0),
    CALL(EFAULT, EPERM, prlimit64, 0, 0, 1, 0),
    CALL(TRAPS, TRAPS, prlimit64, 1, 0, 0, 0),
    CALL(EFAULT, EFAULT, prctl, PR_SET_NAME, 1),
    CALL(PASSES, EPERM, prctl, PR_SET_DUMPABLE, 0),
    CALL(EPERM, EPERM, prctl, PR_SET_DUMPABLE, 1),
    CALL(PASSES, EPERM, prctl, PR_SET_PDEATHSIG, 9),
    CALL(EPERM, EPERM, prctl, PR_SET_PDEATHSIG, 0),
    CALL(EFAULT, EFAULT, sched_setaffinity, 0, 8, 1),
    CALL(EPERM, EPERM, sched_setaffinity, 1, 8, 1),
    CALL(EBADF, EBADF, fcntl, -1, F_GETFL),
    CALL(EBADF, EBADF, fcntl, -1, F_SETLK, 0),
    CALL(EPERM, EPERM, fcntl, -1, F_SETOWN, 1),
    CALL(EPERM, EPERM, fcntl, -1, F_SETSIG, 9),
    CALL(EPERM, EPERM, fcntl, -1, F_SETLEASE, 0),
    CALL(EPERM, EPERM, fcntl, -1, F_NOTIFY, 0),
    CALL(TRAPS, TRAPS, fcntl, -1, 99),
    CALL(PASSES, PASSES, flock, -1, 2),
    CALL(PASSES, PASSES, chmod, 0, 0),
    CALL(PASSES, PASSES, fchmod, -1, 0),
    CALL(PASSES, PASSES, utimensat, -1, 0, 0, 0),
    CALL(TRAPS, TRAPS, prctl, PR_SET_SECCOMP, 1),
    CALL(TRAPS, TRAPS, prctl, PR_SET_MM, 0),
    CALL(TRAPS, TRAPS, prctl, PR_SET_PTRACER, 1),
    CALL(EPERM, EPERM, sched_setscheduler, 0, 0, 0),
    CALL(EPERM, EPERM, setpriority, 0, 0, 0),
    CALL(EFAULT, TRAPS, seccomp, 1, 0, 0),
    CALL(EINVAL, TRAPS, landlock_create_ruleset, 0, 0, 8),
    CALL(EINVAL, ENOSYS, close_range, 9, 8, 0),
    /* memory */
    CALL(EPERM, EPERM, memfd_create, 0, 0),
    {"memfd_create", BOX_MAY_JIT, EFAULT, EFAULT, SYS_memfd_create, {0, 0}, NULL},
    CALL(EPERM, EPERM, shmget, 0, 0, 0),
    CALL(EPERM, EPERM, mlock, 0, 0),
    CALL(EPERM, EPERM, mbind, 0, 0, 0, 0),
    /* sockets */
    CALL(EPERM, EPERM, socket, AF_INET, SOCK_STREAM, 0),
    CALL(EPERM, EPERM, socket, AF_UNIX, SOCK_STREAM, 0),
    CALL(EPERM, EPERM, socket, AF_VSOCK, SOCK_STREAM, 0),
    CALL(EPERM, EPERM, socketpair, AF_UNIX, SOCK_STREAM, 0, 1),
    CALL(EPERM, EPERM, connect, -1),
    CALL(EPERM, EPERM, bind, -1),
    CALL(EBADF, EPERM, sendmsg, -1),
    CALL(EBADF, EPERM, recvmsg, -1),
    NET(PASSES, PASSES, socket, AF_INET, SOCK_STREAM, 0),
    NET(PASSES, PASSES, socket, AF_INET6, SOCK_DGRAM, IPPROTO_UDP),
    NET(PASSES, PASSES, socket, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE),
    NET(EPERM, EPERM, socket, AF_INET, SOCK_STREAM, MPTCP),
    NET(EPERM, EPERM, socket, AF_INET6, SOCK_STREAM, MPTCP),
    NET(EPERM, EPERM, socket, AF_INET, SOCK_STREAM, MPTCP + (1L << 32)),
    NET(TRAPS, TRAPS, socket, AF_INET, SOCK_STREAM, IPPROTO_SCTP),
    NET(TRAPS, TRAPS, socket, AF_NETLINK, SOCK_RAW, NETLINK_AUDIT),
    NET(TRAPS, TRAPS, socket, AF_VSOCK, SOCK_STREAM, 0),
    NET(TRAPS, TRAPS, socket, AF_PACKET, SOCK_RAW, 0),
    NET(TRAPS, TRAPS, socket, AF_ALG, SOCK_SEQPACKET, 0),
    NET(EBADF, EBADF, connect, -1),
    NET(EBADF, EBADF, sendmsg, -1),
    NET(EPERM, EPERM, bind, -1),
    NET(EPERM, EPERM, listen, -1),
    NET(EPERM, EPERM, accept4, -1),
    /* device requests */
    CALL(EBADF, EBADF, ioctl, -1, TCGETS),
    CALL(EBADF, EBADF, ioctl, -1, FIONREAD),
    CALL(EPERM, EPERM, ioctl, -1, TIOCGWINSZ),
    CALL(TRAPS, TRAPS, ioctl, -1, TIOCSTI),
    CALL(TRAPS, TRAPS, ioctl, -1, 0x7777),
    GPU(EBADF, ioctl, -1, 0xc0384627), /* a driver's own */
    GPU(EPERM, socket, AF_INET, SOCK_STREAM, 0),
    GPU(EPERM, memfd_create, 0, 0),
    /* extra_syscalls, each of the catalogue */
    EXTRA(EFAULT, getxattr, 0, 0),
    EXTRA(EFAULT, lgetxattr, 0, 0),
    EXTRA(EFAULT, fgetxattr, -1, 0),
    EXTRA(EFAULT, listxattr, 0),
    EXTRA(EFAULT, llistxattr, 0),
    EXTRA(EBADF, flistxattr, -1),
    EXTRA(EINVAL, mincore, 1, 1, 0),
    EXTRA(EINVAL, pkey_alloc, 1, 0),
    EXTRA(EINVAL, pkey_free, 1000),
    EXTRA(EINVAL, pkey_mprotect, 1, 1, 0, 1000),
    EXTRA(EINVAL, mbind, 1, 1, 1000, 0),
    EXTRA(EINVAL, set_mempolicy, 1000, 0, 0),
    {"set_mempolicy_home_node", 0, EINVAL, EINVAL, 450, {1, 0, 0, 1}, "set_mempolicy_home_node"},
    EXTRA(EFAULT, memfd_create, 0, 0),
#ifdef SYS_inotify_init
    EXTRA(PASSES, inotify_init, 0),
#endif
    EXTRA(EINVAL, inotify_init1, 1),
    EXTRA(EBADF, inotify_add_watch, -1, 0, 1),
    EXTRA(EBADF, inotify_rm_watch, -1, 0),
    EXTRA(EFAULT, socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, 1),
    EXTRA(EFAULT, socketpair, AF_UNIX, SOCK_SEQPACKET, 0, 1),
    EXTRA(TRAPS, socketpair, AF_UNIX, SOCK_DGRAM, 0, 1),
    EXTRA(TRAPS, socketpair, AF_INET, SOCK_STREAM, 0, 1),
    EXTRA(EBADF, sendto, -1, 0, 0),
    EXTRA(EBADF, sendmsg, -1, 0),
    EXTRA(EBADF, sendmmsg, -1, 0),
    EXTRA(EBADF, recvfrom, -1, 0, 0),
    EXTRA(EBADF, recvmsg, -1, 0),
    EXTRA(EBADF, recvmmsg, -1, 0),
    EXTRA(EBADF, getsockname, -1),
    EXTRA(EBADF, getpeername, -1),
    EXTRA(EBADF, getsockopt, -1),
    EXTRA(EBADF, shutdown, -1),
    EXTRA(PASSES, splice, -1, 0, -1), /* nothing, from nowhere */
    EXTRA(EBADF, tee, -1, -1, 1),
    {"futex_waitv", 0, EINVAL, EINVAL, 449, {0, 0, 0, 0}, "futex_waitv"},
    {"a neighbour of an extra one", 0, EPERM, EPERM, SYS_mlock, {0, 0}, "memfd_create"},
    /* said not to exist */
    CALL(ENOSYS, ENOSYS, io_uring_setup, 0, 0),
    CALL(ENOSYS, ENOSYS, io_setup, 0, 0),
    {"statmount", 0, ENOSYS, ENOSYS, 457, {0}, NULL},
    {"fchmodat2", 0, PASSES, PASSES, 452, {-1, (long)"x", 0, 0}, NULL},
    /* what no pipeline calls */
    CALL(TRAPS, TRAPS, ptrace, 0),
    CALL(TRAPS, TRAPS, process_vm_readv, 1),
    CALL(TRAPS, TRAPS, process_vm_writev, 1),
    CALL(TRAPS, TRAPS, pidfd_getfd, -1),
    CALL(TRAPS, TRAPS, pidfd_send_signal, -1),
    CALL(TRAPS, TRAPS, mount, 0),
    CALL(TRAPS, TRAPS, umount2, 0),
    CALL(TRAPS, TRAPS, move_mount, -1),
    CALL(TRAPS, TRAPS, open_tree, -1),
    CALL(TRAPS, TRAPS, fsopen, 0),
    CALL(TRAPS, TRAPS, mount_setattr, -1),
    CALL(TRAPS, TRAPS, pivot_root, 0),
    CALL(TRAPS, TRAPS, chroot, 0),
    CALL(TRAPS, TRAPS, setns, -1),
    CALL(TRAPS, TRAPS, bpf, 0),
    CALL(TRAPS, TRAPS, perf_event_open, 0),
    CALL(TRAPS, TRAPS, keyctl, KEYCTL_GET_KEYRING_ID),
    CALL(TRAPS, TRAPS, add_key, 0),
    CALL(TRAPS, TRAPS, request_key, 0),
    CALL(TRAPS, TRAPS, userfaultfd, 0),
    CALL(TRAPS, TRAPS, kexec_load, 0),
    CALL(TRAPS, TRAPS, init_module, 0),
    CALL(TRAPS, TRAPS, delete_module, 0),
    CALL(TRAPS, TRAPS, reboot, 0),
    CALL(TRAPS, TRAPS, swapon, 0),
    CALL(TRAPS, TRAPS, acct, 0),
    CALL(TRAPS, TRAPS, quotactl, 0),
    CALL(TRAPS, TRAPS, open_by_handle_at, -1),
    CALL(TRAPS, TRAPS, name_to_handle_at, -1),
    CALL(TRAPS, TRAPS, personality, 0),
    CALL(TRAPS, TRAPS, setuid, 0),
    CALL(TRAPS, TRAPS, setresgid, 0, 0, 0),
    CALL(TRAPS, TRAPS, setgroups, 0),
    CALL(TRAPS, TRAPS, capset, 0),
    CALL(TRAPS, TRAPS, clock_settime, 0),
    CALL(TRAPS, TRAPS, adjtimex, 0),
    CALL(TRAPS, TRAPS, settimeofday, 0),
    CALL(TRAPS, TRAPS, mknodat, -1),
    CALL(TRAPS, TRAPS, rt_sigqueueinfo, 1),
    CALL(TRAPS, TRAPS, rt_tgsigqueueinfo, 1),
    CALL(TRAPS, TRAPS, fanotify_init, 0),
    CALL(TRAPS, TRAPS, vhangup, 0),
    CALL(TRAPS, TRAPS, syslog, 0),
    CALL(TRAPS, TRAPS, sethostname, 0),
    {"a call of the future", 0, TRAPS, TRAPS, 900, {0}, NULL},
#ifdef __x86_64__
    CALL(TRAPS, TRAPS, modify_ldt, 0),
    CALL(TRAPS, TRAPS, ioperm, 0),
    CALL(TRAPS, TRAPS, iopl, 0),
    {"the x32 entry", 0, TRAPS, TRAPS, 0x40000000 + SYS_getpid, {0}, NULL},
#endif
};

static int build(enum filter_kind kind, uint32_t rights, uint64_t extra_calls)
{
    const struct filter_key key = {.kind = kind, .rights = rights, .extra_calls = extra_calls};
    return filter_build(&key);
}

/* In the child: the status tells the answer. */
static void make_call(const struct ask *a, int zygote_fd, int task_fd)
{
    signal(SIGSYS, SIG_DFL);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) < 0 || confine_load_filter(zygote_fd) < 0 ||
        (task_fd >= 0 && confine_load_filter(task_fd) < 0))
        _exit(254);
    errno = 0;
    const long rc = syscall(a->number, a->args[0], a->args[1], a->args[2], a->args[3], 0L, 0L);
    _exit(rc < 0 ? errno : 0);
}

static int answer_of(const struct ask *a, bool is_task)
{
    const uint64_t extra = a->extra != NULL ? extra_call_bit(a->extra) : 0;
    int zygote_fd = build(FILTER_ZYGOTE, a->rights, extra);
    int task_fd = is_task ? build(FILTER_TASK, a->rights, extra) : -1;
    int status;
    assert_true(zygote_fd >= 0 && (task_fd >= 0 || !is_task));
    const pid_t pid = fork();
    if (pid == 0)
        make_call(a, zygote_fd, task_fd);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    close(zygote_fd);
    if (task_fd >= 0)
        close(task_fd);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++) {
        const struct ask *a = &asks[i];
        const int zygote = answer_of(a, false), task = answer_of(a, true);
        if (zygote != a->zygote || task != a->task)
            fail_msg("%s(%ld, %ld, %ld): zygote %d, wanted %d; task %d, wanted %d", a->name,
                     a->args[0], a->args[1], a->args[2], zygote, a->zygote, task, a->task);
    }
}

/* ---- learn mode ---- */

static enum filter_answer as_answer(int seen)
{
    return seen == TRAPS    ? ANSWER_TRAP
           : seen == EPERM  ? ANSWER_EPERM
           : seen == ENOSYS ? ANSWER_ENOSYS
                            : ANSWER_ALLOW;
}

static enum filter_answer judged(const struct ask *a, enum filter_kind kind)
{
    const uint64_t args[6] = {(uint64_t)a->args[0], (uint64_t)a->args[1], (uint64_t)a->args[2],
                              (uint64_t)a->args[3]};
    const struct filter_key key = {.kind = kind,
                                   .rights = a->rights,
                                   .extra_calls = a->extra != NULL ? extra_call_bit(a->extra) : 0};
    const enum filter_answer answer = filter_judge(&key, (int)a->number, args);
    return answer == ANSWER_NOTHING ? ANSWER_ALLOW : answer; /* no error, either way */
}

/* An answer that nothing was done looks like success. */
static bool is_as_seen(enum filter_answer answer, int seen)
{
    return answer == ANSWER_NOTHING ? seen == PASSES : answer == as_answer(seen);
}

/* Whoever supervises learn mode looks answers up; they are those that the kernel gives. */
static void the_judge_says_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++) {
        const struct ask *a = &asks[i];
        if (!is_as_seen(judged(a, FILTER_ZYGOTE), a->zygote) ||
            !is_as_seen(judged(a, FILTER_TASK), a->task))
            fail_msg("%s(%ld, %ld, %ld): judged %d, %d", a->name, a->args[0], a->args[1],
                     a->args[2], judged(a, FILTER_ZYGOTE), judged(a, FILTER_TASK));
    }
}

static int answer_unsupervised(const struct ask *a)
{
    const struct filter_key key = {.rights = a->rights,
                                   .extra_calls = a->extra != NULL ? extra_call_bit(a->extra) : 0,
                                   .is_learning = true};
    int filter = filter_build(&key), status;
    assert_true(filter >= 0);
    const pid_t pid = fork();
    if (pid == 0) {
        const int listener =
            prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) == 0 ? confine_load_listener(filter) : -1;
        if (listener < 0)
            _exit(254);
        close(listener);
        errno = 0;
        const long rc = syscall(a->number, a->args[0], a->args[1], a->args[2], a->args[3], 0L, 0L);
        _exit(rc < 0 ? errno : 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    close(filter);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* What a task may not do waits for the supervisor, and fails where there is none. */
static void nothing_is_let_through_unasked(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++) {
        const struct ask *a = &asks[i];
        const int seen = answer_unsupervised(a);
        const bool may_pass = as_answer(a->task) == ANSWER_ALLOW;
        if (seen != ENOSYS && seen != TRAPS && (!may_pass || seen != a->task))
            fail_msg("%s(%ld, %ld, %ld): %d", a->name, a->args[0], a->args[1], a->args[2], seen);
    }
}

#ifdef __x86_64__
static void run_int80(void)
{
    int zygote_fd = build(FILTER_ZYGOTE, 0, 0);
    long rc = 20;            /* getpid there */
    signal(SIGSYS, SIG_IGN); /* a kill cannot be caught */
    prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L);
    if (confine_load_filter(zygote_fd) < 0)
        _exit(1);
    __asm__ volatile("int $0x80" : "+a"(rc) : : "memory");
    _exit(2);
}

static void the_32_bit_entry_kills(void **state)
{
    int status;
    (void)state;
    const pid_t pid = fork();
    if (pid == 0)
        run_int80();
    assert_int_equal(waitpid(pid, &status, 0), pid);
    /* SIGSEGV: a kernel without that entry. */
    assert_true(WIFSIGNALED(status) && (WTERMSIG(status) == SIGSYS || WTERMSIG(status) == SIGSEGV));
}
#else
static void the_32_bit_entry_kills(void **state)
{
    (void)state;
    skip();
}
#endif

static volatile sig_atomic_t trapped; /* the number that the handler was told */

static void on_sigsys(int signo, siginfo_t *info, void *context)
{
    (void)signo;
    (void)context;
    trapped = info->si_syscall;
}

static void run_trap(void)
{
    const struct sigaction act = {.sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO};
    int zygote_fd = build(FILTER_ZYGOTE, 0, 0);
    int task_fd = build(FILTER_TASK, 0, 0);
    sigaction(SIGSYS, &act, NULL);
    prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L);
    if (confine_load_filter(zygote_fd) < 0 || confine_load_filter(task_fd) < 0)
        _exit(1);
    syscall(SYS_ptrace, 0L, 0L, 0L, 0L);
    _exit(trapped == SYS_ptrace ? 0 : 2);
}

/* The handler learns which call it was: that is what a verdict names. */
static void a_trap_names_its_call(void **state)
{
    int status;
    (void)state;
    const pid_t pid = fork();
    if (pid == 0)
        run_trap();
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void run_clone(void)
{
    int zygote_fd = build(FILTER_ZYGOTE, 0, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L);
    if (confine_load_filter(zygote_fd) < 0)
        _exit(1);
    const long pid = syscall(SYS_clone, TASK_CLONE_FLAGS, 0L, 0L, 0L, 0L);
    _exit(pid == 0 ? 7 : pid < 0 ? 1 : 0);
}

/* The one word of flags a task begins with: its parent is ours, and it reaps both. */
static void a_zygote_clones_siblings(void **state)
{
    int n = 0, sum = 0, status;
    (void)state;
    const pid_t pid = fork();
    if (pid == 0)
        run_clone();
    while (waitpid(-1, &status, 0) > 0) {
        assert_true(WIFEXITED(status));
        sum += WEXITSTATUS(status);
        n++;
    }
    assert_int_equal(n, 2);
    assert_int_equal(sum, 7);
}

static void *in_thread(void *arg)
{
    (void)arg;
    return NULL;
}

static void run_threads(void)
{
    int zygote_fd = build(FILTER_ZYGOTE, 0, 0);
    int task_fd = build(FILTER_TASK, 0, 0);
    pthread_t threads[4];
    prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L);
    if (confine_load_filter(zygote_fd) < 0 || confine_load_filter(task_fd) < 0)
        _exit(1);
    for (int i = 0; i < 4; i++) {
        if (pthread_create(&threads[i], NULL, in_thread, NULL) != 0)
            _exit(2);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    _exit(0);
}

/* clone3 does not exist there; the C library falls back. */
static void threads_can_start(void **state)
{
    int status;
    (void)state;
    const pid_t pid = fork();
    if (pid == 0)
        run_threads();
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void filters_cannot_be_changed(void **state)
{
    int fd = build(FILTER_TASK, 0, 0);
    (void)state;
    assert_int_equal(fcntl(fd, F_GET_SEALS),
                     F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
    assert_int_equal(write(fd, "x", 1), -1);
    close(fd);
}

static void a_filter_of_another_length(void **state)
{
    int fd = memfd_create("filter", MFD_CLOEXEC);
    (void)state;
    assert_int_equal(confine_load_filter(fd), 0); /* none */
    assert_int_equal(write(fd, "12345", 5), 5);
    assert_int_equal(confine_load_filter(fd), -1);
    assert_int_equal(errno, EINVAL);
    close(fd);
}

/* A call that a test has forgotten is one that nobody has looked at. */
static void each_extra_call_is_asked(void **state)
{
    (void)state;
    for (size_t i = 0; extra_call_name(i) != NULL; i++) {
        bool is_asked = false;
        for (size_t k = 0; k < sizeof asks / sizeof *asks; k++)
            is_asked = is_asked ||
                       (asks[k].extra != NULL && strcmp(asks[k].name, extra_call_name(i)) == 0);
        if (!is_asked)
            fail_msg("%s", extra_call_name(i));
    }
    assert_int_equal(extra_call_bit("ptrace"), 0);
}

/* Rights that no profile has together too: the rows of each must not contradict the others'. */
static void all_filters_can_be_built(void **state)
{
    (void)state;
    for (uint32_t rights = 0; rights < BOX_RIGHTS_ALL; rights++) {
        for (int kind = 0; kind < FILTER_KINDS; kind++) {
            for (int extra = 0; extra < 2; extra++) {
                int fd = build((enum filter_kind)kind, rights, extra ? UINT64_MAX : 0);
                if (fd < 0)
                    fail_msg("kind %d, rights %u, extra %d: %s", kind, rights, extra,
                             strerror(errno));
                close(fd);
            }
        }
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_extra_call_is_asked),
        cmocka_unit_test(all_filters_can_be_built),
        cmocka_unit_test(answers),
        cmocka_unit_test(the_judge_says_the_same),
        cmocka_unit_test(nothing_is_let_through_unasked),
        cmocka_unit_test(the_32_bit_entry_kills),
        cmocka_unit_test(a_trap_names_its_call),
        cmocka_unit_test(a_zygote_clones_siblings),
        cmocka_unit_test(threads_can_start),
        cmocka_unit_test(filters_cannot_be_changed),
        cmocka_unit_test(a_filter_of_another_length),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
