/* suite_left.c: what is there of processes, mounts, control groups, descriptors and files, so that
 * it can be seen whether a box has left any. */
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/fdutil.h"
#include "suite.h"

enum { PROCESSES = 8192, PATIENCE_MS = 3000, LOOK_MS = 5 };

struct process {
    pid_t pid, parent;
    bool is_ours;
};

static int read_parent(const char *name, pid_t *parent)
{
    char path[300], text[512];
    snprintf(path, sizeof path, "/proc/%s/stat", name);
    FILE *f = fopen(path, "re");
    const size_t n = f != NULL ? fread(text, 1, sizeof text - 1, f) : 0;
    if (f != NULL)
        fclose(f);
    text[n] = '\0';
    /* Behind the name, which may hold anything. */
    const char *at = strrchr(text, ')');
    return at != NULL && sscanf(at + 1, " %*c %d", parent) == 1 ? 0 : -1;
}

static size_t list_processes(struct process *list, size_t max)
{
    DIR *d = opendir("/proc");
    size_t n = 0;
    if (d == NULL)
        return 0;
    for (const struct dirent *e; n < max && (e = readdir(d)) != NULL;) {
        if (e->d_name[0] < '1' || e->d_name[0] > '9')
            continue;
        list[n] = (struct process){.pid = (pid_t)atoi(e->d_name)};
        n += read_parent(e->d_name, &list[n].parent) == 0;
    }
    closedir(d);
    return n;
}

/* Orphans come to us, so whatever a box has left is below this process. */
static int count_descendants(void)
{
    struct process *list = calloc(PROCESSES, sizeof *list);
    const size_t n = list != NULL ? list_processes(list, PROCESSES) : 0;
    int found = 0;
    for (bool is_more = true; is_more;) {
        is_more = false;
        for (size_t i = 0; i < n; i++) {
            bool is_child = list[i].parent == getpid();
            for (size_t j = 0; !is_child && j < n; j++)
                is_child = list[j].is_ours && list[j].pid == list[i].parent;
            if (is_child && !list[i].is_ours) {
                list[i].is_ours = is_more = true;
                found++;
            }
        }
    }
    free(list);
    return found;
}

size_t left_children(pid_t parent, pid_t *pids, size_t max)
{
    struct process *list = calloc(PROCESSES, sizeof *list);
    const size_t n = list != NULL ? list_processes(list, PROCESSES) : 0;
    size_t found = 0;
    for (size_t i = 0; i < n && found < max; i++) {
        if (list[i].parent == parent)
            pids[found++] = list[i].pid;
    }
    free(list);
    return found;
}

static int count_lines(const char *path)
{
    char line[4096];
    int n = 0;
    FILE *f = fopen(path, "re");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        n += strchr(line, '\n') != NULL;
    if (f != NULL)
        fclose(f);
    return n;
}

/* nftw has no argument for its caller. */
static int n_entries;

static int count_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    const char *name = path + at->base;
    /* A worker that waits makes these two for itself, sooner or later. */
    const bool is_own = type == FTW_D && (strcmp(name, "in") == 0 || strcmp(name, "out") == 0);
    (void)st;
    n_entries += !is_own && (type == FTW_D || type == FTW_DNR || type == FTW_F || type == FTW_SL);
    return 0;
}

/* Other hosts of this machine have groups of other names. */
static char group_name[64];

static int count_group(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)at;
    n_entries += type == FTW_D && strstr(path, group_name) != NULL;
    return 0;
}

static int count_tree(const char *path, __nftw_func_t count)
{
    n_entries = 0;
    nftw(path, count, 16, FTW_PHYS | FTW_MOUNT);
    return n_entries;
}

/* Named by the launcher after its directory of boxes. Each hierarchy is a mount of its own. */
static int count_groups(const struct suite *s)
{
    char path[512], hex[DIGEST_HEX];
    DIR *d = opendir("/sys/fs/cgroup");
    snprintf(path, sizeof path, "%s/boxes", s->host.state);
    digest_sha256(path, strlen(path), hex);
    snprintf(group_name, sizeof group_name, "penstock-%.16s", hex);
    int n = count_tree("/sys/fs/cgroup", count_group);
    for (const struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "/sys/fs/cgroup/%s", e->d_name);
        n += e->d_type == DT_DIR ? count_tree(path, count_group) : 0;
    }
    if (d != NULL)
        closedir(d);
    return n;
}

static int count_fds_of(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *d = opendir(path);
    int n = 0;
    while (d != NULL && readdir(d) != NULL)
        n++;
    if (d != NULL)
        closedir(d);
    return n;
}

void left_count(const struct suite *s, struct left_behind *l)
{
    *l = (struct left_behind){.processes = count_descendants(),
                              .mounts = count_lines("/proc/self/mountinfo"),
                              .groups = count_groups(s),
                              .own_fds = fd_count(),
                              .launcher_fds = count_fds_of(s->host.launcher_pid),
                              .files = count_tree(s->host.state, count_entry)};
}

static void compare(const char *what, int before, int now, char *why, size_t size)
{
    const size_t used = strlen(why);
    if (before != now)
        snprintf(why + used, size - used, " %s: %d, expected %d;", what, now, before);
}

static void explain(const struct left_behind *a, const struct left_behind *b, char *why,
                    size_t size)
{
    why[0] = '\0';
    compare("processes", a->processes, b->processes, why, size);
    compare("mounts", a->mounts, b->mounts, why, size);
    compare("control groups", a->groups, b->groups, why, size);
    compare("descriptors", a->own_fds, b->own_fds, why, size);
    compare("descriptors of the launcher", a->launcher_fds, b->launcher_fds, why, size);
    compare("files in the state directory", a->files, b->files, why, size);
}

int left_check(const struct suite *s, const struct left_behind *before, char *why, size_t size)
{
    const int64_t end_ms = clock_mono_ms() + PATIENCE_MS * (int64_t)s->setting->slow;
    struct left_behind now;
    for (;;) {
        left_count(s, &now);
        if (memcmp(&now, before, sizeof now) == 0)
            return 0;
        if (clock_mono_ms() > end_ms)
            break;
        /* What is dying takes a moment, and the loop has its part in it. */
        loop_turn(s->host.loop, LOOK_MS);
    }
    explain(before, &now, why, size);
    return -1;
}
