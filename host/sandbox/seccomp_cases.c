/* seccomp_cases.c: the system calls of a box whose arguments decide, and those the library does not
 * know by name. Column one is the zygote's answer, column two the task's. Read by the launcher when
 * it builds filters. */
#include "sandbox/seccomp_rules.h"

#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "sandbox/chan.h"
#include "sandbox/filter.h"

#define ALLOW   ANSWER_ALLOW
#define EPERM_  ANSWER_EPERM
#define ENOSYS_ ANSWER_ENOSYS

/* The kernel reads 32 bits of these arguments. */
#define INT_IS(i, v)                                                                               \
    {                                                                                              \
        COMPARE_IS, (i), 0xffffffffU, (uint32_t)(v)                                                \
    }
#define BITS_ARE(i, m, v)                                                                          \
    {                                                                                              \
        COMPARE_IS, (i), (m), (v)                                                                  \
    }

/* A new namespace in a clone() would be a new kernel for a plugin to attack. */
#define CLONE_NEW_ANY                                                                              \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |  \
     CLONE_NEWNET)
#define CLONE_THREAD_BITS (CLONE_THREAD | CLONE_NEW_ANY | CLONE_PTRACE | CLONE_VFORK | CLONE_PARENT)

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif
#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_GET_MDWE 66
#endif
#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

#define PRCTL(option, zygote, task)                                                                \
    {                                                                                              \
        "prctl", (zygote), (task), 0, 0,                                                           \
        {                                                                                          \
            INT_IS(0, (option))                                                                    \
        }                                                                                          \
    }
/* With its one good value; any other is refused. A zygote that could not be killed with its warden,
 * or that could be looked into, would be a plugin's. */
#define PRCTL_VALUE(option, good)                                                                  \
    {"prctl", ALLOW, EPERM_, 0, 0, {INT_IS(0, (option)), BITS_ARE(1, UINT64_MAX, (good))}},        \
    {                                                                                              \
        "prctl", EPERM_, EPERM_, 0, 0,                                                             \
        {                                                                                          \
            INT_IS(0, (option)),                                                                   \
            {                                                                                      \
                COMPARE_IS_NOT, 1, 0, (good)                                                       \
            }                                                                                      \
        }                                                                                          \
    }
#define FCNTL(command, answer)                                                                     \
    {                                                                                              \
        "fcntl", (answer), (answer), 0, 0,                                                         \
        {                                                                                          \
            INT_IS(1, (command))                                                                   \
        }                                                                                          \
    }
#define IOCTL(request, answer)                                                                     \
    {                                                                                              \
        "ioctl", (answer), (answer), 0, BOX_MAY_GPU,                                               \
        {                                                                                          \
            INT_IS(1, (request))                                                                   \
        }                                                                                          \
    }
#define NET_IOCTL(request)                                                                         \
    {                                                                                              \
        "ioctl", ALLOW, ALLOW, BOX_MAY_NETWORK, BOX_MAY_GPU,                                       \
        {                                                                                          \
            INT_IS(1, (request))                                                                   \
        }                                                                                          \
    }
#define SOCKET(family, protocol, answer)                                                           \
    {                                                                                              \
        "socket", (answer), (answer), BOX_MAY_NETWORK, 0,                                          \
        {                                                                                          \
            INT_IS(0, (family)), INT_IS(2, (protocol))                                             \
        }                                                                                          \
    }

const struct filter_case filter_cases[] = {
    /* Threads, and for the zygote the one word a task begins with. vfork and fork are refused
       softly. */
    {"clone", ALLOW, ALLOW, 0, 0, {BITS_ARE(0, CLONE_THREAD_BITS, CLONE_THREAD)}},
    {"clone", ALLOW, EPERM_, 0, 0, {BITS_ARE(0, UINT64_MAX, TASK_CLONE_FLAGS)}},
    {"clone", EPERM_, EPERM_, 0, 0, {BITS_ARE(0, CLONE_THREAD | CLONE_PARENT, 0)}},
    /* EINVAL unless this is the only thread: how the zygote learns that a fork is safe. */
    {"unshare", ALLOW, ANSWER_TRAP, 0, 0, {BITS_ARE(0, UINT64_MAX, CLONE_THREAD)}},
    /* Reading one's limits; the zygote also lowers a task's. */
    {"prlimit64", ALLOW, ALLOW, 0, 0, {INT_IS(0, 0), BITS_ARE(2, UINT64_MAX, 0)}},
    {"prlimit64", ALLOW, EPERM_, 0, 0, {INT_IS(0, 0), {COMPARE_IS_NOT, 2, 0, 0}}},

    PRCTL(PR_SET_NAME, ALLOW, ALLOW),
    PRCTL(PR_GET_NAME, ALLOW, ALLOW),
    PRCTL(PR_SET_VMA, ALLOW, ALLOW),
    PRCTL(PR_GET_DUMPABLE, ALLOW, ALLOW),
    PRCTL(PR_CAPBSET_READ, ALLOW, ALLOW),
    PRCTL(PR_GET_NO_NEW_PRIVS, ALLOW, ALLOW),
    PRCTL(PR_GET_SECCOMP, ALLOW, ALLOW),
    PRCTL(PR_GET_MDWE, ALLOW, ALLOW),
    PRCTL(PR_SET_NO_NEW_PRIVS, ALLOW, ALLOW),
    PRCTL(PR_SET_TIMERSLACK, ALLOW, EPERM_),
    PRCTL_VALUE(PR_SET_DUMPABLE, 0),
    PRCTL_VALUE(PR_SET_PDEATHSIG, SIGKILL),
    PRCTL(PR_SET_THP_DISABLE, EPERM_, EPERM_),
    PRCTL(PR_SET_KEEPCAPS, EPERM_, EPERM_),

    /* Only of the thread that calls: another's pid may be that of a process outside the box. */
    {"sched_setaffinity", ALLOW, ALLOW, 0, 0, {INT_IS(0, 0)}},
    {"sched_setaffinity", EPERM_, EPERM_, 0, 0, {{COMPARE_IS_NOT, 0, 0, 0}}},

    /* Not whom the kernel should send a signal, nor what of others it should tell. */
    FCNTL(F_DUPFD, ALLOW),
    FCNTL(F_DUPFD_CLOEXEC, ALLOW),
    FCNTL(F_GETFD, ALLOW),
    FCNTL(F_SETFD, ALLOW),
    FCNTL(F_GETFL, ALLOW),
    FCNTL(F_SETFL, ALLOW),
    FCNTL(F_GETLK, ALLOW),
    FCNTL(F_SETLK, ALLOW),
    FCNTL(F_SETLKW, ALLOW),
    FCNTL(F_OFD_GETLK, ALLOW),
    FCNTL(F_OFD_SETLK, ALLOW),
    FCNTL(F_OFD_SETLKW, ALLOW),
    FCNTL(F_GETPIPE_SZ, ALLOW),
    FCNTL(F_SETPIPE_SZ, ALLOW),
    FCNTL(F_ADD_SEALS, ALLOW),
    FCNTL(F_GET_SEALS, ALLOW),
    FCNTL(F_GETOWN, EPERM_),
    FCNTL(F_SETOWN, EPERM_),
    FCNTL(F_GETOWN_EX, EPERM_),
    FCNTL(F_SETOWN_EX, EPERM_),
    FCNTL(F_GETSIG, EPERM_),
    FCNTL(F_SETSIG, EPERM_),
    FCNTL(F_GETLEASE, EPERM_),
    FCNTL(F_SETLEASE, EPERM_),
    FCNTL(F_NOTIFY, EPERM_),

    IOCTL(FIONBIO, ALLOW),
    IOCTL(FIONREAD, ALLOW),
    IOCTL(FIOCLEX, ALLOW),
    IOCTL(FIONCLEX, ALLOW),
    IOCTL(TCGETS, ALLOW), /* isatty */
    IOCTL(TIOCGWINSZ, EPERM_),
    IOCTL(TIOCGPGRP, EPERM_),
    IOCTL(FICLONE, EPERM_),
    IOCTL(FICLONERANGE, EPERM_),
    IOCTL(FS_IOC_GETFLAGS, EPERM_),
    IOCTL(FS_IOC_FIEMAP, EPERM_),
    NET_IOCTL(SIOCGIFCONF),
    NET_IOCTL(SIOCGIFINDEX),
    NET_IOCTL(SIOCGIFNAME),
    NET_IOCTL(SIOCGIFFLAGS),
    NET_IOCTL(SIOCGIFADDR),

    /* VSOCK, PACKET, ALG and the rest are trapped; multipath TCP would go past Landlock's ports. */
    SOCKET(AF_INET, 0, ALLOW),
    SOCKET(AF_INET, IPPROTO_TCP, ALLOW),
    SOCKET(AF_INET, IPPROTO_UDP, ALLOW),
    SOCKET(AF_INET, IPPROTO_ICMP, EPERM_),
    SOCKET(AF_INET, IPPROTO_MPTCP, EPERM_),
    SOCKET(AF_INET6, 0, ALLOW),
    SOCKET(AF_INET6, IPPROTO_TCP, ALLOW),
    SOCKET(AF_INET6, IPPROTO_UDP, ALLOW),
    SOCKET(AF_INET6, IPPROTO_ICMPV6, EPERM_),
    SOCKET(AF_INET6, IPPROTO_MPTCP, EPERM_),
    SOCKET(AF_UNIX, 0, ALLOW),
    SOCKET(AF_NETLINK, NETLINK_ROUTE, ALLOW),
    {"socketpair", ALLOW, ALLOW, BOX_MAY_NETWORK, 0, {INT_IS(0, AF_UNIX)}},
};
const size_t filter_cases_count = sizeof filter_cases / sizeof *filter_cases;

/* glibc takes some of these where the kernel has them, and others come with newer kernels. */
const struct filter_number filter_numbers[] = {
    {451, ENOSYS_, ENOSYS_},               /* cachestat */
    {452, ANSWER_NOTHING, ANSWER_NOTHING}, /* fchmodat2 */
    {453, ENOSYS_, ENOSYS_},               /* map_shadow_stack */
    {454, ALLOW, ALLOW},                   /* futex_wake */
    {455, ALLOW, ALLOW},                   /* futex_wait */
    {456, ALLOW, ALLOW},                   /* futex_requeue */
    {457, ENOSYS_, ENOSYS_},               /* statmount */
    {458, ENOSYS_, ENOSYS_},               /* listmount */
    {462, ALLOW, ALLOW},                   /* mseal */
    {463, ENOSYS_, ENOSYS_},               /* setxattrat */
    {464, ENOSYS_, ENOSYS_},               /* getxattrat */
    {465, ENOSYS_, ENOSYS_},               /* listxattrat */
    {466, ENOSYS_, ENOSYS_},               /* removexattrat */
    {468, ENOSYS_, ENOSYS_},               /* file_getattr */
    {469, ENOSYS_, ENOSYS_},               /* file_setattr */
};
const size_t filter_numbers_count = sizeof filter_numbers / sizeof *filter_numbers;
