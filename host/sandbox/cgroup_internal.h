#ifndef PENSTOCK_SANDBOX_CGROUP_INTERNAL_H
#define PENSTOCK_SANDBOX_CGROUP_INTERNAL_H

/* cgroup_internal.h: what cgroup.c (the pool), cgroup_place.c (where it lies) and cgroup_group.c
 * (one group) share. */

#include "sandbox/cgroup.h"
#include <limits.h>

/* The two versions differ in names of files and in words. */
struct cgroup_version {
    const char *kind;
    const char *move;   /* moves a process */
    const char *memory; /* the limit */
    const char *swap;   /* a limit for memory and swap, or for swap only */
    const char *events, *peak;
    const char *none;     /* the word for no limit */
    bool joins_at_once;   /* cgroups_join_at_once */
    bool swap_has_memory; /* the limit of swap counts memory too, and must not be below it */
};

extern const struct cgroup_version cgroup_v1, cgroup_v2;

/* Our folder in one hierarchy; groups are folders in it. */
struct cgroup_folder {
    int dir; /* -1: none */
    char path[PATH_MAX];
};

/* Memory, and in version 1 processes; that one may be missing. */
enum { CGROUP_MEMORY, CGROUP_PIDS, CGROUP_FOLDERS };

struct cgroup_place {
    const struct cgroup_version *version;
    struct cgroup_folder folders[CGROUP_FOLDERS];
};

/* cgroup_place.c */
/* Finds and makes our folders, emptied of what a dead launcher has left. -1 with words in why. */
int cgroup_place_open(struct cgroup_place *p, const char *where, const char *name, char *why);
/* Removes them; they must be empty. */
void cgroup_place_close(struct cgroup_place *p);

/* cgroup_group.c: one group, by its name. -1 with errno. */
int cgroup_group_make(const struct cgroup_place *p, const char *name);
/* Ends what is in it and removes it. */
int cgroup_group_remove(const struct cgroup_place *p, const char *name);
/* Ends what is in it. */
void cgroup_group_sweep(const struct cgroup_place *p, const char *name);
/* Sets limits and reads them back. */
int cgroup_group_limit(const struct cgroup_place *p, const char *name,
                       const struct cgroup_limits *limits);
int cgroup_group_open(const struct cgroup_place *p, const char *name, int *fds);
/* Whether the process is in it. */
bool cgroup_group_has(const struct cgroup_place *p, const char *name, int pid);

#endif
