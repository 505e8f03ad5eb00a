/* result.c: the end of a task, for people and for programs. Part of the command line. */
#include "result.h"

#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "human.h"
#include "outputs.h"
#include "symbolize.h"
#include "terminal.h"
#include "trace.h"
#include "view.h"

#include "base/buf.h"
#include "base/codes.h"

enum { DOCUMENT_MAX = 1024 * 1024 * 1024, PATH_BYTES = 4096 };

static int is_failure(const struct json_doc *doc, uint32_t object)
{
    return view_object(doc, object, "error") != 0 || view_is(doc, object, "status", "failure") ||
           view_is(doc, object, "status", "cancelled");
}

int result_status_of_code(const char *code)
{
    enum code found = code_find(code);
    if (*code == '\0' || found == CODE_OK)
        return CLI_OK;
    /* A newer host may know codes that we do not. */
    return found == CODE_COUNT ? CLI_FAIL : code_info(found)->exit_code;
}

int result_status(const struct json_doc *doc, uint32_t object)
{
    char code[64];
    if (!is_failure(doc, object))
        return CLI_OK;
    view_copy(doc, view_object(doc, object, "error"), "code", code, sizeof code);
    int status = result_status_of_code(code);
    return status != CLI_OK ? status : CLI_FAIL;
}

int result_outputs(const struct json_doc *doc, uint32_t object, const struct wire_view *body,
                   size_t n_body, struct outputs *outputs)
{
    uint32_t list = view_array(doc, object, "outputs");
    int status = CLI_OK;
    VIEW_EACH(doc, list, i)
    {
        char name[128], type[128];
        int64_t frame = view_int(doc, i, "frame", -1);
        view_copy(doc, i, "name", name, sizeof name);
        view_copy(doc, i, "media_type", type, sizeof type);
        if (frame < 0 || (size_t)frame >= n_body)
            return cli_fail(outputs->cli, CLI_FAIL, NULL,
                            "the output %s did not come with the result", name);
        int rc = outputs_write(outputs, name, type[0] != '\0' ? type : NULL, body[frame].data,
                               body[frame].len);
        if (rc != CLI_OK)
            status = rc;
    }
    return status;
}

static void append_number(struct buf *out, const char *label, const char *text)
{
    buf_printf(out, "%s%s %s", out->len > 0 ? ", " : "", label, text);
}

static void append_usage(const struct json_doc *doc, uint32_t object, struct buf *out)
{
    uint32_t usage = view_object(doc, object, "usage");
    int64_t cpu = view_int(doc, usage, "cpu_ms", -1), queue = view_int(doc, usage, "queue_ms", 0);
    int64_t rss = view_int(doc, usage, "max_rss_bytes", 0),
            attempt = view_int(doc, object, "attempt", 1);
    char text[HUMAN_TEXT];
    if (cpu >= 0) {
        human_duration(cpu, text);
        append_number(out, "cpu", text);
    }
    if (rss > 0) {
        human_size(rss, text);
        append_number(out, "memory", text);
    }
    if (queue > 0) {
        human_duration(queue, text);
        append_number(out, "queued", text);
    }
    if (attempt > 1) {
        snprintf(text, sizeof text, "%lld", (long long)attempt);
        append_number(out, "attempt", text);
    }
    if (view_bool(doc, object, "cached", 0))
        append_number(out, "the kept result", "of an earlier task");
}

static void tell_success(const struct cli *cli, const struct json_doc *doc, uint32_t object)
{
    char status[64], pipeline[80], run[HUMAN_TEXT];
    struct buf usage = BUF_INIT(1024);
    append_usage(doc, object, &usage);
    human_duration(view_int(doc, view_object(doc, object, "usage"), "run_ms", 0), run);
    view_copy(doc, object, "status", status, sizeof status);
    view_copy(doc, object, "pipeline", pipeline, sizeof pipeline);
    cli_note(cli, "%s: %s in %s%s%s%s", pipeline, status, run, usage.len > 0 ? " (" : "",
             usage.len > 0 ? buf_cstr(&usage) : "", usage.len > 0 ? ")" : "");
    buf_clear(&usage);
}

static const char *hint_of(const char *fault, int is_retryable)
{
    if (strcmp(fault, "plugin") == 0)
        return is_retryable ? "the plugin's fault, another try may go well" : "the plugin's fault";
    if (strcmp(fault, "host") == 0)
        return "the host's fault, try again; its log says more";
    return is_retryable ? "another try may go well" : NULL;
}

static void tell_failure(const struct cli *cli, const struct trace *trace, uint32_t object,
                         int status)
{
    const struct json_doc *doc = trace->doc;
    char code[64], fault[16], pipeline[80];
    uint32_t error = view_object(doc, object, "error");
    char *message = view_text(doc, error, "message");
    uint32_t details = view_object(doc, error, "details");
    view_copy(doc, error, "code", code, sizeof code);
    view_copy(doc, error, "fault", fault, sizeof fault);
    view_copy(doc, object, "pipeline", pipeline, sizeof pipeline);
    cli_fail(cli, status, hint_of(fault, view_bool(doc, error, "retryable", 0)), "%s %s%s%s%s: %s",
             pipeline, view_is(doc, object, "status", "cancelled") ? "cancelled" : "failed",
             code[0] != '\0' ? " (" : "", code, code[0] != '\0' ? ")" : "",
             message != NULL ? message : "no reason was given");
    if (details != 0 && cli->common.is_verbose) {
        struct json_span raw = json_at(doc, details);
        cli_note(cli, "details: %.*s", (int)raw.len, raw.at);
    }
    free(message);
}

static void print_data(const struct json_doc *doc, uint32_t object)
{
    uint32_t data = json_find(doc, object, "data");
    if (data == 0)
        return;
    struct json_span raw = json_at(doc, data);
    terminal_print_json(stdout, raw.at, raw.len);
    putchar('\n');
}

static void write_files(struct json_writer *w, const struct outputs *outputs)
{
    char path[PATH_BYTES];
    json_key(w, "files");
    json_open(w, '[');
    for (size_t i = 0; i < outputs->n; i++) {
        outputs_path(outputs, i, path, sizeof path);
        if (path[0] != '\0')
            json_put_str(w, path);
        else
            json_put_null(w);
    }
    json_close(w, ']');
}

/* The header as it came, with one member more at its end. */
static int print_document(const struct cli *cli, const struct trace *trace, uint32_t object,
                          const struct outputs *outputs)
{
    const struct json_doc *doc = trace->doc;
    struct json_span raw = json_at(doc, object);
    struct buf out = BUF_INIT(DOCUMENT_MAX);
    struct json_writer w;
    json_begin(&w, &out);
    json_open(&w, '{');
    write_files(&w, outputs);
    int rc = json_end(&w);
    /* "{...}" and "{files" become "{...,files}" */
    trace_put_json(stdout, trace, raw.at, raw.at + raw.len - 1);
    if (rc == 0 && outputs->dir != NULL && doc->tokens[object].count > 0)
        printf(",%.*s", (int)out.len - 1, (const char *)out.data + 1);
    puts("}");
    buf_clear(&out);
    return rc == 0 ? CLI_OK : cli_no_memory(cli);
}

int result_finish(const struct cli *cli, const struct json_doc *doc, uint32_t object,
                  const struct result_origin *origin, const struct wire_view *body, size_t n_body,
                  struct outputs *outputs)
{
    int status = result_status(doc, object);
    struct trace trace;
    trace_read(&trace, doc, object);
    trace_symbolize(&trace, origin->plugin_file);
    int written = result_outputs(doc, object, body, n_body, outputs);
    if (cli->common.is_json)
        print_document(cli, &trace, object, outputs);
    else
        print_data(doc, object);
    if (is_failure(doc, object)) {
        tell_failure(cli, &trace, object, status);
        trace_tell(cli, &trace, !origin->was_log_shown);
    } else {
        tell_success(cli, doc, object);
    }
    outputs_tell(outputs);
    return status != CLI_OK ? status : written;
}

static void log_line(const struct cli *cli, int is_output, const char *level, const char *text,
                     size_t len)
{
    const char *color = strcmp(level, "error") == 0  ? COLOR_RED
                        : strcmp(level, "warn") == 0 ? COLOR_YELLOW
                                                     : COLOR_DIM;
    if (is_output)
        fputs("  | ", stderr);
    else
        fprintf(stderr, "  %s%s%s ", cli->has_color_err ? color : "", level,
                cli->has_color_err ? COLOR_OFF : "");
    terminal_print(stderr, text, len);
    fputc('\n', stderr);
}

void result_log(const struct cli *cli, const char *stream, const char *level, const char *text,
                size_t len)
{
    if (len > 0 && text[len - 1] == '\n')
        len--;
    if (cli->common.is_quiet)
        return;
    for (size_t at = 0; at <= len;) {
        const char *end = memchr(text + at, '\n', len - at);
        size_t n = end != NULL ? (size_t)(end - text) - at : len - at;
        log_line(cli, strcmp(stream, "output") == 0, level, text + at, n);
        at += n + 1;
    }
}
