/* task_run.c: tasks on their way to a box, and back into the queue. Runs in the core. */
#include "base/clock.h"
#include "core/pipelines.h"
#include "core/push.h"
#include "core/quota.h"
#include "core/retries.h"
#include "core/tasks_internal.h"
#include "loop/loop.h"

static void is_at_work(struct core *c, struct task *t)
{
    started_begin(c, t);
    push_state(c, t);
}

void task_start(struct core *c, struct task *t)
{
    quota_unwait(c, t);
    c->running_bytes += t->bytes;
    t->started_ms = clock_wall_ms();
    task_step(t, TASK_EV_DISPATCH);
    if (pipeline_run(t->pipeline, t) < 0)
        task_not_started(c, t, CODE_SANDBOX_ERROR, "the box could not take the task");
    else
        is_at_work(c, t);
}

int task_start_ahead(struct core *c, struct task *t, uint32_t slot)
{
    quota_unwait(c, t);
    c->running_bytes += t->bytes;
    t->is_ahead = true;
    t->slot = slot;
    t->started_ms = clock_wall_ms();
    task_step(t, TASK_EV_DISPATCH);
    if (pipeline_run(t->pipeline, t) < 0) {
        task_returned(c, t);
        return -1;
    }
    push_state(c, t);
    return 0;
}

uint32_t task_is_head(struct core *c, struct task *t)
{
    t->is_ahead = false;
    sched_promote(c->sched, t->pipeline->lane);
    t->started_ms = clock_wall_ms();
    started_begin(c, t);
    return t->box.timeout_ms;
}

static void back_into_queue(struct core *c, struct task *t)
{
    started_end(c, t);
    c->running_bytes -= t->bytes;
    quota_wait(c, t);
    task_step(t, TASK_EV_REQUEUE);
    task_adopt(c, t);
    if (t->expiry != NULL)
        loop_timer_at(t->expiry, t->expires_ms);
    push_state(c, t);
    pipeline_wanted(t->pipeline);
}

int task_requeue(struct core *c, struct task *t)
{
    const int rc =
        t->is_ahead ? sched_return(c->sched, &t->item) : sched_requeue(c->sched, &t->item);
    if (rc < 0)
        return -1;
    t->is_ahead = false;
    back_into_queue(c, t);
    return 0;
}

void task_returned(struct core *c, struct task *t)
{
    if (t->state == TASK_STOPPING) {
        task_finish(c, t, result_of_code(CODE_CANCELLED, "cancelled before it started", NULL));
    } else if (task_requeue(c, t) < 0) {
        task_finish(c, t, result_of_code(CODE_INTERNAL, "no memory", NULL));
    }
}

void task_unreserved(struct core *c, struct task *t)
{
    if (sched_requeue(c->sched, &t->item) < 0) {
        task_finish(c, t, result_of_code(CODE_INTERNAL, "no memory", NULL));
        return;
    }
    t->is_reserved = false;
    task_adopt(c, t);
}

/* It was popped, and does not run: its slot waits for another one. */
static void reject(struct core *c, struct task *t, struct result *objection)
{
    sched_add_slot(c->sched, t->pipeline->lane);
    sched_end(c->sched, &t->item);
    task_finish(c, t, objection);
}

/* -1: its box could not take it. */
static int place(struct core *c, struct task *t)
{
    struct result *objection = task_objection(t);
    if (objection != NULL) {
        reject(c, t, objection);
        return 0;
    }
    enum place where = pipeline_place(t->pipeline, t);
    if (where == PLACE_NOW)
        task_start(c, t);
    if (where != PLACE_AHEAD)
        return 0;
    sched_go_ahead(c->sched, t->pipeline->lane);
    return task_start_ahead(c, t, t->slot);
}

void tasks_dispatch(struct core *c)
{
    struct sched_item *item;
    sched_at(c->sched, loop_now_ms(c->loop));
    while ((item = sched_pop(c->sched)) != NULL && place(c, (struct task *)item) == 0)
        continue;
    pipelines_write_ahead(c);
}
