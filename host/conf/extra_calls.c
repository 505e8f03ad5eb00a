/*
 * extra_calls.c: the catalogue of extra_syscalls. Runs in every program that loads the
 * configuration, and in the launcher.
 *
 * In it: what reaches nothing but the caller's own process, its own memory, and what its walls let
 * it read anyway. Not in it, though often asked for:
 *   - kill, wait4, setsid, pidfd_*, process_*: other processes (profile off has them)
 *   - socket, bind, connect, listen: profile network
 *   - shmget, semget, msgget, mq_open: what is made outlives the box where it has no namespace
 *   - mlock and its family: the limit of locked memory is 0, so they would fail all the same
 *   - sched_setattr, setpriority and the like: they reach other processes of the same user
 *   - vmsplice, io_uring_*, userfaultfd, bpf, perf_event_open, keyctl: the kernel's own weak sides
 *   - setxattr, chown, sync: they change what others see, or make the host wait
 */
#include "conf/extra_calls.h"

#include <string.h>

#include "base/buf.h"

static const char *const names[] = {
    /* Attributes of files, read only; a box sees those of files that it sees. */
    "getxattr",
    "lgetxattr",
    "fgetxattr",
    "listxattr",
    "llistxattr",
    "flistxattr",
    /* Which pages of a mapping are in memory; since 5.2 of files only that one may write. */
    "mincore",
    /* Keys on pages of one's own memory. They give no right to execute that MDWE withholds. */
    "pkey_alloc",
    "pkey_free",
    "pkey_mprotect",
    /* Where one's own memory lies. To move pages that others use would take a capability. */
    "mbind",
    "set_mempolicy",
    "set_mempolicy_home_node",
    /* Memory without a name: counts in a control group only, and through two mappings it can be
       written and executed; so the guarantee wx is weaker with it. */
    "memfd_create",
    /* News of files; the kernel wants the right to read them, but it does not ask Landlock. */
    "inotify_init",
    "inotify_init1",
    "inotify_add_watch",
    "inotify_rm_watch",
    /* Pipes between one's own threads: pairs that are connected (streams and packets, no datagrams:
       those could be sent to any socket that has a path), and what talks over them. */
    "socketpair",
    "sendto",
    "sendmsg",
    "sendmmsg",
    "recvfrom",
    "recvmsg",
    "recvmmsg",
    "getsockname",
    "getpeername",
    "getsockopt",
    "shutdown",
    /* Bytes from one descriptor to another; sendfile, which is allowed, does the same. */
    "splice",
    "tee",
    /* Waiting for one of several words of one's own memory. */
    "futex_waitv",
};

enum { NAMES = sizeof names / sizeof *names };
_Static_assert((int)NAMES <= (int)EXTRA_CALLS_MAX, "a bit each");

const char *extra_call_name(size_t number)
{
    return number < NAMES ? names[number] : NULL;
}

uint64_t extra_call_bit(const char *name)
{
    for (size_t i = 0; i < NAMES; i++) {
        if (strcmp(names[i], name) == 0)
            return UINT64_C(1) << i;
    }
    return 0;
}

void extra_calls_list(struct buf *out)
{
    for (size_t i = 0; i < NAMES; i++)
        buf_printf(out, "%s%s", i > 0 ? ", " : "", names[i]);
}
