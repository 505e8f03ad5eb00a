#ifndef PENSTOCK_TASK_RANK_H
#define PENSTOCK_TASK_RANK_H

/*
 * rank.h: who goes next of several that each have a priority, an age and a place in turn: levels in
 * a lane, lanes in a group, groups in the host. The highest priority goes first, and within it
 * whoever's turn it is. One whose oldest task has waited so long that it counts as high takes its
 * turn among those, and never goes before its equals for its age alone. Pure.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/heap.h"

/* A place in turn: the smaller tag, then the smaller number. */
struct turn {
    double tag;
    uint64_t number;
};

/* Of the highest that it has, and of the most aged that it has. */
struct ranked {
    struct heap_node by_priority; /* first */
    struct heap_node by_age;
    double priority;
    struct turn turn;
    double aged; /* priority at time 0: it grows alike for all */
    double aged_base;
    struct turn aged_turn;
};

struct rank {
    struct heap by_priority, by_age;
};

void rank_init(struct rank *r);
void rank_clear(struct rank *r);
/* Room for n, so that rank_settle cannot fail. -1: ENOMEM. */
int rank_reserve(struct rank *r, size_t n);
/* Puts it in, moves it or takes it out, as it ought to be now. */
void rank_settle(struct rank *r, struct ranked *x, bool belongs);
/* The next one, or NULL. growth: what age has added to all by now. *is_aged: it was chosen for its
 * most aged, and so is what is chosen within it; where that is so already, the most aged is next. */
struct ranked *rank_first(const struct rank *r, double growth, bool *is_aged);
/* Whose turn it is within the highest priority, or NULL. */
struct ranked *rank_top(const struct rank *r);
/* The most aged one, or NULL. */
struct ranked *rank_oldest(const struct rank *r);
bool turn_before(struct turn a, struct turn b);

#endif
