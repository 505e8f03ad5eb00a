/* progress.c: the progress line. Part of the command line. */
#include "progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "human.h"
#include "terminal.h"

#include "base/buf.h"
#include "base/clock.h"
#include "loop/loop.h"

enum {
    REDRAW_MS = 100,
    TICK_MS = 1000,
    BAR_MIN = 10,
    BAR_MAX = 30,
    LINE_BYTES = 8192,
    TEXT_BYTES = 256
};

struct progress {
    const struct cli *cli;
    struct loop_timer *timer;
    int64_t start_ms;
    double fraction;
    int is_shown, is_dirty;
    char label[TEXT_BYTES], state[32], message[4 * TEXT_BYTES + 1];
};

static void append_bar(struct buf *line, double fraction, int width)
{
    int full = (int)(fraction * width + 0.5);
    buf_append_str(line, " [");
    for (int i = 0; i < width; i++)
        buf_append_char(line, i < full ? '#' : '-');
    buf_printf(line, "] %3d%%", (int)(fraction * 100));
}

static void draw(struct progress *p)
{
    char elapsed[HUMAN_TEXT];
    struct buf line = BUF_INIT(LINE_BYTES);
    int width = terminal_width(stderr) - 1, bar = width / 3;
    int64_t ms = clock_mono_ms() - p->start_ms;
    human_duration(ms / 1000 * 1000, elapsed);
    buf_printf(&line, "%s", p->label);
    if (p->fraction >= 0)
        append_bar(&line, p->fraction, bar < BAR_MIN ? BAR_MIN : bar > BAR_MAX ? BAR_MAX : bar);
    else
        buf_printf(&line, " %s", p->state);
    if (ms >= 1000)
        buf_printf(&line, "  %s", elapsed);
    if (p->message[0] != '\0')
        buf_printf(&line, "  %s", p->message);
    fprintf(stderr, "\r%.*s\033[K", (int)terminal_fit((const char *)line.data, line.len, width),
            (const char *)line.data);
    fflush(stderr);
    buf_clear(&line);
    p->is_shown = 1;
}

static void on_time(void *arg)
{
    struct progress *p = arg;
    p->is_dirty = 0;
    draw(p);
    loop_timer_after(p->timer, TICK_MS);
}

/* At most ten times a second; the timer draws what came last. */
static void changed(struct progress *p)
{
    if (p->is_dirty)
        return;
    p->is_dirty = 1;
    loop_timer_after(p->timer, p->is_shown ? REDRAW_MS : 0);
}

struct progress *progress_new(const struct cli *cli, struct loop *loop, const char *label)
{
    if (cli->common.is_quiet || !terminal_can_redraw(stderr))
        return NULL;
    struct progress *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    p->cli = cli;
    p->start_ms = clock_mono_ms();
    p->fraction = -1;
    snprintf(p->label, sizeof p->label, "%s", label);
    p->timer = loop_timer_new(loop, on_time, p);
    if (p->timer == NULL) {
        free(p);
        return NULL;
    }
    return p;
}

void progress_free(struct progress *p)
{
    if (p == NULL)
        return;
    progress_hide(p);
    loop_timer_free(p->timer);
    free(p);
}

void progress_state(struct progress *p, const char *state)
{
    if (p == NULL)
        return;
    snprintf(p->state, sizeof p->state, "%s", state);
    changed(p);
}

void progress_set(struct progress *p, double fraction, const char *message, size_t len)
{
    struct buf text = BUF_INIT(sizeof p->message - 1);
    if (p == NULL)
        return;
    p->fraction = fraction > 1 ? 1 : fraction >= 0 ? fraction : -1;
    terminal_escape(&text, message, len > TEXT_BYTES ? TEXT_BYTES : len);
    snprintf(p->message, sizeof p->message, "%.*s", (int)text.len,
             text.data != NULL ? (const char *)text.data : "");
    buf_clear(&text);
    changed(p);
}

void progress_hide(struct progress *p)
{
    if (p == NULL || !p->is_shown)
        return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    p->is_shown = 0;
    p->is_dirty = 0;
    changed(p);
}
