/* flow.c: the tree of one level: root, tenants, clients, jobs. */
#include "task/flow.h"

#include <stdlib.h>

#include "base/table.h"
#include "task/sched.h"

enum { TIERS = 3 }; /* tenant, client, job */

struct key {
    const struct flow *parent;
    uint64_t id;
};

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

static void init_inner(struct flow *f)
{
    heap_init(&f->children, turn_is_before);
    heap_init(&f->ages, age_is_before);
}

void flow_root_init(struct flow *root, double *clock)
{
    *root = (struct flow){.clock = clock};
    init_inner(root);
}

void flow_root_clear(struct flow *root)
{
    heap_clear(&root->children);
    heap_clear(&root->ages);
}

static void free_one(void *value, void *arg)
{
    struct flow *x = value;
    (void)arg;
    if (!x->is_job)
        flow_root_clear(x);
    free(x);
}

void flows_free(struct flows *f)
{
    if (f->index != NULL)
        table_each(f->index, free_one, NULL);
    table_free(f->index);
    f->index = NULL;
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
    const struct key key = {.parent = x->parent, .id = x->id};
    table_take(f->index, &key, sizeof key);
    x->parent->n_children--;
    if (x->is_parked)
        unlink_parked(x);
    if (!x->is_job)
        flow_root_clear(x);
    free(x);
}

static bool is_empty(const struct flow *x)
{
    return x->is_job ? x->first == NULL : x->n_children == 0;
}

/* Room in the parent's heaps is made here, so that coming and going cannot fail later. */
static struct flow *flow_new(struct flows *f, struct flow *parent, uint64_t id, double weight)
{
    const struct key key = {.parent = parent, .id = id};
    struct flow *x = calloc(1, sizeof *x);
    if (x == NULL || heap_reserve(&parent->children, parent->n_children + 1) < 0 ||
        heap_reserve(&parent->ages, parent->n_children + 1) < 0 ||
        table_put(f->index, &key, sizeof key, x) < 0) {
        free(x);
        return NULL;
    }
    x->parent = parent;
    x->id = id;
    x->weight = weight;
    x->clock = &x->now;
    parent->n_children++;
    return x;
}

static struct flow *child(struct flows *f, struct flow *parent, uint64_t id, double weight)
{
    const struct key key = {.parent = parent, .id = id};
    struct flow *x = table_get(f->index, &key, sizeof key);
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

/* The job's flow, made with all above it where they are new. NULL: ENOMEM. */
static struct flow *reach(struct flows *f, struct flow *root, const struct sched_item *item)
{
    const struct {
        uint64_t id;
        double weight;
    } path[TIERS] = {
        {(uintptr_t)item->tenant, item->tenant->weight}, {item->client, 1}, {item->job, 1}};
    struct flow *x = root;
    for (int i = 0; i < TIERS; i++) {
        struct flow *next = child(f, x, path[i].id, path[i].weight);
        if (next == NULL) {
            prune(f, x);
            return NULL;
        }
        bool is_new = next->by_turn.index == 0 && is_empty(next);
        next->is_job = i == TIERS - 1;
        if (is_new && !next->is_job)
            init_inner(next);
        if (i == 0)
            next->tenant = item->tenant;
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

/* A new flow's turn is over one turn from now; one that comes back with an item that had its turn
 * already has it now. */
static void come(struct flows *f, struct flow *x, bool is_back)
{
    bool is_new = x->by_turn.index == 0 && !x->is_parked;
    double now = *x->parent->clock, step = 1 / x->weight;
    if (is_new) {
        x->turn = (struct turn){.tag = is_back ? now : now + step, .number = ++f->turns};
        enter(x);
    } else if (is_back) {
        take_turn(f, x, x->turn.tag - step);
    }
}

static void had_turn(struct flows *f, struct flow *x)
{
    double *clock = x->parent->clock;
    if (*clock < x->turn.tag)
        *clock = x->turn.tag;
    take_turn(f, x, *clock + 1 / x->weight);
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
