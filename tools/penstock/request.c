/* request.c: writes the header of SUBMIT. Part of the command line. */
#include "request.h"

#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "when.h"

#include "base/buf.h"
#include "base/json.h"

enum { PRIORITY_MAX = 9 };

static int put_priority(const struct cli *cli, const char *text, struct json_writer *w)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || !(value >= 0 && value <= PRIORITY_MAX))
        return cli_fail(cli, CLI_USAGE, "9 goes first, 5 is usual",
                        "--priority %s is no number from 0 to 9", text);
    json_member_double(w, "priority", value);
    return CLI_OK;
}

static int put_deadline(const struct cli *cli, const char *text, struct json_writer *w)
{
    const int64_t value = when_parse(text, WHEN_AHEAD);
    if (value <= 0)
        return cli_fail(cli, CLI_USAGE, "write 5m for in five minutes, or 2026-01-31T12:00:00Z",
                        "--deadline %s is no point in time", text);
    json_member_int(w, "deadline", value);
    return CLI_OK;
}

static int put_metadata(const struct cli *cli, const char *text, struct json_writer *w)
{
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault;
    int rc = json_scan(&doc, text, strlen(text), &fault);
    int is_object = rc == 0 && json_kind(&doc, 0) == JSON_OBJECT;
    json_doc_clear(&doc);
    if (!is_object)
        return cli_fail(cli, CLI_USAGE, NULL, "--metadata is no JSON object%s%s",
                        rc < 0 ? ": " : "", rc < 0 ? fault.what : "");
    json_member_raw(w, "metadata", (struct json_span){text, strlen(text)});
    return CLI_OK;
}

static void put_inputs(const struct inputs *inputs, struct json_writer *w)
{
    json_key(w, "inputs");
    json_open(w, '[');
    for (size_t i = 0; i < inputs->n; i++) {
        json_open(w, '{');
        json_member_str(w, "name", inputs->items[i].name);
        json_member_int(w, "frame", (int64_t)i);
        json_member_str(w, "media_type", inputs->items[i].media_type);
        json_close(w, '}');
    }
    json_close(w, ']');
}

static void put_events(const struct submit_args *a, struct json_writer *w)
{
    if (!a->waits && !a->wants_events)
        return;
    json_key(w, "events");
    json_open(w, '[');
    json_put_str(w, "state");
    json_put_str(w, "progress");
    json_put_str(w, "log");
    json_close(w, ']');
}

static void put_plain(const struct submit_args *a, struct json_writer *w)
{
    json_member_str(w, "task_id", a->id);
    json_member_str(w, "job_id", a->job);
    json_member_str(w, "idempotency_key", a->key);
    json_member_str(w, "tenant", a->tenant);
    if (a->timeout_ms > 0)
        json_member_int(w, "timeout_ms", a->timeout_ms);
    if (a->ttl_ms > 0)
        json_member_int(w, "ttl_ms", a->ttl_ms);
    if (a->max_attempts > 0)
        json_member_int(w, "max_attempts", a->max_attempts);
}

int request_header(const struct cli *cli, const struct submit_args *a, const char *pipeline,
                   const struct buf *params, const struct inputs *inputs, struct buf *out)
{
    struct json_writer w;
    int status = CLI_OK;
    json_begin(&w, out);
    json_open(&w, '{');
    json_member_str(&w, "pipeline", pipeline);
    json_member_raw(&w, "params", (struct json_span){(const char *)params->data, params->len});
    if (inputs->n > 0)
        put_inputs(inputs, &w);
    put_plain(a, &w);
    put_events(a, &w);
    if (a->priority != NULL)
        status = put_priority(cli, a->priority, &w);
    if (status == CLI_OK && a->deadline != NULL)
        status = put_deadline(cli, a->deadline, &w);
    if (status == CLI_OK && a->metadata != NULL)
        status = put_metadata(cli, a->metadata, &w);
    json_close(&w, '}');
    return status == CLI_OK && json_end(&w) < 0 ? cli_no_memory(cli) : status;
}
