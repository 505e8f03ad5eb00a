#ifndef PENSTOCK_TASK_SCHED_H
#define PENSTOCK_TASK_SCHED_H

/*
 * sched.h: which task runs next. Items wait in lanes (one a pipeline); a lane has as many slots as
 * its box has free workers; lanes of one task type form a group with a limit; the host has a limit,
 * and so may a tenant.
 *
 * Order: higher priority first. Within one priority turns are fair, whoever has how many items
 * waiting: in a lane between tenants by their weights, then between the clients of a tenant, then
 * between the jobs of a client; within a job first come, first served. Between lanes that may run
 * (only the limits of group and host make them wait for each other) turns are the tenants' again,
 * over all lanes together, and those of one tenant go round its lanes. Ageing: an item counts as one
 * priority higher for each `ageing` it has waited. That lifts it to the highest priority that waits
 * beside it, where it then takes its fair turn; it never goes before its equals.
 *
 * Each call costs O(log n) in what it touches: the number of other lanes, flows and items hardly
 * matters. Only a tenant that falls below its limit costs one step for each lane where it waits.
 * Flows (flow.h) live while they have items. Pure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "task/flow.h"

struct sched;
struct sched_group;
struct sched_lane;

enum { SCHED_PRIORITIES = 10 };

/* Lives in its owner for as long as items of it wait or run. All zero but for the first two. */
struct sched_tenant {
    double weight;        /* above 0: its share beside the others */
    uint32_t max_running; /* 0: no limit; those that were taken ahead count */
    size_t running;
    double tag; /* of its latest lane */
    struct flow *parked;
};

/* Lives in the task. */
struct sched_item {
    struct sched_item *prev, *next; /* in its job */
    struct flow *job_flow;          /* NULL: does not wait */
    double priority;
    int64_t since_ms;            /* when it came, on the clock of sched_at: its age */
    struct sched_tenant *tenant; /* NULL: that of all who have none; set by sched_push then */
    uint64_t client, job;    /* names within the tenant, and within the client; a tenant has either
                           * clients, or items without one: client 0 */
    uint64_t order;          /* set by sched_push: first come, first served */
    struct sched_lane *lane; /* set by sched_push */
};

/* max_running 0: no limit. NULL: ENOMEM. */
struct sched *sched_new(uint32_t max_running);
/* Frees groups and lanes too; items stay their owners'. */
void sched_free(struct sched *s);
/* ageing_ms 0: none. Only before the first item. */
void sched_set_ageing(struct sched *s, int64_t ageing_ms);
/* The time by which ages are judged, in ms; it does not go back. */
void sched_at(struct sched *s, int64_t now_ms);
/* A limit that several lanes share; 0: none. NULL: ENOMEM. */
struct sched_group *sched_group_new(struct sched *s, uint32_t max_running);
struct sched_lane *sched_lane_new(struct sched *s, struct sched_group *group);
/* A tenant's turn in the lane is so many items long (at first 1): for lanes where it costs much to
 * change the tenant. */
void sched_lane_turn(struct sched_lane *lane, unsigned items);
/* Other limits than at first; what runs already runs on. 0: none. */
void sched_limit(struct sched *s, uint32_t max_running);
void sched_group_limit(struct sched *s, struct sched_group *group, uint32_t max_running);
void sched_lane_limit(struct sched *s, struct sched_lane *lane, uint32_t max_running);
/* Moves the lane, and what runs of it, into another group. -1: ENOMEM, nothing changed. */
int sched_lane_move(struct sched *s, struct sched_lane *lane, struct sched_group *group);

/* priority, since_ms, tenant, client and job are set by the caller. -1: ENOMEM, nothing changed. */
int sched_push(struct sched *s, struct sched_lane *lane, struct sched_item *item);
/* Puts an item that was popped back at its old place; its slot is given up. -1: ENOMEM. */
int sched_requeue(struct sched *s, struct sched_item *item);
/* Takes a waiting item out. */
void sched_remove(struct sched *s, struct sched_item *item);
/* A worker of the lane waits for a task; or one of those that did does not any more. */
void sched_add_slot(struct sched *s, struct sched_lane *lane);
void sched_take_slot(struct sched *s, struct sched_lane *lane);
/* The next item that may run now: one slot of its lane is taken and it counts as running. NULL:
 * none. */
struct sched_item *sched_pop(struct sched *s);
/*
 * Writing ahead: a worker may be given items before it is done with the one at work. Such an item
 * counts against no limit but its tenant's until sched_promote, when it takes the place of the one
 * that ended.
 */
/* The lane's first item, to be written ahead: not while the lane has a free slot, or while somebody
 * waits for nothing but a limit. NULL: none. */
struct sched_item *sched_take_ahead(struct sched *s, struct sched_lane *lane);
/* An item that was popped is written ahead instead: its slot waits again. */
void sched_go_ahead(struct sched *s, struct sched_lane *lane);
/* An item that was taken ahead runs now. */
void sched_promote(struct sched *s, struct sched_lane *lane);
/* Puts an item that was taken ahead back at its old place. -1: ENOMEM, nothing changed. */
int sched_return(struct sched *s, struct sched_item *item);
/* An item that was taken ahead will never run. */
void sched_end_ahead(struct sched *s, struct sched_item *item);
/* An item that was popped does not run any more. */
void sched_end(struct sched *s, struct sched_item *item);

size_t sched_waiting(const struct sched *s);
/* Those that were taken ahead are with their workers too: they count here. */
size_t sched_running(const struct sched *s);
/* By whole priority. */
size_t sched_waiting_at(const struct sched *s, int priority);
/* since_ms of the oldest that may run as soon as there is room; INT64_MAX: none. Walks all lanes. */
int64_t sched_oldest_ms(const struct sched *s);
size_t sched_lane_waiting(const struct sched_lane *lane);
size_t sched_lane_running(const struct sched_lane *lane);
/* The lane's first item that its tenant's limit lets run, or NULL. */
struct sched_item *sched_lane_first(struct sched *s, struct sched_lane *lane);
/* Any waiting item of the lane, or NULL. */
struct sched_item *sched_lane_any(const struct sched_lane *lane);

#endif
