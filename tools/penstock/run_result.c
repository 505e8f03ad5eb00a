/* run_result.c: writes the RESULT of a local run. Part of the command line. */
#include "run_result.h"

#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "result.h"
#include "run_task.h"

#include "base/buf.h"
#include "base/json.h"
#include "plugin/catalog.h"
#include "plugin/claim.h"
#include "sandbox/box.h"
#include "wire/message.h"

enum { WORDS = 512, HEADER_ROOM = 4 * 1024 * 1024 };

static void write_error(struct json_writer *w, enum code code, const char *message,
                        const struct buf *details)
{
    const struct code_info *info = code_info(code);
    json_key(w, "error");
    json_open(w, '{');
    json_member_str(w, "code", info->name);
    json_member_str(w, "message", message);
    if (details != NULL && details->len > 0)
        json_member_raw(w, "details",
                        (struct json_span){(const char *)details->data, details->len});
    json_member_bool(w, "retryable", info->is_retryable);
    json_member_str(w, "fault", code_fault_name(code));
    json_close(w, '}');
}

static void write_outputs(struct json_writer *w, const struct box_outcome *o)
{
    json_key(w, "outputs");
    json_open(w, '[');
    for (size_t i = 0; i < o->n_outputs; i++) {
        json_open(w, '{');
        json_member_str(w, "name", o->outputs[i].name);
        json_member_int(w, "frame", (int64_t)i);
        json_member_str(w, "media_type", o->outputs[i].media_type);
        json_member_int(w, "size", (int64_t)o->outputs[i].bytes.len);
        json_close(w, '}');
    }
    json_close(w, ']');
}

/* What the host would queue next; here it is only told. */
static void write_children(struct json_writer *w, const struct box_outcome *o)
{
    json_key(w, "next");
    json_open(w, '[');
    for (size_t i = 0; i < o->n_children; i++) {
        const struct box_child *c = &o->children[i];
        json_open(w, '{');
        json_member_str(w, "pipeline", c->pipeline);
        json_member_str(w, "step", c->step);
        json_member_raw(w, "params",
                        (struct json_span){(const char *)c->params.data, c->params.len});
        json_close(w, '}');
    }
    json_close(w, ']');
}

static void write_usage(struct json_writer *w, const struct box_outcome *o)
{
    json_key(w, "usage");
    json_open(w, '{');
    json_member_int(w, "run_ms", o->run_ms);
    json_member_int(w, "cpu_ms", o->cpu_ms);
    if (o->max_rss_bytes > 0)
        json_member_int(w, "max_rss_bytes", o->max_rss_bytes);
    json_close(w, '}');
}

static void write_good(struct json_writer *w, const struct box_outcome *o)
{
    if (o->data.len > 0)
        json_member_raw(w, "data", (struct json_span){(const char *)o->data.data, o->data.len});
    if (o->n_outputs > 0)
        write_outputs(w, o);
    if (o->n_children > 0)
        write_children(w, o);
}

static void begin(struct json_writer *w, struct buf *out, const struct run_task *t, const char *id,
                  const char *status)
{
    json_begin(w, out);
    json_open(w, '{');
    if (id[0] != '\0')
        json_member_str(w, "task_id", id);
    json_member_str(w, "pipeline", t->pipeline->slug);
    json_member_str(w, "pipeline_version", t->pipeline->version);
    json_member_str(w, "status", status);
}

static int tell(const struct run_task *t, struct json_writer *w, struct buf *header,
                const struct wire_view *body, size_t n_body, struct outputs *outputs)
{
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault;
    const struct result_origin origin = {t->spec->plugin_path, !t->cli->common.is_quiet};
    json_close(w, '}');
    int status = CLI_FAIL;
    if (json_end(w) < 0 || json_scan(&doc, (const char *)header->data, header->len, &fault) < 0)
        cli_fail(t->cli, CLI_FAIL, NULL, "the result cannot be written");
    else
        status = result_finish(t->cli, &doc, 0, &origin, body, n_body, outputs);
    json_doc_clear(&doc);
    return status;
}

static const char *status_word(enum code code, const char *claimed)
{
    if (code == CODE_OK)
        return claimed;
    return code == CODE_CANCELLED ? "cancelled" : "failure";
}

int run_result(const struct run_task *t, const char *id, const struct box_outcome *o,
               struct outputs *outputs)
{
    char why[WORDS];
    struct json_writer w;
    struct buf header = BUF_INIT(o->data.len + o->details.len + HEADER_ROOM);
    struct wire_view *body = calloc(o->n_outputs > 0 ? o->n_outputs : 1, sizeof *body);
    enum code code = o->code;
    const char *message = o->message;
    if (body == NULL)
        return cli_no_memory(t->cli);
    if (code == CODE_OK && claim_check(t->pipeline, o->status, (const char *)o->data.data,
                                       o->data.len, why, sizeof why) < 0) {
        code = CODE_CONTRACT_VIOLATION;
        message = why;
    }
    for (size_t i = 0; i < o->n_outputs; i++)
        body[i] = (struct wire_view){o->outputs[i].bytes.data, o->outputs[i].bytes.len};
    begin(&w, &header, t, id, status_word(code, o->status));
    if (code == CODE_OK)
        write_good(&w, o);
    else
        write_error(&w, code, message, &o->details);
    write_usage(&w, o);
    int status = tell(t, &w, &header, body, code == CODE_OK ? o->n_outputs : 0, outputs);
    if (code == CODE_OK && o->n_children > 0)
        cli_note(t->cli, "a host would start %zu task%s more now; --json shows them", o->n_children,
                 o->n_children == 1 ? "" : "s");
    buf_clear(&header);
    free(body);
    return status;
}

int run_result_of_code(const struct run_task *t, const char *id, enum code code,
                       const char *message, struct outputs *outputs)
{
    struct json_writer w;
    struct buf header = BUF_INIT(HEADER_ROOM);
    begin(&w, &header, t, id, status_word(code, "success"));
    write_error(&w, code, message, NULL);
    int status = tell(t, &w, &header, NULL, 0, outputs);
    buf_clear(&header);
    return status;
}
