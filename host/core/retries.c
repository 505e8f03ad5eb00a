/* retries.c: attempts that failed, and tasks that wait for their next one. Runs in the core. */
#include "core/retries.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/durable.h"
#include "core/pipelines.h"
#include "core/push.h"
#include "core/quota.h"
#include "core/tasks_internal.h"
#include "journal/journal.h"
#include "loop/loop.h"
#include "task/retry.h"

/* Without random bits (a kernel that has just begun) tasks that failed together come back together. */
static uint64_t chance(void)
{
    uint64_t bits = 0;
    return getrandom(&bits, sizeof bits, GRND_NONBLOCK) == (ssize_t)sizeof bits ? bits : 0;
}

/* A task may ask for fewer attempts, never for more: whether it may run twice is known to whoever
 * configured the pipeline. */
static struct retry_policy policy_of(const struct task *t)
{
    const struct conf_pipeline *conf = t->pipeline->conf;
    struct retry_policy p = {.max_attempts = (uint32_t)conf->max_attempts,
                             .delay_ms = conf->retry_delay_ms,
                             .delay_max_ms = conf->retry_delay_max_ms};
    if (t->max_attempts > 0 && t->max_attempts < p.max_attempts)
        p.max_attempts = t->max_attempts;
    for (size_t i = 0; i < conf->retry_on.n; i++)
        p.codes |= retry_bit(code_find(conf->retry_on.items[i]));
    return p;
}

/* ---- waiting
 * -------------------------------------------------------------------------------------- */

void retries_wait_over(struct core *c, struct task *t)
{
    c->n_retrying_here -= !t->is_durable;
    loop_timer_off(t->again);
}

static void come_back(struct core *c, struct task *t)
{
    if (sched_push(c->sched, t->pipeline->lane, &t->item) < 0) {
        task_finish(c, t, result_of_code(CODE_INTERNAL, "no memory", NULL));
        return;
    }
    retries_wait_over(c, t);
    t->box.attempt += t->is_counted;
    t->is_counted = false;
    t->not_before_ms = 0;
    task_step(t, TASK_EV_REQUEUE);
    push_state(c, t);
    pipeline_wanted(t->pipeline);
}

/* Nothing is asked of a pipeline that has been put aside, before its time. */
static void on_again(void *arg)
{
    struct task *t = arg;
    struct core *c = t->pipeline->core;
    if (pipeline_is_forbidden(t->pipeline))
        task_finish(c, t, result_of_code(t->pipeline->reason_code, t->pipeline->reason, NULL));
    else if (pipeline_quarantine_ms(t->pipeline) > 0)
        loop_timer_after(t->again, pipeline_quarantine_ms(t->pipeline));
    else
        come_back(c, t);
}

static int make_timer(struct core *c, struct task *t)
{
    if (t->again == NULL)
        t->again = loop_timer_new(c->loop, on_again, t);
    return t->again != NULL ? 0 : -1;
}

/* With its timer, out of its old place. */
static void begin_wait(struct core *c, struct task *t)
{
    c->n_retrying_here += !t->is_durable;
    task_step(t, TASK_EV_RETRY);
    loop_timer_at(t->again, t->not_before_ms);
    if (t->expiry != NULL)
        loop_timer_at(t->expiry, t->expires_ms);
    push_state(c, t);
}

int retries_wait(struct core *c, struct task *t)
{
    if (make_timer(c, t) < 0)
        return -1;
    begin_wait(c, t);
    return 0;
}

/* ---- an attempt is over
 * --------------------------------------------------------------------------- */

/* Takes r, the reason. */
static void try_later(struct core *c, struct task *t, struct result *r, int64_t pause_ms,
                      bool is_counted)
{
    log_info("task will be tried again", LS("task_id", t->task_id),
             LS("pipeline", pipeline_slug(t->pipeline)), LS("code", code_name(r->code)),
             LS("reason", r->message), LI("attempt", t->box.attempt), LI("in_ms", pause_ms));
    t->not_before_ms = clock_wall_ms() + pause_ms;
    t->last_code = r->code;
    t->is_counted = is_counted;
    t->progress = -1;
    durable_note(c, t, is_counted ? NOTE_FAILED : NOTE_REQUEUED,
                 (uint32_t)t->box.attempt - !is_counted, t->not_before_ms, r);
    task_leave_place(c, t);
    quota_wait(c, t);
    begin_wait(c, t);
    push_capacity_soon(c);
    result_unref(r);
    core_check_idle(c);
}

/* What would come after its deadline or ttl is not waited for. */
static bool is_in_time(const struct task *t, int64_t pause_ms)
{
    return pause_ms != RETRY_NEVER &&
           (t->expires_ms == 0 || clock_wall_ms() + pause_ms < t->expires_ms);
}

static void judge_failure(struct core *c, struct task *t, struct result *r)
{
    const struct retry_policy p = policy_of(t);
    t->ours = 0;
    const uint32_t failures = (uint32_t)t->box.attempt - t->deaths;
    const int64_t pause = retry_after_ms(&p, r->code, failures, chance());
    if (is_in_time(t, pause) && make_timer(c, t) == 0)
        try_later(c, t, r, pause, true);
    else
        task_finish(c, t, r);
}

/* Takes r. */
static void end_by_us(struct core *c, struct task *t, struct result *r)
{
    char message[512];
    snprintf(message, sizeof message, "%.400s (%u times in a row)", r->message, t->ours);
    task_finish(c, t, result_of_code(CODE_SANDBOX_ERROR, message, NULL));
    result_unref(r);
}

/* To its old place. Takes r. */
static void back_at_once(struct core *c, struct task *t, struct result *r)
{
    if (task_requeue(c, t) < 0) {
        task_finish(c, t, r);
        return;
    }
    log_info("task goes back into the queue", LS("task_id", t->task_id), LS("reason", r->message));
    durable_note(c, t, NOTE_REQUEUED, (uint32_t)t->box.attempt - 1, 0, r);
    result_unref(r);
}

/* Takes r. */
static void back_by_us(struct core *c, struct task *t, struct result *r)
{
    int64_t pause = retry_ours_after_ms(++t->ours, chance());
    if (pause == 0 && t->state == TASK_QUEUED) /* its lane is being emptied */
        pause = 1;
    if (!is_in_time(t, pause) || make_timer(c, t) < 0)
        end_by_us(c, t, r);
    else if (pause > 0)
        try_later(c, t, r, pause, false);
    else
        back_at_once(c, t, r);
}

/* It was asked to stop, and will not run again. Takes r. */
static void end_cancelled(struct core *c, struct task *t, struct result *r)
{
    task_finish(c, t, result_of_code(CODE_CANCELLED, r->message, NULL));
    result_unref(r);
}

void task_attempt_over(struct core *c, struct task *t, struct result *r, bool was_started)
{
    if (r != NULL && t->state == TASK_STOPPING && retry_is_ours(r->code, was_started))
        end_cancelled(c, t, r);
    else if (r == NULL || r->code == CODE_OK || t->state != TASK_RUNNING)
        task_finish(c, t, r);
    else if (retry_is_ours(r->code, was_started))
        back_by_us(c, t, r);
    else
        judge_failure(c, t, r);
}

void task_not_started(struct core *c, struct task *t, enum code code, const char *message)
{
    struct result *r = result_of_code(code, message, NULL);
    if (r == NULL)
        task_finish(c, t, NULL);
    else if (t->state == TASK_STOPPING)
        end_cancelled(c, t, r);
    else
        back_by_us(c, t, r);
}

/* ---- an earlier core
 * ------------------------------------------------------------------------------ */

void retries_leave(struct core *c, struct task *t)
{
    if (t->is_noted)
        durable_note(c, t, NOTE_REQUEUED, (uint32_t)t->box.attempt - 1, 0, NULL);
    t->is_noted = false;
}

static bool is_event(const struct journal_note *note, const char *event)
{
    return note->event != NULL && strcmp(note->event, event) == 0;
}

static uint32_t count_deaths(const struct journal_row *row)
{
    uint32_t n = 0;
    for (size_t i = 0; i < row->n_notes; i++)
        n += is_event(&row->notes[i], NOTE_INTERRUPTED);
    return n;
}

/* It was at work for a while when the host died: an attempt, but no failure of its own. */
static void note_death(struct core *c, struct task *t, const struct journal_row *row)
{
    if (row->n_notes == 0 || !is_event(&row->notes[row->n_notes - 1], NOTE_STARTED))
        return;
    t->deaths++;
    durable_note(c, t, NOTE_INTERRUPTED, row->attempt, 0, NULL);
}

void retries_restore(struct core *c, struct task *t, const struct journal_row *row)
{
    t->deaths = count_deaths(row);
    note_death(c, t, row);
    t->is_counted = row->not_before_ms > clock_wall_ms() && row->attempt > 0;
    const bool is_next = !t->is_counted && retry_survives(t->deaths);
    t->box.attempt = (int32_t)row->attempt + is_next;
    t->not_before_ms = row->not_before_ms;
}

struct result *retries_worn_out(const struct task *t)
{
    char message[128];
    snprintf(message, sizeof message, "the host died %u times while it ran", t->deaths);
    return result_of_code(CODE_INTERNAL, message, NULL);
}
