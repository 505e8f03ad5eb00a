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
struct table;

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
    int64_t since_ms; /* of the oldest item below it that may run */
    uint64_t id;
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
    bool is_job, is_parked;
    struct sched_tenant *tenant;         /* of a tenant's flow */
    struct flow_link of_tenant, of_root; /* of one that is parked */
};

/* What all trees share. */
struct flows {
    struct table *index; /* of children by parent and id */
    uint64_t turns;
};

/* clock: of its children; roots that stand beside each other share it. */
void flow_root_init(struct flow *root, double *clock);
void flow_root_clear(struct flow *root);
/* Takes the index and frees all flows and what they stand first in; items are not touched. */
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
