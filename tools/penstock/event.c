/* event.c: EVENTs as lines. Part of the command line. */
#include "event.h"

#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "human.h"
#include "result.h"
#include "session.h"
#include "terminal.h"
#include "view.h"

#include "base/clock.h"

enum { WORD = 64, TEXT = 512 };

void event_print_line(const char *json, unsigned long n)
{
    for (unsigned long i = 0; i < n; i++)
        putchar(json[i] == '\n' || json[i] == '\r' ? ' ' : json[i]);
    putchar('\n');
    fflush(stdout);
}

/* "job j1 has ended: 3 tasks, 1 failed, 1 cancelled". */
static void describe_job(const struct json_doc *doc, char *out, size_t size)
{
    char id[WORD];
    snprintf(out, size, "job %s has ended: %lld tasks, %lld failed, %lld cancelled",
             view_copy(doc, 0, "job_id", id, sizeof id), (long long)view_int(doc, 0, "tasks", 0),
             (long long)view_int(doc, 0, "failed", 0), (long long)view_int(doc, 0, "cancelled", 0));
}

/* "running", "finished: failure (CRASH)", "42 % reading". */
static void describe(const struct answer *event, char *out, size_t size)
{
    char a[WORD], b[WORD], code[WORD], message[TEXT];
    const struct json_doc *doc = &event->doc;
    if (view_is(doc, 0, "kind", "progress")) {
        snprintf(out, size, "%.0f %% %s", 100 * view_double(doc, 0, "fraction", 0),
                 view_copy(doc, 0, "message", message, sizeof message));
        return;
    }
    if (view_is(doc, 0, "kind", "job")) {
        describe_job(doc, out, size);
        return;
    }
    view_copy(doc, 0, "state", a, sizeof a);
    view_copy(doc, 0, "status", b, sizeof b);
    view_copy(doc, 0, "code", code, sizeof code);
    int64_t attempt = view_int(doc, 0, "attempt", 1);
    int n = snprintf(out, size, "%s%s%s%s%s%s", a, b[0] != '\0' ? ": " : "", b,
                     code[0] != '\0' ? " (" : "", code, code[0] != '\0' ? ")" : "");
    if (attempt > 1 && n > 0 && (size_t)n < size)
        snprintf(out + n, size - (size_t)n, ", attempt %lld", (long long)attempt);
}

static void show_log(const struct cli *cli, const struct answer *event)
{
    char stream[WORD], level[WORD];
    char *text = view_text(&event->doc, 0, "text");
    view_copy(&event->doc, 0, "stream", stream, sizeof stream);
    view_copy(&event->doc, 0, "level", level, sizeof level);
    if (text != NULL)
        result_log(cli, stream, level, text, strlen(text));
    free(text);
}

void event_show(const struct cli *cli, const struct answer *event, bool wants_events)
{
    char line[TEXT + WORD];
    if (cli->common.is_json && wants_events) {
        event_print_line((const char *)event->header.data, event->header.len);
    } else if (view_is(&event->doc, 0, "kind", "log")) {
        show_log(cli, event);
    } else if (wants_events) {
        describe(event, line, sizeof line);
        cli_note(cli, "  %s", line);
    }
}

void event_show_dated(const struct cli *cli, const struct answer *event)
{
    char now[HUMAN_TEXT], id[WORD], kind[WORD], line[4 * TEXT];
    if (cli->common.is_json) {
        event_print_line((const char *)event->header.data, event->header.len);
        return;
    }
    human_clock(clock_wall_ms(), now);
    view_copy(&event->doc, 0, "task_id", id, sizeof id);
    view_copy(&event->doc, 0, "kind", kind, sizeof kind);
    if (strcmp(kind, "log") == 0) {
        view_copy(&event->doc, 0, "text", line, sizeof line);
        line[strcspn(line, "\n")] = '\0';
    } else {
        describe(event, line, sizeof line);
    }
    printf("%s  ", now);
    terminal_print(stdout, id, strlen(id));
    printf("  %-8s  ", kind);
    terminal_print(stdout, line, strlen(line));
    putchar('\n');
    fflush(stdout);
}
