/* launcher_rights.c: which of root's rights the launcher keeps. Runs in the launcher, once, after it has
 * opened what is only root's and before it reads from the core or a plugin's file. */
#include <errno.h>
#include <linux/capability.h>
#include <unistd.h>

#include "base/privileges.h"
#include "sandbox/launcher.h"

/*
 * What of root's rights boxes need. The launcher stays user 0: version 1 of control groups lets only
 * root, or a process's own user, move it, and the files of a group judge by who has opened them.
 */
static const int kept_of_root[] = {
    CAP_SYS_ADMIN,    /* namespaces and mounts */
    CAP_SETPCAP,      /* a box's bounding set and secure bits */
    CAP_SETUID,       /* a box's user */
    CAP_SETGID,       /* and group */
    CAP_CHOWN,        /* a task's directory becomes the box's */
    CAP_DAC_OVERRIDE, /* and is emptied and removed */
    CAP_FOWNER,       /* even if the plugin has shut it */
    CAP_KILL,         /* boxes, also by our death */
    CAP_SETFCAP,      /* root's line in the map of a user namespace */
    CAP_NET_ADMIN,    /* sockets wider than the kernel's maximum */
};

int launch_give_up_rights(void)
{
    uint64_t kept = 0;
    const char *step;
    if (geteuid() != 0)
        return 0;
    for (size_t i = 0; i < sizeof kept_of_root / sizeof *kept_of_root; i++)
        kept |= PRIVILEGE(kept_of_root[i]);
    if (privileges_drop(0, 0, kept, &step) == 0)
        return 0;
    log_error("the launcher cannot give up rights", LS("step", step), LE(errno));
    return -1;
}
