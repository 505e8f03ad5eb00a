/* timers.c: a binary heap of deadlines; a node knows its place, so that it can be moved or taken out. */
#include "loop/timers.h"

#include <stdlib.h>

int timers_reserve(struct timers *t, size_t nodes)
{
    if (nodes <= t->cap)
        return 0;
    size_t cap = t->cap > 0 ? t->cap * 2 : 16;
    cap = cap < nodes ? nodes : cap;
    struct timer_node **heap = realloc(t->heap, cap * sizeof(struct timer_node *));
    if (heap == NULL)
        return -1;
    t->heap = heap;
    t->cap = cap;
    return 0;
}

static void place(struct timers *t, size_t i, struct timer_node *node)
{
    t->heap[i] = node;
    node->index = i + 1;
}

static void rise(struct timers *t, size_t i)
{
    struct timer_node *node = t->heap[i];
    while (i > 0 && t->heap[(i - 1) / 2]->at_ms > node->at_ms) {
        place(t, i, t->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    place(t, i, node);
}

static void sink(struct timers *t, size_t i)
{
    struct timer_node *node = t->heap[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child + 1 < t->n && t->heap[child + 1]->at_ms < t->heap[child]->at_ms)
            child++;
        if (child >= t->n || t->heap[child]->at_ms >= node->at_ms)
            break;
        place(t, i, t->heap[child]);
        i = child;
    }
    place(t, i, node);
}

void timers_set(struct timers *t, struct timer_node *node, int64_t at_ms)
{
    timers_unset(t, node);
    node->at_ms = at_ms;
    t->heap[t->n++] = node;
    rise(t, t->n - 1);
}

void timers_unset(struct timers *t, struct timer_node *node)
{
    if (node->index == 0)
        return;
    size_t i = node->index - 1;
    struct timer_node *last = t->heap[--t->n];
    node->index = 0;
    if (last == node)
        return;
    place(t, i, last);
    rise(t, i);
    sink(t, last->index - 1);
}

struct timer_node *timers_first(const struct timers *t)
{
    return t->n > 0 ? t->heap[0] : NULL;
}

void timers_clear(struct timers *t)
{
    free(t->heap);
    *t = (struct timers){.heap = NULL};
}
