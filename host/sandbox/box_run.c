/* box_run.c: gives tasks to the workers of a box. Runs in the core. */
#include <errno.h>

#include "sandbox/box_internal.h"

/* Nonce first: a worker that sees its generation sees what belongs to it. */
static void announce_task(struct slot *s, uint64_t nonce)
{
    s->page->crash.is_set = 0;
    atomic_store(&s->page->task_nonce, nonce);
    atomic_store(&s->page->generation, s->generation);
}

/* An error here means that the worker is gone; the news of its death is on the way. */
static void send_out(struct slot *s)
{
    outgoing_release(&s->out);
    /* A worker may have closed its own direction only; then nobody wakes us, and time runs out. */
    if (outgoing_write(&s->out, s->data_fd) == 0 && s->data_io != NULL)
        loop_io_set(s->data_io, EPOLLIN | EPOLLOUT);
}

static bool is_busy(const struct box *b, uint32_t slot)
{
    return b->slots[slot].state != SLOT_FREE && box_room(b, slot) == 0;
}

int box_run(struct box *b, uint32_t slot, const struct box_task *task, void *user)
{
    if (slot >= b->n_slots || user == NULL || is_busy(b, slot)) {
        errno = slot < b->n_slots && user != NULL ? EBUSY : EINVAL;
        return -1;
    }
    struct slot *s = &b->slots[slot];
    const uint64_t nonce = launcher_nonce(b->launcher);
    if (outgoing_set(&s->out, task, nonce, s->generation) < 0)
        return -1;
    const struct ahead one = ahead_make(s, task, user, nonce);
    if (s->state == SLOT_FREE) {
        announce_task(s, nonce);
        slot_begin(s, &one);
    } else {
        ahead_put(s, &one);
    }
    if (!b->is_held || !outgoing_hold(&s->out))
        send_out(s);
    return 0;
}

void box_hold(struct box *b)
{
    b->is_held = b->mode == BOX_WARM;
}

void box_release(struct box *b)
{
    for (uint32_t i = 0; b->is_held && i < b->n_slots; i++) {
        if (b->slots[i].out.held.len > 0 && b->slots[i].out.n == 0)
            send_out(&b->slots[i]);
    }
    b->is_held = false;
}
