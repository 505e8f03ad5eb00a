#ifndef PENSTOCK_CORE_TASKS_INTERNAL_H
#define PENSTOCK_CORE_TASKS_INTERNAL_H

/* tasks_internal.h: what tasks.c, task_run.c and task_end.c share. */

#include "core/tasks.h"

/* Takes the task to its next state; one that cannot follow is logged, and nothing changes. */
void task_step(struct task *t, enum task_event event);
/* Sets the timer of its expiry, if it has one. -1: no memory. */
int task_watch_expiry(struct core *c, struct task *t);

/* Leaves the place where it was: the queue, the box, its leader's list, or the wait for an attempt. */
void task_leave_place(struct core *c, struct task *t);
/* From its box back to its old place in the queue. -1: no memory, nothing changed. */
int task_requeue(struct core *c, struct task *t);

#endif
