/* sched.c: items come, run and go. */
#include "task/sched_internal.h"

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
    struct level *v = sched_level_of(s, item->lane, item->priority);
    if (v == NULL)
        return -1;
    int rc = flow_put(&s->flows, &v->root, item, is_back);
    sched_settle(s, v);
    if (rc == 0)
        count_waiting(s, item, 1);
    return rc;
}

static void take(struct sched *s, struct sched_item *item, bool is_served)
{
    struct level *v = (struct level *)flow_root(item);
    flow_take(&s->flows, item, is_served);
    sched_settle(s, v);
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
    sched_settle_lane(s, lane);
}

void sched_take_slot(struct sched *s, struct sched_lane *lane)
{
    lane->slots--;
    sched_settle_lane(s, lane);
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
    struct level *v = sched_level_at(rank_first(&l->ranks, sched_growth(s, s->now_ms), &is_aged));
    struct flow *tenant = v != NULL ? flow_next_tenant(&v->root) : NULL;
    if (tenant == NULL || !is_at_limit(tenant->tenant))
        return tenant != NULL ? flow_first(tenant) : NULL;
    flow_park(tenant);
    sched_settle(s, v);
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
    const double grown = sched_growth(s, s->now_ms);
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
    sched_settle_lane(s, lane);
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
        sched_settle(s, v);
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
    sched_settle_lane(s, lane);
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
