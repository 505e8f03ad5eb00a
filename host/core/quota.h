#ifndef PENSTOCK_CORE_QUOTA_H
#define PENSTOCK_CORE_QUOTA_H

/*
 * quota.h: who has how much waiting here, and who may have more. A task waits from the moment it
 * stands in the tables until it is given to a worker (also while it is being accepted, attached to
 * another, or put off for another attempt); it is open until its verdict.
 */

#include "core/core.h"
#include "core/quota_rate.h"
#include "core/refusal.h"
#include "task/sched.h"

struct owner;
struct task;

/* A tenant, as long as it has open tasks. */
struct account {
    struct sched_tenant sched; /* first */
    struct amount waiting;
    size_t n_open;
    uint64_t owner; /* a client that is its own tenant; 0: the name counts */
    char name[];
};

/* -1: no memory. */
int quota_init(struct core *c);
void quota_clear(struct core *c);

/* A new task that waits: it is counted, and knows for the scheduler whose it is and since when.
 * -1: no memory. */
int quota_enter(struct core *c, struct task *t);
/* It waits again, or no longer; nothing happens if that is so already. */
void quota_wait(struct core *c, struct task *t);
void quota_unwait(struct core *c, struct task *t);
/* It is not open any more; nothing happens if that is so already. */
void quota_leave(struct core *c, struct task *t);

/* Whether the host has room for so much more beside what is reserved. */
bool quota_host_has_room(const struct core *c, struct amount more);
/* Whether host, client and tenant (NULL: the client itself) have room for one task more, of so many
 * bytes. -1: refused, with the limit and when to come again. */
int quota_check(struct core *c, const struct owner *o, const char *tenant, size_t bytes,
                struct refusal *r);
/* How many of n tasks of a client for its own tenant, of so many bytes each (at least 1), there
 * is room for; if not for all, r says why. */
size_t quota_room(struct core *c, const struct owner *o, size_t n, size_t bytes, struct refusal *r);
/* How long until so much more has gone, by what has gone in the last seconds. */
int64_t quota_retry_after_ms(struct core *c, struct amount more);

/* STATS: oldest_wait_ms, reserved, queued_by_priority, and for operators tenants. */
void quota_write_stats(struct core *c, struct json_writer *w, bool is_operator);

#endif
