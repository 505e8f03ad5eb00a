/*
 * sched.c: levels in a lane, lanes in a group, groups in the host, each a rank. A level holds what
 * waits in a lane at one priority, as a tree of flows. A lane stands in its group's rank while it
 * has a free slot and something that may run, and is below its limit; a group stands in the host's
 * rank while it has such a lane and is below its limit. A lane in its group's rank has a turn that its first tenant has drawn
 * from the host's clock: so what a tenant gets through all its lanes is one share.
 */
#include "task/sched.h"

#include <stdlib.h>
#include <string.h>

struct level {
    struct flow root;     /* first */
    struct ranked ranked; /* in its lane */
    struct level *prev, *next;
    struct sched_lane *lane;
    double priority;
};

struct sched_lane {
    struct ranked ranked; /* first; in its group */
    struct sched_lane *next;
    struct sched_group *group;
    struct rank ranks; /* of levels that have something that may run */
    struct level *levels;
    size_t n_levels;
    double clock;                /* of its tenants' turns, at all levels */
    struct sched_tenant *drawer; /* has drawn its turn; NULL: it has none */
    uint32_t slots, max_running;
    unsigned turn_items;
    size_t waiting, running, ahead;
};

struct sched_group {
    struct ranked ranked; /* first; in the host */
    struct sched_group *next;
    struct rank ranks; /* of lanes */
    size_t running;
    uint32_t max_running;
};

struct sched {
    struct rank ranks; /* of groups */
    struct sched_group *all_groups;
    struct sched_lane *all_lanes;
    size_t n_groups, n_lanes;
    struct flows flows;
    struct sched_tenant nobody;
    double clock;     /* of the lanes' turns */
    double ageing_ms; /* 0: none */
    int64_t now_ms;
    uint64_t order;
    size_t waiting, running, ahead;
    size_t waiting_at[SCHED_PRIORITIES];
    uint32_t max_running;
};

/* ---- making and freeing
 * --------------------------------------------------------------------------- */

struct sched *sched_new(uint32_t max_running)
{
    struct sched *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    if (flows_init(&s->flows) < 0) {
        free(s);
        return NULL;
    }
    s->max_running = max_running;
    s->nobody.weight = 1;
    rank_init(&s->ranks);
    return s;
}

void sched_free(struct sched *s)
{
    if (s == NULL)
        return;
    for (struct sched_lane *l = s->all_lanes, *next; l != NULL; l = next) {
        next = l->next;
        rank_clear(&l->ranks);
        free(l);
    }
    for (struct sched_group *g = s->all_groups, *next; g != NULL; g = next) {
        next = g->next;
        rank_clear(&g->ranks);
        free(g);
    }
    rank_clear(&s->ranks);
    flows_free(&s->flows);
    free(s);
}

void sched_set_ageing(struct sched *s, int64_t ageing_ms)
{
    s->ageing_ms = (double)ageing_ms;
}

void sched_at(struct sched *s, int64_t now_ms)
{
    if (now_ms > s->now_ms)
        s->now_ms = now_ms;
}

struct sched_group *sched_group_new(struct sched *s, uint32_t max_running)
{
    struct sched_group *g = calloc(1, sizeof *g);
    if (g == NULL || rank_reserve(&s->ranks, s->n_groups + 1) < 0) {
        free(g);
        return NULL;
    }
    rank_init(&g->ranks);
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
    if (l == NULL || rank_reserve(&group->ranks, s->n_lanes + 1) < 0) {
        free(l);
        return NULL;
    }
    rank_init(&l->ranks);
    l->turn_items = 1;
    l->group = group;
    l->next = s->all_lanes;
    s->all_lanes = l;
    s->n_lanes++;
    return l;
}

/* ---- levels
 * --------------------------------------------------------------------------------------- */

static uint64_t bits_of(double priority)
{
    uint64_t bits;
    memcpy(&bits, &priority, sizeof bits);
    return bits;
}

static struct level *level_new(struct sched *s, struct sched_lane *lane, double priority)
{
    struct level *v = calloc(1, sizeof *v);
    if (v == NULL || rank_reserve(&lane->ranks, lane->n_levels + 1) < 0) {
        free(v);
        return NULL;
    }
    flow_root_init(&s->flows, &v->root, lane, bits_of(priority), &lane->clock);
    v->root.turn_items = lane->turn_items;
    v->lane = lane;
    v->priority = priority;
    v->next = lane->levels;
    if (v->next != NULL)
        v->next->prev = v;
    lane->levels = v;
    lane->n_levels++;
    return v;
}

static struct level *level_of(struct sched *s, struct sched_lane *lane, double priority)
{
    struct flow *root = flow_find(&s->flows, lane, bits_of(priority));
    return root != NULL ? (struct level *)root : level_new(s, lane, priority);
}

static void level_free(struct sched *s, struct level *v)
{
    *(v->prev != NULL ? &v->prev->next : &v->lane->levels) = v->next;
    if (v->next != NULL)
        v->next->prev = v->prev;
    v->lane->n_levels--;
    flow_root_clear(&s->flows, &v->root);
    free(v);
}

static struct level *level_at(struct ranked *r)
{
    return r != NULL ? (struct level *)((char *)r - offsetof(struct level, ranked)) : NULL;
}

/* What `ageing_ms` adds to a priority in so many ms. */
static double growth(const struct sched *s, int64_t ms)
{
    return s->ageing_ms > 0 ? (double)ms / s->ageing_ms : 0;
}

static void settle_level(struct sched *s, struct level *v)
{
    const struct flow *first = flow_next_tenant(&v->root);
    if (first != NULL) {
        v->ranked.priority = v->ranked.aged_base = v->priority;
        v->ranked.aged = v->priority - growth(s, v->root.since_ms);
        v->ranked.turn = v->ranked.aged_turn = first->turn;
    }
    rank_settle(&v->lane->ranks, &v->ranked, first != NULL);
    if (v->root.n_children == 0)
        level_free(s, v);
}

/* ---- lanes and groups
 * ----------------------------------------------------------------------------- */

/* r stands for its members: of the first by priority, and of the oldest. */
static void stand_for(struct ranked *r, const struct rank *members)
{
    const struct ranked *high = rank_top(members), *old = rank_oldest(members);
    r->priority = high->priority;
    r->turn = high->turn;
    r->aged = old->aged;
    r->aged_base = old->aged_base;
    r->aged_turn = old->aged_turn;
}

static void settle_group(struct sched *s, struct sched_group *g)
{
    bool is_below = g->max_running == 0 || g->running < g->max_running;
    bool belongs = is_below && rank_oldest(&g->ranks) != NULL;
    if (belongs)
        stand_for(&g->ranked, &g->ranks);
    rank_settle(&s->ranks, &g->ranked, belongs);
}

/* A turn that was drawn and not had is given back if it is the tenant's latest. */
static void give_turn_back(struct sched_lane *l)
{
    if (l->drawer != NULL && l->drawer->tag == l->ranked.turn.tag)
        l->drawer->tag -= 1 / l->drawer->weight;
    l->drawer = NULL;
}

static void draw_turn(struct sched *s, struct sched_lane *l, struct sched_tenant *t)
{
    give_turn_back(l);
    t->tag = (t->tag > s->clock ? t->tag : s->clock) + 1 / t->weight;
    l->ranked.turn = (struct turn){.tag = t->tag, .number = ++s->flows.turns};
    l->drawer = t;
}

static void settle_lane(struct sched *s, struct sched_lane *l)
{
    struct level *top = level_at(rank_top(&l->ranks));
    bool is_below = l->max_running == 0 || l->running < l->max_running;
    bool belongs = top != NULL && l->slots > 0 && is_below;
    if (!belongs) {
        give_turn_back(l);
    } else {
        struct sched_tenant *t = flow_next_tenant(&top->root)->tenant;
        if (l->drawer != t)
            draw_turn(s, l, t);
        struct turn turn = l->ranked.turn;
        stand_for(&l->ranked, &l->ranks);
        l->ranked.turn = l->ranked.aged_turn = turn;
    }
    rank_settle(&l->group->ranks, &l->ranked, belongs);
    settle_group(s, l->group);
}

void sched_lane_turn(struct sched_lane *lane, unsigned items)
{
    lane->turn_items = items;
    for (struct level *v = lane->levels; v != NULL; v = v->next)
        v->root.turn_items = items;
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
    lane->max_running = max_running;
    settle_lane(s, lane);
}

int sched_lane_move(struct sched *s, struct sched_lane *lane, struct sched_group *group)
{
    struct sched_group *old = lane->group;
    if (old == group)
        return 0;
    if (rank_reserve(&group->ranks, s->n_lanes) < 0)
        return -1;
    rank_settle(&old->ranks, &lane->ranked, false);
    old->running -= lane->running;
    settle_group(s, old);
    lane->group = group;
    group->running += lane->running;
    settle_lane(s, lane);
    return 0;
}

static void settle(struct sched *s, struct level *v)
{
    struct sched_lane *l = v->lane;
    settle_level(s, v);
    settle_lane(s, l);
}

/* ---- waiting
 * -------------------------------------------------------------------------------------- */

static void count_waiting(struct sched *s, const struct sched_item *item, size_t n)
{
    const double p = item->priority;
    s->waiting += n;
    s->waiting_at[p < 0 ? 0 : p >= SCHED_PRIORITIES ? SCHED_PRIORITIES - 1 : (int)p] += n;
    item->lane->waiting += n;
}

static int put(struct sched *s, struct sched_item *item, bool is_back)
{
    struct level *v = level_of(s, item->lane, item->priority);
    if (v == NULL)
        return -1;
    int rc = flow_put(&s->flows, &v->root, item, is_back);
    settle(s, v);
    if (rc == 0)
        count_waiting(s, item, 1);
    return rc;
}

static void take(struct sched *s, struct sched_item *item, bool is_served)
{
    struct level *v = (struct level *)flow_root(item);
    flow_take(&s->flows, item, is_served);
    settle(s, v);
    count_waiting(s, item, (size_t)-1);
}

int sched_push(struct sched *s, struct sched_lane *lane, struct sched_item *item)
{
    item->lane = lane;
    item->order = ++s->order;
    if (item->tenant == NULL)
        item->tenant = &s->nobody;
    return put(s, item, false);
}

int sched_requeue(struct sched *s, struct sched_item *item)
{
    if (put(s, item, true) < 0)
        return -1;
    sched_end(s, item);
    return 0;
}

void sched_remove(struct sched *s, struct sched_item *item)
{
    if (item->job_flow != NULL)
        take(s, item, false);
}

void sched_add_slot(struct sched *s, struct sched_lane *lane)
{
    lane->slots++;
    settle_lane(s, lane);
}

void sched_take_slot(struct sched *s, struct sched_lane *lane)
{
    lane->slots--;
    settle_lane(s, lane);
}

/* ---- whose turn it is
 * ----------------------------------------------------------------------------- */

static bool is_at_limit(const struct sched_tenant *t)
{
    return t->max_running > 0 && t->running >= t->max_running;
}

/* The lane's next item. A tenant at its limit that stands first is put aside; NULL: that has
 * happened, or nothing is left. */
static struct sched_item *next_of(struct sched *s, struct sched_lane *l, bool is_aged)
{
    struct level *v = level_at(rank_first(&l->ranks, growth(s, s->now_ms), &is_aged));
    struct flow *tenant = v != NULL ? flow_next_tenant(&v->root) : NULL;
    if (tenant == NULL || !is_at_limit(tenant->tenant))
        return tenant != NULL ? flow_first(tenant) : NULL;
    flow_park(tenant);
    settle(s, v);
    return NULL;
}

static struct sched_item *first_of(struct sched *s, struct sched_lane *l)
{
    struct sched_item *item = NULL;
    while (item == NULL && rank_top(&l->ranks) != NULL)
        item = next_of(s, l, false);
    return item;
}

/* The lane whose turn it is, or NULL. */
static struct sched_lane *next_lane(const struct sched *s, bool *is_aged)
{
    const double grown = growth(s, s->now_ms);
    struct sched_group *g = (struct sched_group *)rank_first(&s->ranks, grown, is_aged);
    return g != NULL ? (struct sched_lane *)rank_first(&g->ranks, grown, is_aged) : NULL;
}

static struct sched_item *next_item(struct sched *s)
{
    struct sched_item *item = NULL;
    while (item == NULL && (s->max_running == 0 || s->running < s->max_running)) {
        bool is_aged = false;
        struct sched_lane *l = next_lane(s, &is_aged);
        if (l == NULL)
            break;
        item = next_of(s, l, is_aged);
    }
    return item;
}

/* The lane has had its turn. */
static void had_turn(struct sched *s, struct sched_lane *l)
{
    if (s->clock < l->ranked.turn.tag)
        s->clock = l->ranked.turn.tag;
    l->drawer = NULL;
}

struct sched_item *sched_pop(struct sched *s)
{
    struct sched_item *item = next_item(s);
    if (item == NULL)
        return NULL;
    struct sched_lane *l = item->lane;
    had_turn(s, l);
    l->slots--;
    l->running++;
    l->group->running++;
    s->running++;
    item->tenant->running++;
    take(s, item, true);
    return item;
}

/* ---- running
 * -------------------------------------------------------------------------------------- */

/* A lane in a rank has a slot and an item: if the scheduler leaves it there, only limits hold it
 * up, and what runs now should end soon. */
struct sched_item *sched_take_ahead(struct sched *s, struct sched_lane *lane)
{
    bool is_held_up = rank_top(&lane->group->ranks) != NULL || rank_top(&s->ranks) != NULL;
    struct sched_item *item = lane->slots == 0 && !is_held_up ? first_of(s, lane) : NULL;
    if (item == NULL)
        return NULL;
    lane->ahead++;
    s->ahead++;
    item->tenant->running++;
    take(s, item, true);
    return item;
}

static void leave_running(struct sched *s, struct sched_lane *lane)
{
    lane->running--;
    lane->group->running--;
    s->running--;
    settle_lane(s, lane);
}

static void leave_ahead(struct sched *s, struct sched_lane *lane)
{
    lane->ahead--;
    s->ahead--;
}

/* The tenant has one less: where it waits, it takes part again. */
static void leave_tenant(struct sched *s, struct sched_tenant *t)
{
    t->running--;
    while (t->parked != NULL && !is_at_limit(t)) {
        struct level *v = (struct level *)t->parked->parent;
        flow_unpark(t->parked);
        settle(s, v);
    }
}

void sched_go_ahead(struct sched *s, struct sched_lane *lane)
{
    lane->ahead++;
    s->ahead++;
    lane->slots++;
    leave_running(s, lane);
}

void sched_end_ahead(struct sched *s, struct sched_item *item)
{
    leave_ahead(s, item->lane);
    leave_tenant(s, item->tenant);
}

void sched_promote(struct sched *s, struct sched_lane *lane)
{
    leave_ahead(s, lane);
    lane->running++;
    lane->group->running++;
    s->running++;
    settle_lane(s, lane);
}

int sched_return(struct sched *s, struct sched_item *item)
{
    if (put(s, item, true) < 0)
        return -1;
    sched_end_ahead(s, item);
    return 0;
}

void sched_end(struct sched *s, struct sched_item *item)
{
    leave_running(s, item->lane);
    leave_tenant(s, item->tenant);
}

/* ---- what is there
 * -------------------------------------------------------------------------------- */

size_t sched_waiting(const struct sched *s)
{
    return s->waiting;
}

size_t sched_running(const struct sched *s)
{
    return s->running + s->ahead;
}

size_t sched_waiting_at(const struct sched *s, int priority)
{
    return s->waiting_at[priority];
}

int64_t sched_oldest_ms(const struct sched *s)
{
    int64_t oldest = INT64_MAX;
    for (const struct sched_lane *l = s->all_lanes; l != NULL; l = l->next) {
        for (const struct level *v = l->levels; v != NULL; v = v->next) {
            if (v->root.since_ms < oldest)
                oldest = v->root.since_ms;
        }
    }
    return oldest;
}

size_t sched_lane_waiting(const struct sched_lane *lane)
{
    return lane->waiting;
}

size_t sched_lane_running(const struct sched_lane *lane)
{
    return lane->running + lane->ahead;
}

struct sched_item *sched_lane_first(struct sched *s, struct sched_lane *lane)
{
    return first_of(s, lane);
}

struct sched_item *sched_lane_any(const struct sched_lane *lane)
{
    return lane->levels != NULL ? flow_any(&lane->levels->root) : NULL;
}
