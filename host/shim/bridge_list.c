/* bridge_list.c: what the core has of ours: tasks that an earlier process of this shim submitted,
 * and those that we think it has. Runs in penstock-shim. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "shim/bridge_internal.h"
#include "shim/told.h"

enum { CURSOR_MAX = 256 };

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

static void ask(struct bridge *b, const char *cursor)
{
    struct buf header = BUF_INIT(CURSOR_MAX + 128);
    struct json_writer w;
    json_begin(&w, &header);
    json_open(&w, '{');
    json_member_str(&w, "request", "list");
    json_member_int(&w, "limit", 1000);
    json_member_str(&w, "cursor", cursor);
    json_close(&w, '}');
    if (json_end(&w) == 0)
        corelink_send(b->link, WIRE_LIST, header.data, header.len, NULL, 0);
    buf_clear(&header);
}

void bridge_list(struct bridge *b)
{
    ask(b, NULL);
}

/* One that has finished comes as a RESULT by itself. A child is its parent's business. */
static bool is_to_be_adopted(const struct bridge *b, const struct json_doc *doc, uint32_t row,
                             const char *task_id)
{
    uint32_t state = json_find(doc, row, "state");
    return state != 0 && !json_string_is(doc, state, "finished") &&
           json_find(doc, row, "parent") == 0 && !told_has(b->told, task_id);
}

static void read_row(struct bridge *b, const struct json_doc *doc, uint32_t row)
{
    char *task_id = json_kind(doc, row) == JSON_OBJECT ? bridge_text(doc, row, "task_id") : NULL;
    struct bridge_task *t = task_id != NULL ? bridge_find(b, task_id) : NULL;
    if (t != NULL)
        t->is_doubtful = false;
    else if (task_id != NULL && is_to_be_adopted(b, doc, row, task_id))
        bridge_adopt(b, doc, row);
    free(task_id);
}

/* The core knows the client, but not what it had without a journal. */
static void give_up_doubtful(struct bridge *b)
{
    for (struct bridge_task *t = b->first; t != NULL;) {
        if (t->state != BRIDGE_ACCEPTED || !t->is_doubtful) {
            t = t->next;
            continue;
        }
        bridge_task_fail(t, CODE_TRANSIENT, "the worker's host was restarted while it had the task",
                         absent);
        t = b->first; /* the dialect may have dropped any */
    }
}

void bridge_listed(struct bridge *b, const struct json_doc *doc)
{
    uint32_t list = json_find(doc, 0, "tasks");
    if (list == 0 || json_kind(doc, list) != JSON_ARRAY)
        return;
    uint32_t row = json_first(list);
    for (uint32_t n = doc->tokens[list].count; n > 0; n--, row = json_next(doc, row))
        read_row(b, doc, row);
    char *cursor = bridge_text(doc, 0, "cursor");
    if (cursor != NULL)
        ask(b, cursor);
    else
        give_up_doubtful(b);
    free(cursor);
}

/* ---- cancelling
 * ----------------------------------------------------------------------------------- */

static void read_found(struct bridge *b, const struct json_doc *doc, uint32_t row)
{
    bool is_row = json_kind(doc, row) == JSON_OBJECT;
    char *task_id = is_row ? bridge_text(doc, row, "task_id") : NULL;
    char *found = is_row ? bridge_text(doc, row, "found") : NULL;
    struct bridge_task *t = task_id != NULL ? bridge_find(b, task_id) : NULL;
    log_info("the core was told to cancel a task", LS("task_id", task_id), LS("found", found));
    if (t != NULL && t->state == BRIDGE_ACCEPTED && found != NULL && strcmp(found, "unknown") == 0)
        bridge_task_fail(t, CODE_CANCELLED, "cancelled; the host had it no more", absent);
    free(task_id);
    free(found);
}

void bridge_cancelled(struct bridge *b, const struct json_doc *doc)
{
    uint32_t list = json_find(doc, 0, "tasks");
    if (list == 0 || json_kind(doc, list) != JSON_ARRAY)
        return;
    uint32_t row = json_first(list);
    for (uint32_t n = doc->tokens[list].count; n > 0; n--, row = json_next(doc, row))
        read_found(b, doc, row);
}
