/* avtomatika_events.c: progress to the orchestrator: the newest of each task, not too often, and
 * never in the way of a result. What cannot be sent is dropped. Runs in penstock-shim. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "loop/loop.h"
#include "net/http.h"
#include "shim/avtomatika.h"

enum { APART_MS = 2000, EVENT_TIMEOUT_MS = 10 * 1000, EVENT_MAX = 16 * 1024, MESSAGE_MAX = 1024 };

static void kick(struct avt *a);

static void on_timer(void *arg)
{
    kick(arg);
}

int avt_events_init(struct avt *a)
{
    a->events.timer = loop_timer_new(a->shim->loop, on_timer, a);
    return a->events.timer != NULL ? 0 : -1;
}

static int write_event(const struct avt_task *t, struct buf *body)
{
    char id[ID_TEXT];
    struct json_writer w;
    const char *worker = t->avt->shim->worker_id;
    id_new(id);
    json_begin(&w, body);
    json_open(&w, '{');
    json_member_str(&w, "event_id", id);
    json_member_str(&w, "worker_id", worker);
    json_member_str(&w, "origin_worker_id", worker);
    json_member_str(&w, "event_type", "progress");
    json_key(&w, "payload");
    json_open(&w, '{');
    json_member_double(&w, "progress", t->progress);
    json_member_str(&w, "message", t->progress_message);
    json_close(&w, '}');
    json_member_str(&w, "origin_task_id", t->order.task_id);
    json_member_raw(&w, "bubbling_chain", (struct json_span){"[]", 2});
    json_member_str(&w, "target_job_id", t->order.job_id);
    json_member_str(&w, "target_task_id", t->order.task_id);
    return avt_seal(t->avt, &w, body, "bubbling_chain");
}

static void on_answer(void *arg, const struct http_answer *answer)
{
    struct avt *a = arg;
    char error[AVT_ERROR_TEXT];
    a->events.call = NULL;
    enum avt_verdict verdict = avt_judge(answer, error);
    if (verdict != AVT_OK)
        log_debug("progress was not taken", LS("reason", error));
    avt_pause(&a->events, verdict, answer);
    kick(a);
}

static struct avt_task *next_due(const struct avt *a)
{
    struct avt_task *best = NULL;
    for (struct avt_task *t = a->first; t != NULL; t = t->next) {
        if (t->has_news && t->phase == AVT_AT_CORE &&
            (best == NULL || t->event_due_ms <= best->event_due_ms))
            best = t;
    }
    return best;
}

static void send_one(struct avt_task *t)
{
    struct avt *a = t->avt;
    struct buf body = BUF_INIT(EVENT_MAX);
    t->has_news = false;
    t->event_due_ms = clock_mono_ms() + APART_MS;
    int rc = write_event(t, &body);
    const struct avt_call call = {.method = "POST",
                                  .path = "/_worker/events",
                                  .body = (const char *)body.data,
                                  .body_size = body.len,
                                  .timeout_ms = EVENT_TIMEOUT_MS};
    if (rc < 0 || avt_start(a, &a->events, &call, on_answer, a) < 0)
        log_debug("no event could be made");
    buf_clear(&body);
}

static void kick(struct avt *a)
{
    struct avt_task *t = next_due(a);
    if (t == NULL || a->events.call != NULL)
        return;
    int64_t now = clock_mono_ms();
    int64_t due =
        t->event_due_ms > a->events.not_before_ms ? t->event_due_ms : a->events.not_before_ms;
    if (due > now)
        loop_timer_after(a->events.timer, due - now);
    else
        send_one(t);
}

void avt_events_add(struct avt_task *t, double progress, const char *message)
{
    char *copy = strndup(message, MESSAGE_MAX);
    if (copy == NULL)
        return;
    free(t->progress_message);
    t->progress_message = copy;
    t->progress = progress;
    t->has_news = true;
    kick(t->avt);
}
