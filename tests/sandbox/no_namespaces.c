/*
 * no_namespaces.c: a stand-in for a container: runs a command where no namespace can be made,
 * nothing can be mounted and clone3 does not exist, as under the default profile of container
 * runtimes.
 *
 *     no_namespaces COMMAND [ARG ...]
 */
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const int namespaces[] = {CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNS,    CLONE_NEWNET,
                                 CLONE_NEWIPC,  CLONE_NEWUTS, CLONE_NEWCGROUP};
static const char *const refused[] = {"unshare",    "setns",        "mount",     "umount2",
                                      "pivot_root", "fsopen",       "open_tree", "fsmount",
                                      "move_mount", "mount_setattr"};

int main(int argc, char **argv)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
    int rc = ctx != NULL && argc > 1 ? 0 : -EINVAL;
    for (size_t i = 0; rc == 0 && i < sizeof namespaces / sizeof *namespaces; i++) {
        const uint64_t flag = (uint64_t)namespaces[i];
        rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                              SCMP_A0(SCMP_CMP_MASKED_EQ, flag, flag));
    }
    for (size_t i = 0; rc == 0 && i < sizeof refused / sizeof *refused; i++)
        rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), seccomp_syscall_resolve_name(refused[i]),
                              0);
    if (rc == 0)
        rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    if (rc == 0)
        rc = seccomp_load(ctx);
    if (rc != 0) {
        fprintf(stderr, "no_namespaces: %s\n", strerror(-rc));
        return 126;
    }
    execv(argv[1], argv + 1);
    perror(argv[1]);
    return 127;
}
