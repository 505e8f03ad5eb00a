/* bridge_read.c: the header of a SUBMIT as it is written, and of a RESULT as it is read. Pure; runs
 * in penstock-shim. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shim/bridge_internal.h"

static void write_inputs(const struct bridge_order *o, struct json_writer *w)
{
    json_key(w, "inputs");
    json_open(w, '[');
    for (size_t i = 0; i < o->n_inputs; i++) {
        json_open(w, '{');
        json_member_str(w, "name", o->inputs[i].name);
        json_member_int(w, "frame", (int64_t)i);
        json_member_str(w, "media_type", o->inputs[i].media_type);
        json_close(w, '}');
    }
    json_close(w, ']');
}

int submit_header(const struct bridge_order *o, uint32_t number, struct buf *out)
{
    struct json_writer w;
    char request[16];
    snprintf(request, sizeof request, "t%u", (unsigned)number);
    json_begin(&w, out);
    json_open(&w, '{');
    json_member_str(&w, "pipeline", o->pipeline);
    json_member_str(&w, "task_id", o->task_id);
    json_member_str(&w, "job_id", o->job_id);
    json_member_str(&w, "request", request);
    json_member_raw(&w, "params", o->params);
    json_member_double(&w, "priority", o->priority);
    if (o->deadline_ms > 0)
        json_member_int(&w, "deadline", o->deadline_ms);
    if (o->max_attempts > 0)
        json_member_int(&w, "max_attempts", o->max_attempts);
    json_member_raw(&w, "events", (struct json_span){"[\"progress\"]", 12});
    json_member_str(&w, "children", "none");
    if (o->metadata.at != NULL)
        json_member_raw(&w, "metadata", o->metadata);
    if (o->trace.at != NULL)
        json_member_raw(&w, "trace", o->trace);
    if (o->n_inputs > 0)
        write_inputs(o, &w);
    json_close(&w, '}');
    return json_end(&w);
}

/* A copy of string token t that lives as long as the reader; NULL if there is none. */
static const char *text_of(struct outcome_reader *r, const struct json_doc *doc, uint32_t t)
{
    char *text = t != 0 ? json_strdup(doc, t) : NULL;
    if (text != NULL)
        r->texts[r->n_texts++] = text;
    return text;
}

static void set_failure(struct bridge_outcome *o, enum code code, const char *message)
{
    *o = (struct bridge_outcome){.status = code == CODE_CANCELLED ? "cancelled" : "failure",
                                 .code = code,
                                 .message = message};
}

static void read_error(struct outcome_reader *r, const struct json_doc *doc, bool is_cancelled)
{
    enum code code = is_cancelled ? CODE_CANCELLED : CODE_INTERNAL;
    uint32_t error = json_find(doc, 0, "error");
    set_failure(&r->outcome, code, code_info(code)->help);
    if (error == 0 || json_kind(doc, error) != JSON_OBJECT)
        return;
    uint32_t name_at = json_find(doc, error, "code"), details = json_find(doc, error, "details");
    char *name = name_at != 0 ? json_strdup(doc, name_at) : NULL;
    enum code named = name != NULL ? code_find(name) : CODE_COUNT;
    free(name);
    if (!is_cancelled && named != CODE_COUNT && named != CODE_OK)
        r->outcome.code = named;
    const char *message = text_of(r, doc, json_find(doc, error, "message"));
    r->outcome.message = message != NULL ? message : code_info(r->outcome.code)->help;
    if (details != 0 && json_kind(doc, details) == JSON_OBJECT)
        r->outcome.details = json_at(doc, details);
}

static int read_output(struct outcome_reader *r, const struct corelink_message *m, uint32_t object)
{
    int64_t frame = -1;
    if (json_kind(m->doc, object) != JSON_OBJECT || r->outcome.n_outputs == BRIDGE_OUTPUTS_MAX)
        return -1;
    uint32_t at = json_find(m->doc, object, "frame");
    if (at == 0 || json_i64(m->doc, at, &frame) < 0 || frame < 0 || (uint64_t)frame >= m->n_body)
        return -1;
    struct bridge_output *o = &r->outputs[r->outcome.n_outputs];
    o->name = text_of(r, m->doc, json_find(m->doc, object, "name"));
    o->media_type = text_of(r, m->doc, json_find(m->doc, object, "media_type"));
    o->bytes = m->body[frame];
    if (o->name == NULL)
        return -1;
    r->outcome.n_outputs++;
    return 0;
}

static int read_outputs(struct outcome_reader *r, const struct corelink_message *m)
{
    uint32_t list = json_find(m->doc, 0, "outputs");
    if (list == 0 || json_kind(m->doc, list) != JSON_ARRAY)
        return 0;
    r->outcome.outputs = r->outputs;
    uint32_t t = json_first(list);
    for (uint32_t n = m->doc->tokens[list].count; n > 0; n--, t = json_next(m->doc, t)) {
        if (read_output(r, m, t) < 0)
            return -1;
    }
    return 0;
}

void outcome_read(struct outcome_reader *r, const struct corelink_message *m)
{
    *r = (struct outcome_reader){.n_texts = 0};
    uint32_t status_at = json_find(m->doc, 0, "status"), data = json_find(m->doc, 0, "data");
    const char *status = text_of(r, m->doc, status_at);
    if (status == NULL) {
        set_failure(&r->outcome, CODE_INTERNAL, "the host's result has no status");
    } else if (strcmp(status, "failure") == 0 || strcmp(status, "cancelled") == 0) {
        read_error(r, m->doc, status[0] == 'c');
    } else {
        r->outcome.status = status;
        if (data != 0)
            r->outcome.data = json_at(m->doc, data);
        if (read_outputs(r, m) < 0)
            set_failure(&r->outcome, CODE_INTERNAL,
                        "the host's result has outputs that are not there");
    }
}

void outcome_clear(struct outcome_reader *r)
{
    for (size_t i = 0; i < r->n_texts; i++)
        free(r->texts[i]);
}
