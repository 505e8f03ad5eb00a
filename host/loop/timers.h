#ifndef PENSTOCK_LOOP_TIMERS_H
#define PENSTOCK_LOOP_TIMERS_H

/* timers.h: a binary heap of deadlines. Internal to the loop. */

#include <stddef.h>
#include <stdint.h>

struct timer_node {
    int64_t at_ms;
    size_t index; /* place in the heap + 1; 0: not in it */
};

struct timers {
    struct timer_node **heap;
    size_t n, cap;
};

/* Makes room for one node more, so that timers_set cannot fail. -1: ENOMEM. */
int timers_reserve(struct timers *t, size_t nodes);
void timers_set(struct timers *t, struct timer_node *node, int64_t at_ms);
void timers_unset(struct timers *t, struct timer_node *node);
/* The node with the nearest deadline, or NULL. */
struct timer_node *timers_first(const struct timers *t);
void timers_clear(struct timers *t);

#endif
