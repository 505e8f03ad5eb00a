/* task_run.c: tasks on their way to a box, and back into the queue. Runs in the core. */
#include "base/clock.h"
#include "base/log.h"
#include "core/pipelines.h"
#include "core/push.h"
#include "core/quota.h"
#include "core/tasks_internal.h"
#include "loop/loop.h"

/* The shortest of its limits and its deadline. */
static uint32_t time_left(const struct task *t)
{
    int64_t left = t->box.deadline_ms > 0 ? t->box.deadline_ms - t->started_ms : INT64_MAX;
    left = left > 1 ? left : 1;
    return left < t->timeout_ms ? (uint32_t)left : t->timeout_ms;
}

void task_start(struct core *c, struct task *t)
{
    quota_unwait(c, t);
    c->running_bytes += t->bytes;
    t->started_ms = clock_wall_ms();
    t->box.timeout_ms = time_left(t);
    task_step(t, TASK_EV_DISPATCH);
    if (pipeline_run(t->pipeline, t) < 0)
        task_requeue(c, t, CODE_SANDBOX_ERROR, "the box could not take the task");
    else
        push_state(c, t);
}

int task_start_ahead(struct core *c, struct task *t, uint32_t slot)
{
    quota_unwait(c, t);
    c->running_bytes += t->bytes;
    t->is_ahead = true;
    t->slot = slot;
    t->started_ms = clock_wall_ms();
    t->box.timeout_ms = time_left(t);
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
    return t->box.timeout_ms = time_left(t);
}

static void back_into_queue(struct core *c, struct task *t)
{
    c->running_bytes -= t->bytes;
    quota_wait(c, t);
    task_step(t, TASK_EV_REQUEUE);
    if (t->expiry != NULL)
        loop_timer_after(t->expiry, t->expires_ms - clock_wall_ms());
    push_state(c, t);
    pipeline_wanted(t->pipeline);
}

void task_returned(struct core *c, struct task *t)
{
    if (t->state == TASK_STOPPING) {
        task_finish(c, t, result_of_code(CODE_CANCELLED, "cancelled before it started", NULL));
    } else if (sched_return(c->sched, &t->item) < 0) {
        task_finish(c, t, result_of_code(CODE_INTERNAL, "no memory", NULL));
    } else {
        t->is_ahead = false;
        back_into_queue(c, t);
    }
}

void task_unreserved(struct core *c, struct task *t)
{
    if (sched_requeue(c->sched, &t->item) < 0)
        task_finish(c, t, result_of_code(CODE_INTERNAL, "no memory", NULL));
    else
        t->is_reserved = false;
}

/* -1: its box could not take it. */
static int place(struct core *c, struct task *t)
{
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

void task_requeue(struct core *c, struct task *t, enum code code, const char *message)
{
    if (t->state == TASK_STOPPING || ++t->requeues > TASK_REQUEUES_MAX ||
        sched_requeue(c->sched, &t->item) < 0) {
        task_finish(
            c, t, result_of_code(t->state == TASK_STOPPING ? CODE_CANCELLED : code, message, NULL));
        return;
    }
    log_info("task goes back into the queue", LS("task_id", t->task_id), LS("reason", message));
    back_into_queue(c, t);
}
