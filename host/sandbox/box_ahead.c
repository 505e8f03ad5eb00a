/* box_ahead.c: tasks that were given to a warm worker ahead of its time. Runs in the core. Each has
 * a cell of the slot page with its nonce in it: whoever turns that into 0, worker or core, has the
 * task (chan.h). So none is run that was taken back, and none is taken back that runs. */
#include <string.h>

#include "sandbox/box_internal.h"

static uint32_t shorter(uint32_t a, uint32_t b)
{
    return a == 0 ? b : b == 0 ? a : a < b ? a : b;
}

static struct ahead *at(struct slot *s, uint32_t place)
{
    return &s->ahead[(s->first_ahead + place) % BOX_DEPTH_MAX];
}

struct ahead ahead_make(struct slot *s, const struct box_task *task, void *user, uint64_t nonce)
{
    struct ahead one = {.user = user,
                        .nonce = nonce,
                        .cell = s->tasks_of_worker++ % SLOT_CELLS,
                        .timeout_ms = task->timeout_ms,
                        .cpu_ms = shorter(task->cpu_ms, s->box->limits.cpu_ms)};
    atomic_store(&s->page->cells[one.cell], nonce);
    return one;
}

void ahead_put(struct slot *s, const struct ahead *task)
{
    *at(s, s->n_ahead++) = *task;
}

bool ahead_promote(struct slot *s)
{
    struct box *b = s->box;
    while (s->n_ahead > 0) {
        struct ahead one = *at(s, 0);
        s->first_ahead = (s->first_ahead + 1) % BOX_DEPTH_MAX;
        s->n_ahead--;
        if (one.user == NULL)
            continue;
        if (b->events.on_head != NULL)
            one.timeout_ms = b->events.on_head(b->arg, b, one.user);
        slot_begin(s, &one);
        if (one.asked != KILL_NONE)
            slot_ask_to_stop(s, one.asked, one.grace_ms);
        return true;
    }
    return false;
}

static bool take_back(struct slot *s, const struct ahead *a)
{
    uint64_t nonce = a->nonce;
    return atomic_compare_exchange_strong(&s->page->cells[a->cell], &nonce, 0);
}

/* The last one may still be on its way into the stream, which cannot do without the rest of it. */
static bool is_unwritten(const struct slot *s, uint32_t place)
{
    return s->out.n > 0 && place + 1 == s->n_ahead;
}

void ahead_give_back(struct slot *s, bool is_dead)
{
    struct box *b = s->box;
    void *users[BOX_DEPTH_MAX];
    uint32_t n = 0;
    /* From the last one on: the worker takes from the other end, so whatever it still takes is
     * older than all that go back. */
    for (uint32_t i = s->n_ahead; i-- > 0;) {
        struct ahead *a = at(s, i);
        if (a->user == NULL || (!is_dead && is_unwritten(s, i)) || !take_back(s, a))
            continue;
        users[n++] = a->user;
        a->user = NULL;
    }
    while (n > 0)
        b->events.on_returned(b->arg, b, s->index, users[--n]);
}

/* A copy of what the worker has gathered, from the place to which its stream was looked at. 0:
 * there is nothing new, or it is just being sent. */
static size_t peek(struct slot *s, bool is_dead, unsigned char *to)
{
    const struct slot_unsent *u = &s->page->unsent;
    const uint64_t turn = atomic_load(&u->turn);
    const uint64_t begin = atomic_load(&u->begin), len = atomic_load(&u->len);
    if ((!is_dead && turn % 2 != 0) || len > SLOT_UNSENT_MAX || begin > s->received ||
        s->received - begin >= len)
        return 0;
    const size_t old = (size_t)(s->received - begin), n = (size_t)len - old;
    memcpy(to, u->bytes + old, n);
    return is_dead || (atomic_load(&u->turn) == turn && atomic_load(&u->begin) == begin) ? n : 0;
}

void ahead_take_unsent(struct slot *s, bool is_dead)
{
    unsigned char *room = s->box->launcher->scratch;
    if (s->box->depth == 1 || s->is_deaf)
        return;
    const size_t n = peek(s, is_dead, room);
    if (n == 0)
        return;
    s->known += n;
    slot_feed(s, room, n);
}

void ahead_forget_unsent(struct slot *s)
{
    struct slot_unsent *u = &s->page->unsent;
    atomic_store(&u->len, 0);
    atomic_store(&u->begin, 0);
    atomic_store(&u->turn, 0);
}

bool ahead_catch_up(struct slot *s)
{
    const uint64_t nonce = s->nonce;
    if (s->n_ahead == 0)
        return false;
    slot_read(s);
    ahead_take_unsent(s, false);
    return s->nonce != nonce;
}

unsigned box_room(const struct box *b, uint32_t slot)
{
    const struct slot *s = slot < b->n_slots ? &b->slots[slot] : NULL;
    if (s == NULL || b->mode != BOX_WARM || b->is_stopping || b->is_killed || s->user == NULL)
        return 0;
    /* Behind what is long, or about to be killed, or still being written, nothing is put. */
    if (s->state != SLOT_RUNNING || s->data_io == NULL || s->is_deaf || s->killed != KILL_NONE ||
        s->is_watched || s->out.n > 0 || slot_is_going(s))
        return 0;
    const uint32_t last = b->limits.recycle_after;
    const uint32_t left = last > 0 ? last - s->tasks_of_worker : UINT32_MAX;
    const uint32_t room = s->n_ahead + 1 < b->depth ? b->depth - 1 - s->n_ahead : 0;
    return left < room ? left : room;
}

static bool cancel_ahead(struct slot *s, const void *user, enum kill_reason reason,
                         int64_t grace_ms)
{
    for (uint32_t i = 0; i < s->n_ahead; i++) {
        struct ahead *a = at(s, i);
        if (a->user != user)
            continue;
        if (!is_unwritten(s, i) && take_back(s, a)) {
            a->user = NULL;
            return true;
        }
        a->asked = reason;
        a->grace_ms = grace_ms;
    }
    return false;
}

bool box_cancel(struct box *b, uint32_t slot, const void *user, enum kill_reason reason,
                int64_t grace_ms)
{
    struct slot *s = slot < b->n_slots ? &b->slots[slot] : NULL;
    if (s == NULL || user == NULL)
        return false;
    if (user != s->user)
        return cancel_ahead(s, user, reason, grace_ms);
    if (s->killed == KILL_NONE)
        slot_ask_to_stop(s, reason, grace_ms);
    return false;
}
