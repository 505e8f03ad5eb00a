/* avtomatika_result.c: results back to the orchestrator, one at a time and in the order in which the
 * tasks ended, until each is taken; only then the core hears that it may forget one. What does not
 * go through holds up what is behind it, because it may be the orchestrator that is away. If that is
 * not so, it is set aside, and the others pass it. Runs in penstock-shim. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "loop/loop.h"
#include "net/http.h"
#include "shim/avtomatika.h"

enum {
    /* After so many tries in a row the next one has a try: does that go through? */
    STUMBLES_MAX = 3,
    /* A server that answers 500 so often to one result, and takes others, will never take it. */
    STRIKES_MAX = 10,
    PAUSE_FIRST_MS = 1000,
    PAUSE_MAX_MS = 60 * 1000,
};

static void on_timer(void *arg)
{
    avt_results_kick(arg);
}

int avt_results_init(struct avt *a)
{
    a->result_pauses = (struct backoff){.first_ms = PAUSE_FIRST_MS, .max_ms = PAUSE_MAX_MS};
    a->results.timer = loop_timer_new(a->shim->loop, on_timer, a);
    return a->results.timer != NULL ? 0 : -1;
}

/* It is cancelled there, but here it ran to its end. */
static void put_late(const struct avt_task *t, struct json_writer *w)
{
    json_key(w, "metadata");
    json_open(w, '{');
    json_member_str(w, "cancelled", "too late");
    json_member_str(w, "status", t->late_status);
    json_close(w, '}');
}

static int write_result(const struct avt_task *t, struct buf *body)
{
    struct json_writer w;
    json_begin(&w, body);
    json_open(&w, '{');
    json_member_str(&w, "job_id", t->order.job_id);
    json_member_str(&w, "task_id", t->order.task_id);
    json_member_str(&w, "worker_id", t->avt->shim->worker_id);
    json_member_str(&w, "status", t->status != NULL ? t->status : "failure");
    if (t->data.len > 0)
        json_member_raw(&w, "data", (struct json_span){(const char *)t->data.data, t->data.len});
    if (t->error.len > 0)
        json_member_raw(&w, "error", (struct json_span){(const char *)t->error.data, t->error.len});
    if (t->late_status != NULL)
        put_late(t, &w);
    return avt_seal(t->avt, &w, body, NULL);
}

/* ---- the answer ---- */

/* "accepted", or "ignored" and why. */
static void log_taken(const struct avt_task *t, const struct http_answer *answer)
{
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault;
    char *status = NULL, *reason = NULL;
    if (json_scan(&doc, answer->body, answer->body_size, &fault) == 0 &&
        json_kind(&doc, 0) == JSON_OBJECT) {
        uint32_t s = json_find(&doc, 0, "status"), r = json_find(&doc, 0, "reason");
        status = s != 0 ? json_strdup(&doc, s) : NULL;
        reason = r != 0 ? json_strdup(&doc, r) : NULL;
    }
    if (status != NULL && strcmp(status, "ignored") == 0)
        log_warn("the orchestrator has no use for a result", LS("task_id", t->order.task_id),
                 LS("reason", reason));
    else
        log_info("result taken", LS("task_id", t->order.task_id), LS("status", t->status));
    free(status);
    free(reason);
    json_doc_clear(&doc);
}

static void pause_all(struct avt *a, int64_t at_least_ms)
{
    int64_t pause = backoff_next(&a->result_pauses, backoff_chance());
    a->results_due_ms = clock_mono_ms() + (pause > at_least_ms ? pause : at_least_ms);
    a->was_held_up = true;
}

static void none_aside(struct avt *a)
{
    a->aside = NULL;
    for (struct avt_task *t = a->first; t != NULL; t = t->next)
        t->result_due_ms = 0;
}

static void set_aside(struct avt_task *t)
{
    struct backoff own = {
        .first_ms = PAUSE_FIRST_MS, .max_ms = PAUSE_MAX_MS, .failures = t->stumbles - 1};
    t->avt->aside = t;
    t->result_due_ms = clock_mono_ms() + backoff_next(&own, backoff_chance());
}

/* It did not go through, and may another time. */
static void again(struct avt_task *t)
{
    struct avt *a = t->avt;
    t->stumbles++;
    if (a->aside != NULL && a->aside != t) {
        none_aside(a); /* another one neither: it is the orchestrator */
        pause_all(a, 0);
    } else if (t->stumbles >= STUMBLES_MAX) {
        set_aside(t);
    } else {
        pause_all(a, 0);
    }
}

static void went_through(struct avt *a)
{
    if (a->aside != NULL && a->was_held_up) /* the orchestrator may be back just now */
        a->aside->result_due_ms = 0;
    a->was_held_up = false;
    a->aside = NULL;
    a->n_taken++;
    a->results_due_ms = 0;
    backoff_reset(&a->result_pauses);
}

void avt_results_again(struct avt *a, bool was_away)
{
    a->results_due_ms = 0;
    if (was_away)
        none_aside(a);
    avt_results_kick(a);
}

/* The same result will not be taken: a failure that says so may be. */
static void replace(struct avt_task *t, const char *code, const char *message)
{
    log_error("result replaced by a failure", LS("task_id", t->order.task_id),
              LS("reason", message));
    t->strikes = t->stumbles = 0;
    t->taken_at_500 = 0;
    t->result_due_ms = 0;
    avt_task_fail(t, code, message);
}

static void give_up(struct avt_task *t, const char *error)
{
    log_error("RESULT LOST: the orchestrator refuses it", LS("task_id", t->order.task_id),
              LS("job_id", t->order.job_id), LS("status", t->status), LS("answer", error));
    went_through(t->avt);
    avt_task_done(t);
}

static void on_server_error(struct avt_task *t, int status, const char *error)
{
    /* While nothing else goes through either, it says nothing about this result. */
    if (status == 500) {
        t->strikes += t->taken_at_500 != 0 && t->taken_at_500 != t->avt->n_taken + 1;
        t->taken_at_500 = t->avt->n_taken + 1;
    }
    if (t->strikes < STRIKES_MAX)
        again(t);
    else if (t->data.len > 0)
        replace(t, "INTERNAL_ERROR",
                "the orchestrator answered 500 to this result again and again");
    else
        give_up(t, error);
}

static void on_refused(struct avt_task *t, enum avt_verdict verdict,
                       const struct http_answer *answer, const char *error)
{
    struct avt_line *line = &t->avt->results;
    avt_complain(line, verdict, "result", error);
    switch (verdict) {
    case AVT_BROKEN:
        on_server_error(t, answer->status, error);
        break;
    case AVT_REPLAY: /* it may not have been ours that came before: a new one tells */
        again(t);
        break;
    case AVT_AWAY:
        avt_presence_lost(t->avt);
        again(t);
        break;
    case AVT_TOO_MANY:
    case AVT_CREDENTIALS:
    case AVT_CLOCK: /* somebody will put this right */
        pause_all(t->avt, avt_pause(line, verdict, answer));
        break;
    case AVT_TOO_BIG:
        if (t->data.len > 0)
            replace(t, "LIMIT_EXCEEDED_ERROR", "the result is larger than the orchestrator takes");
        else
            give_up(t, error);
        break;
    default:
        give_up(t, error);
        break;
    }
}

static void on_answer(void *arg, const struct http_answer *answer)
{
    struct avt *a = arg;
    struct avt_task *t = a->sending;
    char error[AVT_ERROR_TEXT];
    a->results.call = NULL;
    a->sending = NULL;
    enum avt_verdict verdict = avt_judge(answer, error);
    if (t != NULL && verdict == AVT_OK) {
        avt_pause(&a->results, AVT_OK, answer);
        went_through(a);
        log_taken(t, answer);
        avt_task_done(t);
    } else if (t != NULL) {
        on_refused(t, verdict, answer, error);
    }
    avt_results_kick(a);
}

/* ---- sending ---- */

static void send_one(struct avt_task *t)
{
    struct avt *a = t->avt;
    struct buf body = BUF_INIT(AVT_BODY_MAX);
    int rc = write_result(t, &body);
    int kept = errno;
    const struct avt_call call = {.method = "POST",
                                  .path = "/_worker/tasks/result",
                                  .body = (const char *)body.data,
                                  .body_size = body.len};
    if (rc == 0) {
        a->sending = t;
        if (avt_start(a, &a->results, &call, on_answer, a) < 0) {
            a->sending = NULL;
            again(t);
        }
    } else if (t->data.len > 0) {
        replace(t, kept == EMSGSIZE ? "LIMIT_EXCEEDED_ERROR" : "INTERNAL_ERROR",
                kept == EMSGSIZE ? "the result is larger than the orchestrator takes (1 MiB)"
                                 : "the worker could not sign the result");
    } else {
        log_error("no result could be made", LE(kept));
        again(t);
    }
    buf_clear(&body);
}

void avt_results_stored(void *arg, enum code code, const char *message, int64_t pause_ms,
                        struct json_span outputs)
{
    struct avt_task *t = arg;
    struct avt *a = t->avt;
    const struct bridge_outcome failure = {.status = "failure", .code = code, .message = message};
    a->sending = NULL;
    if (code == CODE_TRANSIENT && pause_ms > 0) {
        pause_all(a, pause_ms);
    } else if (code == CODE_TRANSIENT) {
        again(t);
    } else if (code == CODE_OK) {
        avt_task_stored(t, outputs);
    } else {
        t->store = NULL;
        avt_task_ended(t, &failure);
    }
    avt_results_kick(a);
}

/* ---- whose turn it is
 * ------------------------------------------------------------------------------- */

/* The first of those whose time has come; else NULL, and *due_ms is when the next one's has. */
static struct avt_task *next_due(const struct avt *a, int64_t now, int64_t *due_ms)
{
    struct avt_task *first = NULL;
    *due_ms = INT64_MAX;
    for (struct avt_task *t = a->first; t != NULL; t = t->next) {
        if (t->phase != AVT_READY)
            continue;
        if (t->result_due_ms < *due_ms)
            *due_ms = t->result_due_ms;
        if (t->result_due_ms <= now && (first == NULL || t->result_number < first->result_number))
            first = t;
    }
    return first;
}

/* One that does not know this worker, or is away, need not be tried. */
static bool may_send(const struct avt *a)
{
    return a->results.call == NULL && a->sending == NULL && (a->is_registered || !a->has_skills);
}

/* The cancellation may have come while its outputs were stored, or while an answer was awaited. */
static void heed_cancellation(struct avt_task *t)
{
    if (t->is_cancelled && t->status != NULL && t->error.len == 0 &&
        strcmp(t->status, "cancelled") != 0)
        avt_task_late(t, t->status);
}

void avt_results_kick(struct avt *a)
{
    int64_t now = clock_mono_ms(), due;
    if (!may_send(a))
        return;
    struct avt_task *t = next_due(a, now, &due);
    if (due < a->results_due_ms)
        due = a->results_due_ms;
    if (due < a->results.not_before_ms)
        due = a->results.not_before_ms;
    if (due == INT64_MAX)
        return;
    if (t == NULL || due > now) {
        loop_timer_after(a->results.timer, due > now ? due - now : 0);
        return;
    }
    heed_cancellation(t);
    if (t->store != NULL) {
        a->sending = t;
        store_go(t->store);
    } else {
        send_one(t);
        if (a->results.call == NULL)
            loop_timer_after(a->results.timer, 0);
    }
}

void avt_results_add(struct avt_task *t)
{
    if (t->result_number == 0)
        t->result_number = ++t->avt->n_ended;
    /* Not from here: whoever ends a task is still at it. */
    loop_timer_after(t->avt->results.timer, 0);
}
