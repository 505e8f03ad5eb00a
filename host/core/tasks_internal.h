#ifndef PENSTOCK_CORE_TASKS_INTERNAL_H
#define PENSTOCK_CORE_TASKS_INTERNAL_H

/* tasks_internal.h: what the sources of tasks share. */

#include "core/tasks.h"

/* Takes the task to its next state; one that cannot follow is logged, and nothing changes. */
void task_step(struct task *t, enum task_event event);
/* Sets the timer of its expiry, if it has one. -1: no memory. */
int task_watch_expiry(struct core *c, struct task *t);

/* Leaves the place where it was: the queue, the box, its leader's list, or the wait for an attempt. */
void task_leave_place(struct core *c, struct task *t);
/* From its box back to its old place in the queue. -1: no memory, nothing changed. */
int task_requeue(struct core *c, struct task *t);
/* Its time limit, as its pipeline and its submission have it. */
void task_set_timeout(struct task *t);
/* task_adopt.c: goes to the pipeline in force. It is in no box. */
void task_adopt(struct core *c, struct task *t);

#endif
