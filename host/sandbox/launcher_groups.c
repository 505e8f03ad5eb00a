/* launcher_groups.c: the control groups of boxes: whether there are any here, and the limits of
 * each. Runs in the launcher. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/fdutil.h"
#include "sandbox/launcher.h"

/* A group also pays for what no limit of a process counts: stacks in the kernel, buffers of
 * sockets, pages of libraries that it is the first to touch, and page tables (a 512th of what is
 * mapped, twice that where it is mapped thinly). */
enum {
    MEMORY_ROOM = 16 << 20,
    TABLES_SHARE = 256,  /* one part in so many of a process's memory */
    FORK_ROOM = 1 << 20, /* a task until it is moved: stacks, and pages it has written to */
    PROCESSES_ROOM = 4   /* threads of ours: none today; a plugin that is at its limit is told by
                             its own */
};

void launch_groups_open(struct launch *l)
{
    char hex[DIGEST_HEX], name[32];
    l->groups = NULL;
    if (strcmp(l->options.cgroup, "off") == 0) {
        snprintf(l->cgroup_text, sizeof l->cgroup_text, "cgroup = off");
        return;
    }
    /* Another host has another state directory, and its lock. */
    digest_sha256(l->boxes.path, strlen(l->boxes.path), hex);
    snprintf(name, sizeof name, "penstock-%.16s", hex);
    l->groups = cgroups_open(l->options.cgroup, name, l->cgroup_text);
    if (l->groups != NULL)
        l->cgroup_text[0] = '\0';
    else
        log_warn("no control group can be made", LS("why", l->cgroup_text));
}

void launch_groups_close(struct launch *l)
{
    cgroups_close(l->groups);
    l->groups = NULL;
}

static uint64_t tables_of(const struct box_limits *b)
{
    return b->memory_bytes / TABLES_SHARE;
}

/* Files in a directory of memory are the task's memory too. */
static struct cgroup_limits limits_of_slot(const struct warden_setup *setup)
{
    const struct box_limits *b = &setup->limits;
    const uint64_t scratch = (setup->walls & WALL_SCRATCH) != 0 ? b->dir_bytes : 0;
    return (struct cgroup_limits){
        .memory_bytes = b->memory_bytes > 0 ? b->memory_bytes + MEMORY_ROOM + tables_of(b) + scratch
                                            : UINT64_MAX,
        .processes = b->threads > 0 ? b->threads + PROCESSES_ROOM : UINT32_MAX,
    };
}

/* Tasks are born in the group of the process that forks them. */
static struct cgroup_limits limits_of_zygote(const struct warden_setup *setup)
{
    struct cgroup_limits limits = limits_of_slot(setup);
    if (limits.memory_bytes != UINT64_MAX)
        limits.memory_bytes += setup->slots * (tables_of(&setup->limits) + FORK_ROOM);
    if (limits.processes != UINT32_MAX)
        limits.processes += setup->slots;
    return limits;
}

int launch_groups_take(struct launch *l, struct warden_setup *setup)
{
    const struct cgroup_limits slot = limits_of_slot(setup), zygote = limits_of_zygote(setup);
    int rc = 0;
    if ((setup->walls & WALL_CGROUP) == 0)
        return 0;
    /* With such a descriptor a hostile zygote moves whom it can name: its own box's processes, all
     * of them in groups of the same limits, where there is a pid namespace; else anybody's. */
    setup->tasks_join = cgroups_join_at_once(l->groups) && (setup->walls & WALL_PIDNS) != 0;
    for (uint32_t i = 0; rc == 0 && i < setup->slots; i++)
        rc = cgroups_take(l->groups, setup->box, &slot, setup->group_fds[i]);
    if (rc == 0 && setup->mode == BOX_FORK)
        rc = cgroups_take(l->groups, setup->box, &zygote, setup->group_fds[WARDEN_GROUP_ZYGOTE]);
    return rc;
}

void launch_groups_forget_fds(struct warden_setup *setup)
{
    for (int i = 0; i < WARDEN_GROUPS; i++) {
        for (int file = 0; file < CGROUP_FILES; file++)
            setup->group_fds[i][file] = -1;
    }
}

void launch_groups_close_fds(struct warden_setup *setup)
{
    for (int i = 0; i < WARDEN_GROUPS; i++) {
        for (int file = 0; file < CGROUP_FILES; file++)
            fd_close(&setup->group_fds[i][file]);
    }
}
