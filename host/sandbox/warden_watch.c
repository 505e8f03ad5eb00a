/* warden_watch.c: processor time of workers. Runs in the warden.
 *
 * The core asks for a watch once a task has run for a moment; the worker's process clock is read
 * then, and again when it could have used what it may at the earliest: all its threads running on
 * all processors.
 */
#include <time.h>
#include <unistd.h>

#include "loop/loop.h"
#include "sandbox/warden_internal.h"

enum {
    LOOK_MIN_MS = 10 /* what a worker can overrun by, times its threads */
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

void warden_watch_cpu(struct slot *s, uint32_t cpu_ms)
{
    uint64_t used_us;
    s->cpu_limit_us = 0;
    loop_timer_off(s->timer);
    if (cpu_ms == 0 || read_clock(s->pid, &used_us) < 0)
        return;
    s->cpu_limit_us = used_us + (uint64_t)cpu_ms * 1000;
    warden_look_at_cpu(s);
}
