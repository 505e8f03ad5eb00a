/* kept.c: results after the verdict. Runs in the core. A result that somebody will acknowledge
 * waits for that; one whose owner is anonymous counts as delivered once sent, and stays for QUERY
 * while there is time and room. */
#include "core/kept.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/durable.h"
#include "core/peers.h"
#include "core/pipelines.h"
#include "core/tasks.h"
#include "loop/loop.h"

enum { SWEEP_MS = 1000, PEERS_EVERY = 60, RESEND_MS = 20, OUTPUTS_MAX = 128, HISTORY_MAX = 1000 };

static struct task_list *list_of(struct core *c, const struct task *t)
{
    if (t->is_acknowledged)
        return &c->history;
    return t->is_delivered ? &c->kept_delivered : &c->kept_waiting;
}

static size_t weight(const struct task *t)
{
    return sizeof *t + t->bytes + t->result->bytes;
}

/* What is only history is counted by heads, not by bytes. */
static void count(struct core *c, const struct task *t, bool is_entering)
{
    size_t bytes = weight(t), sign = is_entering ? 1 : (size_t)-1;
    if (t->is_acknowledged) {
        c->n_history += sign;
        return;
    }
    c->n_kept += sign;
    c->kept_bytes += sign * bytes;
    c->kept_waiting_bytes += t->is_delivered ? 0 : sign * bytes;
    t->owner->waiting_bytes += t->is_delivered ? 0 : sign * bytes;
}

static void enter_list(struct core *c, struct task *t)
{
    struct task_list *l = list_of(c, t);
    t->kept_prev = l->last;
    t->kept_next = NULL;
    *(l->last != NULL ? &l->last->kept_next : &l->first) = t;
    l->last = t;
    t->is_kept = true;
    count(c, t, true);
}

/* What a client has on its way and has not acknowledged. */
static void count_sent(struct task *t, bool is_entering)
{
    struct owner *o = t->owner;
    size_t sign = is_entering ? 1 : (size_t)-1;
    if (!o->is_client || !t->is_sent || t->is_delivered || t->is_acknowledged)
        return;
    o->sent_count += sign;
    o->sent_bytes += sign * weight(t);
}

/* One result goes whatever it weighs, or it would never go. */
static bool fits_window(const struct owner *o, const struct task *t)
{
    return o->window_count == 0 || o->sent_count == 0 ||
           (o->sent_count < o->window_count && o->sent_bytes + weight(t) <= o->window_bytes);
}

static void leave_list(struct core *c, struct task *t)
{
    struct task_list *l = list_of(c, t);
    count_sent(t, false);
    *(t->kept_prev != NULL ? &t->kept_prev->kept_next : &l->first) = t->kept_next;
    *(t->kept_next != NULL ? &t->kept_next->kept_prev : &l->last) = t->kept_prev;
    t->is_kept = false;
    count(c, t, false);
}

static void forget(struct core *c, struct task *t)
{
    leave_list(c, t);
    task_free_finished(c, t);
}

static void mark_delivered(struct core *c, struct task *t)
{
    if (t->is_delivered)
        return;
    leave_list(c, t);
    t->is_delivered = true;
    enter_list(c, t);
}

void kept_make_room(struct core *c)
{
    while ((int64_t)c->kept_bytes > c->host->results_max_bytes && c->kept_delivered.first != NULL)
        forget(c, c->kept_delivered.first);
    while (c->n_history > HISTORY_MAX)
        forget(c, c->history.first);
}

void kept_write_result(struct core *c, const struct task *t, struct json_writer *w)
{
    int64_t started = t->started_ms > 0 ? t->started_ms : t->finished_ms;
    json_open(w, '{');
    json_member_str(w, "task_id", t->task_id);
    json_member_str(w, "uid", t->uid);
    json_member_str(w, "job_id", t->job_id);
    json_member_str(w, "pipeline", pipeline_slug(t->pipeline));
    json_member_str(w, "pipeline_version", pipeline_version(t->pipeline));
    result_write(t->result, w, started - t->submitted_ms, t->wants_digest);
    json_member_int(w, "attempt", t->box.attempt);
    json_member_bool(w, "cached", t->is_cached);
    json_member_str(w, "retry_of", t->retry_of[0] != '\0' ? t->retry_of : NULL);
    if (t->metadata.at != NULL)
        json_member_raw(w, "metadata", t->metadata);
    if (t->trace.at != NULL)
        json_member_raw(w, "trace", t->trace);
    json_member_str(w, "host", c->host_id);
    json_close(w, '}');
}

size_t kept_frames(const struct task *t, zmq_msg_t **out, size_t max)
{
    size_t n = t->result->n_outputs < max ? t->result->n_outputs : max;
    for (size_t i = 0; i < n; i++)
        out[i] = &t->result->outputs[i].bytes;
    return n;
}

static int send_result(struct core *c, struct peer *p, const struct task *t)
{
    struct json_writer w;
    zmq_msg_t *frames[OUTPUTS_MAX];
    size_t n = kept_frames(t, frames, OUTPUTS_MAX);
    buf_reset(&c->out);
    json_begin(&w, &c->out);
    kept_write_result(c, t, &w);
    if (json_end(&w) < 0) {
        errno = ENOMEM;
        return -1;
    }
    return router_send(p->router, &p->to, WIRE_RESULT, c->out.data, c->out.len, frames, n);
}

/* A REQ gets a RESULT only as the answer to a SUBMIT with "wait". */
static bool may_push(const struct task *t)
{
    const struct peer *p = t->owner->peer;
    return p != NULL && !t->is_silent && (!p->is_req || t->is_answered_by_result);
}

void kept_deliver(struct core *c, struct task *t)
{
    struct owner *o = t->owner;
    const bool is_repeated = t->is_sent;
    if (!may_push(t))
        return;
    if (!is_repeated && !fits_window(o, t)) {
        o->is_held = true;
        return;
    }
    if (send_result(c, o->peer, t) < 0) {
        if (errno == EHOSTUNREACH)
            peer_lost(c, o->peer);
        else
            o->is_backlogged = true;
        return;
    }
    c->stats.messages_out++;
    t->is_answered_by_result = false;
    t->is_sent = true;
    if (!is_repeated)
        count_sent(t, true);
    if (!o->is_client)
        mark_delivered(c, t);
}

void keep_result(struct core *c, struct task *t)
{
    const struct peer *p = t->owner->peer;
    /* An anonymous REQ asks for it with QUERY; nobody will acknowledge it. */
    bool is_asked_for = p == NULL || (p->is_req && !t->is_answered_by_result);
    t->is_delivered = t->is_silent || (!t->owner->is_client && is_asked_for);
    enter_list(c, t);
    /* Those that wait go first. */
    if (!t->owner->is_held && !t->owner->is_backlogged)
        kept_deliver(c, t);
}

void kept_deliver_waiting(struct core *c, struct owner *o)
{
    o->is_backlogged = o->is_held = false;
    for (struct task *t = c->kept_waiting.first, *next;
         t != NULL && o->peer != NULL && !o->is_backlogged && !o->is_held; t = next) {
        next = t->kept_next;
        if (t->owner == o && !t->is_sent)
            kept_deliver(c, t);
    }
}

void kept_owner_moved(struct core *c, struct owner *o)
{
    o->sent_count = o->sent_bytes = 0;
    for (struct task *t = o->n_tasks > 0 ? c->all.first : NULL; t != NULL; t = t->next) {
        if (t->owner == o)
            t->is_sent = t->is_answered_by_result = false;
    }
}

void kept_owner_gone(struct core *c, struct owner *o)
{
    for (struct task *t = o->n_tasks > 0 ? c->kept_waiting.first : NULL, *next; t != NULL;
         t = next) {
        next = t->kept_next;
        if (t->owner == o)
            mark_delivered(c, t);
    }
}

/* Its bytes go; a line for LIST stays. */
static int shrink(struct core *c, struct task *t)
{
    struct result *summary = result_summary(t->result);
    if (summary == NULL)
        return -1;
    leave_list(c, t);
    task_give_up_names(c, t);
    result_unref(t->result);
    t->result = summary;
    t->metadata = t->trace = (struct json_span){NULL, 0};
    zmq_msg_close(&t->header);
    zmq_msg_init(&t->header);
    t->bytes = 0;
    t->is_acknowledged = true;
    enter_list(c, t);
    return 0;
}

/* What the journal has need not be in memory. A key is answered for as long as the result is kept. */
void kept_acknowledge(struct core *c, struct task *t)
{
    struct owner *o = t->owner->is_client ? t->owner : NULL; /* a client outlives its tasks */
    if (!t->is_kept || t->is_acknowledged)
        return;
    durable_acknowledge(c, t);
    if (!t->is_durable && t->key != NULL) {
        mark_delivered(c, t);
        task_give_up_id(c, t);
    } else if (t->is_durable || shrink(c, t) < 0) {
        forget(c, t);
    }
    if (o != NULL && o->is_held)
        kept_deliver_waiting(c, o);
}

static void write_progress(const struct task *t, struct json_writer *w)
{
    if (t->progress >= 0)
        json_member_double(w, "progress", t->progress);
    if (t->started_ms > 0)
        json_member_int(w, "started", t->started_ms);
    if (t->state == TASK_RETRY) {
        json_member_str(w, "code", code_name(t->last_code));
        json_member_int(w, "retry_at", t->not_before_ms);
    }
    if (t->state != TASK_FINISHED) /* a verdict that is not durable is not told */
        return;
    json_member_int(w, "finished", t->finished_ms);
    if (t->is_dead)
        json_member_bool(w, "dead", true);
    json_member_str(w, "status", t->result->status);
    if (t->result->code != CODE_OK) {
        json_member_str(w, "code", code_name(t->result->code));
        json_member_str(w, "message", t->result->message);
    }
    json_member_int(w, "run_ms", t->result->run_ms);
}

void kept_write_info(struct core *c, const struct task *t, struct json_writer *w)
{
    (void)c;
    json_member_str(w, "task_id", t->task_id);
    json_member_str(w, "uid", t->uid);
    json_member_str(w, "job_id", t->job_id);
    json_member_str(w, "tenant", t->tenant);
    json_member_str(w, "pipeline", pipeline_slug(t->pipeline));
    json_member_str(w, "state", task_state_name(t->state));
    json_member_double(w, "priority", t->item.priority);
    json_member_int(w, "attempt", t->box.attempt);
    json_member_str(w, "retry_of", t->retry_of[0] != '\0' ? t->retry_of : NULL);
    json_member_str(w, "parent", t->parent[0] != '\0' ? t->parent : NULL);
    json_member_int(w, "submitted", t->submitted_ms);
    json_member_str(w, "client", t->owner->is_client ? t->owner->name : "");
    write_progress(t, w);
}

/* Lists are in the order in which tasks finished. */
static void expire(struct core *c, struct task_list *l, int64_t before_ms)
{
    while (l->first != NULL && l->first->finished_ms < before_ms) {
        struct task *t = l->first;
        if (!t->is_delivered && !t->is_acknowledged) {
            log_warn("result was never acknowledged", LS("task_id", t->task_id),
                     LS("client", t->owner->name));
            durable_delivered(c, t);
        }
        forget(c, t);
    }
}

static bool resend(struct core *c)
{
    bool is_behind = false;
    for (struct owner *o = c->owners, *next; o != NULL; o = next) {
        next = o->next;
        bool is_stuck = o->is_held && o->sent_count == 0; /* those in the window have expired */
        if (!o->is_backlogged && !is_stuck)
            continue;
        kept_deliver_waiting(c, o);
        is_behind = true;
    }
    return is_behind;
}

static void on_sweep(void *arg)
{
    struct core *c = arg;
    int64_t before = clock_wall_ms() - c->host->result_retention_ms;
    expire(c, &c->kept_delivered, before);
    expire(c, &c->kept_waiting, before);
    expire(c, &c->history, before);
    if (++c->sweeps % PEERS_EVERY == 0)
        peers_sweep(c);
    loop_timer_after(c->sweep, resend(c) ? RESEND_MS : SWEEP_MS);
}

int kept_init(struct core *c)
{
    c->sweep = loop_timer_new(c->loop, on_sweep, c);
    if (c->sweep == NULL)
        return -1;
    loop_timer_after(c->sweep, SWEEP_MS);
    return 0;
}

void kept_clear(struct core *c)
{
    loop_timer_free(c->sweep);
    c->sweep = NULL;
}
