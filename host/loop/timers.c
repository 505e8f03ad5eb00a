/* timers.c: the loop's timers, in one heap by monotonic time. One that stands for a promise on the wall
 * clock is set anew when that clock is set. */
#include <stdlib.h>

#include "base/clock.h"
#include "loop/loop_internal.h"

/* The wall clock is looked at this often while something waits for it, and what it differs by after a
 * step; less is the loop's own delay, or a clock that is led slowly to the right time. */
enum { TIMERS_A_TURN = 256, WAIT_MAX_MS = 3600000, LOOK_MS = 500, STEP_MS = 50 };

struct loop_timer {
    struct heap_node node; /* first: the heap's nodes are these */
    struct loop_timer *prev, *next;
    int64_t at_ms;
    int64_t wall_ms; /* epoch: the promise that at_ms stands for; 0: none */
    uint64_t number; /* of all settings; decides between equal times */
    struct loop *loop;
    loop_timer_fn fn;
    void *arg;
};

static int is_earlier(const struct heap_node *a, const struct heap_node *b)
{
    const struct loop_timer *x = (const struct loop_timer *)a, *y = (const struct loop_timer *)b;
    return x->at_ms != y->at_ms ? x->at_ms < y->at_ms : x->number < y->number;
}

void timers_init(struct loop *l)
{
    heap_init(&l->timers, is_earlier);
    l->wall_offset_ms = clock_wall_ms() - l->now_ms;
}

void timers_clear(struct loop *l)
{
    for (struct loop_timer *t = l->all_timers, *next; t != NULL; t = next) {
        next = t->next;
        free(t);
    }
    heap_clear(&l->timers);
}

struct loop_timer *loop_timer_new(struct loop *l, loop_timer_fn fn, void *arg)
{
    if (heap_reserve(&l->timers, l->n_timers + 1) < 0)
        return NULL;
    struct loop_timer *t = malloc(sizeof *t);
    if (t == NULL)
        return NULL;
    *t = (struct loop_timer){.next = l->all_timers, .loop = l, .fn = fn, .arg = arg};
    if (l->all_timers != NULL)
        l->all_timers->prev = t;
    l->all_timers = t;
    l->n_timers++;
    return t;
}

/* Puts it where it belongs; loop_timer_new has made room. wall_ms: the promise, 0: none. */
static void set_timer(struct loop_timer *t, int64_t at_ms, int64_t wall_ms)
{
    struct loop *l = t->loop;
    l->n_wall += (wall_ms != 0) - (size_t)(t->wall_ms != 0);
    t->at_ms = at_ms;
    t->wall_ms = wall_ms;
    t->number = ++l->n_set;
    if (t->node.index != 0)
        heap_moved(&l->timers, &t->node);
    else
        heap_put(&l->timers, &t->node);
}

void loop_timer_after(struct loop_timer *t, int64_t delay_ms)
{
    /* From the clock and not from the turn's start: a long turn must not shorten a limit. "Now" is
     * the turn's time, so that the end of this turn finds it. */
    set_timer(t, delay_ms > 0 ? clock_mono_ms() + delay_ms : t->loop->now_ms, 0);
}

void loop_timer_at(struct loop_timer *t, int64_t wall_ms)
{
    int64_t left = wall_ms - clock_wall_ms();
    set_timer(t, left > 0 ? clock_mono_ms() + left : t->loop->now_ms, wall_ms > 0 ? wall_ms : 1);
}

void loop_timer_off(struct loop_timer *t)
{
    t->loop->n_wall -= t->wall_ms != 0;
    t->wall_ms = 0;
    heap_take(&t->loop->timers, &t->node);
}

int loop_timer_is_set(const struct loop_timer *t)
{
    return t->node.index != 0;
}

void loop_timer_free(struct loop_timer *t)
{
    if (t == NULL)
        return;
    struct loop *l = t->loop;
    loop_timer_off(t);
    if (t->prev != NULL)
        t->prev->next = t->next;
    else
        l->all_timers = t->next;
    if (t->next != NULL)
        t->next->prev = t->prev;
    l->n_timers--;
    free(t);
}

/* Somebody has set the wall clock: what was promised by it comes sooner or later than thought. */
static void follow_wall_clock(struct loop *l)
{
    int64_t offset = clock_wall_ms() - clock_mono_ms();
    if (llabs(offset - l->wall_offset_ms) < STEP_MS)
        return;
    l->wall_offset_ms = offset;
    for (struct loop_timer *t = l->all_timers; t != NULL; t = t->next) {
        if (t->wall_ms != 0)
            loop_timer_at(t, t->wall_ms);
    }
}

/* Due by the monotonic clock, and by the wall clock if it was promised by that one; else it is set
 * again. */
static bool is_due(struct loop_timer *t)
{
    if (t->wall_ms == 0 || clock_wall_ms() >= t->wall_ms)
        return true;
    loop_timer_at(t, t->wall_ms);
    return false;
}

/* Bounded, and timers that these set to "now" wait for the next turn: they must not starve the
 * descriptors. */
void timers_run(struct loop *l)
{
    if (l->n_wall > 0)
        follow_wall_clock(l);
    uint64_t last = l->n_set;
    for (int i = 0; i < TIMERS_A_TURN; i++) {
        struct loop_timer *t = (struct loop_timer *)heap_first(&l->timers);
        if (t == NULL || t->at_ms > l->now_ms || t->number > last)
            return;
        if (!is_due(t))
            continue;
        loop_timer_off(t);
        t->fn(t->arg);
    }
}

int timers_wait(const struct loop *l, int timeout_ms)
{
    const struct loop_timer *t = (const struct loop_timer *)heap_first(&l->timers);
    if (t == NULL)
        return timeout_ms;
    int64_t most = l->n_wall > 0 ? LOOK_MS : WAIT_MAX_MS, left = t->at_ms - clock_mono_ms();
    left = left < 0 ? 0 : left > most ? most : left;
    return timers_shorter(timeout_ms, (int)left);
}
