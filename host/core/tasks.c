/* tasks.c: tasks in the core: found, accepted, forgotten. They are made in task_new.c, given to a box
 * in task_run.c, and end in task_end.c. */
#include "core/tasks_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/table.h"
#include "core/jobs.h"
#include "core/kept.h"
#include "core/peers.h"
#include "core/pipelines.h"
#include "core/push.h"
#include "core/quota.h"
#include "core/retries.h"
#include "loop/loop.h"
#include "task/retry.h"

enum { NAMED_MAX = 4 * TASK_ID_MAX - 1, SLUG_ROOM = 256 };
enum { KEY_MAX = sizeof(uint64_t) + NAMED_MAX + 1 + SLUG_ROOM + NAMED_MAX };

/* Whose a name is: of a client, or of whoever works for a tenant; and of what: a pipeline, or "". */
struct scope {
    uint64_t owner; /* 0: the tenant's */
    const char *tenant, *slug;
};

static struct scope scope_of_id(const struct owner *o)
{
    return (struct scope){o->number, "", ""};
}

static struct scope scope_of_key(const struct owner *o, const char *tenant,
                                 const struct pipeline *p)
{
    return tenant != NULL ? (struct scope){0, tenant, pipeline_slug(p)}
                          : (struct scope){o->number, "", pipeline_slug(p)};
}

/* Scope and name: one key for the tables. */
static size_t make_key(unsigned char *key, const struct scope *s, const char *name)
{
    const char *const parts[] = {s->tenant, s->slug, name};
    size_t at = sizeof s->owner;
    memcpy(key, &s->owner, sizeof s->owner);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        size_t n = strlen(parts[i]) + 1;
        memcpy(key + at, parts[i], n);
        at += n;
    }
    return at;
}

static struct task *find(struct table *t, const struct scope *s, const char *name)
{
    unsigned char key[KEY_MAX];
    bool fits = strlen(name) <= NAMED_MAX && strlen(s->tenant) <= NAMED_MAX;
    return fits ? table_get(t, key, make_key(key, s, name)) : NULL;
}

struct task *task_find_id(struct core *c, const struct owner *o, const char *task_id)
{
    const struct scope s = scope_of_id(o);
    return find(c->by_id, &s, task_id);
}

struct task *task_find_key(struct core *c, const struct owner *o, const char *tenant,
                           const struct pipeline *p, const char *key)
{
    const struct scope s = scope_of_key(o, tenant, p);
    return find(c->by_key, &s, key);
}

struct task *task_find_uid(struct core *c, const char *uid)
{
    return table_get(c->by_uid, uid, strlen(uid));
}

/* ---- accepting
 * ------------------------------------------------------------------------------------ */

static int put(struct table *table, const struct scope *s, const char *name, struct task *t)
{
    unsigned char key[KEY_MAX];
    return table_put(table, key, make_key(key, s, name), t);
}

/* A later task may stand in the table under the same name: only our own entry is taken out. */
static void take(struct table *table, const struct scope *s, const char *name, const struct task *t)
{
    unsigned char key[KEY_MAX];
    size_t n = make_key(key, s, name);
    if (table_get(table, key, n) == t)
        table_take(table, key, n);
}

void task_give_up_id(struct core *c, struct task *t)
{
    const struct scope s = scope_of_id(t->owner);
    take(c->by_id, &s, t->task_id, t);
}

void task_give_up_names(struct core *c, struct task *t)
{
    const struct scope s = scope_of_key(t->owner, t->tenant, t->pipeline);
    task_give_up_id(c, t);
    if (t->key != NULL)
        take(c->by_key, &s, t->key, t);
}

static void leave_tables(struct core *c, struct task *t)
{
    if (table_get(c->by_uid, t->uid, strlen(t->uid)) == t)
        table_take(c->by_uid, t->uid, strlen(t->uid));
    task_give_up_names(c, t);
}

/* Whom others with its key will follow. */
static int take_key(struct core *c, struct task *t)
{
    const struct scope s = scope_of_key(t->owner, t->tenant, t->pipeline);
    return t->key != NULL ? put(c->by_key, &s, t->key, t) : 0;
}

static struct task *find_own_key(struct core *c, const struct task *t)
{
    return t->key != NULL ? task_find_key(c, t->owner, t->tenant, t->pipeline, t->key) : NULL;
}

static int enter_tables(struct core *c, struct task *t)
{
    const struct scope id = scope_of_id(t->owner);
    const struct task *old = find_own_key(c, t);
    bool is_first = t->key != NULL && (old == NULL || !task_may_answer(old));
    if (table_put(c->by_uid, t->uid, strlen(t->uid), t) == 0 &&
        put(c->by_id, &id, t->task_id, t) == 0 && (!is_first || take_key(c, t) == 0))
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
    quota_leave(c, t); /* while its owner is there */
    jobs_leave(c, t);
    *(t->prev != NULL ? &t->prev->next : &c->all.first) = t->next;
    *(t->next != NULL ? &t->next->prev : &c->all.last) = t->prev;
    t->owner->n_tasks--;
    owner_release(c, t->owner);
}

static void free_task(struct task *t)
{
    quota_leave(t->pipeline->core, t);
    t->pipeline->core->own_bytes -= t->own_bytes;
    loop_timer_free(t->expiry);
    loop_timer_free(t->again);
    result_unref(t->result);
    zmq_msg_close(&t->header);
    for (size_t i = 0; i < t->n_body; i++)
        zmq_msg_close(&t->body[i]);
    pipeline_unref(t->pipeline);
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

static void expire(struct task *t)
{
    const bool is_gone = pipeline_is_gone(t->pipeline);
    task_finish(t->pipeline->core, t,
                result_of_code(is_gone ? CODE_UNKNOWN_PIPELINE : CODE_EXPIRED,
                               is_gone
                                   ? "no plugin on this host provides the pipeline any more, and "
                                     "its deadline or ttl is over"
                                   : "waited until its deadline or ttl was over",
                               NULL));
}

/* Of what runs its box tells the end, if it had begun. */
static void on_expired(void *arg)
{
    struct task *t = arg;
    if (t->state == TASK_RUNNING) {
        if (is_worthless(t) && pipeline_cancel(t, KILL_DEADLINE, DEADLINE_GRACE_MS))
            expire(t);
    } else if (t->state == TASK_QUEUED || t->state == TASK_ATTACHED || t->state == TASK_RETRY) {
        expire(t);
    }
}

int task_watch_expiry(struct core *c, struct task *t)
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
    return quota_host_has_room(c, (struct amount){n, bytes});
}

/* One that an earlier core had may have to wait for its time still. */
static int enqueue(struct core *c, struct task *t)
{
    if (t->not_before_ms > clock_wall_ms())
        return retries_wait(c, t);
    if (sched_push(c->sched, t->pipeline->lane, &t->item) < 0)
        return -1;
    task_step(t, TASK_EV_ACCEPT);
    pipeline_wanted(t->pipeline);
    push_capacity_soon(c);
    return 0;
}

static void follow(struct task *t, struct task *leader)
{
    t->leader = leader;
    t->next_follower = leader->followers;
    if (leader->followers != NULL)
        leader->followers->prev_follower = t;
    leader->followers = t;
    task_step(t, TASK_EV_ATTACH);
}

int task_enter(struct core *c, struct task *t, const uint64_t digest[2])
{
    t->digest[0] = digest[0];
    t->digest[1] = digest[1];
    if (jobs_enter(c, t) < 0 || enter_tables(c, t) < 0) {
        jobs_leave(c, t);
        free_task(t);
        return -1;
    }
    if (quota_enter(c, t) < 0) {
        leave_tables(c, t);
        jobs_leave(c, t);
        free_task(t);
        return -1;
    }
    link_task(c, t);
    return 0;
}

void task_reject(struct core *c, struct task *t)
{
    task_free_finished(c, t);
}

/* The task that has its key and can answer for it; NULL: itself. Operations end in the order in which
 * they began, so one that came before is accepted by now, or gone. */
struct task *task_leader(struct core *c, const struct task *t)
{
    struct task *l = find_own_key(c, t);
    return l != t && l != NULL && l->state != TASK_NEW && task_may_answer(l) ? l : NULL;
}

const char *task_prospect(struct core *c, const struct task *t, bool *is_attached)
{
    const struct task *leader = task_leader(c, t);
    *is_attached = leader != NULL;
    return task_state_name(leader != NULL && leader->state == TASK_FINISHED ? TASK_FINISHED
                                                                            : TASK_QUEUED);
}

/* Its end, where it has come to one already; NULL: none. */
static struct result *end_of(const struct task *t)
{
    if (t->cancelled_why != NULL)
        return result_of_code(CODE_CANCELLED, t->cancelled_why, NULL);
    return retry_survives(t->deaths) ? NULL : retries_worn_out(t);
}

static int wait_in_place(struct core *c, struct task *t, struct task *leader)
{
    if (task_watch_expiry(c, t) < 0)
        return -1;
    if (leader != NULL)
        follow(t, leader);
    else if (take_key(c, t) < 0 || enqueue(c, t) < 0)
        return -1;
    push_state(c, t);
    return 0;
}

void task_admit(struct core *c, struct task *t)
{
    struct task *leader = task_leader(c, t);
    task_adopt(c, t);
    /* What is run again wants another result than the one that is kept. */
    if (t->retry_of[0] != '\0' && leader != NULL && leader->state == TASK_FINISHED)
        leader = NULL;
    t->is_left = t->is_durable && c->phase == CORE_STOPPING;
    if (t->is_left && t->cancelled_why == NULL)
        t->cancelled_why = "the host stops";
    struct result *end = end_of(t);
    if (end != NULL)
        task_finish(c, t, end);
    else if (leader != NULL && leader->state == TASK_FINISHED)
        task_finish_cached(c, t, leader);
    else if (wait_in_place(c, t, leader) < 0)
        task_finish(c, t, result_of_code(CODE_INTERNAL, "no memory", NULL));
}

void task_accepted(struct core *c, struct task *t, void *arg, enum code code, const char *why)
{
    (void)arg;
    (void)why;
    if (code == CODE_OK)
        task_admit(c, t);
    else
        task_reject(c, t);
}

void task_admit_known(struct core *c, struct task *t, struct result *kept)
{
    t->is_cached = true;
    task_finish(c, t, kept);
}

void task_restore_finished(struct core *c, struct task *t, struct result *r)
{
    quota_leave(c, t);
    t->result = r;
    task_step(t, TASK_EV_SETTLE);
    task_step(t, TASK_EV_FINISH);
    jobs_settled(c, t);
    keep_result(c, t);
}

/* ---- forgetting
 * ----------------------------------------------------------------------------------- */

void task_free_finished(struct core *c, struct task *t)
{
    leave_tables(c, t);
    unlink_task(c, t);
    free_task(t);
}

void tasks_clear(struct core *c)
{
    while (c->all.first != NULL) {
        struct task *t = c->all.first;
        leave_tables(c, t);
        unlink_task(c, t);
        free_task(t);
    }
    jobs_clear(c);
    table_free(c->by_uid);
    table_free(c->by_id);
    table_free(c->by_key);
}
