/* tasks.c: the life of a task in the core: made, accepted, given to a box, finished. What follows
 * (sending the result, keeping it, forgetting it) is in kept.c. */
#include "core/tasks.h"

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
#include "core/submit.h"
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

/* ---- making one
 * ----------------------------------------------------------------------------------- */

/* Everything a task points at lies behind it, in one allocation. */
struct arena {
    char *at;
};

static char *keep_string(struct arena *a, const struct json_doc *doc, uint32_t token)
{
    if (token == 0)
        return NULL;
    struct json_span s = json_at(doc, token);
    struct buf b = {.data = (unsigned char *)a->at, .cap = s.len + 1, .max = s.len};
    if (!doc->tokens[token].escaped)
        memcpy(b.data, s.at + 1, b.len = s.len - 2);
    else
        json_string(doc, token, &b); /* unescaped is never longer, so the buffer never grows */
    b.data[b.len] = '\0';
    a->at += b.len + 1;
    return (char *)b.data;
}

static size_t string_room(const struct json_doc *doc, uint32_t token)
{
    return token != 0 ? json_at(doc, token).len + 1 : 0;
}

static size_t arena_room(const struct submit *s, size_t n_body)
{
    size_t n = n_body * sizeof(zmq_msg_t) + s->n_inputs * sizeof(struct box_input);
    const uint32_t tokens[] = {s->task_id, s->job_id, s->tenant, s->key};
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++)
        n += string_room(s->doc, tokens[i]);
    for (size_t i = 0; i < s->n_inputs; i++)
        n += string_room(s->doc, s->inputs[i].name) + string_room(s->doc, s->inputs[i].media_type);
    return n;
}

/* Names are read while the header still lies where the scanner saw it: libzmq keeps small messages
 * inside zmq_msg_t, so that moving the message moves its bytes. */
static void keep_strings(struct task *t, struct box_input *inputs, struct arena *a,
                         const struct submit *s)
{
    t->task_id = s->task_id != 0 ? keep_string(a, s->doc, s->task_id) : t->uid;
    t->job_id = keep_string(a, s->doc, s->job_id);
    t->tenant = keep_string(a, s->doc, s->tenant);
    t->key = keep_string(a, s->doc, s->key);
    for (size_t i = 0; i < s->n_inputs; i++) {
        inputs[i].name = keep_string(a, s->doc, s->inputs[i].name);
        inputs[i].media_type = keep_string(a, s->doc, s->inputs[i].media_type);
    }
}

static void take_frame(struct task *t, zmq_msg_t *to, zmq_msg_t *from)
{
    zmq_msg_init(to);
    if (from != NULL)
        zmq_msg_move(to, from);
    t->bytes += zmq_msg_size(to);
}

static struct json_span span_in(const struct task *t, const struct json_doc *doc, uint32_t token)
{
    if (token == 0)
        return (struct json_span){NULL, 0};
    const char *text = zmq_msg_data((zmq_msg_t *)(size_t)&t->header);
    return (struct json_span){text + doc->tokens[token].at, doc->tokens[token].len};
}

static void keep_spans(struct task *t, const struct submit *s)
{
    t->params = s->params != 0 ? span_in(t, s->doc, s->params) : (struct json_span){"{}", 2};
    t->metadata = span_in(t, s->doc, s->metadata);
    t->trace = span_in(t, s->doc, s->trace);
}

/* Behind the task: frames, inputs, strings. */
static void keep_content(struct task *t, const struct submit *s, zmq_msg_t *header, zmq_msg_t *body,
                         size_t n_body)
{
    t->body = (zmq_msg_t *)(t + 1);
    struct box_input *inputs = (struct box_input *)(t->body + n_body);
    struct arena a = {.at = (char *)(inputs + s->n_inputs)};
    keep_strings(t, inputs, &a, s);
    take_frame(t, &t->header, header);
    for (size_t i = 0; i < n_body; i++)
        take_frame(t, &t->body[t->n_body++], &body[i]);
    for (size_t i = 0; i < s->n_inputs; i++) {
        inputs[i].bytes = zmq_msg_data(&t->body[s->inputs[i].frame]);
        inputs[i].len = zmq_msg_size(&t->body[s->inputs[i].frame]);
    }
    t->box.inputs = inputs;
    t->box.n_inputs = (uint32_t)s->n_inputs;
    keep_spans(t, s);
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a == 0 ? b : b == 0 || a < b ? a : b;
}

static void keep_times(struct task *t, const struct submit *s)
{
    int64_t timeout = sooner(t->pipeline->conf->timeout_ms, s->timeout_ms);
    t->submitted_ms = clock_wall_ms();
    t->expires_ms = sooner(s->deadline_ms, s->ttl_ms > 0 ? t->submitted_ms + s->ttl_ms : 0);
    t->box.deadline_ms = s->deadline_ms;
    t->timeout_ms = timeout > UINT32_MAX ? UINT32_MAX : (uint32_t)timeout;
}

static void fill_box_task(struct task *t)
{
    t->box.id = t->task_id;
    t->box.job_id = t->job_id;
    t->box.tenant = t->tenant;
    t->box.params = t->params.at;
    t->box.params_len = t->params.len;
    t->box.metadata = t->metadata.at;
    t->box.metadata_len = t->metadata.len;
    t->box.attempt = 1;
    t->box.priority = t->item.priority;
}

struct task *task_new(struct core *c, struct owner *owner, struct pipeline *p,
                      const struct submit *s, zmq_msg_t *header, zmq_msg_t *body, size_t n_body)
{
    struct task *t = calloc(1, sizeof *t + arena_room(s, n_body));
    if (t == NULL)
        return NULL;
    id_new(t->uid);
    t->owner = owner;
    t->pipeline = p;
    t->seq = ++c->next_seq;
    t->item.priority = s->priority;
    t->events = s->events;
    t->is_answered_by_result = s->wait;
    t->wants_digest = s->digest;
    t->wants_children = !s->no_children;
    t->progress = -1;
    keep_content(t, s, header, body, n_body);
    keep_times(t, s);
    fill_box_task(t);
    return t;
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
    loop_timer_free(t->expiry);
    result_unref(t->result);
    zmq_msg_close(&t->header);
    for (size_t i = 0; i < t->n_body; i++)
        zmq_msg_close(&t->body[i]);
    free(t);
}

static void step(struct task *t, enum task_event event)
{
    int next = task_next(t->state, event);
    if (next < 0)
        log_error("impossible step of a task", LS("task_id", t->task_id),
                  LS("state", task_state_name(t->state)), LI("event", event));
    else
        t->state = (enum task_state)next;
}

static void on_expired(void *arg)
{
    struct task *t = arg;
    struct core *c = t->pipeline->core;
    if (t->state != TASK_QUEUED && t->state != TASK_ATTACHED)
        return;
    task_finish(c, t,
                result_of_code(CODE_EXPIRED, "waited until its deadline or ttl was over", NULL));
}

static int watch_expiry(struct core *c, struct task *t)
{
    if (t->expires_ms == 0)
        return 0;
    t->expiry = loop_timer_new(c->loop, on_expired, t);
    if (t->expiry == NULL)
        return -1;
    loop_timer_after(t->expiry, t->expires_ms - clock_wall_ms());
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
    step(t, TASK_EV_ACCEPT);
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
    step(t, TASK_EV_ATTACH);
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

/* ---- running
 * -------------------------------------------------------------------------------------- */

/* The shortest of its limits and its deadline. */
static uint32_t time_left(const struct task *t)
{
    int64_t left = t->box.deadline_ms > 0 ? t->box.deadline_ms - t->started_ms : INT64_MAX;
    left = left > 1 ? left : 1;
    return left < t->timeout_ms ? (uint32_t)left : t->timeout_ms;
}

void task_start(struct core *c, struct task *t)
{
    c->queue_bytes -= t->bytes;
    t->started_ms = clock_wall_ms();
    t->box.timeout_ms = time_left(t);
    step(t, TASK_EV_DISPATCH);
    if (pipeline_run(t->pipeline, t) < 0)
        task_requeue(c, t, CODE_SANDBOX_ERROR, "the box could not take the task");
    else
        push_state(c, t);
}

int task_start_ahead(struct core *c, struct task *t, uint32_t slot)
{
    c->queue_bytes -= t->bytes;
    t->is_ahead = true;
    t->slot = slot;
    t->started_ms = clock_wall_ms();
    t->box.timeout_ms = time_left(t);
    step(t, TASK_EV_DISPATCH);
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
    c->queue_bytes += t->bytes;
    step(t, TASK_EV_REQUEUE);
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
        step(f, TASK_EV_REQUEUE);
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
    step(t, TASK_EV_FINISH);
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
        step(t, TASK_EV_STOP);
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
