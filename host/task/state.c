/* state.c: the life of a task. Staging and uploading will be rows here. */
#include "task/state.h"

#define NO (-1)

static const signed char follows[TASK_STATE_COUNT][TASK_EVENT_COUNT] = {
    /* ACCEPT, ATTACH, DISPATCH, REQUEUE, STOP, RETRY, SETTLE, FINISH */
    [TASK_NEW] = {TASK_QUEUED, TASK_ATTACHED, NO, NO, NO, TASK_RETRY, TASK_SETTLING, NO},
    [TASK_QUEUED] = {NO, NO, TASK_RUNNING, NO, NO, TASK_RETRY, TASK_SETTLING, NO},
    [TASK_ATTACHED] = {NO, NO, NO, TASK_QUEUED, NO, NO, TASK_SETTLING, NO},
    [TASK_RUNNING] = {NO, NO, NO, TASK_QUEUED, TASK_STOPPING, TASK_RETRY, TASK_SETTLING, NO},
    [TASK_STOPPING] = {NO, NO, NO, NO, TASK_STOPPING, NO, TASK_SETTLING, NO},
    [TASK_RETRY] = {NO, NO, NO, TASK_QUEUED, NO, NO, TASK_SETTLING, NO},
    [TASK_SETTLING] = {NO, NO, NO, NO, NO, NO, NO, TASK_FINISHED},
    [TASK_FINISHED] = {NO, NO, NO, NO, NO, NO, NO, NO},
};

static const char *const names[TASK_STATE_COUNT] = {
    [TASK_NEW] = "queued",       [TASK_QUEUED] = "queued",     [TASK_ATTACHED] = "queued",
    [TASK_RUNNING] = "running",  [TASK_STOPPING] = "running",  [TASK_RETRY] = "retry wait",
    [TASK_SETTLING] = "running", [TASK_FINISHED] = "finished",
};

int task_next(enum task_state state, enum task_event event)
{
    return follows[state][event];
}

const char *task_state_name(enum task_state state)
{
    return names[state];
}
