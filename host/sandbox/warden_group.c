/*
 * warden_group.c: the control groups of the slots. Runs in the warden, and between fork and exec in
 * a zygote.
 *
 * The launcher has made them and opened their files; the kernel judges a write by the rights of
 * whoever opened the file, so it works without any right of ours. A process goes into its group
 * before it runs anything of a task; a move that fails is the box's failure.
 *
 * A task is moved by us, or goes itself where that is quicker (tasks_join; zygote_fork.c). A zygote
 * that keeps its tasks from it wins nothing: they stay in its own group, and share its limit.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"
#include "sandbox/warden_internal.h"

enum { NUMBER_TEXT = 32, EVENTS_TEXT = 512 };

static bool has_groups(const struct warden *w)
{
    return (w->setup.walls & WALL_CGROUP) != 0;
}

static int write_pid(const struct warden *w, uint32_t group, const char *text)
{
    const int *fds = w->setup.group_fds[group];
    const ssize_t n = (ssize_t)strlen(text);
    for (int i = CGROUP_MOVE; i <= CGROUP_MOVE_PIDS; i++) {
        if (fds[i] >= 0 && write(fds[i], text, (size_t)n) != n)
            return -1;
    }
    return 0;
}

int warden_group_join(const struct warden *w, uint32_t group)
{
    if (!has_groups(w))
        return 0;
    errno = fault_here("warden.group-join");
    return errno != 0 ? -1 : write_pid(w, group, "0");
}

static int move(const struct slot *s, pid_t pid)
{
    char text[NUMBER_TEXT];
    snprintf(text, sizeof text, "%d", pid);
    return write_pid(s->warden, s->index, text);
}

int warden_group_move(const struct slot *s, pid_t pid)
{
    const struct warden *w = s->warden;
    if (!has_groups(w) || w->setup.tasks_join != 0)
        return 0;
    errno = fault_here("warden.group-move");
    return errno != 0 ? -1 : move(s, pid);
}

size_t warden_group_pass(const struct slot *s, int *fds)
{
    const struct warden_setup *setup = &s->warden->setup;
    size_t n = 0;
    for (int i = CGROUP_MOVE;
         has_groups(s->warden) && setup->tasks_join != 0 && i <= CGROUP_MOVE_PIDS; i++) {
        if (setup->group_fds[s->index][i] >= 0)
            fds[n++] = setup->group_fds[s->index][i];
    }
    return n;
}

/* ---- what the kernel counts ---- */

static int read_text(int fd, char *text, size_t size)
{
    const ssize_t n = pread(fd, text, size - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    return n > 0 ? 0 : -1;
}

/* Both versions have a line of it. */
static int read_oom_kills(const int *fds, uint64_t *count)
{
    static const char key[] = "oom_kill ";
    char text[EVENTS_TEXT], *rest = NULL;
    if (read_text(fds[CGROUP_EVENTS], text, sizeof text) < 0)
        return -1;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        if (strncmp(line, key, sizeof key - 1) == 0) {
            *count = strtoull(line + sizeof key - 1, NULL, 10);
            return 0;
        }
    }
    errno = ENODATA;
    return -1;
}

/* 0: not known. */
static uint64_t read_peak(const int *fds)
{
    char text[NUMBER_TEXT];
    if (fds[CGROUP_PEAK] < 0 || read_text(fds[CGROUP_PEAK], text, sizeof text) < 0)
        return 0;
    return strtoull(text, NULL, 10);
}

/* Version 1 wants a 0, version 2 takes anything, since Linux 6.12. */
static bool reset_peak(const int *fds)
{
    return fds[CGROUP_PEAK] >= 0 && write(fds[CGROUP_PEAK], "0", 1) == 1;
}

int warden_group_begin(struct slot *s)
{
    const int *fds = s->warden->setup.group_fds[s->index];
    if (!has_groups(s->warden))
        return 0;
    s->old_peak = reset_peak(fds) ? 0 : read_peak(fds);
    return read_oom_kills(fds, &s->old_oom_kills);
}

void warden_group_end(const struct slot *s, struct control_exit *m)
{
    const int *fds = s->warden->setup.group_fds[s->index];
    uint64_t kills;
    if (!has_groups(s->warden))
        return;
    if (read_oom_kills(fds, &kills) == 0)
        m->oom_kills = (uint32_t)(kills - s->old_oom_kills);
    /* Where it cannot be begun anew, only a new peak is known to be this worker's. */
    const uint64_t peak = read_peak(fds);
    m->memory_peak_bytes = peak > s->old_peak ? peak : 0;
}

bool warden_group_was_full(const struct warden *w, uint32_t group, uint64_t old_oom_kills)
{
    uint64_t kills;
    return has_groups(w) && read_oom_kills(w->setup.group_fds[group], &kills) == 0 &&
           kills > old_oom_kills;
}

uint64_t warden_group_oom_kills(const struct warden *w, uint32_t group)
{
    uint64_t kills = 0;
    return has_groups(w) && read_oom_kills(w->setup.group_fds[group], &kills) == 0 ? kills : 0;
}

/* ---- the step of a probe ---- */

/* A child is moved with what rights are left, by its number in here, and the counter is read. */
int warden_try_group(struct warden *w)
{
    struct slot s = {.warden = w};
    const pid_t pid = fork();
    if (pid == 0) {
        for (;;)
            pause();
    }
    int rc = pid > 0 ? move(&s, pid) : -1;
    const int saved = errno;
    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    errno = saved;
    return rc == 0 ? warden_group_begin(&s) : -1;
}
