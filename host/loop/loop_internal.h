#ifndef PENSTOCK_LOOP_LOOP_INTERNAL_H
#define PENSTOCK_LOOP_LOOP_INTERNAL_H

/* loop_internal.h: what loop.c and timers.c share. */

#include <stdbool.h>
#include <stddef.h>

#include "base/heap.h"
#include "loop/loop.h"

struct child;

struct loop {
    int epoll_fd;
    int signal_fd;
    bool is_stopping;
    int64_t now_ms;
    struct loop_io *ios;
    struct loop_io *dead;
    struct heap timers;
    struct loop_timer *all_timers;
    size_t n_timers;
    uint64_t n_set;         /* how often timers have been set */
    size_t n_wall;          /* timers that are set and have a wall_ms */
    int64_t wall_offset_ms; /* wall clock less monotonic clock, when they were set */
    struct child *children;
    loop_signal_fn signal_fn;
    void *signal_arg;
    loop_turn_fn turn_fn;
    void *turn_arg;
    int turn_wait_ms; /* what turn_fn returned */
};

void timers_init(struct loop *l);
void timers_clear(struct loop *l);
/* Fires what is due, a bounded number. */
void timers_run(struct loop *l);
/* Milliseconds until the next one is due, at most timeout_ms (-1: any time). */
int timers_wait(const struct loop *l, int timeout_ms);
/* The lesser of two waits, of which -1 is the longest. */
static inline int timers_shorter(int a, int b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

#endif
