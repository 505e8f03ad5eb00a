/* flow.c: the tree of one level: root, tenants, clients, jobs. */
#include "task/flow.h"

#include <stdlib.h>

#include "task/sched.h"

enum tier { TENANT, CLIENT, JOB, TIERS };

static int turn_is_before(const struct heap_node *a, const struct heap_node *b)
{
    return turn_before(((const struct flow *)a)->turn, ((const struct flow *)b)->turn);
}

static struct flow *of_age(const struct heap_node *node)
{
    return (struct flow *)((char *)node - offsetof(struct flow, by_age));
}

static int age_is_before(const struct heap_node *a, const struct heap_node *b)
{
    return of_age(a)->since_ms < of_age(b)->since_ms;
}

/* ---- roots
 * ---------------------------------------------------------------------------------------- */

static void init_inner(struct flow *f)
{
    heap_init(&f->children, turn_is_before);
    heap_init(&f->ages, age_is_before);
}

static void clear_inner(struct flow *f)
{
    heap_clear(&f->children);
    heap_clear(&f->ages);
}

void flow_root_init(struct flows *f, struct flow *root, const void *scope, uint64_t id,
                    double *clock)
{
    *root = (struct flow){.scope = scope, .id = id};
    root->clock = clock;
    root->turn_items = 1;
    init_inner(root);
    flow_enter_index(f, root);
}

void flow_root_clear(struct flows *f, struct flow *root)
{
    flow_leave_index(f, root);
    clear_inner(root);
}

void flows_free(struct flows *f)
{
    for (size_t i = 0; f->buckets != NULL && i < f->n_buckets; i++) {
        for (struct flow *x = f->buckets[i], *next; x != NULL; x = next) {
            next = x->next_same;
            if (!x->is_job)
                clear_inner(x);
            free(x);
        }
    }
    free(f->buckets);
    f->buckets = NULL;
}

/* The link at this offset. */
static struct flow_link *link_of(struct flow *x, size_t which)
{
    return (struct flow_link *)((char *)x + which);
}

/* ---- coming and going
 * ----------------------------------------------------------------------------- */

static void link_into(struct flow **list, struct flow *x, size_t which)
{
    struct flow_link *l = link_of(x, which);
    *l = (struct flow_link){.next = *list, .at = list};
    if (*list != NULL)
        link_of(*list, which)->at = &l->next;
    *list = x;
}

static void unlink_from(struct flow *x, size_t which)
{
    struct flow_link *l = link_of(x, which);
    *l->at = l->next;
    if (l->next != NULL)
        link_of(l->next, which)->at = l->at;
}

static void link_parked(struct flow *x)
{
    x->is_parked = true;
    link_into(&x->tenant->parked, x, offsetof(struct flow, of_tenant));
    link_into(&x->parent->parked, x, offsetof(struct flow, of_root));
}

static void unlink_parked(struct flow *x)
{
    x->is_parked = false;
    unlink_from(x, offsetof(struct flow, of_tenant));
    unlink_from(x, offsetof(struct flow, of_root));
}

static void free_flow(struct flows *f, struct flow *x)
{
    flow_leave_index(f, x);
    x->parent->n_children--;
    if (x->is_parked)
        unlink_parked(x);
    if (!x->is_job)
        clear_inner(x);
    free(x);
}

static bool is_empty(const struct flow *x)
{
    return x->is_job ? x->first == NULL : x->n_children == 0;
}

/* Room in the parent's heaps is made here, so that coming and going cannot fail later. */
static struct flow *flow_new(struct flows *f, struct flow *parent, uint64_t id, double weight)
{
    struct flow *x = calloc(1, sizeof *x);
    if (x == NULL || heap_reserve(&parent->children, parent->n_children + 1) < 0 ||
        heap_reserve(&parent->ages, parent->n_children + 1) < 0) {
        free(x);
        return NULL;
    }
    x->parent = parent;
    x->scope = parent;
    x->id = id;
    x->weight = weight;
    x->clock = &x->now;
    x->turn_items = 1;
    parent->n_children++;
    flow_enter_index(f, x);
    return x;
}

static struct flow *child(struct flows *f, struct flow *parent, uint64_t id, double weight)
{
    struct flow *x = flow_find(f, parent, id);
    return x != NULL ? x : flow_new(f, parent, id, weight);
}

/* Empty flows from here up; stops at one that has others, or at the root. */
static struct flow *prune(struct flows *f, struct flow *x)
{
    while (x->parent != NULL && is_empty(x)) {
        struct flow *parent = x->parent;
        heap_take(&parent->children, &x->by_turn);
        heap_take(&parent->ages, &x->by_age);
        free_flow(f, x);
        x = parent;
    }
    return x;
}

/* A tenant that is its only client needs no tier for it. */
static struct flow *reach_tier(struct flows *f, struct flow *x, const struct sched_item *item,
                               int tier)
{
    const uint64_t ids[TIERS] = {(uintptr_t)item->tenant, item->client, item->job};
    struct flow *next = child(f, x, ids[tier], tier == TENANT ? item->tenant->weight : 1);
    if (next == NULL || next->by_turn.index != 0 || !is_empty(next))
        return next;
    next->is_job = tier == JOB;
    next->tenant = item->tenant;
    if (!next->is_job)
        init_inner(next);
    return next;
}

/* The job's flow, made with all above it where they are new. NULL: ENOMEM. */
static struct flow *reach(struct flows *f, struct flow *root, const struct sched_item *item)
{
    struct flow *x = root;
    for (int tier = TENANT; tier < TIERS; tier++) {
        if (tier == CLIENT && item->client == 0)
            continue;
        struct flow *next = reach_tier(f, x, item, tier);
        if (next == NULL) {
            prune(f, x);
            return NULL;
        }
        x = next;
    }
    return x;
}

/* ---- turns and ages
 * ------------------------------------------------------------------------------- */

static void take_turn(struct flows *f, struct flow *x, double tag)
{
    x->turn = (struct turn){.tag = tag, .number = ++f->turns};
    heap_moved(&x->parent->children, &x->by_turn);
}

static void enter(struct flow *x)
{
    heap_put(&x->parent->children, &x->by_turn);
    heap_put(&x->parent->ages, &x->by_age);
}

static double length_of_turn(const struct flow *x)
{
    return x->parent->turn_items / x->weight;
}

/* A new flow's turn is over one turn from now; one that comes back with an item that had its turn
 * already has it now. */
static void come(struct flows *f, struct flow *x, bool is_back)
{
    const double now = *x->parent->clock;
    if (x->by_turn.index == 0 && !x->is_parked) {
        x->turn =
            (struct turn){.tag = is_back ? now : now + length_of_turn(x), .number = ++f->turns};
        enter(x);
    } else if (is_back && x->turn.tag > now) {
        take_turn(f, x, now);
    }
}

static void had_turn(struct flows *f, struct flow *x)
{
    double *clock = x->parent->clock;
    if (*clock < x->turn.tag)
        *clock = x->turn.tag;
    if (++x->taken < x->parent->turn_items)
        return;
    x->taken = 0;
    take_turn(f, x, *clock + length_of_turn(x));
}

static int64_t oldest_below(const struct flow *x)
{
    if (x->is_job)
        return x->first->since_ms;
    return x->ages.n > 0 ? of_age(heap_first(&x->ages))->since_ms : INT64_MAX;
}

/* From x up: the age of each, as far as it has changed. */
static void refresh_ages(struct flow *x)
{
    for (; x != NULL; x = x->parent) {
        int64_t oldest = oldest_below(x);
        if (oldest == x->since_ms)
            return;
        x->since_ms = oldest;
        if (x->parent != NULL)
            heap_moved(&x->parent->ages, &x->by_age);
    }
}

/* ---- items
 * ---------------------------------------------------------------------------------------- */

/* Behind the last one that came before it; one that comes back is among the first. */
static void link_item(struct flow *job, struct sched_item *item, bool is_back)
{
    struct sched_item *next = is_back ? job->first : NULL;
    while (next != NULL && next->order < item->order)
        next = next->next;
    item->job_flow = job;
    item->next = next;
    item->prev = next != NULL ? next->prev : job->last;
    *(item->prev != NULL ? &item->prev->next : &job->first) = item;
    *(next != NULL ? &next->prev : &job->last) = item;
}

static void unlink_item(struct flow *job, struct sched_item *item)
{
    *(item->prev != NULL ? &item->prev->next : &job->first) = item->next;
    *(item->next != NULL ? &item->next->prev : &job->last) = item->prev;
    item->prev = item->next = NULL;
    item->job_flow = NULL;
}

int flow_put(struct flows *f, struct flow *root, struct sched_item *item, bool is_back)
{
    struct flow *job = reach(f, root, item);
    if (job == NULL)
        return -1;
    link_item(job, item, is_back);
    for (struct flow *x = job; x != root; x = x->parent) {
        x->since_ms = oldest_below(x);
        heap_moved(&x->parent->ages, &x->by_age);
        come(f, x, is_back);
    }
    root->since_ms = oldest_below(root);
    return 0;
}

void flow_take(struct flows *f, struct sched_item *item, bool is_served)
{
    struct flow *job = item->job_flow;
    unlink_item(job, item);
    for (struct flow *x = job; is_served && x->parent != NULL; x = x->parent)
        had_turn(f, x);
    refresh_ages(prune(f, job));
}

struct flow *flow_next_tenant(const struct flow *root)
{
    return (struct flow *)heap_first(&root->children);
}

struct sched_item *flow_first(const struct flow *f)
{
    while (!f->is_job)
        f = (const struct flow *)heap_first(&f->children);
    return f->first;
}

struct sched_item *flow_any(const struct flow *root)
{
    const struct flow *x = root->children.n > 0 ? root : root->parked;
    return x != NULL ? flow_first(x) : NULL;
}

struct flow *flow_root(const struct sched_item *item)
{
    struct flow *x = item->job_flow;
    while (x->parent != NULL)
        x = x->parent;
    return x;
}

/* ---- tenants at their limit
 * ------------------------------------------------------------------------ */

void flow_park(struct flow *x)
{
    heap_take(&x->parent->children, &x->by_turn);
    heap_take(&x->parent->ages, &x->by_age);
    link_parked(x);
    refresh_ages(x->parent);
}

void flow_unpark(struct flow *x)
{
    unlink_parked(x);
    enter(x);
    refresh_ages(x->parent);
}
