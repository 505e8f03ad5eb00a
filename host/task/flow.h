#ifndef PENSTOCK_TASK_FLOW_H
#define PENSTOCK_TASK_FLOW_H

/*
 * flow.h: fair turns between those whose tasks wait for the same thing: tenants, the clients of a
 * tenant, the jobs of a client. A tree with one flow each; the leaves are jobs and hold their items
 * in the order they came. Each flow serves its children by self-clocked fair queueing: a child's tag
 * is the clock at which its next turn is over; the least goes first and becomes the clock. One that
 * comes anew gets the tag of a whole turn from now on, so nobody gains by leaving and coming back,
 * and an empty flow is freed. Pure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/heap.h"
#include "task/rank.h"

struct flow;
struct sched_item;
struct sched_tenant;

/* In a list of flows: *at is what points at it. */
struct flow_link {
    struct flow *next, **at;
};

struct flow {
    struct heap_node by_turn; /* first */
    struct heap_node by_age;
    struct flow *parent; /* NULL: a root, which the scheduler owns */
    struct turn turn;
    double weight;
    double *clock; /* of its children: its own, or one that several roots share */
    double now;
    int64_t since_ms;  /* of the oldest item below it that may run */
    const void *scope; /* whose child it is: with id its name in the index */
    uint64_t id;
    struct flow *next_same; /* in its bucket of the index */
    union {
        struct {
            struct heap children, ages; /* those that may run */
            size_t n_children;          /* all */
            struct flow *parked;        /* of a root: tenants that may not run more now */
        };
        struct {
            struct sched_item *first, *last; /* of a job */
        };
    };
    unsigned turn_items; /* how many items a child has in one turn; at least 1 */
    unsigned taken;      /* items that it has had of its turn */
    bool is_job, is_parked;
    struct sched_tenant *tenant;         /* of a tenant's flow */
    struct flow_link of_tenant, of_root; /* of one that is parked */
};

/* What all trees share. The index finds flows by scope and id: it is a table of its own because the
 * flows are its entries, which spares a task several allocations and misses of the cache. */
struct flows {
    struct flow **buckets;
    size_t n_buckets, n; /* n_buckets: a power of two */
    uint64_t seed, turns;
};

/* -1: ENOMEM. */
int flows_init(struct flows *f);
/* A root, found by scope and id. clock: of its children; roots that stand beside each other share
 * it. */
void flow_root_init(struct flows *f, struct flow *root, const void *scope, uint64_t id,
                    double *clock);
void flow_root_clear(struct flows *f, struct flow *root);
/* flow_index.c: by scope and id. NULL: there is none. */
struct flow *flow_find(const struct flows *f, const void *scope, uint64_t id);
void flow_enter_index(struct flows *f, struct flow *x);
void flow_leave_index(struct flows *f, struct flow *x);
/* Frees all flows, and what roots stand first in; items are not touched. */
void flows_free(struct flows *f);
/* Puts the item under root: at the end of its job, or with is_back where its order says, and its
 * flows get back the turn that it had taken. -1: ENOMEM, nothing changed. */
int flow_put(struct flows *f, struct flow *root, struct sched_item *item, bool is_back);
/* Takes it out. is_served: its flows have had their turn. */
void flow_take(struct flows *f, struct sched_item *item, bool is_served);
/* The tenant's flow whose turn it is, or NULL. */
struct flow *flow_next_tenant(const struct flow *root);
/* The item whose turn it is below a flow that has some. */
struct sched_item *flow_first(const struct flow *f);
/* Any item below the root, also one that may not run now. NULL: there is none. */
struct sched_item *flow_any(const struct flow *root);
struct flow *flow_root(const struct sched_item *item);
/* The tenant may not run more now: its flow gives up its place until flow_unpark. */
void flow_park(struct flow *tenant);
void flow_unpark(struct flow *tenant);

#endif
