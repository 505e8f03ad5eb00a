/* cgroup_group.c: one control group: a folder of the same name in each hierarchy. Runs in the
 * launcher. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fdutil.h"
#include "sandbox/cgroup_internal.h"

enum { NAME_TEXT = 128, NUMBER_TEXT = 32, PROCS_MAX = 1024 * 1024, WAIT_MS = 5, WAITS = 400 };

/* Version 1 takes threads by "tasks": a process that moves itself does not wait for the kernel
 * there, as it would by cgroup.procs (milliseconds). A worker has one thread when it is moved, and
 * memory is charged to the group of the first thread anyway. */
const struct cgroup_version cgroup_v1 = {.kind = "cgroup v1",
                                         .move = "tasks",
                                         .memory = "memory.limit_in_bytes",
                                         .swap = "memory.memsw.limit_in_bytes",
                                         .events = "memory.oom_control",
                                         .peak = "memory.max_usage_in_bytes",
                                         .none = "-1",
                                         .joins_at_once = true,
                                         .swap_has_memory = true};
const struct cgroup_version cgroup_v2 = {.kind = "cgroup v2",
                                         .move = "cgroup.procs",
                                         .memory = "memory.max",
                                         .swap = "memory.swap.max",
                                         .events = "memory.events",
                                         .peak = "memory.peak",
                                         .none = "max"};

/* ---- files ---- */

static int open_file(const struct cgroup_folder *f, const char *group, const char *file, int flags)
{
    char name[NAME_TEXT];
    snprintf(name, sizeof name, "%s/%s", group, file);
    return openat(f->dir, name, flags | O_CLOEXEC);
}

static int write_file(const struct cgroup_folder *f, const char *group, const char *file,
                      const char *text)
{
    const size_t n = strlen(text);
    int fd = open_file(f, group, file, O_WRONLY);
    const int rc = fd >= 0 && write(fd, text, n) == (ssize_t)n ? 0 : -1;
    fd_close(&fd);
    return rc;
}

/* Nothing to write to is as good: a kernel that does not account swap, say. */
static int write_if_there(const struct cgroup_folder *f, const char *group, const char *file,
                          const char *text)
{
    return write_file(f, group, file, text) == 0 || errno == ENOENT ? 0 : -1;
}

static int read_number(const struct cgroup_folder *f, const char *group, const char *file,
                       uint64_t *value)
{
    char text[NUMBER_TEXT];
    int fd = open_file(f, group, file, O_RDONLY);
    const ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    fd_close(&fd);
    if (n <= 0)
        return -1;
    text[n] = '\0';
    *value = strncmp(text, "max", 3) == 0 ? UINT64_MAX : strtoull(text, NULL, 10);
    return 0;
}

/* ---- limits ---- */

static int set_swap(const struct cgroup_place *p, const char *group, const char *text)
{
    return write_if_there(&p->folders[CGROUP_MEMORY], group, p->version->swap, text);
}

/* No swap. Version 1 wants the sum never to be below the limit of memory, so it is lifted first. */
static int set_memory(const struct cgroup_place *p, const char *group, uint64_t bytes)
{
    const struct cgroup_version *v = p->version;
    char text[NUMBER_TEXT];
    if (bytes == UINT64_MAX)
        snprintf(text, sizeof text, "%s", v->none);
    else
        snprintf(text, sizeof text, "%llu", (unsigned long long)bytes);
    if (v->swap_has_memory && set_swap(p, group, v->none) < 0)
        return -1;
    if (write_file(&p->folders[CGROUP_MEMORY], group, v->memory, text) < 0)
        return -1;
    return set_swap(p, group, v->swap_has_memory ? text : "0");
}

/* The kernel rounds to pages, and shows "none" of version 1 as the largest number of pages. */
static int verify_memory(const struct cgroup_place *p, const char *group, uint64_t bytes)
{
    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t now;
    if (read_number(&p->folders[CGROUP_MEMORY], group, p->version->memory, &now) < 0)
        return -1;
    errno = ERANGE;
    return bytes == UINT64_MAX || (now <= bytes && now + page > bytes) ? 0 : -1;
}

static const struct cgroup_folder *pids_folder(const struct cgroup_place *p)
{
    const struct cgroup_folder *own = &p->folders[CGROUP_PIDS];
    return own->dir >= 0 ? own : &p->folders[CGROUP_MEMORY];
}

static int set_processes(const struct cgroup_place *p, const char *group, uint32_t processes)
{
    char text[NUMBER_TEXT] = "max";
    uint64_t now;
    if (processes != UINT32_MAX)
        snprintf(text, sizeof text, "%u", processes);
    if (write_if_there(pids_folder(p), group, "pids.max", text) < 0)
        return -1;
    if (read_number(pids_folder(p), group, "pids.max", &now) < 0)
        return errno == ENOENT ? 0 : -1;
    errno = ERANGE;
    return now == (processes == UINT32_MAX ? UINT64_MAX : processes) ? 0 : -1;
}

int cgroup_group_limit(const struct cgroup_place *p, const char *name,
                       const struct cgroup_limits *limits)
{
    if (set_memory(p, name, limits->memory_bytes) < 0 ||
        verify_memory(p, name, limits->memory_bytes) < 0)
        return -1;
    return set_processes(p, name, limits->processes);
}

/* ---- descriptors ---- */

static int open_peak(const struct cgroup_place *p, const char *group)
{
    const struct cgroup_folder *f = &p->folders[CGROUP_MEMORY];
    const int fd = open_file(f, group, p->version->peak, O_RDWR);
    return fd >= 0 ? fd : open_file(f, group, p->version->peak, O_RDONLY);
}

int cgroup_group_open(const struct cgroup_place *p, const char *name, int *fds)
{
    const struct cgroup_folder *memory = &p->folders[CGROUP_MEMORY],
                               *pids = &p->folders[CGROUP_PIDS];
    fds[CGROUP_MOVE] = open_file(memory, name, p->version->move, O_WRONLY);
    fds[CGROUP_MOVE_PIDS] = pids->dir >= 0 ? open_file(pids, name, p->version->move, O_WRONLY) : -1;
    fds[CGROUP_EVENTS] = open_file(memory, name, p->version->events, O_RDONLY);
    fds[CGROUP_PEAK] = open_peak(p, name);
    if (fds[CGROUP_MOVE] >= 0 && fds[CGROUP_EVENTS] >= 0 &&
        (pids->dir < 0 || fds[CGROUP_MOVE_PIDS] >= 0))
        return 0;
    const int saved = errno;
    for (int i = 0; i < CGROUP_FILES; i++)
        fd_close(&fds[i]);
    errno = saved;
    return -1;
}

/* ---- its processes ---- */

static int read_processes(const struct cgroup_folder *f, const char *group, struct buf *text)
{
    ssize_t n = -1;
    int fd = open_file(f, group, "cgroup.procs", O_RDONLY);
    while (fd >= 0 && (n = buf_read(text, fd, 4096)) > 0)
        continue;
    fd_close(&fd);
    return n == 0 && buf_cstr(text) != NULL ? 0 : -1;
}

typedef bool process_fn(pid_t pid, pid_t wanted);

/* Calls fn for each process until it says true; 1 then. */
static bool each_process(const struct cgroup_folder *f, const char *group, process_fn *fn,
                         pid_t wanted)
{
    struct buf text = BUF_INIT(PROCS_MAX);
    bool is_found = false;
    if (read_processes(f, group, &text) == 0) {
        char *at = (char *)text.data, *end;
        for (long pid; !is_found && (pid = strtol(at, &end, 10)) > 0 && end != at; at = end)
            is_found = fn((pid_t)pid, wanted);
    }
    buf_clear(&text);
    return is_found;
}

static bool is_it(pid_t pid, pid_t wanted)
{
    return pid == wanted;
}

static bool end_it(pid_t pid, pid_t wanted)
{
    (void)wanted;
    kill(pid, SIGKILL);
    return false;
}

bool cgroup_group_has(const struct cgroup_place *p, const char *name, int pid)
{
    for (int i = 0; i < CGROUP_FOLDERS; i++) {
        if (p->folders[i].dir >= 0 && !each_process(&p->folders[i], name, is_it, pid))
            return false;
    }
    return true;
}

void cgroup_group_sweep(const struct cgroup_place *p, const char *name)
{
    if (write_file(&p->folders[CGROUP_MEMORY], name, "cgroup.kill", "1") == 0)
        return;
    for (int i = 0; i < CGROUP_FOLDERS; i++) {
        if (p->folders[i].dir >= 0)
            each_process(&p->folders[i], name, end_it, 0);
    }
}

/* ---- its life ---- */

int cgroup_group_make(const struct cgroup_place *p, const char *name)
{
    for (int i = 0; i < CGROUP_FOLDERS; i++) {
        if (p->folders[i].dir >= 0 && mkdirat(p->folders[i].dir, name, 0755) < 0 && errno != EEXIST)
            return -1;
    }
    return 0;
}

/* Processes that are dying keep a group busy for a moment. */
static int remove_folder(const struct cgroup_folder *f, const char *name)
{
    for (int i = 0; i < WAITS; i++) {
        if (f->dir < 0 || unlinkat(f->dir, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
            return 0;
        if (errno != EBUSY)
            return -1;
        poll(NULL, 0, WAIT_MS);
    }
    return -1;
}

int cgroup_group_remove(const struct cgroup_place *p, const char *name)
{
    int rc = 0;
    cgroup_group_sweep(p, name);
    for (int i = 0; i < CGROUP_FOLDERS; i++)
        rc |= remove_folder(&p->folders[i], name);
    return rc;
}
