#ifndef PENSTOCK_TASK_STATE_H
#define PENSTOCK_TASK_STATE_H

/* state.h: the states of a task and what may follow what, as a table. Pure. */

enum task_state {
    TASK_NEW = 0,  /* checked, not yet accepted: being made durable */
    TASK_QUEUED,   /* waits for a slot */
    TASK_ATTACHED, /* waits for another task with the same idempotency key */
    TASK_RUNNING,  /* in a box */
    TASK_STOPPING, /* in a box, asked to stop */
    TASK_RETRY,    /* an attempt failed; waits for the time of the next one */
    TASK_SETTLING, /* has its verdict, which is being made durable */
    TASK_FINISHED, /* has its verdict, durable as promised */
    TASK_STATE_COUNT
};

enum task_event {
    TASK_EV_ACCEPT = 0, /* durable as promised: into the queue */
    TASK_EV_ATTACH,     /* follows another task */
    TASK_EV_DISPATCH,   /* a slot has taken it */
    TASK_EV_REQUEUE,    /* it did not start, or its leader was cancelled: back into the queue */
    TASK_EV_STOP,       /* asked to stop while it runs */
    TASK_EV_RETRY,      /* this attempt failed, or cannot begin now; another one will follow */
    TASK_EV_SETTLE,     /* verdict */
    TASK_EV_FINISH,     /* the verdict is durable as promised */
    TASK_EVENT_COUNT
};

/* The state that follows, or -1 if the event cannot happen there. */
int task_next(enum task_state state, enum task_event event);
/* The word on the wire: "queued", "running", "retry wait", "finished". */
const char *task_state_name(enum task_state state);

#endif
