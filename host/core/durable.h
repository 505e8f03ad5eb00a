#ifndef PENSTOCK_CORE_DURABLE_H
#define PENSTOCK_CORE_DURABLE_H

/*
 * durable.h: what the core writes into its journal, and what happens once it is there. Tasks point
 * into themselves while an operation of theirs is under way, so a task is not freed before: in the
 * states NEW and SETTLING nobody frees it.
 */

#include "core/core.h"

struct late;
struct owner;
struct result;
struct task;

/* Called when the operation is durable, or (only where it says so) refused. */
typedef void (*durable_fn)(struct core *c, struct task *t, void *arg, enum code code,
                           const char *why);

/* Opens the journal in state_dir, as the core's own user. -1: logged. */
int durable_open(struct core *c);
/* As root, before its rights are given up: the folder for it. -1: logged. */
int durable_make_place(const struct core *c);
void durable_close(struct core *c);
/* At the end of each turn. */
void durable_flush(struct core *c);
/* Operations whose end must be awaited before the process may stop. */
bool durable_is_idle(const struct core *c);

/* A task that stands in the tables. is_child: it goes with its parent's verdict and is not refused.
 * -1: no memory; fn is not called. */
int durable_accept(struct core *c, struct task *t, bool is_child, durable_fn fn, void *arg);
/* Its verdict: t->result. Never fails: without memory for it the core ends, and the task runs again. */
void durable_finish(struct core *c, struct task *t, durable_fn fn);
/* fn(arg) once all that was put before is durable: CODE_OK; else the host stops, and it is not known
 * to be: why says what the disk said, and nothing more may be put. -1: no memory. */
typedef void (*durable_barrier_fn)(struct core *c, void *arg, enum code code, const char *why);
int durable_barrier(struct core *c, durable_barrier_fn fn, void *arg);
/* Events of a task's history. */
#define NOTE_STARTED     "started"  /* at work for a while */
#define NOTE_FAILED      "failed"   /* an attempt; another one follows */
#define NOTE_REQUEUED    "requeued" /* back in the queue by no doing of its own: no attempt */
#define NOTE_CANCEL      "cancel"   /* asked for while it ran */
#define NOTE_FINISHED    "finished" /* the last attempt, or none: the verdict */
#define NOTE_REPEATED    "repeated" /* a dead letter runs again, as the task in message */
#define NOTE_PURGED      "purged"   /* a dead letter was thrown away before it was acknowledged */
#define NOTE_INTERRUPTED "interrupted" /* the host died during the attempt */
/* A line of its history; attempts is how many are behind it, this one included, not_before_ms when it
 * may run again. r: what to tell (referenced), or NULL. Nothing if the task is not durable. */
void durable_note(struct core *c, const struct task *t, const char *event, uint32_t attempts,
                  int64_t not_before_ms, struct result *r);
/* A dead letter is none any more; new_uid: of the task that repeats it, or NULL. -1: no memory. */
int durable_revived(struct core *c, uint64_t seq, const char *event, const char *new_uid);
/* Everything of a task that is not in memory, or only as a line of LIST. */
void durable_forget_row(struct core *c, uint64_t seq);
/* Nobody waits for these. */
void durable_acknowledge(struct core *c, const struct task *t);
void durable_delivered(struct core *c, const struct task *t); /* nobody will acknowledge it */
/* A client that can come back; again when it has changed. */
void durable_owner(struct core *c, struct owner *o);
void durable_owner_gone(struct core *c, const struct owner *o);

#endif
