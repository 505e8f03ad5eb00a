/* bridge_list.c: what the core has of ours: tasks that an earlier process of this shim submitted,
 * and those that we think it has. Runs in penstock-shim. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "shim/bridge_internal.h"
#include "shim/told.h"

enum { HEADER_MAX = 1024, PAGE = 1000 };

static const struct json_span absent = {.at = NULL};

/* ---- adopting
 * ------------------------------------------------------------------------------------- */

static struct bridge_task *adopt(struct bridge *b, const struct bridge_found *f)
{
    struct bridge_task *t = bridge_task_adopt(b, f->task_id);
    if (t == NULL) {
        log_error("no memory for a task that the core has", LS("task_id", f->task_id));
        return NULL;
    }
    t->context = b->calls->found(b->arg, t, f);
    if (t->context != NULL)
        return t;
    bridge_task_free(t);
    return NULL;
}

struct bridge_task *bridge_adopt(struct bridge *b, const struct json_doc *doc, uint32_t object)
{
    char *texts[] = {bridge_text(doc, object, "task_id"), bridge_text(doc, object, "job_id"),
                     bridge_text(doc, object, "pipeline")};
    const struct bridge_found f = {texts[0], texts[1], texts[2]};
    struct bridge_task *t = f.task_id != NULL ? adopt(b, &f) : NULL;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(texts[i]);
    return t;
}

/* ---- the list
 * ------------------------------------------------------------------------------------- */

/* What has not ended; without a state the core would read its whole history. */
static const char *const states[] = {"queued", "running", "retry wait"};

static void ask(struct bridge *b, const char *state, const char *cursor)
{
    char request[64];
    struct buf header = BUF_INIT(HEADER_MAX);
    struct json_writer w;
    snprintf(request, sizeof request, "list %s", state);
    json_begin(&w, &header);
    json_open(&w, '{');
    json_member_str(&w, "request", request);
    json_member_str(&w, "state", state);
    json_member_int(&w, "limit", PAGE);
    json_member_str(&w, "cursor", cursor);
    json_close(&w, '}');
    if (json_end(&w) == 0)
        corelink_send(b->link, WIRE_LIST, header.data, header.len, NULL, 0);
    buf_clear(&header);
}

void bridge_list(struct bridge *b)
{
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        ask(b, states[i], NULL);
}

/* A child is its parent's business. */
static void read_row(struct bridge *b, const struct json_doc *doc, uint32_t row)
{
    bool is_child = json_kind(doc, row) != JSON_OBJECT || json_find(doc, row, "parent") != 0;
    char *task_id = is_child ? NULL : bridge_text(doc, row, "task_id");
    if (task_id != NULL && bridge_find(b, task_id) == NULL && !told_has(b->told, task_id))
        bridge_adopt(b, doc, row);
    free(task_id);
}

void bridge_listed(struct bridge *b, const struct json_doc *doc, const char *state)
{
    uint32_t list = json_find(doc, 0, "tasks");
    if (list == 0 || json_kind(doc, list) != JSON_ARRAY)
        return;
    uint32_t row = json_first(list);
    for (uint32_t n = doc->tokens[list].count; n > 0; n--, row = json_next(doc, row))
        read_row(b, doc, row);
    char *cursor = bridge_text(doc, 0, "cursor");
    if (cursor != NULL)
        ask(b, state, cursor);
    free(cursor);
}

/* ---- one task
 * ------------------------------------------------------------------------------------- */

static void send_about(struct bridge_task *t, enum wire_verb verb, char letter)
{
    char request[16];
    snprintf(request, sizeof request, "%c%u", letter, (unsigned)t->number);
    bridge_send_id(t->bridge, verb, t->task_id, request);
}

void bridge_query(struct bridge_task *t)
{
    send_about(t, WIRE_QUERY, 'q');
}

/* The core knows the client, but not what it had without a journal. */
void bridge_queried(struct bridge *b, const struct json_doc *doc, const char *number)
{
    struct bridge_task *t = bridge_numbered(b, number);
    uint32_t task = json_find(doc, 0, "task");
    if (t != NULL && t->state == BRIDGE_ACCEPTED && task != 0 && json_kind(doc, task) == JSON_NULL)
        bridge_task_fail(t, CODE_TRANSIENT, "the worker's host was restarted while it had the task",
                         absent);
}

void bridge_send_cancel(struct bridge_task *t)
{
    send_about(t, WIRE_CANCEL, 'c');
}

void bridge_cancelled(struct bridge *b, const struct json_doc *doc, const char *number)
{
    struct bridge_task *t = bridge_numbered(b, number);
    uint32_t list = json_find(doc, 0, "tasks");
    bool has_row = list != 0 && json_kind(doc, list) == JSON_ARRAY && doc->tokens[list].count > 0;
    char *found = has_row ? bridge_text(doc, json_first(list), "found") : NULL;
    if (t == NULL || found == NULL) {
        free(found);
        return;
    }
    log_info("the core was told to cancel a task", LS("task_id", t->task_id), LS("found", found));
    if (t->state == BRIDGE_ACCEPTED && strcmp(found, "unknown") == 0)
        bridge_task_fail(t, CODE_CANCELLED, "cancelled; the host had it no more", absent);
    free(found);
}
