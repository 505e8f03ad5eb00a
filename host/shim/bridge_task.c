/* bridge_task.c: one task on its way to the core and back. Runs in penstock-shim. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/table.h"
#include "loop/loop.h"
#include "shim/bridge_internal.h"
#include "shim/told.h"

enum {
    SENDS_MAX = 20, /* a task whose SUBMIT is never answered must not go round for ever */
    AGAIN_FIRST_MS = 250,
    AGAIN_MAX_MS = 10 * 1000,
    ANSWER_MS = 10 * 1000,    /* an unanswered SUBMIT is sent again; the core knows its task_id */
    PATIENCE_MS = 120 * 1000, /* for a core without room, where the task has no deadline */
};

static const struct json_span absent = {.at = NULL};

void bridge_inputs_clear(struct bridge_input *inputs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(inputs[i].name);
        free(inputs[i].media_type);
        free(inputs[i].bytes);
    }
    free(inputs);
}

void bridge_send_id(struct bridge *b, enum wire_verb verb, const char *task_id, const char *request)
{
    struct buf header = BUF_INIT(8192);
    struct json_writer w;
    json_begin(&w, &header);
    json_open(&w, '{');
    json_member_str(&w, "task_id", task_id);
    json_member_str(&w, "request", request);
    json_close(&w, '}');
    if (json_end(&w) == 0)
        corelink_send(b->link, verb, header.data, header.len, NULL, 0);
    buf_clear(&header);
}

static void forget_order(struct bridge_task *t)
{
    buf_clear(&t->header);
    bridge_inputs_clear(t->inputs, t->n_inputs);
    t->inputs = NULL;
    t->n_inputs = 0;
    loop_timer_off(t->again);
}

static void end(struct bridge_task *t, const struct bridge_outcome *o)
{
    forget_order(t);
    t->state = BRIDGE_ENDED;
    t->bridge->calls->result(t->bridge->arg, t->context, o);
}

void bridge_task_fail(struct bridge_task *t, enum code code, const char *message,
                      struct json_span details)
{
    const struct bridge_outcome o = {.status = code == CODE_CANCELLED ? "cancelled" : "failure",
                                     .code = code,
                                     .message = message,
                                     .details = details};
    end(t, &o);
}

static void wait_and_send(struct bridge_task *t, int64_t at_least_ms)
{
    int64_t pause = backoff_next(&t->backoff, backoff_chance());
    t->state = BRIDGE_WAITING;
    loop_timer_after(t->again, pause > at_least_ms ? pause : at_least_ms);
}

void bridge_task_send(struct bridge_task *t)
{
    struct wire_view body[WIRE_FRAMES_HARD_MAX];
    struct bridge *b = t->bridge;
    bool is_up = corelink_is_up(b->link);
    if (b->is_stopping && (!is_up || b->is_draining)) {
        bridge_task_fail(t, CODE_DRAINING, "the worker is stopping", absent);
        return;
    }
    if (!is_up) {
        t->state = BRIDGE_WAITING; /* sent with the next WELCOME */
        return;
    }
    if (++t->sends > SENDS_MAX) {
        bridge_task_fail(t, CODE_INTERNAL, "the host does not answer for this task", absent);
        return;
    }
    for (size_t i = 0; i < t->n_inputs; i++)
        body[i] = (struct wire_view){t->inputs[i].bytes, t->inputs[i].len};
    if (corelink_send(t->bridge->link, WIRE_SUBMIT, t->header.data, t->header.len, body,
                      t->n_inputs) < 0) {
        wait_and_send(t, 0);
        return;
    }
    t->state = BRIDGE_SENT;
    loop_timer_after(t->again, ANSWER_MS);
    if (t->is_cancelled) /* while the core was away */
        bridge_send_cancel(t);
}

static void on_again(void *arg)
{
    struct bridge_task *t = arg;
    if (t->state != BRIDGE_ACCEPTED)
        bridge_task_send(t);
    else if (t->is_cancelled)
        bridge_send_cancel(t);
}

void bridge_cancel_later(struct bridge_task *t)
{
    if (t->state == BRIDGE_ACCEPTED)
        loop_timer_after(t->again, backoff_next(&t->backoff, backoff_chance()));
}

void bridge_task_after_welcome(struct bridge_task *t, bool is_kept)
{
    if (t->state == BRIDGE_ACCEPTED && !is_kept) {
        bridge_task_fail(t, CODE_TRANSIENT, "the worker's host was restarted while it had the task",
                         absent);
    } else if (t->state == BRIDGE_ACCEPTED) {
        bridge_query(t);
        if (t->is_cancelled) /* it may not have heard */
            bridge_send_cancel(t);
    } else if (t->state == BRIDGE_SENT || t->state == BRIDGE_WAITING) {
        loop_timer_off(t->again);
        bridge_task_send(t);
    }
}

void bridge_task_accepted(struct bridge_task *t)
{
    if (t->state != BRIDGE_SENT && t->state != BRIDGE_WAITING)
        return;
    forget_order(t);
    t->state = BRIDGE_ACCEPTED;
    log_debug("task accepted", LS("task_id", t->task_id));
}

/* A refusal that says only "not now". */
static bool is_worth_waiting(const struct bridge_task *t, enum code code)
{
    bool is_passing = code == CODE_OVERLOADED || code == CODE_DRAINING || code == CODE_QUOTA ||
                      code == CODE_STORAGE_UNAVAILABLE;
    if (!is_passing || t->is_cancelled)
        return false;
    return !t->bridge->is_stopping && clock_wall_ms() < t->patience_end_ms;
}

void bridge_task_refused(struct bridge_task *t, const struct json_doc *doc)
{
    int64_t pause = 0;
    uint32_t details_at = json_find(doc, 0, "details"),
             pause_at = json_find(doc, 0, "retry_after_ms");
    if (t->state != BRIDGE_SENT)
        return;
    char *name = bridge_text(doc, 0, "code");
    enum code code = name != NULL ? code_find(name) : CODE_COUNT;
    if (code == CODE_COUNT || code == CODE_OK)
        code = CODE_INTERNAL;
    free(name);
    if (is_worth_waiting(t, code)) {
        if (pause_at != 0 && (json_i64(doc, pause_at, &pause) < 0 || pause < 0))
            pause = 0;
        wait_and_send(t, pause < AGAIN_MAX_MS ? pause : AGAIN_MAX_MS);
        t->sends = 0;
        return;
    }
    char *message = bridge_text(doc, 0, "message");
    bool has_details = details_at != 0 && json_kind(doc, details_at) == JSON_OBJECT;
    bridge_task_fail(t, code, message != NULL ? message : code_info(code)->help,
                     has_details ? json_at(doc, details_at) : absent);
    free(message);
}

void bridge_task_result(struct bridge_task *t, const struct corelink_message *m)
{
    t->has_result = true;
    if (t->state == BRIDGE_ENDED)
        return; /* sent again after a reconnect, while it is being delivered */
    struct outcome_reader *r = calloc(1, sizeof *r);
    if (r == NULL) {
        bridge_task_fail(t, CODE_INTERNAL, "the worker had no memory for the result", absent);
        return;
    }
    outcome_read(r, m);
    end(t, &r->outcome);
    outcome_clear(r);
    free(r);
}

static bool fits(const struct bridge *b, const struct buf *header, const struct bridge_order *o)
{
    const struct corelink_limits *limits = corelink_limits(b->link);
    enum { PROTOCOL_FRAMES = 3, SMALL_FRAMES = 64 };
    uint64_t total = header->len + SMALL_FRAMES;
    for (size_t i = 0; i < o->n_inputs; i++) {
        if (o->inputs[i].len > (uint64_t)limits->frame_bytes)
            return false;
        total += o->inputs[i].len;
    }
    return header->len <= (uint64_t)limits->header_bytes &&
           total <= (uint64_t)limits->message_bytes &&
           o->n_inputs + PROTOCOL_FRAMES <= (uint64_t)limits->frames &&
           o->n_inputs < WIRE_FRAMES_HARD_MAX;
}

static void append_to_list(struct bridge *b, struct bridge_task *t)
{
    t->prev = b->last;
    *(b->last != NULL ? &b->last->next : &b->first) = t;
    b->last = t;
}

/* In the list, and found by its id. */
static struct bridge_task *task_new(struct bridge *b, const char *task_id)
{
    struct bridge_task *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->bridge = b;
    t->number = ++b->last_number;
    t->backoff = (struct backoff){.first_ms = AGAIN_FIRST_MS, .max_ms = AGAIN_MAX_MS};
    buf_init(&t->header, SIZE_MAX / 2);
    append_to_list(b, t);
    t->task_id = strdup(task_id);
    t->again = loop_timer_new(b->loop, on_again, t);
    if (t->task_id != NULL && t->again != NULL &&
        table_put(b->by_id, t->task_id, strlen(t->task_id), t) == 0)
        return t;
    bridge_task_free(t);
    errno = ENOMEM;
    return NULL;
}

struct bridge_task *bridge_task_adopt(struct bridge *b, const char *task_id)
{
    struct bridge_task *t = task_new(b, task_id);
    if (t != NULL)
        t->state = BRIDGE_ACCEPTED;
    return t;
}

static int write_order(struct bridge_task *t, const struct bridge_order *o)
{
    t->patience_end_ms = o->deadline_ms > 0 ? o->deadline_ms : clock_wall_ms() + PATIENCE_MS;
    if (submit_header(o, t->number, &t->header) < 0)
        return -1;
    errno = EMSGSIZE;
    return fits(t->bridge, &t->header, o) ? 0 : -1;
}

struct bridge_task *bridge_submit(struct bridge *b, struct bridge_order *o, void *context)
{
    if (table_get(b->by_id, o->task_id, strlen(o->task_id)) != NULL) {
        errno = EEXIST;
        return NULL;
    }
    struct bridge_task *t = task_new(b, o->task_id);
    if (t == NULL)
        return NULL;
    if (write_order(t, o) < 0) {
        int kept = errno;
        bridge_task_free(t);
        errno = kept;
        return NULL;
    }
    told_remove(b->told, t->task_id);
    t->context = context;
    t->inputs = o->inputs;
    t->n_inputs = o->n_inputs;
    o->inputs = NULL;
    o->n_inputs = 0;
    if (b->is_stopping) /* it may end at once, but not from in here */
        loop_timer_after(t->again, 0);
    else
        bridge_task_send(t);
    return t;
}

void bridge_cancel(struct bridge_task *t)
{
    if (t->state == BRIDGE_ENDED)
        return;
    t->is_cancelled = true;
    if (t->state == BRIDGE_WAITING)
        bridge_task_fail(t, CODE_CANCELLED, "cancelled before it could start", absent);
    else
        bridge_send_cancel(t);
}

void bridge_done(struct bridge_task *t)
{
    struct bridge *b = t->bridge;
    told_add(b->told, t->task_id);
    if (t->has_result)
        bridge_send_id(b, WIRE_ACK, t->task_id, NULL);
    else if (t->state == BRIDGE_ACCEPTED || t->state == BRIDGE_SENT)
        bridge_send_cancel(t);
    bridge_task_free(t);
}

void bridge_task_free(struct bridge_task *t)
{
    struct bridge *b = t->bridge;
    if (t->task_id != NULL && table_get(b->by_id, t->task_id, strlen(t->task_id)) == t)
        table_take(b->by_id, t->task_id, strlen(t->task_id));
    *(t->prev != NULL ? &t->prev->next : &b->first) = t->next;
    *(t->next != NULL ? &t->next->prev : &b->last) = t->prev;
    buf_clear(&t->header);
    bridge_inputs_clear(t->inputs, t->n_inputs);
    loop_timer_free(t->again);
    free(t->task_id);
    free(t);
}
