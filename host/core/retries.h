#ifndef PENSTOCK_CORE_RETRIES_H
#define PENSTOCK_CORE_RETRIES_H

/*
 * retries.h: what follows an attempt that failed, or that never began. The policy is in task/retry.h.
 * A task that waits for its next attempt is in the state RETRY: in no lane, with its inputs, found by
 * its names, and with its followers behind it. The journal knows each attempt by a note.
 */

#include "core/core.h"

struct journal_row;
struct result;
struct task;

/* Its box is done with it: another attempt, or the verdict. Takes r (NULL: no memory was left for it).
 * was_started: it may have done something. */
void task_attempt_over(struct core *c, struct task *t, struct result *r, bool was_started);
/* It did not start, by a cause of ours: back to its place, at first at once, then after growing
 * pauses; the end if that happened too often. Also for a task that is still queued. */
void task_not_started(struct core *c, struct task *t, enum code code, const char *message);
/* Out of RETRY, RUNNING or STOPPING without a verdict or an attempt: it stays in the journal as it was
 * before. To be called before it leaves its place. */
void retries_leave(struct core *c, struct task *t);
/* Takes attempts, pause and deaths of a task that an earlier core had. */
void retries_restore(struct core *c, struct task *t, const struct journal_row *row);
/* The verdict where the host died too often while it ran. NULL: no memory. */
struct result *retries_worn_out(const struct task *t);
/* A task that is accepted waits for its time first. -1: no memory. */
int retries_wait(struct core *c, struct task *t);
/* It waits no more: to be called by whoever takes it out of RETRY. */
void retries_wait_over(struct core *c, struct task *t);

/* started.c: durable tasks that run for a while are noted in the journal as started, so that one that
 * takes the host with it is told from one that was only near. Short ones cost two pointers. */
int started_init(struct core *c);
void started_clear(struct core *c);
/* It is at work; it is not any more. */
void started_begin(struct core *c, struct task *t);
void started_end(struct core *c, struct task *t);

#endif
