#ifndef PENSTOCK_CORE_JOBS_H
#define PENSTOCK_CORE_JOBS_H

/*
 * jobs.h: tasks of one owner that name the same job. In memory a job is a list of those of its tasks
 * that are here, which all of its open ones are; how its durable tasks ended is counted by the journal,
 * so that forgotten ones count as well.
 */

#include "core/core.h"

struct job;
struct owner;
struct peer;
struct task;

/* A task that enters the tables. -1: no memory. */
int jobs_enter(struct core *c, struct task *t);
/* It has its verdict: perhaps the last one of its job. */
void jobs_settled(struct core *c, struct task *t);
/* It leaves the tables; NULL job is fine. */
void jobs_leave(struct core *c, struct task *t);
/* The newest and the oldest task of the job that an owner (by number) has; the others by task.job_older
 * and task.job_newer. NULL: none is here. */
struct task *jobs_newest(struct core *c, uint64_t owner, const char *job_id);
struct task *jobs_oldest(struct core *c, uint64_t owner, const char *job_id);
/* Answers QUERY {"job_id"} of a peer: now, or once the journal has told. */
void jobs_query(struct core *c, struct peer *p, const char *job_id);
void jobs_clear(struct core *c);

#endif
