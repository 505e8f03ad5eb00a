/* task_submit.c: `penstock task submit`: hands a task to the host, and waits for it if asked to. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "commands.h"
#include "event.h"
#include "outputs.h"
#include "params.h"
#include "plugins.h"
#include "request.h"
#include "result.h"
#include "session.h"
#include "terminal.h"
#include "trace.h"
#include "view.h"
#include "wait.h"

enum { HEADER_ROOM = 1024 * 1024 };

struct submission {
    struct cli *cli;
    const struct submit_args *args;
    const char *pipeline;
    struct session session;
    struct answer welcome;
    struct inputs inputs;
    struct outputs outputs;
    struct buf given, params, header; /* given: what --params said */
    struct wire_view *body;
};

#define ARG(field) offsetof(struct submit_args, field)

static const struct option_row submit_rows[] = {
    {"param", 'p', OPTION_TEXTS, ARG(params), "NAME=VALUE",
     "One parameter. Numbers, true, false, null, objects and arrays are read as JSON unless the "
     "pipeline's schema wants "
     "a string.",
     NULL},
    {"params", 'P', OPTION_TEXT, ARG(params_json), "JSON|@FILE",
     "All parameters; - reads standard input.", NULL},
    {"input", 'i', OPTION_TEXTS, ARG(inputs), "NAME=FILE",
     "One input; FILE - is standard input. FILE;type=image/png names its media type.", NULL},
    {"output", 'o', OPTION_TEXT, ARG(dir), "DIR", "Wait, and write the outputs into this folder.",
     NULL},
    {"wait", 'w', OPTION_FLAG, ARG(waits), NULL, "Wait for the result.", NULL},
    {"events", 'e', OPTION_FLAG, ARG(wants_events), NULL,
     "Wait, and print states and progress as they come.", NULL},
    {"id", 0, OPTION_TEXT, ARG(id), "ID", "The task's name; one is made otherwise.", NULL},
    {"job", 0, OPTION_TEXT, ARG(job), "ID", "The job that the task belongs to.", NULL},
    {"key", 0, OPTION_TEXT, ARG(key), "KEY", "Idempotency key.", NULL},
    {"tenant", 0, OPTION_TEXT, ARG(tenant), "NAME", "For whom it is done.", NULL},
    {"priority", 0, OPTION_TEXT, ARG(priority), "0-9", "Higher goes first; 5 is usual.", NULL},
    {"timeout", 't', OPTION_DURATION, ARG(timeout_ms), "DURATION", "How long it may run.", NULL},
    {"ttl", 0, OPTION_DURATION, ARG(ttl_ms), "DURATION", "How long it may wait in the queue.",
     NULL},
    {"max-attempts", 0, OPTION_NUMBER, ARG(max_attempts), "N",
     "How often it may be tried, if its pipeline allows as many.", NULL},
    {"deadline", 0, OPTION_TEXT, ARG(deadline), "TIME",
     "When it is worthless: 5m from now, or 2026-01-31T12:00:00Z.", NULL},
    {"metadata", 0, OPTION_TEXT, ARG(metadata), "JSON",
     "An object that comes back with the result.", NULL},
};

/* The schema, so that "123" stays a string where one is wanted. */
static int build_params(struct submission *s)
{
    struct answer plugins = {.verb = WIRE_UNKNOWN};
    struct json_span schema = {NULL, 0};
    int status = CLI_OK;
    if (params_need_schema(&s->args->params)) {
        status = session_ask(&s->session, WIRE_PLUGINS, NULL, NULL, 0, &plugins, NULL);
        if (status == CLI_OK)
            schema = plugins_schema(&plugins.doc, s->pipeline);
    }
    if (status == CLI_OK)
        status = params_build(s->cli, &s->given, &s->args->params, schema, &s->params);
    answer_clear(&plugins);
    return status;
}

/* A message far over the limits would cut the connection without a word. */
static int check_sizes(const struct submission *s)
{
    uint32_t limits = view_object(&s->welcome.doc, 0, "limits");
    int64_t frame_max = view_int(&s->welcome.doc, limits, "frame_bytes", INT64_MAX);
    int64_t message_max = view_int(&s->welcome.doc, limits, "message_bytes", INT64_MAX);
    int64_t header_max = view_int(&s->welcome.doc, limits, "header_bytes", INT64_MAX);
    int64_t total = (int64_t)s->header.len;
    if (total > header_max)
        return cli_fail(s->cli, CLI_REFUSED, NULL,
                        "the params are too large: the host takes %lld bytes",
                        (long long)header_max);
    for (size_t i = 0; i < s->inputs.n; i++) {
        const struct input *in = &s->inputs.items[i];
        total += (int64_t)in->len;
        if ((int64_t)in->len > frame_max || total > message_max)
            return cli_fail(s->cli, CLI_REFUSED, NULL,
                            "input %s is too large: the host takes %lld bytes in one, %lld in all",
                            in->name, (long long)frame_max, (long long)message_max);
    }
    return CLI_OK;
}

static int prepare(struct submission *s)
{
    int status = params_read(s->cli, s->args->params_json, &s->args->params, &s->given);
    if (status == CLI_OK)
        status = outputs_open(&s->outputs, s->cli, s->args->dir);
    if (status == CLI_OK)
        status = inputs_read(s->cli, &s->args->inputs, &s->inputs);
    if (status == CLI_OK)
        status = session_open(&s->session, s->cli);
    if (status == CLI_OK)
        status = session_hello(&s->session, NULL, &s->welcome);
    if (status == CLI_OK)
        status = build_params(s);
    if (status == CLI_OK)
        status = request_header(s->cli, s->args, s->pipeline, &s->params, &s->inputs, &s->header);
    if (status == CLI_OK)
        status = check_sizes(s);
    return status;
}

static int send_submit(struct submission *s, struct answer *answer)
{
    s->body = calloc(s->inputs.n > 0 ? s->inputs.n : 1, sizeof *s->body);
    if (s->body == NULL)
        return cli_no_memory(s->cli);
    for (size_t i = 0; i < s->inputs.n; i++)
        s->body[i] = (struct wire_view){s->inputs.items[i].bytes, s->inputs.items[i].len};
    s->session.takes_result = true;
    int status =
        session_ask(&s->session, WIRE_SUBMIT, &s->header, s->body, s->inputs.n, answer, NULL);
    s->session.takes_result = false;
    if (answer->verb == WIRE_REFUSED && s->cli->common.is_json)
        event_print_line((const char *)answer->header.data, answer->header.len);
    return status;
}

static void warn_ignored(const struct submission *s, const struct answer *accepted)
{
    uint32_t ignored = view_array(&accepted->doc, 0, "ignored");
    VIEW_EACH(&accepted->doc, ignored, i)
    {
        char *name = json_strdup(&accepted->doc, i);
        cli_warn(s->cli, "this host does not know \"%s\"", name != NULL ? name : "");
        free(name);
    }
}

static int print_ids(const struct submission *s, const struct answer *accepted)
{
    char id[160], uid[64];
    if (s->cli->common.is_json) {
        event_print_line((const char *)accepted->header.data, accepted->header.len);
        return CLI_OK;
    }
    view_copy(&accepted->doc, 0, "task_id", id, sizeof id);
    view_copy(&accepted->doc, 0, "uid", uid, sizeof uid);
    if (s->cli->common.is_quiet) {
        puts(uid);
        return CLI_OK;
    }
    fputs("task  ", stdout);
    terminal_print(stdout, id, strlen(id));
    printf("\nuid   %s\n", uid);
    cli_note(s->cli, "penstock task show %s tells how it goes", uid);
    return CLI_OK;
}

static void acknowledge(struct submission *s, const struct answer *result)
{
    struct buf header = BUF_INIT(4096);
    struct json_writer w;
    char id[160];
    json_begin(&w, &header);
    json_open(&w, '{');
    json_member_str(&w, "task_id", view_copy(&result->doc, 0, "task_id", id, sizeof id));
    json_close(&w, '}');
    session_send(&s->session, WIRE_ACK, &header, NULL, 0);
    buf_clear(&header);
}

static int finish(struct submission *s, const struct answer *result)
{
    char plugin[PATH_MAX] = "";
    const struct result_origin origin = {plugin, s->args->wants_events};
    struct trace trace;
    trace_read(&trace, &result->doc, 0);
    if (trace.n_frames > 0)
        plugins_ask_file(&s->session, s->pipeline, plugin, sizeof plugin);
    int status =
        result_finish(s->cli, &result->doc, 0, &origin, result->body, result->n_body, &s->outputs);
    acknowledge(s, result);
    return status;
}

static int submit_and_wait(struct submission *s)
{
    struct wait w;
    struct answer answer = {.verb = WIRE_UNKNOWN};
    int status = wait_begin(&w, &s->session, &s->welcome, s->pipeline, s->args->wants_events);
    if (status == CLI_OK)
        status = send_submit(s, &answer);
    if (status == CLI_OK && answer.verb == WIRE_ACCEPTED) {
        warn_ignored(s, &answer);
        wait_accepted(&w, &answer);
        status = wait_run(&w);
        if (status == CLI_OK)
            status = finish(s, &w.result);
    } else if (status == CLI_OK) {
        status = finish(s, &answer);
    }
    if (w.signo != 0)
        status = CLI_SIGNAL + w.signo;
    wait_end(&w);
    answer_clear(&answer);
    return status;
}

static int submit_only(struct submission *s)
{
    struct answer answer = {.verb = WIRE_UNKNOWN};
    int status = send_submit(s, &answer);
    if (status == CLI_OK)
        warn_ignored(s, &answer);
    /* An attached task may have its result at once: it is kept, and shown by its id. */
    if (status == CLI_OK)
        status = print_ids(s, &answer);
    answer_clear(&answer);
    return status;
}

static int task_submit(struct cli *cli, void *args, char **operands, int n)
{
    struct submit_args *a = args;
    struct submission s = {.cli = cli, .args = a, .pipeline = operands[0], .outputs = {.fd = -1}};
    (void)n;
    buf_init(&s.given, PARAMS_MAX);
    buf_init(&s.params, PARAMS_MAX);
    buf_init(&s.header, PARAMS_MAX + HEADER_ROOM);
    a->waits = a->waits || a->wants_events || a->dir != NULL;
    int status = prepare(&s);
    if (status == CLI_OK)
        status = a->waits ? submit_and_wait(&s) : submit_only(&s);
    session_close(&s.session);
    answer_clear(&s.welcome);
    inputs_clear(&s.inputs);
    outputs_close(&s.outputs);
    buf_clear(&s.given);
    buf_clear(&s.params);
    buf_clear(&s.header);
    free(s.body);
    return status;
}

const struct command task_submit_command = {
    .words = "task submit",
    .operands = "PIPELINE",
    .min_operands = 1,
    .max_operands = 1,
    .uses = USES_HOST | USES_JSON,
    .summary = "Hand a task to the host.",
    .text = "Without --wait, --events or -o it prints the task's ids and leaves. With them the "
            "result goes to standard "
            "output, and ^C cancels the task.\n"
            "\n"
            "Exit status: 0 the task succeeded, 1 it failed, 3 no such pipeline, 4 refused, 5 out "
            "of time, 6 host not "
            "reachable, 75 a later try may succeed.\n"
            "\n"
            "penstock task submit thumbnail -p width=320 -i image=photo.jpg -o out",
    ROWS(submit_rows),
    .args_size = sizeof(struct submit_args),
    .run = task_submit,
};
