/* warden_watch.c: processor time and directories of workers. Runs in the warden.
 *
 * The core asks for a watch once a task has run for a moment; the worker's process clock is read
 * then, and again when it could have used what it may at the earliest: all its threads running on
 * all processors.
 *
 * A directory that lies on the host's disk is measured again and again by a child, because a walk
 * through what a plugin has left may take long. What grows between two looks is seen by the next
 * one: such a limit is weak, and reported so.
 */
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "loop/loop.h"
#include "sandbox/tree.h"
#include "sandbox/warden_internal.h"

enum {
    LOOK_MIN_MS = 10, /* what a worker can overrun by, times its threads */
    MEASURE_MS = 100  /* between two looks at a directory */
};

/* -1: the process is a zombie already. */
static int read_clock(pid_t pid, uint64_t *us)
{
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) < 0)
        return -1;
    *us = (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
    return 0;
}

uint64_t warden_cpu_us(pid_t pid)
{
    uint64_t us;
    return read_clock(pid, &us) < 0 ? 0 : us;
}

static uint64_t widest(const struct warden *w)
{
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    const uint64_t threads = w->setup.limits.threads > 0 ? w->setup.limits.threads : UINT32_MAX;
    const uint64_t n = processors > 1 ? (uint64_t)processors : 1;
    return n < threads ? n : threads;
}

void warden_look_at_cpu(struct slot *s)
{
    uint64_t used_us;
    if (s->state != SLOT_LIVE || s->cpu_limit_us == 0 || read_clock(s->pid, &used_us) < 0)
        return;
    if (used_us >= s->cpu_limit_us) {
        warden_kill_worker(s, KILL_CPU);
        return;
    }
    const uint64_t left_ms = (s->cpu_limit_us - used_us) / 1000 / widest(s->warden);
    loop_timer_after(s->timer, left_ms > LOOK_MIN_MS ? (int64_t)left_ms : LOOK_MIN_MS);
}

static void watch_cpu(struct slot *s, uint32_t cpu_ms)
{
    uint64_t used_us;
    if (cpu_ms == 0 || read_clock(s->pid, &used_us) < 0)
        return;
    s->cpu_limit_us = used_us + (uint64_t)cpu_ms * 1000;
    warden_look_at_cpu(s);
}

static bool has_directory_to_measure(const struct warden *w)
{
    return (w->setup.walls & WALL_SCRATCH) == 0 &&
           (w->setup.limits.dir_bytes > 0 || w->setup.limits.dir_files > 0);
}

void warden_watch(struct slot *s, uint32_t cpu_ms)
{
    s->n_watches++;
    s->is_measured = has_directory_to_measure(s->warden);
    watch_cpu(s, cpu_ms);
    warden_measure(s);
}

void warden_watch_end(struct slot *s)
{
    s->cpu_limit_us = 0;
    s->is_measured = false;
    loop_timer_off(s->timer);
    loop_timer_off(s->measure_timer);
}

/* ---- directories ---- */

/* Wait statuses of the child: it exits with 0, 1, or 2 if it could not look. */
enum { MEASURED_FITS = 0, MEASURED_TOO_MUCH = 1 << 8 };

void warden_measure(struct slot *s)
{
    const struct box_limits *b = &s->warden->setup.limits;
    if (!s->is_measured || s->measurer > 0)
        return;
    s->measurer_watch = s->n_watches;
    s->measurer = fork();
    if (s->measurer == 0) {
        prctl(PR_SET_PDEATHSIG, (long)SIGKILL, 0L, 0L, 0L);
        _exit(1 - tree_fits(s->dir, b->dir_bytes, b->dir_files));
    }
    if (s->measurer < 0) {
        s->measurer = 0;
        warden_end_error(s->warden, errno, "a process to measure a task directory");
    }
}

void warden_measurer_ended(struct slot *s, int wait_status)
{
    s->measurer = 0;
    if (!s->is_measured)
        return;
    if (s->measurer_watch != s->n_watches)
        warden_measure(s); /* it has looked at what an earlier task had */
    else if (wait_status == MEASURED_FITS)
        loop_timer_after(s->measure_timer, MEASURE_MS);
    else if (wait_status == MEASURED_TOO_MUCH)
        warden_kill_worker(s, KILL_DISK);
    else
        warden_end_error(s->warden, EIO, "measuring a task directory");
}
