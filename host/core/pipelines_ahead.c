/* pipelines_ahead.c: tasks that are given to warm workers before these are done with others. Runs in
 * the core. */
#include "core/pipelines_internal.h"
#include "core/tasks.h"

/* Only short, small tasks are given to a worker ahead: what waits behind a long one waits for
 * nothing. */
enum { AHEAD_MAX_US = 1000, AHEAD_MAX_BYTES = 64 * 1024, MEAN_OF = 8 };

void pipeline_be_hungry(struct pipeline *p)
{
    if (p->is_hungry || p->is_retired || p->mode != BOX_WARM)
        return;
    p->is_hungry = true;
    p->next_hungry = p->core->hungry;
    p->core->hungry = p;
}

void pipeline_be_sated(struct pipeline *p)
{
    struct pipeline **at = &p->core->hungry;
    while (p->is_hungry && *at != p)
        at = &(*at)->next_hungry;
    if (p->is_hungry)
        *at = p->next_hungry;
    p->is_hungry = false;
}

void pipeline_forget_runs(struct pipeline *p)
{
    p->mean_run_us = (int64_t)2 * AHEAD_MAX_US;
}

void pipeline_note_run(struct pipeline *p, int64_t run_us)
{
    const int64_t most = (int64_t)MEAN_OF * AHEAD_MAX_US;
    p->mean_run_us += ((run_us < most ? run_us : most) - p->mean_run_us) / MEAN_OF;
}

static bool is_short(const struct pipeline *p, const struct task *t)
{
    return p->mean_run_us < AHEAD_MAX_US && t->bytes <= AHEAD_MAX_BYTES;
}

/* The one with most room. */
struct seat *pipeline_ahead_seat(const struct pipeline *p, const struct task *t)
{
    struct seat *best = NULL;
    unsigned most = 0;
    for (uint32_t i = 0; i < p->slots && is_short(p, t); i++) {
        struct seat *s = &p->seats[i];
        unsigned room = s->box != NULL && seat_knows(s, t) ? box_room(s->box, s->slot) : 0;
        if (room > most)
            best = s;
        most = room > most ? room : most;
    }
    return best;
}

/* What the pipeline has something against ends here. */
static struct task *first_welcome(struct pipeline *p)
{
    struct result *objection;
    struct task *t;
    while ((t = (struct task *)sched_lane_first(p->core->sched, p->lane)) != NULL &&
           (objection = task_objection(t)) != NULL)
        task_finish(p->core, t, objection);
    return t;
}

/* In order, so that nobody waits for a worker while those behind him are served. */
static void write_ahead(struct pipeline *p)
{
    struct task *t;
    struct seat *s;
    if (p->state != PIPELINE_READY || p->mode != BOX_WARM)
        return;
    box_hold(p->seats[0].box);
    while ((t = first_welcome(p)) != NULL && (s = pipeline_ahead_seat(p, t)) != NULL) {
        if (sched_take_ahead(p->core->sched, p->lane) == NULL ||
            task_start_ahead(p->core, t, (uint32_t)(s - p->seats)) < 0)
            return;
    }
}

void pipelines_write_ahead(struct core *c)
{
    struct pipeline *p = c->hungry, *next;
    c->hungry = NULL;
    for (; p != NULL; p = next) {
        next = p->next_hungry;
        p->is_hungry = false;
        write_ahead(p);
        if (p->seats[0].box != NULL)
            box_release(p->seats[0].box);
    }
}
