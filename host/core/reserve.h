#ifndef PENSTOCK_CORE_RESERVE_H
#define PENSTOCK_CORE_RESERVE_H

/*
 * reserve.h: room that clients were granted before they have their tasks (RESERVE). It counts as
 * taken for everybody else. A client has one reservation at most; it ends with its time, when it is
 * used up or given back, and when the client has been silent for SILENT_HEARTBEATS heartbeats.
 */

#include "core/core.h"
#include "core/quota_rate.h"

struct owner;
struct request;

/* -1: no memory. */
int reserve_init(struct core *c);
void reserve_clear(struct core *c);
/* Tasks and bytes that are reserved by all, and by one. */
struct amount reserve_total(const struct core *c);
struct amount reserve_of(const struct owner *o);
/* Whether a task of the pipeline, of so many bytes, has room in the client's reservation. */
bool reserve_covers(const struct owner *o, const char *slug, size_t bytes);
/* One that is covered has been accepted. */
void reserve_use(struct core *c, struct owner *o);
/* The client is gone, or wants it no more. */
void reserve_drop(struct core *c, struct owner *o);

/* The verb. */
void verbs_reserve(struct core *c, struct request *q);

#endif
