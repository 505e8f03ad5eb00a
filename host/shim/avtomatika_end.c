/* avtomatika_end.c: how a task of theirs ends: its result as they can take it. Runs in
 * penstock-shim. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "shim/avtomatika.h"

static bool is_active(const struct avt_task *t)
{
    return t->phase == AVT_FETCHING || t->phase == AVT_AT_CORE;
}

static void set_phase(struct avt_task *t, enum avt_phase phase)
{
    bool was_active = is_active(t);
    t->phase = phase;
    if (was_active && !is_active(t)) {
        t->avt->n_active--;
        avt_presence_changed(t->avt);
        avt_poll_kick(t->avt);
    }
}

static void set_status(struct avt_task *t, const char *status)
{
    free(t->status);
    t->status = strdup(status);
}

static void ready(struct avt_task *t)
{
    fetch_cancel(t->fetch);
    t->fetch = NULL;
    t->has_news = false;
    set_phase(t, AVT_READY);
    avt_results_add(t);
}

static void drop_store(struct avt_task *t)
{
    store_cancel(t->store);
    t->store = NULL;
}

static void ready_failed(struct avt_task *t, const char *avt_code, const struct bridge_outcome *o)
{
    drop_store(t);
    set_status(t, o->code == CODE_CANCELLED ? "cancelled" : "failure");
    buf_clear(&t->data);
    buf_reset(&t->error);
    if (avt_code != NULL && avt_error(avt_code, o->message, o->code, o->details, &t->error) < 0)
        buf_reset(&t->error);
    ready(t);
}

void avt_task_fail(struct avt_task *t, const char *code, const char *message)
{
    const struct bridge_outcome o = {
        .status = "failure", .code = CODE_INTERNAL, .message = message};
    log_warn("task answered without the host", LS("task_id", t->order.task_id), LS("code", code),
             LS("reason", message));
    ready_failed(t, code, &o);
}

/* Data as the server can take it. NULL, or why it could not. */
static const char *check_data(const struct buf *data)
{
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault = {.what = NULL};
    const char *why = NULL;
    if (data->len > 0)
        why = json_scan(&doc, (const char *)data->data, data->len, &fault) < 0
                  ? fault.what
                  : avt_why_not(&doc, 0, 1);
    json_doc_clear(&doc);
    return why;
}

static void ready_with_data(struct avt_task *t, struct json_span data, struct json_span outputs)
{
    char message[256];
    buf_reset(&t->data);
    if (avt_data(data, outputs, &t->data) < 0) {
        avt_task_fail(t, "LIMIT_EXCEEDED_ERROR",
                      "the result is larger than the orchestrator takes (1 MiB)");
        return;
    }
    const char *why = check_data(&t->data);
    if (why != NULL) {
        snprintf(message, sizeof message, "the result cannot be sent: %s", why);
        avt_task_fail(t, "LIMIT_EXCEEDED_ERROR", message);
        return;
    }
    ready(t);
}

void avt_task_stored(struct avt_task *t, struct json_span outputs)
{
    struct buf data = t->data;
    t->store = NULL;
    buf_init(&t->data, AVT_BODY_MAX);
    ready_with_data(t, (struct json_span){data.len > 0 ? (const char *)data.data : NULL, data.len},
                    outputs);
    buf_clear(&data);
}

static void store_outputs(struct avt_task *t, const struct bridge_outcome *o)
{
    if (t->avt->shim->conf->files != CONF_FILES_ORCHESTRATOR) {
        avt_task_fail(
            t, "DEPENDENCY_ERROR",
            "the task has outputs, but this worker is configured to store none (files = off)");
    } else if (o->data.len > 0 && buf_append(&t->data, o->data.at, o->data.len) < 0) {
        avt_task_fail(t, "LIMIT_EXCEEDED_ERROR",
                      "the result is larger than the orchestrator takes (1 MiB)");
    } else {
        t->store = store_prepare(&t->avt->place, o->outputs, o->n_outputs, avt_results_stored, t);
        if (t->store != NULL)
            ready(t);
        else
            avt_task_fail(t, "RESOURCE_EXHAUSTED_ERROR",
                          "the worker had no memory for the outputs");
    }
}

static const char *code_for(const struct avt_task *t, const struct bridge_outcome *o, char *message,
                            size_t size)
{
    if (o->code != CODE_UNKNOWN_PIPELINE)
        return code_info(o->code)->avtomatika;
    snprintf(message, size, "Unsupported skill: %.200s", t->order.type);
    return "PERMANENT_ERROR";
}

void avt_task_ended(struct avt_task *t, const struct bridge_outcome *o)
{
    char message[256];
    struct bridge_outcome told = *o;
    log_info("task ended", LS("task_id", t->order.task_id), LS("status", o->status),
             LS("code", code_name(o->code)));
    if (t->is_cancelled && o->code == CODE_OK) {
        avt_task_late(t, o->status);
        return;
    }
    if (told.code != CODE_OK) {
        const char *avt_code = code_for(t, &told, message, sizeof message);
        if (told.code == CODE_UNKNOWN_PIPELINE)
            told.message = message;
        ready_failed(t, avt_code, &told);
        return;
    }
    set_status(t, told.status);
    if (told.n_outputs > 0)
        store_outputs(t, &told);
    else
        ready_with_data(t, told.data, (struct json_span){.at = NULL});
}

void avt_task_late(struct avt_task *t, const char *status)
{
    const struct bridge_outcome cancelled = {.status = "cancelled", .code = CODE_CANCELLED};
    char *copy = strdup(status);
    log_info("the cancellation came too late", LS("task_id", t->order.task_id),
             LS("status", status));
    free(t->late_status);
    t->late_status = copy;
    ready_failed(t, NULL, &cancelled);
}

void avt_task_done(struct avt_task *t)
{
    struct avt *a = t->avt;
    if (t->at_core != NULL)
        bridge_done(t->at_core);
    avt_task_free(t);
    avt_presence_changed(a);
    avt_poll_kick(a);
    avt_check_drained(a);
}

void avt_task_free(struct avt_task *t)
{
    struct avt *a = t->avt;
    if (is_active(t))
        a->n_active--;
    a->n_tasks--;
    if (a->sending == t)
        a->sending = NULL;
    if (a->telling == t)
        a->telling = NULL;
    if (a->aside == t)
        a->aside = NULL;
    *(t->prev != NULL ? &t->prev->next : &a->first) = t->next;
    if (t->next != NULL)
        t->next->prev = t->prev;
    fetch_cancel(t->fetch);
    store_cancel(t->store);
    buf_clear(&t->data);
    buf_clear(&t->error);
    free(t->progress_message);
    free(t->status);
    free(t->late_status);
    avt_order_clear(&t->order);
    free(t);
}
