/*
 * box_recycle.c: warm workers that are replaced. Runs in the core.
 *
 * A worker that has had its tasks, is old, has grown or has made a mistake takes its leave: it says
 * so in the slot page before the end of its last task, closes its plugin and ends. One whose mistake
 * only we can see, or that is to serve another tenant, is killed while it has no task. Either way
 * what was written ahead and is not begun goes back, and the warden starts the next worker.
 */
#include <errno.h>

#include <penstock/plugin.h>

#include "sandbox/box_internal.h"

enum { CLOSE_GRACE_MS = 2000 /* for the plugin's close */ };

/* A plugin that breaks the rules, or says that it has made a mistake: what else is wrong in its
 * memory nobody knows. */
bool slot_is_fault(const struct evidence *e, const struct box_outcome *o)
{
    static const enum code faults[] = {CODE_CONTRACT_VIOLATION, CODE_BAD_RESULT,
                                       CODE_RESULT_TOO_BIG, CODE_NO_RESULT};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        if (o->code == faults[i])
            return true;
    }
    return o->is_refused || (e->has_fail ? e->fail_status : e->run_status) == PEN_E_INTERNAL;
}

static bool is_leaving(const struct slot *s)
{
    const uint32_t last = s->box->limits.recycle_after;
    return (last > 0 && s->tasks_of_worker >= last) ||
           atomic_load(&s->page->leaving) == s->generation;
}

bool slot_is_going(const struct slot *s)
{
    return s->is_condemned || atomic_load(&s->page->leaving) == s->generation;
}

void slot_next(struct slot *s)
{
    const bool is_dying = s->is_deaf || s->is_kill_sent;
    if (!is_dying && slot_is_going(s)) {
        outgoing_drop(&s->out);
        ahead_give_back(s, true);
    }
    if (!is_dying && ahead_promote(s))
        return;
    const bool is_by_itself = is_leaving(s);
    s->state = is_dying || is_by_itself || s->is_condemned ? SLOT_ENDING : SLOT_IDLE;
    if (is_dying)
        loop_timer_after(s->timer, s->is_kill_sent ? WARDEN_PATIENCE_MS : CLOSE_GRACE_MS);
    else if (is_by_itself)
        loop_timer_after(s->timer, CLOSE_GRACE_MS);
    else if (s->is_condemned)
        slot_kill(s, KILL_RECYCLE);
}

bool box_is_fresh(const struct box *b, uint32_t slot)
{
    return slot < b->n_slots && b->slots[slot].tasks_of_worker == 0;
}

int box_recycle(struct box *b, uint32_t slot)
{
    struct slot *s = slot < b->n_slots ? &b->slots[slot] : NULL;
    if (s == NULL || b->mode != BOX_WARM || s->state != SLOT_FREE) {
        errno = EBUSY;
        return -1;
    }
    s->state = SLOT_ENDING;
    slot_kill(s, KILL_RECYCLE);
    return 0;
}
