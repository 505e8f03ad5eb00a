/* task_list.c: `penstock task list`: the tasks that the host knows, newest first. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "commands.h"
#include "grid.h"
#include "human.h"
#include "session.h"
#include "terminal.h"
#include "view.h"
#include "when.h"

#include "base/clock.h"

enum { LIMIT = 50, PAGE_MAX = 1000, DOCUMENT_MAX = 512 * 1024 * 1024 };

struct list_args {
    const char *state, *pipeline, *job, *tenant, *code, *since, *until;
    int64_t limit;
};

/* Both forms grow page by page. */
struct listing {
    const struct cli *cli;
    const struct list_args *args;
    struct grid *grid;
    struct buf document;
    struct json_writer w;
    int64_t left;
    char *cursor;
};

static const char *const state_words[] = {"queued", "running", "retry", "finished", "dead", NULL};

#define ARG(field) offsetof(struct list_args, field)

static const struct option_row list_rows[] = {
    {"state", 's', OPTION_TEXT, ARG(state), "STATE",
     "Only those that are queued, running, waiting for a retry, finished, or dead letters.",
     state_words},
    {"pipeline", 'p', OPTION_TEXT, ARG(pipeline), "SLUG", "Only those of this pipeline.", NULL},
    {"job", 'j', OPTION_TEXT, ARG(job), "ID", "Only those of this job.", NULL},
    {"tenant", 0, OPTION_TEXT, ARG(tenant), "NAME", "Only those of this tenant.", NULL},
    {"code", 'c', OPTION_TEXT, ARG(code), "CODE", "Only those that failed with it, such as CRASH.",
     NULL},
    {"since", 0, OPTION_TEXT, ARG(since), "TIME",
     "Only those that ended since then, or have not: 2h for two hours ago, or "
     "2026-01-31T12:00:00Z.",
     NULL},
    {"until", 0, OPTION_TEXT, ARG(until), "TIME", "Only those that ended before that.", NULL},
    {"limit", 'n', OPTION_NUMBER, ARG(limit), "N", "At most so many (50).", NULL},
};

/* An id is there to be copied, and a state to be read: they are never cut. */
static const struct grid_column columns[] = {
    {"TASK", 0, 0},         {"PIPELINE", GRID_CUT, 0.1}, {"STATE", 0, 0},
    {"AGE", GRID_RIGHT, 0}, {"RUN", GRID_RIGHT, 0},      {"CLIENT", GRID_CUT, 0},
};

/* What has finished badly shows its code instead of the state. */
static const char *state_color(const char *state)
{
    if (strcmp(state, "running") == 0)
        return COLOR_GREEN;
    if (strcmp(state, "retry wait") == 0)
        return COLOR_YELLOW;
    return strcmp(state, "queued") == 0 || strcmp(state, "finished") == 0 ? NULL : COLOR_RED;
}

static void format_times(const struct json_doc *doc, uint32_t task, char *age, char *run)
{
    int64_t now = clock_wall_ms(), submitted = view_int(doc, task, "submitted", now);
    int64_t started = view_int(doc, task, "started", 0),
            finished = view_int(doc, task, "finished", 0);
    human_age(now > submitted ? now - submitted : 0, age);
    run[0] = '\0';
    if (started > 0)
        human_age((finished > 0 ? finished : now) - started, run);
}

static int add_row(struct listing *l, const struct json_doc *doc, uint32_t task)
{
    char id[160], pipeline[80], state[64], age[HUMAN_TEXT], run[HUMAN_TEXT], client[80], code[64];
    view_copy(doc, task, "task_id", id, sizeof id);
    view_copy(doc, task, "pipeline", pipeline, sizeof pipeline);
    view_copy(doc, task, "state", state, sizeof state);
    view_copy(doc, task, "client", client, sizeof client);
    view_copy(doc, task, "code", code, sizeof code);
    format_times(doc, task, age, run);
    const bool has_failed = strcmp(state, "finished") == 0 && code[0] != '\0';
    const char *shown = has_failed ? code : state;
    const char *cells[] = {id, pipeline, shown, age, run, client};
    const char *colors[] = {NULL, NULL, state_color(shown), NULL, NULL, COLOR_DIM};
    return grid_row(l->grid, cells, colors);
}

static int add_page(struct listing *l, const struct json_doc *doc)
{
    uint32_t tasks = view_array(doc, 0, "tasks");
    int rc = 0;
    VIEW_EACH(doc, tasks, i)
    {
        struct json_span raw = json_at(doc, i);
        if (l->cli->common.is_json)
            json_put_raw(&l->w, raw.at, raw.len);
        else
            rc |= add_row(l, doc, i);
        l->left--;
    }
    free(l->cursor);
    l->cursor = view_text(doc, 0, "cursor");
    return rc == 0 ? CLI_OK : cli_no_memory(l->cli);
}

static int put_time(const struct cli *cli, const char *option, const char *text,
                    struct json_writer *w)
{
    const int64_t at = text != NULL ? when_parse(text, WHEN_AGO) : 0;
    if (text == NULL)
        return CLI_OK;
    if (at <= 0)
        return cli_fail(cli, CLI_USAGE, "write 2h for two hours ago, or 2026-01-31T12:00:00Z",
                        "--%s %s is no point in time", option, text);
    json_member_int(w, option, at);
    return CLI_OK;
}

static int put_filter(const struct listing *l, struct json_writer *w)
{
    const struct list_args *a = l->args;
    const bool waits = a->state != NULL && strcmp(a->state, "retry") == 0;
    json_member_str(w, "state", waits ? "retry wait" : a->state);
    json_member_str(w, "pipeline", a->pipeline);
    json_member_str(w, "job_id", a->job);
    json_member_str(w, "tenant", a->tenant);
    json_member_str(w, "code", a->code);
    const int status = put_time(l->cli, "since", a->since, w);
    return status == CLI_OK ? put_time(l->cli, "until", a->until, w) : status;
}

static int ask_page(struct listing *l, struct session *s)
{
    struct buf header = BUF_INIT(16384);
    struct answer a = {.verb = WIRE_UNKNOWN};
    struct json_writer w;
    json_begin(&w, &header);
    json_open(&w, '{');
    int status = put_filter(l, &w);
    json_member_int(&w, "limit", l->left < PAGE_MAX ? l->left : PAGE_MAX);
    json_member_str(&w, "cursor", l->cursor);
    json_close(&w, '}');
    if (json_end(&w) < 0)
        status = cli_no_memory(l->cli);
    if (status == CLI_OK)
        status = session_ask(s, WIRE_LIST, &header, NULL, 0, &a, NULL);
    if (status == CLI_OK)
        status = add_page(l, &a.doc);
    answer_clear(&a);
    buf_clear(&header);
    return status;
}

static int print_list(struct listing *l)
{
    if (!l->cli->common.is_json) {
        int status = grid_print(l->grid);
        if (grid_count(l->grid) == 0)
            cli_note(l->cli, "no tasks");
        else if (l->cursor != NULL)
            cli_note(l->cli, "there are more; --limit N shows them");
        return status;
    }
    json_close(&l->w, ']');
    json_member_str(&l->w, "cursor", l->cursor);
    json_close(&l->w, '}');
    if (json_end(&l->w) < 0)
        return cli_no_memory(l->cli);
    fwrite(l->document.data, 1, l->document.len, stdout);
    putchar('\n');
    return CLI_OK;
}

static int task_list(struct cli *cli, void *args, char **operands, int n)
{
    struct list_args *a = args;
    struct session s = {.cli = cli};
    struct listing l = {.cli = cli, .args = a, .left = a->limit > 0 ? a->limit : LIMIT};
    (void)operands;
    (void)n;
    buf_init(&l.document, DOCUMENT_MAX);
    json_begin(&l.w, &l.document);
    json_open(&l.w, '{');
    json_key(&l.w, "tasks");
    json_open(&l.w, '[');
    l.grid = grid_new(cli, columns, sizeof columns / sizeof *columns);
    int status = l.grid != NULL ? session_open(&s, cli) : cli_no_memory(cli);
    while (status == CLI_OK) {
        status = ask_page(&l, &s);
        if (l.cursor == NULL || l.left <= 0)
            break;
    }
    if (status == CLI_OK)
        status = print_list(&l);
    session_close(&s);
    grid_free(l.grid);
    buf_clear(&l.document);
    free(l.cursor);
    return status;
}

const struct command task_list_command = {
    .words = "task list",
    .uses = USES_HOST | USES_JSON,
    .summary = "List tasks, newest first.",
    .text = "On the control socket all tasks are seen; on the task socket only those of the same "
            "client, which for the "
            "command line is none.",
    ROWS(list_rows),
    .args_size = sizeof(struct list_args),
    .run = task_list,
};
