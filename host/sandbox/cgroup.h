#ifndef PENSTOCK_SANDBOX_CGROUP_H
#define PENSTOCK_SANDBOX_CGROUP_H

/* cgroup.h: the pool of control groups that boxes take: one a slot, and one for the process that
 * forks tasks. Runs in the launcher. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cgroups;

/* What is opened of a group. Whoever holds such a descriptor acts with the rights of the launcher,
 * so an unprivileged warden may move its workers; -1: this kernel has none. */
enum cgroup_file {
    CGROUP_MOVE,      /* takes the number of a process, "0" for the writer itself */
    CGROUP_MOVE_PIDS, /* the same of the hierarchy that counts processes, where that is another */
    CGROUP_EVENTS,    /* has a line "oom_kill <n>" */
    CGROUP_PEAK,      /* the most bytes there ever were; a write begins anew where it can */
    CGROUP_FILES
};

struct cgroup_limits {
    uint64_t memory_bytes; /* UINT64_MAX: none */
    uint32_t processes;    /* with their threads; UINT32_MAX: none */
};

enum { CGROUP_WHY = 512 };

/* where: "auto" or a folder of a cgroup file system; name: of the folder made there, nobody else's.
 * What an earlier launcher has left under that name is ended and removed; then a group is tried: its
 * limits are set and read, a process is moved. NULL with the words in why (CGROUP_WHY). */
struct cgroups *cgroups_open(const char *where, const char *name, char *why);
/* Removes all groups; NULL is fine. */
void cgroups_close(struct cgroups *c);
/* "cgroup v2", "cgroup v1". */
const char *cgroups_kind(const struct cgroups *c);
/* Whether a process that moves itself is spared the kernel's grace periods, some ten milliseconds,
 * that one which is moved waits for unless others are moved all the time. */
bool cgroups_join_at_once(const struct cgroups *c);

/* A group with these limits for the box; fds (CGROUP_FILES) are the caller's. -1 with errno. */
int cgroups_take(struct cgroups *c, uint64_t box, const struct cgroup_limits *limits, int *fds);
/* Ends whatever runs in the box's groups; they are for other boxes now. */
void cgroups_give_back(struct cgroups *c, uint64_t box);

#endif
