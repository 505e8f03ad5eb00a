/* past.c: rows of the journal as answers. Runs in the core. */
#include "core/past.h"

#include <string.h>

#include "core/durable.h"
#include "core/peers.h"
#include "core/result.h"
#include "task/state.h"

/* "": it is not known any more, or never had a name. */
static const char *name_of_client(const struct core *c, uint64_t number)
{
    const struct owner *o = owner_find(c, number);
    return o != NULL && o->is_client ? o->name : "";
}

static void write_end(const struct journal_result *r, struct json_writer *w)
{
    if (r->started_ms > 0)
        json_member_int(w, "started", r->started_ms);
    json_member_int(w, "finished", r->finished_ms);
    json_member_str(w, "status", r->status);
    if (code_find(r->code) != CODE_OK) {
        json_member_str(w, "code", r->code);
        json_member_str(w, "message", r->message);
    }
    json_member_int(w, "run_ms", r->run_ms);
}

void past_write_info(struct core *c, const struct journal_row *row, struct json_writer *w)
{
    const struct journal_task *t = &row->task;
    bool is_open = row->phase == JOURNAL_OPEN;
    json_member_str(w, "task_id", t->task_id);
    json_member_str(w, "uid", t->uid);
    json_member_str(w, "job_id", t->job_id);
    json_member_str(w, "tenant", t->tenant);
    json_member_str(w, "parent", t->parent);
    json_member_str(w, "pipeline", t->pipeline);
    json_member_str(w, "state", task_state_name(is_open ? TASK_QUEUED : TASK_FINISHED));
    json_member_double(w, "priority", t->priority);
    json_member_int(w, "attempt", is_open ? row->attempt + 1 : row->result.attempt);
    json_member_int(w, "submitted", t->submitted_ms);
    json_member_str(w, "client", name_of_client(c, t->owner));
    json_member_str(w, "retry_of", t->retry_of);
    if (row->phase == JOURNAL_DEAD)
        json_member_bool(w, "dead", true);
    if (row->result.status != NULL)
        write_end(&row->result, w);
}

/* Bytes that an earlier core wrote, as they are; they are checked, because this one does not know what
 * has become of the file. */
static void write_json(struct json_writer *w, const char *key, struct journal_bytes b)
{
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault;
    if (b.len > 0 && json_scan(&doc, b.data, b.len, &fault) == 0)
        json_member_raw(w, key, (struct json_span){b.data, b.len});
    json_doc_clear(&doc);
}

static void write_positive(struct json_writer *w, const char *key, int64_t v)
{
    if (v > 0)
        json_member_int(w, key, v);
}

static void write_note(const struct journal_note *n, struct json_writer *w)
{
    json_open(w, '{');
    json_member_int(w, "time", n->at_ms);
    write_positive(w, "attempt", n->attempt);
    json_member_str(w, "event", n->event);
    json_member_str(w, "code", n->code);
    json_member_str(w, "message", n->message);
    write_json(w, "details", n->details);
    write_positive(w, "run_ms", n->run_ms);
    write_positive(w, "cpu_ms", n->cpu_ms);
    write_positive(w, "max_rss_bytes", n->max_rss_bytes);
    json_close(w, '}');
}

static void write_verdict(const struct journal_result *r, struct json_writer *w)
{
    const struct journal_note verdict = {.at_ms = r->finished_ms,
                                         .attempt = r->attempt,
                                         .event = r->is_cached ? "cached" : NOTE_FINISHED,
                                         .code = code_find(r->code) != CODE_OK ? r->code : NULL,
                                         .message = r->message,
                                         .details = r->details,
                                         .run_ms = r->run_ms,
                                         .cpu_ms = r->cpu_ms,
                                         .max_rss_bytes = r->max_rss_bytes};
    write_note(&verdict, w);
}

/* The row says as much as a note of its acceptance, and more than one of its verdict. */
void past_write_history(const struct journal_row *row, struct json_writer *w)
{
    const struct journal_result *r = &row->result;
    const struct journal_note first = {.at_ms = row->task.submitted_ms, .event = "accepted"};
    bool is_told = r->status == NULL;
    json_key(w, "history");
    json_open(w, '[');
    write_note(&first, w);
    for (size_t i = 0; i < row->n_notes; i++) {
        bool is_verdict = strcmp(row->notes[i].event, NOTE_FINISHED) == 0;
        if (!is_verdict)
            write_note(&row->notes[i], w);
        else if (!is_told)
            write_verdict(r, w);
        is_told |= is_verdict;
    }
    if (!is_told)
        write_verdict(r, w);
    json_close(w, ']');
}

/* What of its SUBMIT comes back untouched. Returns whether it wanted digests of its outputs. */
static bool write_own(const struct journal_row *row, struct json_writer *w)
{
    static const char *const members[] = {"metadata", "trace"};
    const struct journal_bytes header = row->task.header;
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault;
    bool is_object = header.len > 0 && json_scan(&doc, header.data, header.len, &fault) == 0 &&
                     json_kind(&doc, 0) == JSON_OBJECT;
    for (size_t i = 0; is_object && i < sizeof members / sizeof *members; i++) {
        uint32_t t = json_find(&doc, 0, members[i]);
        if (t != 0)
            json_member_raw(w, members[i], json_at(&doc, t));
    }
    uint32_t outputs = is_object ? json_find(&doc, 0, "outputs") : 0;
    uint32_t digest = outputs != 0 && json_kind(&doc, outputs) == JSON_OBJECT
                          ? json_find(&doc, outputs, "digest")
                          : 0;
    bool wants = digest != 0 && json_kind(&doc, digest) == JSON_TRUE;
    json_doc_clear(&doc);
    return wants;
}

void past_write_result(struct core *c, const struct journal_row *row, const struct result *r,
                       struct json_writer *w)
{
    const struct journal_task *t = &row->task;
    const struct journal_result *from = &row->result;
    int64_t started = from->started_ms > 0 ? from->started_ms : from->finished_ms;
    json_open(w, '{');
    json_member_str(w, "task_id", t->task_id);
    json_member_str(w, "uid", t->uid);
    json_member_str(w, "job_id", t->job_id);
    json_member_str(w, "retry_of", t->retry_of);
    json_member_str(w, "pipeline", t->pipeline);
    json_member_str(w, "pipeline_version", from->version);
    bool wants_digest = write_own(row, w);
    result_write(r, w, started - t->submitted_ms, wants_digest);
    json_member_int(w, "attempt", from->attempt);
    json_member_bool(w, "cached", from->is_cached);
    json_member_str(w, "host", c->host_id);
    json_close(w, '}');
}
