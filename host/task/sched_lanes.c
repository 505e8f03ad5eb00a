/* sched_lanes.c: what the scheduler is made of: levels, lanes, groups, their limits, and who stands where.
 */
#include "task/sched_internal.h"

#include <stdlib.h>
#include <string.h>

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

struct level *sched_level_of(struct sched *s, struct sched_lane *lane, double priority)
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

struct level *sched_level_at(struct ranked *r)
{
    return r != NULL ? (struct level *)((char *)r - offsetof(struct level, ranked)) : NULL;
}

double sched_growth(const struct sched *s, int64_t ms)
{
    return s->ageing_ms > 0 ? (double)ms / s->ageing_ms : 0;
}

static void settle_level(struct sched *s, struct level *v)
{
    const struct flow *first = flow_next_tenant(&v->root);
    if (first != NULL) {
        v->ranked.priority = v->ranked.aged_base = v->priority;
        v->ranked.aged = v->priority - sched_growth(s, v->root.since_ms);
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

void sched_settle_group(struct sched *s, struct sched_group *g)
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

void sched_settle_lane(struct sched *s, struct sched_lane *l)
{
    struct level *top = sched_level_at(rank_top(&l->ranks));
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
    sched_settle_group(s, l->group);
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
    sched_settle_group(s, group);
}

void sched_lane_limit(struct sched *s, struct sched_lane *lane, uint32_t max_running)
{
    lane->max_running = max_running;
    sched_settle_lane(s, lane);
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
    sched_settle_group(s, old);
    lane->group = group;
    group->running += lane->running;
    sched_settle_lane(s, lane);
    return 0;
}

void sched_settle(struct sched *s, struct level *v)
{
    struct sched_lane *l = v->lane;
    settle_level(s, v);
    sched_settle_lane(s, l);
}
