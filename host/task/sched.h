#ifndef PENSTOCK_TASK_SCHED_H
#define PENSTOCK_TASK_SCHED_H

/*
 * sched.h: which task runs next. Items wait in lanes (one a pipeline); a lane has as many slots as
 * its box has free workers; lanes of one task type form a group with a limit; the host has a limit.
 * Order: higher priority first, then first come. Each call costs O(log n) in what it touches: the
 * number of other lanes and items hardly matters. Pure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/heap.h"

struct sched;
struct sched_group;
struct sched_lane;

/* Lives in the task. */
struct sched_item {
    struct heap_node node; /* first */
    double priority;
    uint64_t order; /* set by sched_push: first come, first served */
    struct sched_lane *lane;
};

/* max_running 0: no limit. NULL: ENOMEM. */
struct sched *sched_new(uint32_t max_running);
/* Frees groups and lanes too; items stay their owners'. */
void sched_free(struct sched *s);
/* A limit that several lanes share; 0: none. NULL: ENOMEM. */
struct sched_group *sched_group_new(struct sched *s, uint32_t max_running);
struct sched_lane *sched_lane_new(struct sched *s, struct sched_group *group);
/* Other limits than at first; what runs already runs on. 0: none. */
void sched_limit(struct sched *s, uint32_t max_running);
void sched_group_limit(struct sched *s, struct sched_group *group, uint32_t max_running);
void sched_lane_limit(struct sched *s, struct sched_lane *lane, uint32_t max_running);
/* Moves the lane, and what runs of it, into another group. -1: ENOMEM, nothing changed. */
int sched_lane_move(struct sched *s, struct sched_lane *lane, struct sched_group *group);

/* item->priority is set by the caller. -1: ENOMEM, nothing changed. */
int sched_push(struct sched *s, struct sched_lane *lane, struct sched_item *item);
/* Puts an item that was popped back at its old place; its slot is given up. -1: ENOMEM. */
int sched_requeue(struct sched *s, struct sched_item *item);
/* Takes a waiting item out. */
void sched_remove(struct sched *s, struct sched_item *item);
/* A worker of the lane waits for a task; or one of those that did does not any more. */
void sched_add_slot(struct sched *s, struct sched_lane *lane);
void sched_take_slot(struct sched *s, struct sched_lane *lane);
/* The next item that may run now: one slot of its lane is taken and it counts as running. NULL:
 * none. */
struct sched_item *sched_pop(struct sched *s);
/*
 * Writing ahead: a worker may be given items before it is done with the one at work. Such an item
 * counts against no limit until sched_promote, when it takes the place of the one that ended.
 */
/* The lane's first item, to be written ahead: not while the lane has a free slot, or while somebody
 * waits for nothing but a limit. NULL: none. */
struct sched_item *sched_take_ahead(struct sched *s, struct sched_lane *lane);
/* An item that was popped is written ahead instead: its slot waits again. */
void sched_go_ahead(struct sched *s, struct sched_lane *lane);
/* An item that was taken ahead runs now. */
void sched_promote(struct sched *s, struct sched_lane *lane);
/* Puts an item that was taken ahead back at its old place. -1: ENOMEM, nothing changed. */
int sched_return(struct sched *s, struct sched_item *item);
/* An item that was taken ahead will never run. */
void sched_end_ahead(struct sched *s, struct sched_lane *lane);
/* An item that was popped does not run any more. */
void sched_end(struct sched *s, struct sched_lane *lane);

size_t sched_waiting(const struct sched *s);
/* Those that were taken ahead are with their workers too: they count here. */
size_t sched_running(const struct sched *s);
size_t sched_lane_waiting(const struct sched_lane *lane);
size_t sched_lane_running(const struct sched_lane *lane);
/* The lane's first waiting item, or NULL. */
struct sched_item *sched_lane_first(const struct sched_lane *lane);

#endif
