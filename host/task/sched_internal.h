#ifndef PENSTOCK_TASK_SCHED_INTERNAL_H
#define PENSTOCK_TASK_SCHED_INTERNAL_H

/*
 * sched_internal.h: what the files of the scheduler share. Levels in a lane, lanes in a group, groups
 * in the host, each a rank. A level holds what waits in a lane at one priority, as a tree of flows.
 * A lane stands in its group's rank while it has a free slot and something that may run, and is
 * below its limit; a group stands in the host's rank while it has such a lane and is below its
 * limit. A lane in its group's rank has a turn that its first tenant has drawn from the host's clock:
 * so what a tenant gets through all its lanes is one share.
 */

#include "task/sched.h"

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

/* The level of the lane for this priority, made if it is not there. NULL: ENOMEM. */
struct level *sched_level_of(struct sched *s, struct sched_lane *lane, double priority);
struct level *sched_level_at(struct ranked *r);
/* What ageing adds to a priority in so many ms. */
double sched_growth(const struct sched *s, int64_t ms);
/* Each puts what it names into its rank, moves it there or takes it out, as it ought to be now, and
 * then what that stands in. A level that is empty is freed. */
void sched_settle(struct sched *s, struct level *v);
void sched_settle_lane(struct sched *s, struct sched_lane *l);
void sched_settle_group(struct sched *s, struct sched_group *g);

#endif
