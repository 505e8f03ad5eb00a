#ifndef PENSTOCK_LOOP_LOOP_H
#define PENSTOCK_LOOP_LOOP_H

/*
 * loop.h: an epoll loop: descriptors, timers on the monotonic clock, signals by signalfd, children
 * by pidfd. Single-threaded: every function and callback runs in the thread that calls loop_run. A
 * callback may add and delete anything, its own source included.
 */

#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/types.h>

struct loop;
struct loop_io;
struct loop_timer;

/* NULL with errno. */
struct loop *loop_new(void);
/* Sources and timers still there are freed with it; descriptors are not closed. NULL is fine. */
void loop_free(struct loop *l);
/* Runs until loop_stop; 0, or -1 with errno if epoll fails. */
int loop_run(struct loop *l);
void loop_stop(struct loop *l);
/* One turn: waits at most timeout_ms (-1: until something happens), then serves what is due. */
int loop_turn(struct loop *l, int timeout_ms);
/* The monotonic time in milliseconds, read once a turn. */
int64_t loop_now_ms(const struct loop *l);

/* events: EPOLLIN, EPOLLOUT; EPOLLHUP and EPOLLERR come unasked. The descriptor stays the caller's.
 * NULL with errno. */
typedef void (*loop_io_fn)(void *arg, uint32_t events);
struct loop_io *loop_io_add(struct loop *l, int fd, uint32_t events, loop_io_fn fn, void *arg);
int loop_io_set(struct loop_io *io, uint32_t events);
/* Before the descriptor is closed. NULL is fine. */
void loop_io_del(struct loop_io *io);

/* A timer that is off until it is set. NULL with errno. */
typedef void (*loop_timer_fn)(void *arg);
struct loop_timer *loop_timer_new(struct loop *l, loop_timer_fn fn, void *arg);
/* Fires once after delay_ms (0: at the end of this turn, or of the next if a timer sets it);
 * setting again moves it. Never fails. */
void loop_timer_after(struct loop_timer *t, int64_t delay_ms);
/* Fires once when the wall clock shows wall_ms (epoch) or later, also when somebody sets that clock:
 * a step is noticed within a second. For promises; limits are kept by loop_timer_after. */
void loop_timer_at(struct loop_timer *t, int64_t wall_ms);
void loop_timer_off(struct loop_timer *t);
int loop_timer_is_set(const struct loop_timer *t);
void loop_timer_free(struct loop_timer *t);

/* Blocks the signals of set and delivers them as calls. Once a loop. -1 with errno. */
typedef void (*loop_signal_fn)(void *arg, int signo);
int loop_signals(struct loop *l, const sigset_t *set, loop_signal_fn fn, void *arg);

/* Called once with the wait status when the child has ended; it is reaped. -1 with errno. */
typedef void (*loop_child_fn)(void *arg, pid_t pid, int wait_status);
int loop_child(struct loop *l, pid_t pid, loop_child_fn fn, void *arg);

/* Called at the end of every turn, for work that must not be forgotten (ZeroMQ's edge-triggered
 * descriptor). Returns how many milliseconds may pass until the next turn at most: -1 any, 0 none.
 * One a loop. */
typedef int (*loop_turn_fn)(void *arg);
void loop_on_turn(struct loop *l, loop_turn_fn fn, void *arg);

#endif
