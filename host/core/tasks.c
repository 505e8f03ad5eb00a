/* tasks.c: the life of a task in the core: accepted, found, finished. It is made in task_new.c and
 * given to a box in task_run.c; what follows its end (sending the result, keeping it, forgetting
 * it) is in kept.c. */
#include "core/tasks_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/table.h"
#include "core/kept.h"
#include "core/peers.h"
#include "core/pipelines.h"
#include "core/push.h"
#include "loop/loop.h"

enum { KEY_MAX = 2 * sizeof(uint64_t) + 4 * TASK_ID_MAX };

/* Owner, what the name belongs to, and the name: one key for the tables. */
static size_t make_key(unsigned char *key, const struct owner *o, const void *scope,
                       const char *name)
{
    size_t n = strlen(name);
    memcpy(key, &o->number, sizeof o->number);
    memcpy(key + sizeof o->number, &scope, sizeof scope);
    memcpy(key + sizeof o->number + sizeof scope, name, n);
    return sizeof o->number + sizeof scope + n;
}

static struct task *find(struct table *t, const struct owner *o, const void *scope,
                         const char *name)
{
    unsigned char key[KEY_MAX];
    return strlen(name) <= 4 * TASK_ID_MAX - 1 ? table_get(t, key, make_key(key, o, scope, name))
                                               : NULL;
}

struct task *task_find_id(struct core *c, const struct owner *o, const char *task_id)
{
    return find(c->by_id, o, NULL, task_id);
}

struct task *task_find_key(struct core *c, const struct owner *o, const struct pipeline *p,
                           const char *key)
{
    return find(c->by_key, o, p, key);
}

struct task *task_find_uid(struct core *c, const char *uid)
{
    return table_get(c->by_uid, uid, strlen(uid));
}

/* ---- accepting
 * ------------------------------------------------------------------------------------ */

static int put(struct table *table, const struct owner *o, const void *scope, const char *name,
               struct task *t)
{
    unsigned char key[KEY_MAX];
    return table_put(table, key, make_key(key, o, scope, name), t);
}

/* A later task may stand in the table under the same name: only our own entry is taken out. */
static void take(struct table *table, const struct owner *o, const void *scope, const char *name,
                 const struct task *t)
{
    unsigned char key[KEY_MAX];
    size_t n = make_key(key, o, scope, name);
    if (table_get(table, key, n) == t)
        table_take(table, key, n);
}

void task_give_up_names(struct core *c, struct task *t)
{
    take(c->by_id, t->owner, NULL, t->task_id, t);
    if (t->key != NULL)
        take(c->by_key, t->owner, t->pipeline, t->key, t);
}

static void leave_tables(struct core *c, struct task *t)
{
    if (table_get(c->by_uid, t->uid, strlen(t->uid)) == t)
        table_take(c->by_uid, t->uid, strlen(t->uid));
    task_give_up_names(c, t);
}

static int enter_tables(struct core *c, struct task *t)
{
    const struct task *old =
        t->key != NULL ? task_find_key(c, t->owner, t->pipeline, t->key) : NULL;
    bool is_first = t->key != NULL && (old == NULL || !task_may_answer(old));
    if (table_put(c->by_uid, t->uid, strlen(t->uid), t) == 0 &&
        put(c->by_id, t->owner, NULL, t->task_id, t) == 0 &&
        (!is_first || put(c->by_key, t->owner, t->pipeline, t->key, t) == 0))
        return 0;
    leave_tables(c, t);
    return -1;
}

static void link_task(struct core *c, struct task *t)
{
    t->prev = c->all.last;
    *(c->all.last != NULL ? &c->all.last->next : &c->all.first) = t;
    c->all.last = t;
    t->owner->n_tasks++;
}

static void unlink_task(struct core *c, struct task *t)
{
    *(t->prev != NULL ? &t->prev->next : &c->all.first) = t->next;
    *(t->next != NULL ? &t->next->prev : &c->all.last) = t->prev;
    t->owner->n_tasks--;
    owner_release(c, t->owner);
}

static void free_task(struct task *t)
{
    t->pipeline->core->own_bytes -= t->own_bytes;
    loop_timer_free(t->expiry);
    result_unref(t->result);
    zmq_msg_close(&t->header);
    for (size_t i = 0; i < t->n_body; i++)
        zmq_msg_close(&t->body[i]);
    free(t);
}

void task_step(struct task *t, enum task_event event)
{
    int next = task_next(t->state, event);
    if (next < 0)
        log_error("impossible step of a task", LS("task_id", t->task_id),
                  LS("state", task_state_name(t->state)), LI("event", event));
    else
        t->state = (enum task_state)next;
}

/* A ttl is of no meaning for what runs, a deadline is. */
static bool is_worthless(struct task *t)
{
    int64_t deadline = t->box.deadline_ms;
    if (deadline > clock_wall_ms())
        loop_timer_at(t->expiry, deadline);
    return deadline > 0 && deadline <= clock_wall_ms();
}

static void on_expired(void *arg)
{
    struct task *t = arg;
    struct core *c = t->pipeline->core;
    if (t->state == TASK_RUNNING && !is_worthless(t))
        return;
    if (t->state == TASK_RUNNING && !pipeline_cancel(t, KILL_DEADLINE, DEADLINE_GRACE_MS))
        return; /* its box tells the end */
    if (t->state == TASK_QUEUED || t->state == TASK_ATTACHED || t->state == TASK_RUNNING)
        task_finish(
            c, t, result_of_code(CODE_EXPIRED, "waited until its deadline or ttl was over", NULL));
}

static int watch_expiry(struct core *c, struct task *t)
{
    if (t->expires_ms == 0)
        return 0;
    t->expiry = loop_timer_new(c->loop, on_expired, t);
    if (t->expiry == NULL)
        return -1;
    loop_timer_at(t->expiry, t->expires_ms);
    return 0;
}

bool tasks_have_room(const struct core *c, size_t n, size_t bytes)
{
    size_t waiting = sched_waiting(c->sched) + c->n_attached;
    return (int64_t)(waiting + n) <= c->host->queue_max &&
           (int64_t)(c->queue_bytes + bytes) <= c->host->queue_max_bytes;
}

static int enqueue(struct core *c, struct task *t)
{
    if (sched_push(c->sched, t->pipeline->lane, &t->item) < 0)
        return -1;
    c->queue_bytes += t->bytes;
    task_step(t, TASK_EV_ACCEPT);
    pipeline_wanted(t->pipeline);
    push_capacity_soon(c);
    return 0;
}

static void follow(struct core *c, struct task *t, struct task *leader)
{
    t->leader = leader;
    t->next_follower = leader->followers;
    if (leader->followers != NULL)
        leader->followers->prev_follower = t;
    leader->followers = t;
    c->n_attached++;
    c->queue_bytes += t->bytes;
    task_step(t, TASK_EV_ATTACH);
}

/*
 * Durable tasks will be written to a journal here, between the tables and the queue: ACCEPTED is
 * sent only after this function has returned 0.
 */
int task_accept(struct core *c, struct task *t, const uint64_t digest[2], struct task *leader,
                bool is_queued)
{
    t->digest[0] = digest[0];
    t->digest[1] = digest[1];
    if (enter_tables(c, t) < 0 || watch_expiry(c, t) < 0 ||
        (is_queued && leader == NULL && enqueue(c, t) < 0)) {
        leave_tables(c, t);
        free_task(t);
        return -1;
    }
    if (leader != NULL)
        follow(c, t, leader);
    link_task(c, t);
    return 0;
}

/* ---- the end
 * -------------------------------------------------------------------------------------- */

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

static void unfollow(struct core *c, struct task *t)
{
    *(t->prev_follower != NULL ? &t->prev_follower->next_follower : &t->leader->followers) =
        t->next_follower;
    if (t->next_follower != NULL)
        t->next_follower->prev_follower = t->prev_follower;
    t->leader = t->prev_follower = t->next_follower = NULL;
    c->n_attached--;
}

static void leave_queue(struct core *c, struct task *t)
{
    if (!t->is_reserved) {
        sched_remove(c->sched, &t->item);
        return;
    }
    t->is_reserved = false;
    pipeline_unreserve(t);
    sched_end(c->sched, t->pipeline->lane);
}

/* Leaves the place where it was: the queue, the box, or its leader's list. */
static void leave_place(struct core *c, struct task *t)
{
    if (t->state == TASK_QUEUED) {
        leave_queue(c, t);
        c->queue_bytes -= t->bytes;
    } else if (t->state == TASK_RUNNING || t->state == TASK_STOPPING) {
        if (t->is_ahead)
            sched_end_ahead(c->sched, t->pipeline->lane);
        else
            sched_end(c->sched, t->pipeline->lane);
        t->is_ahead = false;
        c->running_bytes -= t->bytes;
    } else if (t->state == TASK_ATTACHED) {
        unfollow(c, t);
        c->queue_bytes -= t->bytes;
    }
}

bool task_may_answer(const struct task *t)
{
    if (t->state != TASK_FINISHED)
        return true; /* that is still open: the other one waits with it */
    if (t->result == NULL)
        return false;
    enum code code = t->result->code;
    return code == CODE_OK ||
           (code != CODE_CANCELLED && code != CODE_EXPIRED && !code_info(code)->is_retryable);
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
        unfollow(c, f);
        task_step(f, TASK_EV_REQUEUE);
        if (sched_push(c->sched, f->pipeline->lane, &f->item) < 0)
            task_finish(c, f, result_of_code(CODE_INTERNAL, "no memory", NULL));
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

void task_finish(struct core *c, struct task *t, struct result *r)
{
    leave_place(c, t);
    t->finished_ms = clock_wall_ms();
    t->result = r != NULL ? r : result_of_code(CODE_INTERNAL, "no memory for the result", NULL);
    task_step(t, TASK_EV_SETTLE);
    task_step(t, TASK_EV_FINISH);
    loop_timer_free(t->expiry);
    t->expiry = NULL;
    drop_body(t);
    settle_followers(c, t);
    if (t->result == NULL) { /* not even that: the task ends without a word but in the log */
        log_error("no memory for a result", LS("task_id", t->task_id));
        task_free_finished(c, t);
        return;
    }
    count(c, t->result);
    log_end(t);
    push_state(c, t);
    push_capacity_soon(c);
    keep_result(c, t);
    core_check_idle(c);
}

void task_finish_cached(struct core *c, struct task *t, struct task *kept)
{
    t->is_cached = true;
    task_finish(c, t, result_ref(kept->result));
}

void task_free_finished(struct core *c, struct task *t)
{
    leave_tables(c, t);
    unlink_task(c, t);
    free_task(t);
}

const char *task_cancel(struct core *c, struct task *t, const char *why)
{
    const char *found = task_state_name(t->state);
    if (t->state == TASK_QUEUED || t->state == TASK_ATTACHED) {
        task_finish(c, t, result_of_code(CODE_CANCELLED, why, NULL));
    } else if (t->state == TASK_RUNNING) {
        task_step(t, TASK_EV_STOP);
        if (pipeline_cancel(t, KILL_CANCEL, CANCEL_GRACE_MS))
            task_finish(c, t, result_of_code(CODE_CANCELLED, why, NULL));
    }
    return found;
}

void tasks_cancel_all(struct core *c, const char *why)
{
    for (struct task *t = c->all.first, *next; t != NULL; t = next) {
        next = t->next;
        if (t->state != TASK_FINISHED)
            task_cancel(c, t, why);
    }
}

void tasks_clear(struct core *c)
{
    while (c->all.first != NULL) {
        struct task *t = c->all.first;
        leave_tables(c, t);
        unlink_task(c, t);
        free_task(t);
    }
    table_free(c->by_uid);
    table_free(c->by_id);
    table_free(c->by_key);
}
