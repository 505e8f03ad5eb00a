/* warden_worker.c: the workers of the slots, from their announcement to the moment their slot is
 * clean again. Runs in the warden. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop/loop.h"
#include "sandbox/tree.h"
#include "sandbox/warden_internal.h"

void warden_worker_live(struct slot *s, pid_t pid)
{
    const struct control_worker m = {
        .head = {.magic = CHAN_MAGIC, .version = CHAN_VERSION, .type = CONTROL_WORKER},
        .slot = s->index,
        .generation = s->generation,
    };
    if (warden_group_begin(s) < 0) {
        warden_end_error(s->warden, errno, "reading a control group");
        return;
    }
    s->state = SLOT_LIVE;
    s->pid = pid;
    s->reason = KILL_NONE;
    /* A forked one has loaded nothing itself. */
    s->cpu_loaded_us = s->warden->mode == BOX_WARM ? warden_cpu_us(pid) : 0;
    warden_send(s->warden, &m, sizeof m);
}

/* We are the only one who reaps it, so the number still is the worker's. */
void warden_kill_worker(struct slot *s, enum kill_reason reason)
{
    if (s->state != SLOT_LIVE)
        return;
    if (s->reason == KILL_NONE)
        s->reason = reason;
    kill(s->pid, SIGKILL);
}

static uint64_t time_us(const struct timeval *t)
{
    return (uint64_t)t->tv_sec * 1000000 + (uint64_t)t->tv_usec;
}

static uint64_t cpu_us(const struct slot *s, const struct rusage *usage)
{
    const uint64_t used_us = time_us(&usage->ru_utime) + time_us(&usage->ru_stime);
    return used_us > s->cpu_loaded_us ? used_us - s->cpu_loaded_us : 0;
}

static void tell_exit(const struct slot *s, const struct output *o, int wait_status,
                      const struct rusage *usage)
{
    struct control_exit m = {
        .head = {.magic = CHAN_MAGIC, .version = CHAN_VERSION, .type = CONTROL_EXIT},
        .slot = s->index,
        .wait_status = wait_status,
        .generation = s->generation,
        .reason = (uint32_t)s->reason,
        .cpu_us = cpu_us(s, usage),
        .max_rss_bytes = (uint64_t)usage->ru_maxrss * 1024,
        .log_dropped_bytes = o->dropped,
    };
    warden_group_end(s, &m);
    warden_send(s->warden, &m, sizeof m);
}

/* A task may leave a million files, and other slots must not wait for their removal: a child does
 * it. */
static void start_cleaner(struct slot *s)
{
    s->state = SLOT_CLEANING;
    s->pid = fork();
    if (s->pid == 0)
        _exit(tree_empty(s->dir) < 0);
    if (s->pid < 0)
        warden_end_error(s->warden, errno, "a process to empty a task directory");
}

/* The task may have taken the directory's rights away, and the next one needs them. A look first: a
 * change of mode is a write to the disk. */
static int mend_rights(int dir)
{
    struct stat st;
    if (fstat(dir, &st) < 0)
        return -1;
    return (st.st_mode & 07777) == 0700 ? 0 : fchmod(dir, 0700);
}

static void clean(struct slot *s)
{
    if (mend_rights(s->dir) < 0) {
        warden_end_error(s->warden, errno, "the rights of a task directory");
        return;
    }
    if (!tree_is_empty(s->dir)) {
        start_cleaner(s);
        return;
    }
    s->state = SLOT_EMPTY;
    warden_fill_slot(s);
}

void warden_cleaner_ended(struct slot *s, int wait_status)
{
    s->state = SLOT_EMPTY;
    s->pid = 0;
    /* The next task must not find what this one has left. */
    if (wait_status != 0)
        warden_end_error(s->warden, EIO, "emptying a task directory");
    else
        warden_fill_slot(s);
}

void warden_worker_ended(struct slot *s, int wait_status, const struct rusage *usage)
{
    struct warden *w = s->warden;
    struct output *o = w->mode == BOX_FORK ? &s->output : &w->zygotes[s->index].output;
    warden_watch_end(s);
    warden_kill_strays(w);
    warden_output_close(o);
    tell_exit(s, o, wait_status, usage);
    s->pid = 0;
    if (w->is_once)
        warden_end(w, EXIT_SUCCESS);
    else
        clean(s);
}

void warden_fill_slot(struct slot *s)
{
    struct warden *w = s->warden;
    struct zygote *z = &w->zygotes[w->mode == BOX_WARM ? s->index : 0];
    if (w->is_ending)
        return;
    if (w->is_stopping)
        warden_check_stop(w);
    else if (w->mode == BOX_FORK && z->state == ZYGOTE_SERVING)
        warden_order_fork(s);
    else if (w->mode == BOX_WARM && z->state == ZYGOTE_NONE && !loop_timer_is_set(z->timer))
        warden_start_zygote(z);
}
