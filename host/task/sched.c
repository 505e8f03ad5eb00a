/* sched.c: three heaps: items in a lane, lanes in a group, groups in the host. A lane stands in its
 * group's heap while it has a waiting item and a free slot and is below its limit; a group stands in the host's heap while
 * it has such a lane and is below its limit. The key of a lane and of a group is its first item's.
 */
#include "task/sched.h"

#include <stdlib.h>

struct sched_lane {
    struct heap_node node; /* first */
    struct sched_lane *next;
    struct sched_group *group;
    struct heap items;
    uint32_t slots, max_running;
    size_t running, ahead;
};

struct sched_group {
    struct heap_node node; /* first */
    struct sched_group *next;
    struct heap lanes;
    size_t running;
    uint32_t max_running;
};

struct sched {
    struct heap groups;
    struct sched_group *all_groups;
    struct sched_lane *all_lanes;
    size_t n_groups, n_lanes;
    uint64_t order;
    size_t waiting, running, ahead;
    uint32_t max_running;
};

static int item_before(const struct heap_node *a, const struct heap_node *b)
{
    const struct sched_item *x = (const struct sched_item *)a, *y = (const struct sched_item *)b;
    return x->priority > y->priority || (x->priority == y->priority && x->order < y->order);
}

static int lane_before(const struct heap_node *a, const struct heap_node *b)
{
    return item_before(heap_first(&((const struct sched_lane *)a)->items),
                       heap_first(&((const struct sched_lane *)b)->items));
}

static int group_before(const struct heap_node *a, const struct heap_node *b)
{
    return lane_before(heap_first(&((const struct sched_group *)a)->lanes),
                       heap_first(&((const struct sched_group *)b)->lanes));
}

struct sched *sched_new(uint32_t max_running)
{
    struct sched *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->max_running = max_running;
    heap_init(&s->groups, group_before);
    return s;
}

void sched_free(struct sched *s)
{
    if (s == NULL)
        return;
    for (struct sched_lane *l = s->all_lanes, *next; l != NULL; l = next) {
        next = l->next;
        heap_clear(&l->items);
        free(l);
    }
    for (struct sched_group *g = s->all_groups, *next; g != NULL; g = next) {
        next = g->next;
        heap_clear(&g->lanes);
        free(g);
    }
    heap_clear(&s->groups);
    free(s);
}

struct sched_group *sched_group_new(struct sched *s, uint32_t max_running)
{
    struct sched_group *g = calloc(1, sizeof *g);
    if (g == NULL || heap_reserve(&s->groups, s->n_groups + 1) < 0) {
        free(g);
        return NULL;
    }
    heap_init(&g->lanes, lane_before);
    g->max_running = max_running;
    g->next = s->all_groups;
    s->all_groups = g;
    s->n_groups++;
    return g;
}

struct sched_lane *sched_lane_new(struct sched *s, struct sched_group *group)
{
    struct sched_lane *l = calloc(1, sizeof *l);
    /* Room for all lanes there are, so that coming and going never fails later. */
    if (l == NULL || heap_reserve(&group->lanes, s->n_lanes + 1) < 0) {
        free(l);
        return NULL;
    }
    heap_init(&l->items, item_before);
    l->group = group;
    l->next = s->all_lanes;
    s->all_lanes = l;
    s->n_lanes++;
    return l;
}

/* Puts a node in, moves it or takes it out, as it ought to be now. Room was made when the node was
 * new. */
static void settle(struct heap *h, struct heap_node *node, bool belongs)
{
    if (!belongs)
        heap_take(h, node);
    else if (node->index != 0)
        heap_moved(h, node);
    else
        heap_put(h, node);
}

static void settle_group(struct sched *s, struct sched_group *g)
{
    bool is_below = g->max_running == 0 || g->running < g->max_running;
    settle(&s->groups, &g->node, is_below && g->lanes.n > 0);
}

/* The lane's key may be about to vanish (no item left), so it leaves the heaps before its items
 * change. */
static void unsettle_lane(struct sched *s, struct sched_lane *l)
{
    heap_take(&s->groups, &l->group->node);
    heap_take(&l->group->lanes, &l->node);
}

static void settle_lane(struct sched *s, struct sched_lane *l)
{
    const bool is_below = l->max_running == 0 || l->running < l->max_running;
    settle(&l->group->lanes, &l->node, l->slots > 0 && l->items.n > 0 && is_below);
    settle_group(s, l->group);
}

void sched_limit(struct sched *s, uint32_t max_running)
{
    s->max_running = max_running;
}

void sched_group_limit(struct sched *s, struct sched_group *group, uint32_t max_running)
{
    group->max_running = max_running;
    settle_group(s, group);
}

void sched_lane_limit(struct sched *s, struct sched_lane *lane, uint32_t max_running)
{
    unsettle_lane(s, lane);
    lane->max_running = max_running;
    settle_lane(s, lane);
}

int sched_lane_move(struct sched *s, struct sched_lane *lane, struct sched_group *group)
{
    struct sched_group *old = lane->group;
    if (old == group)
        return 0;
    if (heap_reserve(&group->lanes, s->n_lanes) < 0)
        return -1;
    unsettle_lane(s, lane);
    old->running -= lane->running;
    settle_group(s, old);
    lane->group = group;
    group->running += lane->running;
    settle_lane(s, lane);
    return 0;
}

static int put(struct sched *s, struct sched_lane *lane, struct sched_item *item)
{
    unsettle_lane(s, lane);
    int rc = heap_put(&lane->items, &item->node);
    settle_lane(s, lane);
    if (rc == 0)
        s->waiting++;
    return rc;
}

int sched_push(struct sched *s, struct sched_lane *lane, struct sched_item *item)
{
    item->lane = lane;
    item->order = ++s->order;
    return put(s, lane, item);
}

int sched_requeue(struct sched *s, struct sched_item *item)
{
    if (put(s, item->lane, item) < 0)
        return -1;
    sched_end(s, item->lane);
    return 0;
}

void sched_remove(struct sched *s, struct sched_item *item)
{
    if (item->node.index == 0)
        return;
    unsettle_lane(s, item->lane);
    heap_take(&item->lane->items, &item->node);
    settle_lane(s, item->lane);
    s->waiting--;
}

void sched_add_slot(struct sched *s, struct sched_lane *lane)
{
    lane->slots++;
    settle_lane(s, lane);
}

void sched_take_slot(struct sched *s, struct sched_lane *lane)
{
    unsettle_lane(s, lane);
    lane->slots--;
    settle_lane(s, lane);
}

struct sched_item *sched_pop(struct sched *s)
{
    struct sched_group *g = (struct sched_group *)heap_first(&s->groups);
    if (g == NULL || (s->max_running > 0 && s->running >= s->max_running))
        return NULL;
    struct sched_lane *l = (struct sched_lane *)heap_first(&g->lanes);
    struct sched_item *item = (struct sched_item *)heap_first(&l->items);
    unsettle_lane(s, l);
    heap_take(&l->items, &item->node);
    l->slots--;
    l->running++;
    g->running++;
    s->running++;
    s->waiting--;
    settle_lane(s, l);
    return item;
}

/* A lane in a heap has a slot and an item: if the scheduler leaves it there, only limits hold it
 * up, and what runs now should end soon. */
struct sched_item *sched_take_ahead(struct sched *s, struct sched_lane *lane)
{
    struct sched_item *item = (struct sched_item *)heap_first(&lane->items);
    if (item == NULL || lane->slots > 0 || lane->group->lanes.n > 0 || s->groups.n > 0)
        return NULL;
    heap_take(&lane->items, &item->node);
    lane->ahead++;
    s->ahead++;
    s->waiting--;
    return item;
}

void sched_go_ahead(struct sched *s, struct sched_lane *lane)
{
    lane->ahead++;
    s->ahead++;
    lane->slots++;
    sched_end(s, lane);
    settle_lane(s, lane);
}

void sched_end_ahead(struct sched *s, struct sched_lane *lane)
{
    lane->ahead--;
    s->ahead--;
}

void sched_promote(struct sched *s, struct sched_lane *lane)
{
    sched_end_ahead(s, lane);
    unsettle_lane(s, lane);
    lane->running++;
    lane->group->running++;
    s->running++;
    settle_lane(s, lane);
}

int sched_return(struct sched *s, struct sched_item *item)
{
    if (put(s, item->lane, item) < 0)
        return -1;
    sched_end_ahead(s, item->lane);
    return 0;
}

void sched_end(struct sched *s, struct sched_lane *lane)
{
    unsettle_lane(s, lane);
    lane->running--;
    lane->group->running--;
    s->running--;
    settle_lane(s, lane);
}

size_t sched_waiting(const struct sched *s)
{
    return s->waiting;
}

size_t sched_running(const struct sched *s)
{
    return s->running + s->ahead;
}

size_t sched_lane_waiting(const struct sched_lane *lane)
{
    return lane->items.n;
}

size_t sched_lane_running(const struct sched_lane *lane)
{
    return lane->running + lane->ahead;
}

struct sched_item *sched_lane_first(const struct sched_lane *lane)
{
    return (struct sched_item *)heap_first(&lane->items);
}
