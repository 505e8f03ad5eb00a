#ifndef PENSTOCK_SANDBOX_WORKER_TASK_H
#define PENSTOCK_SANDBOX_WORKER_TASK_H

/* worker_task.h: a task as the plugin sees it, made of a task frame. Nothing is copied. */

#include <penstock/plugin.h>

#include "sandbox/frames_in.h"

enum { WORKER_FEW_INPUTS = 4 };

/* Must not be moved while the task is at work. */
struct worker_task {
    pen_task task; /* its pointers lead into the frame and into this struct */
    pen_input *inputs;
    const pen_input **pointers;
    pen_input few[WORKER_FEW_INPUTS];
    const pen_input *few_pointers[WORKER_FEW_INPUTS];
};

/* -1 with errno: EPROTO if the frame is not well formed, ENOMEM. On 0 the caller clears it. */
int worker_task_read(struct worker_task *t, const struct task_frame *frame);
void worker_task_clear(struct worker_task *t);

#endif
