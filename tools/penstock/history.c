/* history.c: the history of a task for people. Part of the command line. */
#include "history.h"

#include <stdio.h>

#include "cli.h"
#include "grid.h"
#include "human.h"
#include "view.h"

enum { LINE = 1024 };

/* Columns for the eye, and the reason behind them as far as the terminal goes. */
static const struct grid_column columns[] = {
    {"TIME", 0, 0},         {"AFTER", GRID_RIGHT, 0}, {"EVENT", 0, 0},
    {"TRY", GRID_RIGHT, 0}, {"RUN", GRID_RIGHT, 0},   {"REASON", GRID_WRAP, 0.3},
};

/* "CRASH: killed by signal 11" */
static void join_reason(const struct json_doc *doc, uint32_t i, char *out, size_t size)
{
    char code[64], message[512];
    view_copy(doc, i, "code", code, sizeof code);
    view_copy(doc, i, "message", message, sizeof message);
    snprintf(out, size, "%s%s%s", code, code[0] != '\0' && message[0] != '\0' ? ": " : "", message);
}

/* since_ms: when the line before it was written; 0: there is none. */
static int add_event(struct grid *g, const struct json_doc *doc, uint32_t i, int64_t since_ms)
{
    char time[HUMAN_TEXT], after[HUMAN_TEXT] = "", run[HUMAN_TEXT] = "", try[24] = "";
    char event[64], reason[LINE];
    const int64_t at = view_int(doc, i, "time", 0), n = view_int(doc, i, "attempt", 0),
                  ms = view_int(doc, i, "run_ms", 0);
    human_time(at, time);
    if (since_ms > 0 && at >= since_ms)
        human_age(at - since_ms, after);
    if (n > 0)
        snprintf(try, sizeof try, "%lld", (long long)n);
    if (ms > 0)
        human_age(ms, run);
    join_reason(doc, i, reason, sizeof reason);
    const char *cells[] = {time, after, view_copy(doc, i, "event", event, sizeof event),
                           try,  run,   reason};
    return grid_row(g, cells, NULL);
}

int history_show(const struct cli *cli, const struct json_doc *doc, uint32_t task)
{
    const uint32_t history = view_array(doc, task, "history");
    struct grid *g = grid_new(cli, columns, sizeof columns / sizeof *columns);
    int64_t since_ms = 0;
    int rc = g != NULL ? 0 : -1;
    VIEW_EACH(doc, history, i)
    {
        if (rc == 0)
            rc = add_event(g, doc, i, since_ms);
        since_ms = view_int(doc, i, "time", 0);
    }
    if (rc == 0 && grid_count(g) > 0)
        putchar('\n');
    int status = rc == 0 ? grid_print(g) : cli_no_memory(cli);
    grid_free(g);
    return status;
}
