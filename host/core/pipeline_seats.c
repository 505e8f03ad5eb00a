/*
 * pipeline_seats.c: which worker a task gets. Runs in the core.
 *
 * A warm worker serves one tenant, because whatever a task leaves in its memory the next one can
 * read. A task gets a free worker that knows its tenant, or else one that has served nobody yet.
 * Where there is neither, and its tenant's workers have no room for a short task ahead, the worker
 * that has been idle longest is replaced, and the task waits for that seat alone: those behind it
 * go on, and no other tenant can take the seat from it.
 */
#include <string.h>

#include "core/peers.h"
#include "core/pipelines_internal.h"
#include "core/tasks.h"
#include "loop/loop.h"

/* ---- tenants
 * -------------------------------------------------------------------------------------- */

bool seat_knows(const struct seat *s, const struct task *t)
{
    if (!s->has_tenant)
        return false;
    if (t->tenant == NULL)
        return s->tenant.owner == t->owner->number;
    return s->tenant.owner == 0 && strcmp(s->tenant.name, t->tenant) == 0;
}

/* A name has at most TENANT_MAX bytes: submit_read.c. */
static void learn_tenant(struct seat *s, const struct task *t)
{
    s->has_tenant = true;
    s->tenant.owner = t->tenant == NULL ? t->owner->number : 0;
    if (t->tenant != NULL)
        memcpy(s->tenant.name, t->tenant, strlen(t->tenant) + 1);
}

/* ---- finding a seat
 * ------------------------------------------------------------------------------- */

/* One that may serve the task as it is. */
static struct seat *find_free(struct pipeline *p, const struct task *t)
{
    struct seat *fresh = NULL;
    for (uint32_t i = 0; i < p->slots; i++) {
        struct seat *s = &p->seats[i];
        if (s->is_free && (p->mode != BOX_WARM || seat_knows(s, t)))
            return s;
        if (s->is_free && !s->has_tenant && fresh == NULL)
            fresh = s;
    }
    return fresh;
}

static struct seat *longest_idle(struct pipeline *p)
{
    struct seat *best = NULL;
    for (uint32_t i = 0; i < p->slots; i++) {
        struct seat *s = &p->seats[i];
        if (s->is_free && (best == NULL || s->used_ms < best->used_ms))
            best = s;
    }
    return best;
}

static void take_seat(struct pipeline *p, struct seat *s, struct task *t)
{
    s->is_free = false;
    s->used_ms = loop_now_ms(p->core->loop);
    if (p->mode == BOX_WARM)
        learn_tenant(s, t);
    t->slot = (uint32_t)(s - p->seats);
    loop_timer_off(p->idle);
}

static void replace_worker(struct seat *s)
{
    s->is_free = false;
    s->has_tenant = false;
    box_recycle(s->box, s->slot);
}

static enum place wait_for_worker(struct pipeline *p, struct task *t)
{
    struct seat *s = longest_idle(p);
    replace_worker(s);
    s->waits = t;
    t->slot = (uint32_t)(s - p->seats);
    t->is_reserved = true;
    return PLACE_LATER;
}

static void hold(struct pipeline *p)
{
    if (p->mode != BOX_WARM)
        return;
    box_hold(p->seats[0].box); /* until pipelines_write_ahead, which follows */
    pipeline_be_hungry(p);
}

enum place pipeline_place(struct pipeline *p, struct task *t)
{
    struct seat *s = find_free(p, t);
    if (s != NULL) {
        take_seat(p, s, t);
        hold(p);
        return PLACE_NOW;
    }
    s = pipeline_ahead_seat(p, t);
    if (s == NULL)
        return wait_for_worker(p, t);
    hold(p);
    t->slot = (uint32_t)(s - p->seats);
    return PLACE_AHEAD;
}

int pipeline_run(struct pipeline *p, struct task *t)
{
    const struct seat *s = &p->seats[t->slot];
    return box_run(s->box, s->slot, &t->box, t);
}

bool pipeline_cancel(const struct task *t, enum kill_reason reason, int64_t grace_ms)
{
    const struct seat *s = &t->pipeline->seats[t->slot];
    return box_cancel(s->box, s->slot, t, reason, grace_ms);
}

void pipeline_unreserve(const struct task *t)
{
    t->pipeline->seats[t->slot].waits = NULL;
}

/* ---- what becomes of seats
 * ------------------------------------------------------------------------- */

static void welcome_worker(struct pipeline *p, struct seat *s)
{
    const int64_t age_ms = p->conf->recycle_age_ms;
    s->has_tenant = false;
    s->born_ms = loop_now_ms(p->core->loop);
    if (p->mode == BOX_WARM && age_ms > 0 && !loop_timer_is_set(p->age))
        loop_timer_after(p->age, age_ms);
}

void seat_is_free(struct pipeline *p, struct seat *s)
{
    struct task *t = s->waits;
    if (box_is_fresh(s->box, s->slot))
        welcome_worker(p, s);
    if (t == NULL) {
        s->is_free = true;
        sched_add_slot(p->core->sched, p->lane);
        return;
    }
    s->waits = NULL;
    t->is_reserved = false;
    take_seat(p, s, t);
    task_start(p->core, t);
}

static void close_seat(struct pipeline *p, struct seat *s)
{
    if (s->is_free)
        sched_take_slot(p->core->sched, p->lane);
    s->is_free = false;
}

void seats_unreserve(struct pipeline *p)
{
    for (uint32_t i = 0; i < p->slots; i++) {
        struct task *t = p->seats[i].waits;
        if (t != NULL)
            task_unreserved(p->core, t);
        p->seats[i].waits = NULL;
    }
}

void seats_close(struct pipeline *p)
{
    for (uint32_t i = 0; i < p->slots; i++)
        close_seat(p, &p->seats[i]);
}

void seats_lose(struct pipeline *p, const struct box *b)
{
    for (uint32_t i = 0; i < p->slots; i++) {
        struct seat *s = &p->seats[i];
        if (s->box != b)
            continue;
        close_seat(p, s);
        if (s->waits != NULL)
            task_unreserved(p->core, s->waits);
        *s = (struct seat){.box = NULL};
    }
}

/* Workers that are at work look at their age themselves, between two tasks. */
void pipeline_on_age(void *arg)
{
    struct pipeline *p = arg;
    const int64_t now_ms = loop_now_ms(p->core->loop);
    int64_t next_ms = INT64_MAX;
    for (uint32_t i = 0; i < p->slots; i++) {
        struct seat *s = &p->seats[i];
        const int64_t due_ms = s->born_ms + p->conf->recycle_age_ms;
        if (s->box != NULL && due_ms > now_ms) {
            next_ms = due_ms < next_ms ? due_ms : next_ms;
        } else if (s->is_free && s->has_tenant) {
            close_seat(p, s);
            replace_worker(s);
        }
    }
    if (next_ms < INT64_MAX)
        loop_timer_after(p->age, next_ms - now_ms);
}
