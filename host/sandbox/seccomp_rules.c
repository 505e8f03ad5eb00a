/*
 * seccomp_rules.c: the system calls of a box whose arguments do not matter, by reason; the
 * others stand in seccomp_cases.c. Read by the launcher when it builds
 * filters.
 *
 * Allowed: what numpy with OpenBLAS, htslib, libvips and curl call, measured with strace, and their
 * near relatives. Answered EPERM or ENOSYS: what ordinary libraries try and can do without.
 * Everything else is trapped, above all: ptrace, process_vm_*, pidfd_getfd, mount and its family,
 * chroot, setns, unshare, bpf, perf_event_open, keyctl, userfaultfd, kexec, modules, reboot, swap,
 * open_by_handle_at, personality, set*id, capset, clock_settime, mknod, seccomp, landlock_*,
 * rt_sigqueueinfo, modify_ldt, fanotify. A call of an architecture that is not the box's own kills
 * at once.
 *
 * Column one is the zygote's filter (plugin code runs under it in constructors and open), column
 * two the task's.
 */
#include "sandbox/seccomp_rules.h"

#include "sandbox/chan.h"

#define ALLOW   ANSWER_ALLOW
#define EPERM_  ANSWER_EPERM
#define ENOSYS_ ANSWER_ENOSYS

/* What any C program calls. */
static const char *const core_calls[] = {"access",
                                         "arch_prctl",
                                         "brk",
                                         "chdir",
                                         "clock_getres",
                                         "clock_gettime",
                                         "clock_nanosleep",
                                         "close",
                                         "dup",
                                         "dup2",
                                         "dup3",
                                         "exit",
                                         "exit_group",
                                         "faccessat",
                                         "faccessat2",
                                         "fchdir",
                                         "fstat",
                                         "futex",
                                         "getcpu",
                                         "getcwd",
                                         "getdents",
                                         "getdents64",
                                         "getegid",
                                         "geteuid",
                                         "getgid",
                                         "getgroups",
                                         "getpgid",
                                         "getpgrp",
                                         "getpid",
                                         "getppid",
                                         "getpriority",
                                         "getrandom",
                                         "getresgid",
                                         "getresuid",
                                         "getrlimit",
                                         "getrusage",
                                         "getsid",
                                         "gettid",
                                         "gettimeofday",
                                         "getuid",
                                         "lseek",
                                         "lstat",
                                         "madvise",
                                         "membarrier",
                                         "mmap",
                                         "mprotect",
                                         "mremap",
                                         "msync",
                                         "munmap",
                                         "nanosleep",
                                         "newfstatat",
                                         "open",
                                         "openat",
                                         "openat2",
                                         "pread64",
                                         "preadv",
                                         "preadv2",
                                         "pwrite64",
                                         "pwritev",
                                         "pwritev2",
                                         "read",
                                         "readlink",
                                         "readlinkat",
                                         "readv",
                                         "restart_syscall",
                                         "rseq",
                                         "sched_get_priority_max",
                                         "sched_get_priority_min",
                                         "sched_getaffinity",
                                         "sched_getattr",
                                         "sched_getparam",
                                         "sched_getscheduler",
                                         "sched_rr_get_interval",
                                         "sched_yield",
                                         "set_robust_list",
                                         "set_tid_address",
                                         "stat",
                                         "statfs",
                                         "fstatfs",
                                         "statx",
                                         "sysinfo",
                                         "time",
                                         "times",
                                         "umask",
                                         "uname",
                                         "write",
                                         "writev",
                                         NULL};

/* Waiting and telling oneself: event loops, timers, signals to the own process. tgkill reaches no
 * other process: the pid namespace, Landlock's scope or confine_own_signals see to that. */
static const char *const event_calls[] = {"alarm",
                                          "epoll_create",
                                          "epoll_create1",
                                          "epoll_ctl",
                                          "epoll_pwait",
                                          "epoll_pwait2",
                                          "epoll_wait",
                                          "eventfd",
                                          "eventfd2",
                                          "getitimer",
                                          "pause",
                                          "pipe",
                                          "pipe2",
                                          "poll",
                                          "ppoll",
                                          "pselect6",
                                          "rt_sigaction",
                                          "rt_sigpending",
                                          "rt_sigprocmask",
                                          "rt_sigreturn",
                                          "rt_sigsuspend",
                                          "rt_sigtimedwait",
                                          "select",
                                          "setitimer",
                                          "sigaltstack",
                                          "signalfd",
                                          "signalfd4",
                                          "tgkill",
                                          "timer_create",
                                          "timer_delete",
                                          "timer_getoverrun",
                                          "timer_gettime",
                                          "timer_settime",
                                          "timerfd_create",
                                          "timerfd_gettime",
                                          "timerfd_settime",
                                          NULL};

/* Reading and writing files of one's own; where, the mounts and Landlock say. */
static const char *const file_calls[] = {
    "copy_file_range", "creat",     "fadvise64", "fallocate", "fdatasync",
    "fsync",           "ftruncate", "link",      "linkat",    "mkdir",
    "mkdirat",         "readahead", "rename",    "renameat",  "renameat2",
    "rmdir",           "sendfile",  "symlink",   "symlinkat", "sync_file_range",
    "truncate",        "unlink",    "unlinkat",  NULL};

/* Numerical libraries ask where memory lies; they shrug when they may not say so themselves. */
static const char *const placement_calls[] = {"get_mempolicy", NULL};

/* What libraries try and live without: other processes, priorities, shared memory by name,
 * attributes. */
static const char *const refused_calls[] = {"chown",
                                            "chown32",
                                            "execve",
                                            "execveat",
                                            "fchown",
                                            "fchownat",
                                            "fgetxattr",
                                            "flistxattr",
                                            "fork",
                                            "fremovexattr",
                                            "fsetxattr",
                                            "get_robust_list",
                                            "getxattr",
                                            "inotify_add_watch",
                                            "inotify_init",
                                            "inotify_init1",
                                            "inotify_rm_watch",
                                            "ioprio_get",
                                            "ioprio_set",
                                            "kill",
                                            "lchown",
                                            "lgetxattr",
                                            "listxattr",
                                            "llistxattr",
                                            "lremovexattr",
                                            "lsetxattr",
                                            "mbind",
                                            "migrate_pages",
                                            "mincore",
                                            "mlock",
                                            "mlock2",
                                            "mlockall",
                                            "move_pages",
                                            "mq_getsetattr",
                                            "mq_notify",
                                            "mq_open",
                                            "mq_timedreceive",
                                            "mq_timedsend",
                                            "mq_unlink",
                                            "msgctl",
                                            "msgget",
                                            "msgrcv",
                                            "msgsnd",
                                            "munlock",
                                            "munlockall",
                                            "pidfd_open",
                                            "pkey_alloc",
                                            "pkey_free",
                                            "pkey_mprotect",
                                            "remap_file_pages",
                                            "removexattr",
                                            "sched_setattr",
                                            "sched_setparam",
                                            "sched_setscheduler",
                                            "semctl",
                                            "semget",
                                            "semop",
                                            "semtimedop",
                                            "set_mempolicy",
                                            "setpgid",
                                            "setpriority",
                                            "setsid",
                                            "setxattr",
                                            "shmat",
                                            "shmctl",
                                            "shmdt",
                                            "shmget",
                                            "splice",
                                            "sync",
                                            "syncfs",
                                            "tee",
                                            "tkill",
                                            "vfork",
                                            "vmsplice",
                                            "wait4",
                                            "waitid",
                                            NULL};

/* Said not to exist. clone3 keeps its flags where no filter can see them, and glibc then takes
 * clone. */
static const char *const absent_calls[] = {"clone3",
                                           "futex_waitv",
                                           "io_cancel",
                                           "io_destroy",
                                           "io_getevents",
                                           "io_pgetevents",
                                           "io_setup",
                                           "io_submit",
                                           "io_uring_enter",
                                           "io_uring_register",
                                           "io_uring_setup",
                                           "memfd_secret",
                                           "process_madvise",
                                           "process_mrelease",
                                           "set_mempolicy_home_node",
                                           NULL};

/* Done without doing it. A lock of a whole file is for those who share it, and nobody shares a
 * task's own files; but on a file of the host it would hold others up. Modes and times are of no
 * use in a task's directory either, and Landlock does not watch them: where a box has neither a
 * user nor a root of its own, they would be changed on all files of the host's user. */
static const char *const empty_calls[] = {"chmod",     "fchmod", "fchmodat", "flock", "futimesat",
                                          "utimensat", "utime",  "utimes",   NULL};

/* What the zygote needs to prepare a task: limits, its last walls, closing what is not the task's.
 */
static const char *const preparing_calls[] = {"landlock_create_ruleset", "landlock_add_rule",
                                              "landlock_restrict_self", "seccomp", NULL};
static const char *const limiting_calls[] = {"setrlimit", NULL};
static const char *const closing_calls[] = {"close_range", NULL};

/* Memory without a name can be written and executed at once through two mappings, and counts under
 * no limit. */
static const char *const memfd_calls[] = {"memfd_create", NULL};

/* The zygote talks to the warden over a socket that it was given; a task needs read and write only.
 */
static const char *const message_calls[] = {"recvfrom", "recvmsg", "sendmsg", "sendto", NULL};
static const char *const socket_calls[] = {"connect",    "getpeername", "getsockname",
                                           "getsockopt", "recvmmsg",    "sendmmsg",
                                           "setsockopt", "shutdown",    NULL};
/* Nobody serves from a box. Landlock sees the port of TCP, but no other protocol's. */
static const char *const serving_calls[] = {"accept", "accept4", "bind", "listen", NULL};
/* A driver has hundreds of requests, and no list of them; Landlock and the mounts say which devices
 * there are to ask. */
static const char *const device_calls[] = {"ioctl", NULL};
static const char *const opening_calls[] = {"socket", "socketpair", NULL};

const struct filter_group filter_groups[] = {
    {ALLOW, ALLOW, 0, 0, core_calls},
    {ALLOW, ALLOW, 0, 0, event_calls},
    {ALLOW, ALLOW, 0, 0, file_calls},
    {ALLOW, ALLOW, 0, 0, placement_calls},
    {EPERM_, EPERM_, 0, 0, refused_calls},
    {ENOSYS_, ENOSYS_, 0, 0, absent_calls},
    {ANSWER_NOTHING, ANSWER_NOTHING, 0, 0, empty_calls},
    {ALLOW, ANSWER_TRAP, 0, 0, preparing_calls},
    {ALLOW, EPERM_, 0, 0, limiting_calls},
    {ALLOW, ENOSYS_, 0, 0, closing_calls},
    {EPERM_, EPERM_, 0, BOX_MAY_JIT, memfd_calls},
    {ALLOW, ALLOW, BOX_MAY_JIT, 0, memfd_calls},
    {ALLOW, EPERM_, 0, BOX_MAY_NETWORK, message_calls},
    {ALLOW, ALLOW, BOX_MAY_NETWORK, 0, message_calls},
    {EPERM_, EPERM_, 0, BOX_MAY_NETWORK, socket_calls},
    {ALLOW, ALLOW, BOX_MAY_NETWORK, 0, socket_calls},
    {EPERM_, EPERM_, 0, 0, serving_calls},
    {EPERM_, EPERM_, 0, BOX_MAY_NETWORK, opening_calls},
    {ALLOW, ALLOW, BOX_MAY_GPU, 0, device_calls},
};
const size_t filter_groups_count = sizeof filter_groups / sizeof *filter_groups;
