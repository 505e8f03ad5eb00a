/* dlq_list.c: `penstock dlq list`: dead letters, newest first. Part of the command line. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "commands.h"
#include "dlq.h"
#include "grid.h"
#include "human.h"
#include "session.h"
#include "terminal.h"
#include "view.h"

#include "base/clock.h"

enum { LIMIT = 50, PAGE_MAX = 1000, DOCUMENT_MAX = 512 * 1024 * 1024 };

struct listing {
    const struct cli *cli;
    const struct dlq_filter *filter;
    struct grid *grid;
    struct buf document;
    struct json_writer w;
    int64_t left;
    char *cursor;
};

static const struct option_row list_rows[] = {DLQ_FILTER_ROWS};

static const struct grid_column columns[] = {
    {"TASK", 0, 0},           {"PIPELINE", GRID_CUT, 0.2}, {"CODE", 0, 0},
    {"TRIES", GRID_RIGHT, 0}, {"FAILED", GRID_RIGHT, 0},   {"MESSAGE", GRID_CUT, 0.3},
};

static int add_row(struct listing *l, const struct json_doc *doc, uint32_t task)
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
    return grid_row(l->grid, cells, colors);
}

static int add_page(struct listing *l, const struct json_doc *doc)
{
    const uint32_t tasks = view_array(doc, 0, "tasks");
    int rc = 0;
    VIEW_EACH(doc, tasks, i)
    {
        const struct json_span raw = json_at(doc, i);
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

static int ask_page(struct listing *l, struct session *s)
{
    struct buf header = BUF_INIT(16384);
    struct answer a = {.verb = WIRE_UNKNOWN};
    struct json_writer w;
    json_begin(&w, &header);
    json_open(&w, '{');
    json_member_str(&w, "state", "dead");
    int status = dlq_put_filter(l->cli, l->filter, &w);
    json_member_int(&w, "limit", l->left < PAGE_MAX ? l->left : PAGE_MAX);
    json_member_str(&w, "cursor", l->cursor);
    json_close(&w, '}');
    if (status == CLI_OK && json_end(&w) < 0)
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
        const int status = grid_print(l->grid);
        if (grid_count(l->grid) == 0)
            cli_note(l->cli, "no dead letters");
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

static int dlq_list(struct cli *cli, void *args, char **operands, int n)
{
    const struct dlq_filter *f = args;
    struct session s = {.cli = cli};
    struct listing l = {.cli = cli, .filter = f, .left = f->limit > 0 ? f->limit : LIMIT};
    (void)operands;
    (void)n;
    buf_init(&l.document, DOCUMENT_MAX);
    json_begin(&l.w, &l.document);
    json_open(&l.w, '{');
    json_key(&l.w, "tasks");
    json_open(&l.w, '[');
    l.grid = grid_new(cli, columns, sizeof columns / sizeof *columns);
    int status = l.grid != NULL ? session_open(&s, cli) : cli_no_memory(cli);
    do {
        if (status == CLI_OK)
            status = ask_page(&l, &s);
    } while (status == CLI_OK && l.cursor != NULL && l.left > 0);
    if (status == CLI_OK)
        status = print_list(&l);
    session_close(&s);
    grid_free(l.grid);
    buf_clear(&l.document);
    free(l.cursor);
    return status;
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
