/*
 * cgroup.c: the pool of control groups. Runs in the launcher.
 *
 * A group is made when none is free, gets new limits each time it is handed out, and goes back to
 * the pool with its box: no task ever waits for a folder to be made. All are removed with the pool.
 */
#include "sandbox/cgroup.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/log.h"
#include "sandbox/cgroup_internal.h"

enum { NAME_TEXT = 16, PROBE_BYTES = 64 << 20, PROBE_PROCESSES = 8 };

struct group {
    bool is_made, is_taken;
    uint64_t box;
};

struct cgroups {
    struct cgroup_place place;
    struct group *groups;
    size_t n;
};

static const char *name_of(const struct cgroups *c, const struct group *g, char *out)
{
    snprintf(out, NAME_TEXT, "%zu", (size_t)(g - c->groups));
    return out;
}

/* ---- handing out ---- */

static struct group *add_group(struct cgroups *c)
{
    struct group *all = realloc(c->groups, (c->n + 1) * sizeof *all);
    if (all == NULL)
        return NULL;
    c->groups = all;
    all[c->n] = (struct group){.is_made = false};
    return &all[c->n++];
}

static struct group *free_group(struct cgroups *c)
{
    for (size_t i = 0; i < c->n; i++) {
        if (!c->groups[i].is_taken)
            return &c->groups[i];
    }
    return add_group(c);
}

static int prepare(struct cgroups *c, struct group *g, const struct cgroup_limits *limits)
{
    char name[NAME_TEXT];
    name_of(c, g, name);
    if (!g->is_made && cgroup_group_make(&c->place, name) < 0)
        return -1;
    g->is_made = true;
    return cgroup_group_limit(&c->place, name, limits);
}

/* One that keeps too much of its last box to take a lower limit is made anew. */
static int prepare_anew(struct cgroups *c, struct group *g, const struct cgroup_limits *limits)
{
    char name[NAME_TEXT];
    if (cgroup_group_remove(&c->place, name_of(c, g, name)) < 0)
        return -1;
    g->is_made = false;
    return prepare(c, g, limits);
}

int cgroups_take(struct cgroups *c, uint64_t box, const struct cgroup_limits *limits, int *fds)
{
    char name[NAME_TEXT];
    struct group *g = free_group(c);
    if (g == NULL || (prepare(c, g, limits) < 0 && prepare_anew(c, g, limits) < 0) ||
        cgroup_group_open(&c->place, name_of(c, g, name), fds) < 0)
        return -1;
    g->is_taken = true;
    g->box = box;
    return 0;
}

void cgroups_give_back(struct cgroups *c, uint64_t box)
{
    char name[NAME_TEXT];
    for (size_t i = 0; c != NULL && i < c->n; i++) {
        struct group *g = &c->groups[i];
        if (!g->is_taken || g->box != box)
            continue;
        cgroup_group_sweep(&c->place, name_of(c, g, name));
        g->is_taken = false;
    }
}

/* ---- the trial ---- */

static pid_t fork_child(int *gate)
{
    int ends[2];
    char byte;
    if (pipe(ends) < 0)
        return -1;
    const pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, (long)SIGKILL, 0L, 0L, 0L);
        close(ends[1]);
        _exit(read(ends[0], &byte, 1) != 0);
    }
    close(ends[0]);
    *gate = ends[1];
    return pid;
}

static int move(const int *fds, pid_t pid)
{
    char text[NAME_TEXT];
    const int n = snprintf(text, sizeof text, "%d", pid);
    for (int i = CGROUP_MOVE; i <= CGROUP_MOVE_PIDS; i++) {
        if (fds[i] >= 0 && write(fds[i], text, (size_t)n) != n)
            return -1;
    }
    return 0;
}

static int try_process(const struct cgroups *c, const int *fds)
{
    int gate = -1;
    const pid_t pid = fork_child(&gate);
    int rc = pid > 0 ? move(fds, pid) : -1;
    if (rc == 0 && !cgroup_group_has(&c->place, "0", pid)) {
        errno = ESRCH;
        rc = -1;
    }
    const int saved = errno;
    fd_close(&gate);
    if (pid > 0)
        waitpid(pid, NULL, 0);
    errno = saved;
    return rc;
}

static int try_group(struct cgroups *c, char *why)
{
    const struct cgroup_limits limits = {PROBE_BYTES, PROBE_PROCESSES};
    int fds[CGROUP_FILES] = {-1, -1, -1, -1};
    const char *step = "setting its limits";
    int rc = cgroups_take(c, 0, &limits, fds);
    if (rc == 0) {
        step = "moving a process into it";
        rc = try_process(c, fds);
    }
    if (rc < 0)
        snprintf(why, CGROUP_WHY, "a group below %.300s: %s: %s",
                 c->place.folders[CGROUP_MEMORY].path, step, log_errno_text(errno));
    for (int i = 0; i < CGROUP_FILES; i++)
        fd_close(&fds[i]);
    cgroups_give_back(c, 0);
    return rc;
}

/* ---- life ---- */

struct cgroups *cgroups_open(const char *where, const char *name, char *why)
{
    struct cgroups *c = calloc(1, sizeof *c);
    if (c == NULL) {
        snprintf(why, CGROUP_WHY, "%s", log_errno_text(ENOMEM));
        return NULL;
    }
    if (cgroup_place_open(&c->place, where, name, why) == 0 && try_group(c, why) == 0)
        return c;
    cgroups_close(c);
    return NULL;
}

void cgroups_close(struct cgroups *c)
{
    char name[NAME_TEXT];
    if (c == NULL)
        return;
    for (size_t i = 0; i < c->n; i++) {
        if (c->groups[i].is_made &&
            cgroup_group_remove(&c->place, name_of(c, &c->groups[i], name)) < 0)
            log_warn("a control group cannot be removed",
                     LS("folder", c->place.folders[CGROUP_MEMORY].path), LS("group", name),
                     LE(errno));
    }
    cgroup_place_close(&c->place);
    free(c->groups);
    free(c);
}

const char *cgroups_kind(const struct cgroups *c)
{
    return c->place.version->kind;
}

bool cgroups_join_at_once(const struct cgroups *c)
{
    return c->place.version->joins_at_once;
}
