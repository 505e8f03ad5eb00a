/* export.c: `penstock journal export`: each task as a line of JSON. Secrets are not in it: of a
 * client there is its public id. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/text.h"
#include "journal/bind.h"
#include "journal/journal_tools.h"
#include "journal/tool.h"

enum { LINE_MAX_BYTES = 1024 * 1024 * 1024 };

struct export
{
    struct tool tool;
    sqlite3_stmt *client;
    struct json_doc doc; /* to look whether bytes are JSON */
    struct buf line;
    int (*give)(void *arg, const char *json, size_t len);
    void *arg;
    bool is_stopped, is_short_of_memory;
};

static const char *const phases[] = {"open", "unacknowledged", "closed", "dead"};

static void put_base64(struct json_writer *w, struct journal_bytes b)
{
    size_t room = sodium_base64_ENCODED_LEN(b.len, sodium_base64_VARIANT_ORIGINAL);
    char *text = malloc(room);
    if (text == NULL) {
        w->failed = true;
        return;
    }
    sodium_bin2base64(text, room, b.data, b.len, sodium_base64_VARIANT_ORIGINAL);
    json_member_str(w, "base64", text);
    free(text);
}

/* Bytes of a frame: as text if they are some. */
static void put_content(struct json_writer *w, struct journal_bytes b)
{
    if (b.data == NULL)
        return;
    if (text_is_utf8(b.data, b.len)) {
        json_key(w, "text");
        json_put_strn(w, b.data, b.len);
    } else {
        put_base64(w, b);
    }
}

/* Bytes that should be JSON: as they are if so, else as a frame's. */
static void put_json(struct export *x, struct json_writer *w, const char *key,
                     struct journal_bytes b)
{
    struct json_fault fault;
    if (b.data == NULL)
        return;
    json_key(w, key);
    if (b.len < UINT32_MAX && memchr(b.data, '\n', b.len) == NULL &&
        json_scan(&x->doc, b.data, b.len, &fault) == 0) {
        json_put_raw(w, b.data, b.len);
        return;
    }
    json_open(w, '{');
    put_content(w, b);
    json_close(w, '}');
}

static void put_frames(struct json_writer *w, const char *key, const struct journal_frame *f,
                       size_t n)
{
    if (n == 0)
        return;
    json_key(w, key);
    json_open(w, '[');
    for (size_t i = 0; i < n; i++) {
        json_open(w, '{');
        json_member_str(w, "name", f[i].name);
        json_member_str(w, "media_type", f[i].media_type);
        put_content(w, f[i].bytes);
        json_close(w, '}');
    }
    json_close(w, ']');
}

static void put_client(struct export *x, struct json_writer *w, uint64_t owner)
{
    struct bind b = bind_begin(x->client);
    bind_int(&b, (int64_t)owner);
    if (bind_step(&b) == SQLITE_ROW)
        json_member_str(w, "client", (const char *)sqlite3_column_text(x->client, 0));
    bind_end(&b);
}

static void put_time(struct json_writer *w, const char *key, int64_t ms)
{
    if (ms > 0)
        json_member_int(w, key, ms);
}

static void put_task(struct export *x, struct json_writer *w, const struct journal_task *t)
{
    json_member_int(w, "seq", (int64_t)t->seq);
    json_member_str(w, "uid", t->uid);
    json_member_str(w, "task_id", t->task_id);
    json_member_str(w, "job_id", t->job_id);
    json_member_str(w, "tenant", t->tenant);
    json_member_str(w, "key", t->key);
    json_member_str(w, "pipeline", t->pipeline);
    json_member_str(w, "parent", t->parent);
    json_member_str(w, "retry_of", t->retry_of);
    put_client(x, w, t->owner);
    json_member_double(w, "priority", t->priority);
    json_member_int(w, "depth", t->depth);
    json_member_int(w, "submitted", t->submitted_ms);
    put_time(w, "expires", t->expires_ms);
    put_json(x, w, "header", t->header);
    put_frames(w, "inputs", t->frames, t->n_frames);
}

static void put_usage(struct json_writer *w, int64_t run_ms, int64_t cpu_ms, int64_t max_rss_bytes)
{
    json_member_int(w, "run_ms", run_ms);
    json_member_int(w, "cpu_ms", cpu_ms);
    json_member_int(w, "max_rss_bytes", max_rss_bytes);
}

static void put_result(struct export *x, struct json_writer *w, const struct journal_result *r)
{
    json_key(w, "result");
    json_open(w, '{');
    json_member_str(w, "status", r->status);
    json_member_str(w, "code", r->code);
    json_member_str(w, "message", r->message);
    json_member_str(w, "pipeline_version", r->version);
    put_time(w, "started", r->started_ms);
    put_time(w, "finished", r->finished_ms);
    put_usage(w, r->run_ms, r->cpu_ms, r->max_rss_bytes);
    json_member_bool(w, "cached", r->is_cached);
    json_member_bool(w, "delivered", r->is_delivered);
    json_member_str(w, "fault", r->fault);
    put_json(x, w, "data", r->data);
    put_json(x, w, "details", r->details);
    put_json(x, w, "children", r->children);
    put_frames(w, "outputs", r->outputs, r->n_outputs);
    json_close(w, '}');
}

static void put_notes(struct export *x, struct json_writer *w, const struct journal_note *n,
                      size_t count)
{
    json_key(w, "history");
    json_open(w, '[');
    for (size_t i = 0; i < count; i++) {
        json_open(w, '{');
        json_member_int(w, "at", n[i].at_ms);
        json_member_int(w, "attempt", n[i].attempt);
        json_member_str(w, "event", n[i].event);
        json_member_str(w, "code", n[i].code);
        json_member_str(w, "message", n[i].message);
        put_json(x, w, "details", n[i].details);
        put_usage(w, n[i].run_ms, n[i].cpu_ms, n[i].max_rss_bytes);
        json_close(w, '}');
    }
    json_close(w, ']');
}

static void put_row(struct export *x, struct json_writer *w, const struct journal_row *row)
{
    put_task(x, w, &row->task);
    json_member_str(w, "phase", phases[row->phase]);
    json_member_int(w, "attempt", row->attempt);
    put_time(w, "not_before", row->not_before_ms);
    json_member_bool(w, "acknowledged", row->is_acknowledged);
    json_member_str(w, "fault", row->fault);
    if (row->result.status != NULL)
        put_result(x, w, &row->result);
    if (row->n_notes > 0)
        put_notes(x, w, row->notes, row->n_notes);
}

static int export_task(void *arg, const struct journal_row *row, const char *fault)
{
    struct export *x = arg;
    struct json_writer w;
    buf_reset(&x->line);
    json_begin(&w, &x->line);
    json_open(&w, '{');
    if (row != NULL)
        put_row(x, &w, row);
    else
        json_member_str(&w, "fault", fault);
    json_close(&w, '}');
    x->is_short_of_memory = json_end(&w) < 0;
    if (x->is_short_of_memory)
        return -1;
    x->is_stopped = x->give(x->arg, (const char *)x->line.data, x->line.len) != 0;
    return x->is_stopped ? -1 : 0;
}

static int export_all(struct export *x, char *why)
{
    if (sqlite3_prepare_v2(x->tool.db, "SELECT client FROM owner WHERE number = ?", -1, &x->client,
                           NULL) != SQLITE_OK) {
        snprintf(why, JOURNAL_WHY, "%.120s: %.100s", x->tool.path, sqlite3_errmsg(x->tool.db));
        return -1;
    }
    int rc = tool_each_task(&x->tool, export_task, x, why);
    if (rc == 0 && (x->is_short_of_memory || x->is_stopped)) {
        snprintf(why, JOURNAL_WHY, "%s",
                 x->is_stopped ? "the lines could not be written" : "no memory for a task");
        rc = -1;
    }
    return rc;
}

int journal_export(const char *dir, int (*line)(void *arg, const char *json, size_t len), void *arg,
                   char *why)
{
    struct export x = {.give = line, .arg = arg};
    buf_init(&x.line, LINE_MAX_BYTES);
    int rc = tool_open(&x.tool, dir, why);
    if (rc == 0)
        rc = tool_needs_version(&x.tool, why);
    if (rc == 0)
        rc = export_all(&x, why);
    sqlite3_finalize(x.client);
    tool_close(&x.tool);
    json_doc_clear(&x.doc);
    buf_clear(&x.line);
    return rc;
}
