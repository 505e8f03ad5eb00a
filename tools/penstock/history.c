/* history.c: the history of a task for people. Part of the command line. */
#include "history.h"

#include <stdio.h>

#include "cli.h"
#include "grid.h"
#include "human.h"
#include "view.h"

enum { LINE = 1024 };

/* "attempt 2 failed after 31 ms: CRASH: killed by signal 11" */
static void show_event(const struct cli *cli, const struct json_doc *doc, uint32_t i)
{
    char line[LINE], time[HUMAN_TEXT], took[HUMAN_TEXT + 8] = "", run[HUMAN_TEXT];
    char event[64], code[64], message[512], attempt[32] = "";
    const int64_t n = view_int(doc, i, "attempt", 0), ms = view_int(doc, i, "run_ms", 0);
    human_time(view_int(doc, i, "time", 0), time);
    if (n > 0)
        snprintf(attempt, sizeof attempt, "attempt %lld ", (long long)n);
    if (ms > 0) {
        human_duration(ms, run);
        snprintf(took, sizeof took, " after %s", run);
    }
    view_copy(doc, i, "event", event, sizeof event);
    view_copy(doc, i, "code", code, sizeof code);
    view_copy(doc, i, "message", message, sizeof message);
    snprintf(line, sizeof line, "%s%s%s%s%s%s%s", attempt, event, took, code[0] != '\0' ? ": " : "",
             code, message[0] != '\0' ? ": " : "", message);
    grid_pair(cli, time, line);
}

void history_show(const struct cli *cli, const struct json_doc *doc, uint32_t task)
{
    const uint32_t history = view_array(doc, task, "history");
    VIEW_EACH(doc, history, i)
    show_event(cli, doc, i);
}
