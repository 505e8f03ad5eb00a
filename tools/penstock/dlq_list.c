/* dlq_list.c: `penstock dlq list`: dead letters, newest first. Part of the command line. */
#include <stdio.h>

#include "cli.h"
#include "commands.h"
#include "dlq.h"
#include "grid.h"
#include "human.h"
#include "listing.h"
#include "terminal.h"
#include "view.h"

#include "base/clock.h"

static const struct option_row list_rows[] = {DLQ_FILTER_ROWS};

static const struct grid_column columns[] = {
    {"TASK", 0, 0},           {"PIPELINE", GRID_CUT, 0.2}, {"CODE", 0, 0},
    {"TRIES", GRID_RIGHT, 0}, {"FAILED", GRID_RIGHT, 0},   {"MESSAGE", GRID_CUT, 0.3},
};

static int add_row(struct grid *g, const struct json_doc *doc, uint32_t task)
{
    char id[160], pipeline[80], code[64], tries[24], age[HUMAN_TEXT], message[256];
    const int64_t now = clock_wall_ms(), finished = view_int(doc, task, "finished", now);
    view_copy(doc, task, "task_id", id, sizeof id);
    view_copy(doc, task, "pipeline", pipeline, sizeof pipeline);
    view_copy(doc, task, "code", code, sizeof code);
    view_copy(doc, task, "message", message, sizeof message);
    snprintf(tries, sizeof tries, "%lld", (long long)view_int(doc, task, "attempt", 1));
    human_age(now > finished ? now - finished : 0, age);
    const char *cells[] = {id, pipeline, code, tries, age, message};
    const char *colors[] = {NULL, NULL, COLOR_RED, NULL, NULL, COLOR_DIM};
    return grid_row(g, cells, colors);
}

static int put_filter(const struct cli *cli, const void *args, struct json_writer *w)
{
    json_member_str(w, "state", "dead");
    return dlq_put_filter(cli, args, w);
}

static const struct listing_spec listing = {.columns = columns,
                                            .n_columns = sizeof columns / sizeof *columns,
                                            .put_filter = put_filter,
                                            .add_row = add_row,
                                            .none = "no dead letters"};

static int dlq_list(struct cli *cli, void *args, char **operands, int n)
{
    const struct dlq_filter *f = args;
    (void)operands;
    (void)n;
    return listing_show(cli, &listing, f, f->limit);
}

const struct command dlq_list_command = {
    .words = "dlq list",
    .uses = USES_HOST | USES_JSON,
    .summary = "List dead letters: tasks that failed for good, newest first.",
    .text = "On the control socket all are seen; on the task socket only those of the same client, "
            "which for the command line is none.",
    ROWS(list_rows),
    .args_size = sizeof(struct dlq_filter),
    .run = dlq_list,
};
