/* avtomatika_task.c: from a task of theirs to one of ours, and its end. Runs in penstock-shim. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "loop/loop.h"
#include "net/http.h"
#include "shim/avtomatika.h"
#include "shim/corelink.h"

enum {
    /* Results that wait for the orchestrator take no slot, but they take memory. */
    UNDELIVERED_MAX = 16,
    SUBMIT_MAX = 8 * 1024 * 1024,
};

size_t avt_limit(const struct avt *a)
{
    int64_t own = a->shim->conf->max_concurrent;
    return (size_t)(own > 0 ? own : bridge_capacity(a->shim->bridge));
}

bool avt_is_full(const struct avt *a)
{
    return a->n_active >= avt_limit(a) || a->n_tasks >= avt_limit(a) + UNDELIVERED_MAX;
}

/* ---- beginning ---- */

struct avt_task *avt_task_new(struct avt *a, struct avt_order *order)
{
    struct avt_task *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->avt = a;
    t->order = *order;
    *order = (struct avt_order){.task_id = NULL};
    buf_init(&t->data, AVT_BODY_MAX);
    buf_init(&t->error, AVT_BODY_MAX);
    t->next = a->first;
    if (t->next != NULL)
        t->next->prev = t;
    a->first = t;
    a->n_tasks++;
    a->n_active++;
    return t;
}

static struct json_span span_of(const char *text)
{
    return (struct json_span){text, text != NULL ? strlen(text) : 0};
}

/* What the plugin and the operator see, and what would name the task again. */
static int write_metadata(const struct avt_order *o, struct buf *out)
{
    struct json_writer w;
    json_begin(&w, out);
    json_open(&w, '{');
    json_member_str(&w, "job_id", o->job_id);
    json_member_str(&w, "task_id", o->task_id);
    if (o->metadata != NULL)
        json_member_raw(&w, "metadata", span_of(o->metadata));
    json_close(&w, '}');
    return json_end(&w);
}

static void submit(struct avt_task *t, struct bridge_input *inputs, size_t n)
{
    struct buf metadata = BUF_INIT(SUBMIT_MAX);
    int rc = write_metadata(&t->order, &metadata);
    struct bridge_order order = {
        .task_id = t->order.task_id,
        .job_id = t->order.job_id,
        .pipeline = t->order.type,
        .params = span_of(t->order.params),
        .metadata = {(const char *)metadata.data, metadata.len},
        .trace = span_of(t->order.trace),
        .priority = t->order.priority,
        .deadline_ms = t->order.deadline_ms,
        .max_attempts = t->avt->shim->conf->max_attempts,
        .inputs = inputs,
        .n_inputs = n,
    };
    t->phase = AVT_AT_CORE;
    if (rc == 0)
        t->at_core = bridge_submit(t->avt->shim->bridge, &order, t);
    int kept = errno;
    buf_clear(&metadata);
    if (t->at_core != NULL)
        return;
    bridge_inputs_clear(order.inputs, order.n_inputs);
    if (kept == EMSGSIZE)
        avt_task_fail(t, "LIMIT_EXCEEDED_ERROR",
                      "the task with its files is larger than this worker's host takes");
    else
        avt_task_fail(t, "RESOURCE_EXHAUSTED_ERROR", "the worker could not take the task");
}

static void on_fetched(void *arg, enum code code, const char *message, struct bridge_input *inputs,
                       size_t n)
{
    struct avt_task *t = arg;
    const struct bridge_outcome failure = {.status = "failure", .code = code, .message = message};
    t->fetch = NULL;
    if (code == CODE_OK)
        submit(t, inputs, n);
    else
        avt_task_ended(t, &failure);
}

/* 0: no files, or they are being fetched; -1 with errno. */
static int take_files(struct avt_task *t, struct file_refs *refs)
{
    char prefix[2048];
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault;
    struct buf rest = BUF_INIT(SUBMIT_MAX);
    snprintf(prefix, sizeof prefix, "%s/files/", t->avt->shim->url);
    errno = EINVAL;
    int rc = json_scan(&doc, t->order.params, strlen(t->order.params), &fault);
    if (rc == 0)
        rc = file_params_split(&doc, 0, prefix, &rest, refs);
    char *params = rc == 0 ? buf_detach(&rest) : NULL;
    if (params != NULL) {
        free(t->order.params);
        t->order.params = params;
    }
    int kept = errno;
    json_doc_clear(&doc);
    buf_clear(&rest);
    errno = kept;
    return params != NULL ? 0 : -1;
}

static void start(struct avt_task *t)
{
    struct avt *a = t->avt;
    struct file_refs refs = {.n = 0};
    if (a->shim->conf->files == CONF_FILES_ORCHESTRATOR && take_files(t, &refs) < 0) {
        avt_task_fail(t, errno == EINVAL ? "INVALID_INPUT_ERROR" : "RESOURCE_EXHAUSTED_ERROR",
                      errno == EINVAL
                          ? "a file's address in params is not a plain path below /files/"
                          : "the worker had no memory for the task");
        return;
    }
    if (refs.n == 0) {
        submit(t, NULL, 0);
        return;
    }
    t->phase = AVT_FETCHING;
    t->fetch = fetch_start(&a->place, &refs, bridge_limits(a->shim->bridge), on_fetched, t);
    file_refs_clear(&refs);
    if (t->fetch == NULL)
        avt_task_fail(t, "RESOURCE_EXHAUSTED_ERROR", "the worker had no memory for the task");
}

static struct avt_task *find(struct avt *a, const char *task_id)
{
    struct avt_task *t = a->first;
    while (t != NULL && strcmp(t->order.task_id, task_id) != 0)
        t = t->next;
    return t;
}

static void begin(struct avt_task *t, const char *why)
{
    char message[256];
    t->phase = AVT_AT_CORE;
    if (why != NULL) {
        snprintf(message, sizeof message, "the task cannot be read: %s", why);
        avt_task_fail(t, "INVALID_INPUT_ERROR", message);
    } else if (pipelines_find(bridge_pipelines(t->avt->shim->bridge), t->order.type) == NULL) {
        snprintf(message, sizeof message, "Unsupported skill: %.200s", t->order.type);
        avt_task_fail(t, "PERMANENT_ERROR", message);
    } else {
        start(t);
    }
}

void avt_task_take(struct avt *a, const char *json, size_t n)
{
    struct avt_order order;
    const char *why = NULL;
    avt_order_read(json, n, &order, &why);
    if (order.task_id == NULL || order.job_id == NULL) {
        log_error("a task from the orchestrator cannot be read, nor answered", LS("reason", why));
    } else if (find(a, order.task_id) != NULL) {
        log_warn("the orchestrator gave a task that is here already: it goes on",
                 LS("task_id", order.task_id));
    } else {
        log_info("task taken", LS("task_id", order.task_id), LS("job_id", order.job_id),
                 LS("type", order.type));
        struct avt_task *t = avt_task_new(a, &order);
        if (t != NULL) {
            avt_supersede(t);
            begin(t, why);
        } else {
            log_error("no memory for a task, it is lost to this worker");
        }
        avt_presence_changed(a);
    }
    avt_order_clear(&order);
}

/* ---- cancelling ---- */

/* In the core it ends as the core says; one that has ended is told as cancelled, as far as it is not
 * told yet (avtomatika_result.c). */
void avt_task_stop(struct avt_task *t, const char *why)
{
    const struct bridge_outcome cancelled = {
        .status = "cancelled", .code = CODE_CANCELLED, .message = why};
    if (t->is_cancelled)
        return;
    log_info("task cancelled", LS("task_id", t->order.task_id), LS("reason", why));
    t->is_cancelled = true;
    if (t->at_core != NULL && t->phase == AVT_AT_CORE)
        bridge_cancel(t->at_core);
    else if (t->phase == AVT_FETCHING)
        avt_task_ended(t, &cancelled);
}

void avt_task_cancel(struct avt *a, const char *id)
{
    for (struct avt_task *t = a->first, *next; t != NULL; t = next) {
        next = t->next;
        if (strcmp(t->order.task_id, id) == 0 || strcmp(t->order.job_id, id) == 0)
            avt_task_stop(t, "the orchestrator has cancelled it");
    }
}
