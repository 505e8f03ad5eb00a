/* task_end.c: verdicts: a task leaves its place, its verdict becomes durable, and whoever waits for it
 * gets it. What follows (sending the result, keeping it, forgetting it) is in kept.c. Runs in the
 * core. */
#include "core/tasks_internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "core/durable.h"
#include "core/jobs.h"
#include "core/kept.h"
#include "core/pipelines.h"
#include "core/push.h"
#include "core/quota.h"
#include "core/retries.h"
#include "loop/loop.h"

static void count(struct core *c, const struct result *r)
{
    c->stats.by_code[r->code]++;
    if (r->code == CODE_OK)
        c->stats.succeeded++;
    else if (r->code == CODE_CANCELLED)
        c->stats.cancelled++;
    else
        c->stats.failed++;
}

static void log_end(const struct task *t)
{
    const struct result *r = t->result;
    int64_t queue_ms = (t->started_ms > 0 ? t->started_ms : t->finished_ms) - t->submitted_ms;
    if (r->code == CODE_OK)
        log_debug("task done", LS("task_id", t->task_id),
                  LS("pipeline", pipeline_slug(t->pipeline)), LI("queue_ms", queue_ms),
                  LI("run_ms", r->run_ms));
    else
        log_info("task failed", LS("task_id", t->task_id),
                 LS("pipeline", pipeline_slug(t->pipeline)), LS("code", code_name(r->code)),
                 LS("reason", r->message), LI("queue_ms", queue_ms), LI("run_ms", r->run_ms));
}

static void unfollow(struct task *t)
{
    *(t->prev_follower != NULL ? &t->prev_follower->next_follower : &t->leader->followers) =
        t->next_follower;
    if (t->next_follower != NULL)
        t->next_follower->prev_follower = t->prev_follower;
    t->leader = t->prev_follower = t->next_follower = NULL;
}

static void leave_queue(struct core *c, struct task *t)
{
    if (!t->is_reserved) {
        sched_remove(c->sched, &t->item);
        return;
    }
    t->is_reserved = false;
    pipeline_unreserve(t);
    sched_end(c->sched, &t->item);
}

void task_leave_place(struct core *c, struct task *t)
{
    started_end(c, t);
    t->is_noted = false;
    if (t->state == TASK_QUEUED) {
        leave_queue(c, t);
    } else if (t->state == TASK_RUNNING || t->state == TASK_STOPPING) {
        if (t->is_ahead)
            sched_end_ahead(c->sched, &t->item);
        else
            sched_end(c->sched, &t->item);
        t->is_ahead = false;
        c->running_bytes -= t->bytes;
    } else if (t->state == TASK_ATTACHED) {
        unfollow(t);
    } else if (t->state == TASK_RETRY) {
        retries_wait_over(c, t);
    }
    quota_unwait(c, t);
}

bool code_may_answer(enum code code)
{
    return code == CODE_OK ||
           (code != CODE_CANCELLED && code != CODE_EXPIRED && !code_info(code)->is_retryable);
}

bool task_may_answer(const struct task *t)
{
    if (t->state != TASK_FINISHED)
        return true; /* that is still open: the other one waits with it */
    return t->result != NULL && code_may_answer(t->result->code);
}

/* Followers get the same result; if the leader was cancelled or expired, which is its own affair,
 * they run themselves. */
static void settle_followers(struct core *c, struct task *t)
{
    bool is_own_affair = !task_may_answer(t);
    while (t->followers != NULL) {
        struct task *f = t->followers;
        if (!is_own_affair) {
            f->is_cached = true;
            task_finish(c, f, result_ref(t->result));
            continue;
        }
        unfollow(f);
        task_step(f, TASK_EV_REQUEUE);
        if (sched_push(c->sched, f->pipeline->lane, &f->item) < 0)
            task_finish(c, f, result_of_code(CODE_INTERNAL, "no memory", NULL));
        else
            pipeline_wanted(f->pipeline);
    }
}

/* Inputs are of no use any more. */
static void drop_body(struct task *t)
{
    for (size_t i = 0; i < t->n_body; i++) {
        t->bytes -= zmq_msg_size(&t->body[i]);
        zmq_msg_close(&t->body[i]);
    }
    t->n_body = 0;
    t->box.n_inputs = 0;
}

/* The verdict holds from here on. */
static void settled(struct core *c, struct task *t, void *arg, enum code code, const char *why)
{
    (void)arg;
    (void)why;
    c->settling_bytes -= t->is_durable ? t->result->bytes : 0;
    if (code != CODE_OK) { /* the host stops and the disk took it not: it will run again */
        task_free_finished(c, t);
        return;
    }
    task_step(t, TASK_EV_FINISH);
    settle_followers(c, t);
    count(c, t->result);
    c->n_dead += t->is_dead;
    log_end(t);
    push_state(c, t);
    push_capacity_soon(c);
    keep_result(c, t);
    jobs_settled(c, t);
    core_check_idle(c);
}

/* What stopping the host makes of a task is no verdict: the journal still has it, and it runs again. */
static bool is_left(const struct task *t, const struct result *r)
{
    return t->is_left && (r == NULL || r->code == CODE_CANCELLED || r->code == CODE_KILLED ||
                          r->code == CODE_SANDBOX_ERROR || r->code == CODE_INTERNAL);
}

static void leave(struct core *c, struct task *t, struct result *r)
{
    result_unref(r);
    retries_leave(c, t);
    task_leave_place(c, t);
    task_free_finished(c, t);
    core_check_idle(c);
}

/* Somebody should look at it: it failed for good, and not because it was too late. */
static bool is_dead_letter(const struct task *t)
{
    const enum code code = t->result->code;
    return t->is_durable && !t->is_cached && code != CODE_OK && code != CODE_CANCELLED &&
           code != CODE_EXPIRED && t->pipeline->conf->dead_letters;
}

void task_finish(struct core *c, struct task *t, struct result *r)
{
    if (is_left(t, r)) {
        leave(c, t, r);
        return;
    }
    task_leave_place(c, t);
    quota_leave(c, t);
    t->finished_ms = clock_wall_ms();
    t->result = r != NULL ? r : result_of_code(CODE_INTERNAL, "no memory for the result", NULL);
    task_step(t, TASK_EV_SETTLE);
    loop_timer_free(t->expiry);
    loop_timer_free(t->again);
    t->expiry = t->again = NULL;
    drop_body(t);
    if (t->result == NULL) { /* not even that: the task ends without a word but in the log */
        log_error("no memory for a result", LS("task_id", t->task_id));
        settle_followers(c, t);
        task_free_finished(c, t);
    } else if (t->is_durable) {
        t->is_dead = is_dead_letter(t);
        c->settling_bytes += t->result->bytes;
        durable_finish(c, t, settled);
    } else {
        settled(c, t, NULL, CODE_OK, NULL);
    }
}

void task_finish_cached(struct core *c, struct task *t, struct task *kept)
{
    t->is_cached = true;
    task_finish(c, t, result_ref(kept->result));
}

const char *task_cancel(struct core *c, struct task *t, const char *why)
{
    const char *found = task_state_name(t->state);
    if (t->state == TASK_NEW) {
        t->cancelled_why = why;
    } else if (t->state == TASK_QUEUED || t->state == TASK_ATTACHED || t->state == TASK_RETRY) {
        task_finish(c, t, result_of_code(CODE_CANCELLED, why, NULL));
    } else if (t->state == TASK_RUNNING) {
        task_step(t, TASK_EV_STOP);
        if (pipeline_cancel(t, KILL_CANCEL, CANCEL_GRACE_MS))
            task_finish(c, t, result_of_code(CODE_CANCELLED, why, NULL));
    }
    return found;
}

static void stop(struct core *c, struct task *t, const char *why)
{
    t->is_left = t->is_durable;
    if (t->state == TASK_STOPPING && t->is_left)
        t->is_left = false; /* it was being cancelled before */
    task_cancel(c, t, why);
}

/* Those that follow others go first: what they follow is there as long as they are. */
void tasks_stop_all(struct core *c, const char *why)
{
    static const bool rounds[] = {true, false};
    for (size_t i = 0; i < sizeof rounds / sizeof *rounds; i++) {
        for (struct task *t = c->all.first, *next; t != NULL; t = next) {
            next = t->next;
            if (t->state != TASK_FINISHED && t->state != TASK_SETTLING &&
                (t->state == TASK_ATTACHED) == rounds[i])
                stop(c, t, why);
        }
    }
}
