#ifndef PENSTOCK_CORE_TASKS_INTERNAL_H
#define PENSTOCK_CORE_TASKS_INTERNAL_H

/* tasks_internal.h: what tasks.c and task_run.c share. */

#include "core/tasks.h"

/* Takes the task to its next state; one that cannot follow is logged, and nothing changes. */
void task_step(struct task *t, enum task_event event);

#endif
