/* retention.c: has the journal swept, a bounded number of rows at a time. Runs in the core. */
#include "core/retention.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/dead_letters.h"
#include "journal/journal.h"
#include "loop/loop.h"

/* A pass that left something is followed by the next one soon, but others write in between. */
enum { EVERY_MAX_MS = 60000, EVERY_MIN_MS = 500, AGAIN_MS = 100, EVERY_PART = 10 };

struct sweep {
    struct journal_op op; /* first */
    struct core *c;
};

/* Often enough that what is kept for a short time does not stay much longer. */
static int64_t pause_ms(const struct conf_host *h)
{
    int64_t shortest = h->history_retention_ms < h->dead_letter_retention_ms
                           ? h->history_retention_ms
                           : h->dead_letter_retention_ms;
    int64_t pause = shortest / EVERY_PART;
    return pause > EVERY_MAX_MS ? EVERY_MAX_MS : pause < EVERY_MIN_MS ? EVERY_MIN_MS : pause;
}

static void on_swept(struct journal_op *op, enum code code, const char *why)
{
    struct sweep *s = (struct sweep *)op;
    const struct journal_sweep *w = &op->u.sweep;
    (void)code;
    (void)why;
    if (w->n_gone > 0)
        log_debug("finished tasks leave the journal", LI("tasks", w->n_gone));
    if (s->c->retention != NULL && w->n_gone > 0)
        dead_letters_count(s->c);
    if (s->c->retention != NULL)
        loop_timer_after(s->c->retention, w->has_more ? AGAIN_MS : pause_ms(s->c->host));
    free(s);
}

static void on_time(void *arg)
{
    struct core *c = arg;
    const struct conf_host *h = c->host;
    const int64_t now = clock_wall_ms();
    struct sweep *s = calloc(1, sizeof *s);
    if (s == NULL) {
        loop_timer_after(c->retention, pause_ms(h));
        return;
    }
    s->c = c;
    s->op.kind = JOURNAL_SWEEP;
    s->op.done = on_swept;
    /* A result that nobody acknowledged became one of the others when its own time was over (kept.c);
     * what this core could not read at its start stays unacknowledged. */
    s->op.u.sweep = (struct journal_sweep){
        .unacknowledged_before_ms = now - h->result_retention_ms - h->history_retention_ms,
        .finished_before_ms = now - h->history_retention_ms,
        .dead_before_ms = now - h->dead_letter_retention_ms,
        .finished_max = h->history_max,
        .dead_max = h->dead_letters_max};
    journal_put(c->journal, &s->op);
}

int retention_init(struct core *c)
{
    c->retention = loop_timer_new(c->loop, on_time, c);
    if (c->retention == NULL)
        return -1;
    loop_timer_after(c->retention, pause_ms(c->host));
    return 0;
}

void retention_clear(struct core *c)
{
    loop_timer_free(c->retention);
    c->retention = NULL;
}
