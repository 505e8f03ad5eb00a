#ifndef PENSTOCK_BASE_CGROUP_PATH_H
#define PENSTOCK_BASE_CGROUP_PATH_H

/* cgroup_path.h: where this process is among the machine's control groups. */

#include <limits.h>
#include <stddef.h>

/* The folder of the process's own group in the hierarchy of version 2 (controller NULL) or in that
 * of a controller of version 1; out holds PATH_MAX. -1 with errno: ENOENT if it is not mounted, or
 * not as far as that group. */
int cgroup_own(const char *controller, char *out);

/* The same out of the texts of /proc/self/cgroup and /proc/self/mountinfo. Pure. */
int cgroup_find(const char *groups, const char *mounts, const char *controller, char *out);

/* The name of the leaf that the host's own processes live in. */
#define CGROUP_LEAF "host"

/*
 * Moves this process into the leaf of its own group, because version 2 gives controllers only to
 * groups below one that has no process itself; children that are started afterwards are born there.
 * 1: moved; 0: not needed (the root group, or it is in such a leaf already) or not ours to do (no
 * version 2, no memory controller, a group that its manager has not delegated); -1 with errno.
 */
int cgroup_enter_leaf(void);

#endif
