/* task_list.c: `penstock task list`: the tasks that the host knows, newest first. */
#include <string.h>

#include "cli.h"
#include "commands.h"
#include "grid.h"
#include "human.h"
#include "listing.h"
#include "terminal.h"
#include "view.h"

#include "base/clock.h"

struct list_args {
    const char *state, *pipeline, *job, *tenant, *code, *since, *until;
    int64_t limit;
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

static int add_row(struct grid *g, const struct json_doc *doc, uint32_t task)
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
    return grid_row(g, cells, colors);
}

static int put_filter(const struct cli *cli, const void *args, struct json_writer *w)
{
    const struct list_args *a = args;
    const bool waits = a->state != NULL && strcmp(a->state, "retry") == 0;
    json_member_str(w, "state", waits ? "retry wait" : a->state);
    json_member_str(w, "pipeline", a->pipeline);
    json_member_str(w, "job_id", a->job);
    json_member_str(w, "tenant", a->tenant);
    int status = listing_put_code(cli, a->code, w);
    if (status == CLI_OK)
        status = listing_put_time(cli, "since", a->since, "since", w);
    return status == CLI_OK ? listing_put_time(cli, "until", a->until, "until", w) : status;
}

static const struct listing_spec listing = {.columns = columns,
                                            .n_columns = sizeof columns / sizeof *columns,
                                            .put_filter = put_filter,
                                            .add_row = add_row,
                                            .none = "no tasks"};

static int task_list(struct cli *cli, void *args, char **operands, int n)
{
    const struct list_args *a = args;
    (void)operands;
    (void)n;
    return listing_show(cli, &listing, a, a->limit);
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
