/* started.c: durable tasks at work, in the order in which they began. Runs in the core. */
#include "core/durable.h"
#include "core/retries.h"
#include "core/tasks.h"
#include "loop/loop.h"

enum { WHILE_MS = 250 };

void started_end(struct core *c, struct task *t)
{
    if (!t->is_watched)
        return;
    *(t->began_before != NULL ? &t->began_before->began_after : &c->began.first) = t->began_after;
    *(t->began_after != NULL ? &t->began_after->began_before : &c->began.last) = t->began_before;
    t->is_watched = false;
}

void started_begin(struct core *c, struct task *t)
{
    if (!t->is_durable)
        return;
    started_end(c, t);
    t->began_ms = loop_now_ms(c->loop);
    t->began_before = c->began.last;
    t->began_after = NULL;
    *(c->began.last != NULL ? &c->began.last->began_after : &c->began.first) = t;
    c->began.last = t;
    t->is_watched = true;
    if (!loop_timer_is_set(c->while_timer))
        loop_timer_after(c->while_timer, WHILE_MS);
}

static void on_while(void *arg)
{
    struct core *c = arg;
    const int64_t now = loop_now_ms(c->loop);
    while (c->began.first != NULL && now - c->began.first->began_ms >= WHILE_MS) {
        struct task *t = c->began.first;
        started_end(c, t);
        t->is_noted = true;
        durable_note(c, t, NOTE_STARTED, (uint32_t)t->box.attempt, 0, NULL);
    }
    if (c->began.first != NULL)
        loop_timer_after(c->while_timer, c->began.first->began_ms + WHILE_MS - now);
}

int started_init(struct core *c)
{
    c->while_timer = loop_timer_new(c->loop, on_while, c);
    return c->while_timer != NULL ? 0 : -1;
}

void started_clear(struct core *c)
{
    loop_timer_free(c->while_timer);
    c->while_timer = NULL;
}
