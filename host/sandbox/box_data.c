/* box_data.c: reads and writes a slot's data channel. Runs in the core. */
#include <errno.h>
#include <sys/socket.h>

#include "sandbox/box_internal.h"

enum { BYTES_A_TURN = 1024 * 1024 /* then others come first */ };

static void take_scan_frame(struct slot *s, const struct data_frame *f)
{
    struct box *b = s->box;
    if (b->has_descriptor || f->nonce != 0)
        return;
    b->has_descriptor = true;
    if (b->events.on_descriptor != NULL)
        b->events.on_descriptor(b->arg, b, (const char *)f->body, f->body_len);
}

static void take_frame(struct slot *s, const struct data_frame *f)
{
    if (s->box->mode == BOX_SCAN) {
        take_scan_frame(s, f);
        return;
    }
    /* A thread that a warm worker's last task left behind may still talk about it. */
    if (f->nonce == s->last_nonce && s->last_nonce != 0)
        return;
    if (s->user == NULL || f->nonce != s->nonce) {
        claim_break(s, "a frame of a task that is not at work here");
        return;
    }
    claim_take(s, f);
    if (!s->claim.is_done || s->box->mode != BOX_WARM || s->is_deaf)
        return;
    if (s->n_ahead == 0 && s->out.n > 0)
        claim_break(s, "the end of a task that was not read");
    else
        slot_finish(s, NULL);
}

static void take_frames(struct slot *s)
{
    struct data_frame frame;
    enum data_rc rc = DATA_FRAME;
    while (!s->is_deaf && (rc = data_reader_next(&s->in, &frame)) == DATA_FRAME)
        take_frame(s, &frame);
    if (rc == DATA_BROKEN)
        claim_break(s, "%s", s->in.what);
    else if (rc == DATA_TOO_BIG)
        claim_too_big(s, s->in.what);
}

void slot_feed(struct slot *s, const void *bytes, size_t n)
{
    s->received += n;
    data_reader_feed(&s->in, bytes, n);
    take_frames(s);
}

/* Bytes that were seen in the page before they came. */
static void feed_new(struct slot *s, const unsigned char *bytes, size_t n)
{
    size_t old = s->known < n ? (size_t)s->known : n;
    s->known -= old;
    if (n > old)
        slot_feed(s, bytes + old, n - old);
}

/* One read: bytes, 0 at the end of the stream, -1 with errno. *is_full: there may be more. */
static ssize_t read_once(struct slot *s, bool *is_full)
{
    struct launcher *l = s->box->launcher;
    size_t room = sizeof l->scratch;
    void *at = s->is_deaf || s->known > 0 ? NULL : data_reader_room(&s->in, &room);
    bool is_direct = at != NULL;
    ssize_t n;
    do {
        n = recv(s->data_fd, is_direct ? at : l->scratch, room, MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    *is_full = n > 0 && (size_t)n == room;
    if (n <= 0)
        return n;
    if (is_direct) {
        s->received += (uint64_t)n;
        data_reader_filled(&s->in, (size_t)n);
        take_frames(s);
    } else {
        feed_new(s, l->scratch, (size_t)n);
    }
    return n;
}

/* Nothing will come any more; the launcher or the warden says why. */
static void end_of_stream(struct slot *s)
{
    loop_io_del(s->data_io);
    s->data_io = NULL;
}

void slot_read(struct slot *s)
{
    bool is_full = true;
    for (size_t total = 0; is_full && total < BYTES_A_TURN;) {
        ssize_t n = read_once(s, &is_full);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            end_of_stream(s);
        if (n <= 0)
            return;
        total += (size_t)n;
    }
}

void slot_drain(struct slot *s)
{
    bool is_full;
    while (read_once(s, &is_full) > 0)
        ;
}

static void write_some(struct slot *s)
{
    int rc = outgoing_write(&s->out, s->data_fd);
    if (rc == 0)
        return;
    if (rc < 0)
        outgoing_drop(&s->out);
    loop_io_set(s->data_io, EPOLLIN);
    if (s->box->is_stopping)
        slot_stop(s);
}

void slot_on_data(void *arg, uint32_t events)
{
    struct slot *s = arg;
    if (events & EPOLLOUT)
        write_some(s);
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        slot_read(s);
    slot_announce(s);
}
