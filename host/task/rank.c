/* rank.c: two heaps over the same members: by priority and turn, and by age. */
#include "task/rank.h"

#include <stddef.h>

bool turn_before(struct turn a, struct turn b)
{
    return a.tag < b.tag || (a.tag == b.tag && a.number < b.number);
}

static int priority_before(const struct heap_node *a, const struct heap_node *b)
{
    const struct ranked *x = (const struct ranked *)a, *y = (const struct ranked *)b;
    return x->priority > y->priority ||
           (x->priority == y->priority && turn_before(x->turn, y->turn));
}

static struct ranked *of_age(const struct heap_node *node)
{
    return node != NULL ? (struct ranked *)((char *)node - offsetof(struct ranked, by_age)) : NULL;
}

static int age_before(const struct heap_node *a, const struct heap_node *b)
{
    const struct ranked *x = of_age(a), *y = of_age(b);
    return x->aged > y->aged || (x->aged == y->aged && turn_before(x->aged_turn, y->aged_turn));
}

void rank_init(struct rank *r)
{
    heap_init(&r->by_priority, priority_before);
    heap_init(&r->by_age, age_before);
}

void rank_clear(struct rank *r)
{
    heap_clear(&r->by_priority);
    heap_clear(&r->by_age);
}

int rank_reserve(struct rank *r, size_t n)
{
    return heap_reserve(&r->by_priority, n) == 0 && heap_reserve(&r->by_age, n) == 0 ? 0 : -1;
}

static void settle(struct heap *h, struct heap_node *node, bool belongs)
{
    if (!belongs)
        heap_take(h, node);
    else if (node->index != 0)
        heap_moved(h, node);
    else
        heap_put(h, node);
}

void rank_settle(struct rank *r, struct ranked *x, bool belongs)
{
    settle(&r->by_priority, &x->by_priority, belongs);
    settle(&r->by_age, &x->by_age, belongs);
}

struct ranked *rank_top(const struct rank *r)
{
    return (struct ranked *)heap_first(&r->by_priority);
}

struct ranked *rank_oldest(const struct rank *r)
{
    return of_age(heap_first(&r->by_age));
}

struct ranked *rank_first(const struct rank *r, double growth, bool *is_aged)
{
    struct ranked *high = rank_top(r), *old = rank_oldest(r);
    if (high == NULL || *is_aged)
        return old;
    *is_aged = old->aged_base < high->priority && old->aged + growth >= high->priority &&
               turn_before(old->aged_turn, high->turn);
    return *is_aged ? old : high;
}
