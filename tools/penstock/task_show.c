/* task_show.c: `penstock task show` and `dlq show`: one task with its history, and its result when it
 * has one. */
#include <limits.h>
#include <string.h>

#include "cli.h"
#include "commands.h"
#include "grid.h"
#include "history.h"
#include "human.h"
#include "ids.h"
#include "outputs.h"
#include "plugins.h"
#include "result.h"
#include "symbolize.h"
#include "terminal.h"
#include "trace.h"
#include "view.h"

#include "base/clock.h"

struct show_args {
    const char *dir;
};

static const struct option_row show_rows[] = {
    {"output", 'o', OPTION_TEXT, offsetof(struct show_args, dir), "DIR",
     "Write the outputs into this folder.", NULL},
};

static void pair_text(const struct cli *cli, const struct json_doc *doc, uint32_t task,
                      const char *key, const char *label)
{
    char text[1024];
    grid_pair(cli, label, view_copy(doc, task, key, text, sizeof text));
}

static void pair_time(const struct cli *cli, const struct json_doc *doc, uint32_t task,
                      const char *key, const char *label)
{
    char text[2 * HUMAN_TEXT + 16], time[HUMAN_TEXT], age[HUMAN_TEXT];
    const int64_t at = view_int(doc, task, key, 0), now = clock_wall_ms();
    if (at <= 0)
        return;
    human_time(at, time);
    human_age(at > now ? at - now : now - at, age);
    snprintf(text, sizeof text, at > now ? "%s (in %s)" : "%s (%s ago)", time, age);
    grid_pair(cli, label, text);
}

/* "12.3 s" of what runs still, or ran. */
static void pair_run_time(const struct cli *cli, const struct json_doc *doc, uint32_t task)
{
    char text[HUMAN_TEXT];
    int64_t started = view_int(doc, task, "started", 0);
    int64_t finished = view_int(doc, task, "finished", 0);
    if (started <= 0)
        return;
    human_duration((finished > 0 ? finished : clock_wall_ms()) - started, text);
    grid_pair(cli, "run time", text);
}

static void pair_progress(const struct cli *cli, const struct json_doc *doc, uint32_t task)
{
    char text[600], message[512];
    uint32_t progress = view_object(doc, task, "progress");
    double fraction = view_double(doc, progress != 0 ? progress : task,
                                  progress != 0 ? "fraction" : "progress", -1);
    if (fraction < 0)
        return;
    snprintf(text, sizeof text, "%.0f %% %s", fraction * 100,
             progress != 0 ? view_copy(doc, progress, "message", message, sizeof message) : "");
    grid_pair(cli, "progress", text);
}

static void print_task(const struct cli *cli, const struct json_doc *doc, uint32_t task)
{
    char priority[32], state[32], attempt[32];
    pair_text(cli, doc, task, "task_id", "task");
    pair_text(cli, doc, task, "uid", "uid");
    pair_text(cli, doc, task, "job_id", "job");
    pair_text(cli, doc, task, "retry_of", "repeats");
    pair_text(cli, doc, task, "pipeline", "pipeline");
    pair_text(cli, doc, task, "tenant", "tenant");
    pair_text(cli, doc, task, "client", "client");
    grid_pair(cli, "state",
              view_bool(doc, task, "dead", 0) ? "finished, a dead letter"
                                              : view_copy(doc, task, "state", state, sizeof state));
    pair_text(cli, doc, task, "code", "code");
    pair_text(cli, doc, task, "message", "message");
    pair_progress(cli, doc, task);
    snprintf(attempt, sizeof attempt, "%lld", (long long)view_int(doc, task, "attempt", 1));
    grid_pair(cli, "attempt", attempt);
    snprintf(priority, sizeof priority, "%g", view_double(doc, task, "priority", 5));
    grid_pair(cli, "priority", priority);
    pair_time(cli, doc, task, "submitted", "submitted");
    pair_time(cli, doc, task, "started", "started");
    pair_time(cli, doc, task, "finished", "finished");
    pair_time(cli, doc, task, "retry_at", "next attempt");
    pair_run_time(cli, doc, task);
}

static void print_outputs(const struct cli *cli, const struct json_doc *doc, uint32_t result)
{
    uint32_t outputs = view_array(doc, result, "outputs");
    VIEW_EACH(doc, outputs, i)
    {
        char text[320], name[128], type[128], size[HUMAN_TEXT];
        human_size(view_int(doc, i, "size", 0), size);
        view_copy(doc, i, "media_type", type, sizeof type);
        snprintf(text, sizeof text, "%s (%s%s%s)", view_copy(doc, i, "name", name, sizeof name),
                 type, type[0] != '\0' ? ", " : "", size);
        grid_pair(cli, "output", text);
    }
}

static int no_result(const struct cli *cli, const struct json_doc *doc, uint32_t task)
{
    if (view_is(doc, task, "state", "finished"))
        return cli_fail(
            cli, CLI_NOT_FOUND, NULL,
            "the result is gone: the task was kept in memory only, or its time is over");
    return cli_fail(cli, CLI_LATER, "penstock task watch tells when", "there is no result yet");
}

static int write_outputs(const struct cli *cli, const struct answer *a, uint32_t result,
                         const char *dir)
{
    struct outputs outputs = {.fd = -1};
    if (dir == NULL)
        return CLI_OK;
    if (result == 0)
        return no_result(cli, &a->doc, view_object(&a->doc, 0, "task"));
    int status = outputs_open(&outputs, cli, dir);
    if (status == CLI_OK)
        status = result_outputs(&a->doc, result, a->body, a->n_body, &outputs);
    outputs_tell(&outputs);
    outputs_close(&outputs);
    return status;
}

static void print_result(const struct cli *cli, const struct json_doc *doc, uint32_t result)
{
    uint32_t data = result != 0 ? json_find(doc, result, "data") : 0;
    char status[64];
    if (result == 0)
        return;
    grid_pair(cli, "status", view_copy(doc, result, "status", status, sizeof status));
    if (view_bool(doc, result, "cached", 0))
        grid_pair(cli, "cached", "the result of an earlier task with the same key");
    print_outputs(cli, doc, result);
    if (data != 0) {
        struct json_span raw = json_at(doc, data);
        grid_label(cli, "data");
        terminal_print_json(stdout, raw.at, raw.len);
        putchar('\n');
    }
}

/* The functions of a crash report, out of the plugin's file if the host tells it and it is here. */
static void symbolize(struct session *s, struct trace *t, uint32_t task)
{
    char pipeline[80], plugin[PATH_MAX] = "";
    if (t->n_frames == 0)
        return;
    view_copy(t->doc, task, "pipeline", pipeline, sizeof pipeline);
    plugins_ask_file(s, pipeline, plugin, sizeof plugin);
    trace_symbolize(t, plugin);
}

static int show(struct session *s, const struct answer *a, const char *dir)
{
    const struct cli *cli = s->cli;
    uint32_t task = view_object(&a->doc, 0, "task");
    uint32_t result = view_object(&a->doc, task, "result");
    struct trace trace;
    int status = CLI_OK;
    trace_read(&trace, &a->doc, result);
    symbolize(s, &trace, task);
    if (cli->common.is_json) {
        struct json_span raw = json_at(&a->doc, task);
        trace_put_json(stdout, &trace, raw.at, raw.at + raw.len);
        putchar('\n');
    } else {
        print_task(cli, &a->doc, task);
        trace_show(cli, &trace);
        print_result(cli, &a->doc, result);
        status = history_show(cli, &a->doc, task);
    }
    return status == CLI_OK ? write_outputs(cli, a, result, dir) : status;
}

/* A dead letter has a result and is marked; whoever asks for one wants nothing else. */
static int check_dead(const struct cli *cli, const struct answer *a, const char *id)
{
    if (view_bool(&a->doc, view_object(&a->doc, 0, "task"), "dead", 0))
        return CLI_OK;
    return cli_fail(cli, CLI_NOT_FOUND, "penstock task show tells what it is",
                    "%s is no dead letter", id);
}

static int show_by_id(struct cli *cli, const struct show_args *a, const char *id, bool is_dead)
{
    struct session s;
    struct answer answer = {.verb = WIRE_UNKNOWN};
    int status = session_open(&s, cli);
    if (status == CLI_OK)
        status = id_query_history(&s, id, &answer);
    if (status == CLI_OK && is_dead)
        status = check_dead(cli, &answer, id);
    if (status == CLI_OK)
        status = show(&s, &answer, a->dir);
    answer_clear(&answer);
    session_close(&s);
    return status;
}

static int task_show(struct cli *cli, void *args, char **operands, int n)
{
    (void)n;
    return show_by_id(cli, args, operands[0], false);
}

static int dlq_show(struct cli *cli, void *args, char **operands, int n)
{
    (void)n;
    return show_by_id(cli, args, operands[0], true);
}

const struct command task_show_command = {
    .words = "task show",
    .operands = "ID",
    .min_operands = 1,
    .max_operands = 1,
    .uses = USES_HOST | USES_JSON,
    .summary = "Show one task and its result.",
    .text = "ID is the uid, or on the control socket the client's own id. Exit status 3: the host "
            "does not know it.\n"
            "\n"
            "Of a task that crashed it shows signal, calls and last lines. Functions and source "
            "lines come from the plugin's file, if it is here and still is the one that ran; with "
            "-v the host's own calls are shown as well.",
    ROWS(show_rows),
    .args_size = sizeof(struct show_args),
    .run = task_show,
};

const struct command dlq_show_command = {
    .words = "dlq show",
    .operands = "ID",
    .min_operands = 1,
    .max_operands = 1,
    .uses = USES_HOST | USES_JSON,
    .summary = "Show one dead letter: its attempts, and why the last one failed.",
    .text = "ID is the uid, or on the control socket the client's own id. Exit status 3: there is "
            "no such dead letter.",
    ROWS(show_rows),
    .args_size = sizeof(struct show_args),
    .run = dlq_show,
};
