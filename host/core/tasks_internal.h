#ifndef PENSTOCK_CORE_TASKS_INTERNAL_H
#define PENSTOCK_CORE_TASKS_INTERNAL_H

/* tasks_internal.h: what tasks.c, task_run.c and task_end.c share. */

#include "core/tasks.h"

/* Takes the task to its next state; one that cannot follow is logged, and nothing changes. */
void task_step(struct task *t, enum task_event event);
/* Sets the timer of its expiry, if it has one. -1: no memory. */
int task_watch_expiry(struct core *c, struct task *t);

#endif
