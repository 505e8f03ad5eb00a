/* avtomatika_result.c: results back to the orchestrator, one at a time, until each is taken. Only
 * then the core hears that it may forget one. Runs in penstock-shim. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "loop/loop.h"
#include "net/http.h"
#include "shim/avtomatika.h"

enum {
    /* A server that answers 500 so often to one result will never take it. */
    SERVER_ERRORS_MAX = 10,
};

static void on_timer(void *arg)
{
    avt_results_kick(arg);
}

int avt_results_init(struct avt *a)
{
    a->results.timer = loop_timer_new(a->shim->loop, on_timer, a);
    return a->results.timer != NULL ? 0 : -1;
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

static void again(struct avt_task *t, int64_t at_least_ms)
{
    int64_t pause = backoff_next(&t->result_backoff, backoff_chance());
    t->result_due_ms = clock_mono_ms() + (pause > at_least_ms ? pause : at_least_ms);
}

/* The same result will not be taken: a failure that says so may be. */
static void replace(struct avt_task *t, const char *code, const char *message)
{
    log_error("result replaced by a failure", LS("task_id", t->order.task_id),
              LS("reason", message));
    t->result_500s = 0;
    backoff_reset(&t->result_backoff);
    avt_task_fail(t, code, message);
}

static void give_up(struct avt_task *t, const char *error)
{
    log_error("RESULT LOST: the orchestrator refuses it", LS("task_id", t->order.task_id),
              LS("job_id", t->order.job_id), LS("status", t->status), LS("answer", error));
    avt_task_done(t);
}

static void on_server_error(struct avt_task *t, int status, const char *error)
{
    if (status != 500 || ++t->result_500s < SERVER_ERRORS_MAX)
        again(t, 0);
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
        again(t, 0);
        break;
    case AVT_AWAY:
        avt_presence_lost(t->avt);
        again(t, 0);
        break;
    case AVT_TOO_MANY:
    case AVT_CREDENTIALS:
    case AVT_CLOCK: /* somebody will put this right */
        again(t, avt_pause(line, verdict, answer));
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
            again(t, 0);
        }
    } else if (t->data.len > 0) {
        replace(t, kept == EMSGSIZE ? "LIMIT_EXCEEDED_ERROR" : "INTERNAL_ERROR",
                kept == EMSGSIZE ? "the result is larger than the orchestrator takes (1 MiB)"
                                 : "the worker could not sign the result");
    } else {
        log_error("no result could be made", LE(kept));
        again(t, 0);
    }
    buf_clear(&body);
}

/* The one that has waited longest. */
static struct avt_task *next_due(const struct avt *a)
{
    struct avt_task *best = NULL;
    for (struct avt_task *t = a->first; t != NULL; t = t->next) {
        if (t->phase == AVT_READY && (best == NULL || t->result_due_ms <= best->result_due_ms))
            best = t;
    }
    return best;
}

void avt_results_kick(struct avt *a)
{
    struct avt_task *t = next_due(a);
    if (t == NULL || a->results.call != NULL)
        return;
    int64_t now = clock_mono_ms();
    int64_t due =
        t->result_due_ms > a->results.not_before_ms ? t->result_due_ms : a->results.not_before_ms;
    if (due > now) {
        loop_timer_after(a->results.timer, due - now);
        return;
    }
    send_one(t);
    if (a->results.call == NULL)
        loop_timer_after(a->results.timer, 0);
}

void avt_results_add(struct avt_task *t)
{
    /* Not from here: whoever ends a task is still at it. */
    t->result_due_ms = clock_mono_ms();
    loop_timer_after(t->avt->results.timer, 0);
}
