/* box_send.c: a task's bytes on their way to a worker. Runs in the core. Small pieces are gathered,
 * so that a small task is one short write; large ones are written from where the user has them. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "sandbox/box_internal.h"

enum {
    HELD_MAX = 8 * 1024, /* a task up to this may wait for others */
    COPIED_MAX = 4096,   /* a piece up to this is cheaper to copy than to name */
    IOV_KEPT_MAX = 64
};

static uint32_t text_len(const char *s)
{
    return s != NULL ? (uint32_t)strlen(s) : UINT32_MAX;
}

static size_t text_size(uint32_t len)
{
    return len == UINT32_MAX ? 0 : (size_t)len + 1;
}

static size_t copied(size_t n)
{
    return n <= COPIED_MAX ? n : 0;
}

/* Room for everything that is gathered, so that the buffer never moves under the iov. */
static size_t small_size(const struct box_task *t)
{
    size_t n = sizeof(struct data_head) + sizeof(struct data_task) + text_size(text_len(t->id)) +
               text_size(text_len(t->job_id)) + text_size(text_len(t->tenant)) +
               copied(t->params_len) + 1 + copied(t->metadata_len) + 1;
    for (uint32_t i = 0; i < t->n_inputs; i++)
        n += sizeof(struct data_input) + text_size(text_len(t->inputs[i].name)) +
             text_size(text_len(t->inputs[i].media_type)) + DATA_ALIGN + copied(t->inputs[i].len);
    return n;
}

/* At most one part for each piece that is named, one for what is gathered before, between and
 * behind them, and one for what is held. */
static int make_room(struct outgoing *o, const struct box_task *t)
{
    size_t parts = 2 * (3 * (size_t)t->n_inputs + 5) + 2;
    o->n = o->at = 0;
    buf_reset(&o->small);
    o->small.max = SIZE_MAX / 2;
    if (buf_reserve(&o->small, small_size(t)) < 0)
        return -1;
    if (o->iov != NULL && parts <= o->cap)
        return 0;
    struct iovec *iov = calloc(parts, sizeof *iov);
    if (iov == NULL)
        return -1;
    free(o->iov);
    o->iov = iov;
    o->cap = parts;
    return 0;
}

/* Adds bytes; gathered ones lengthen the last part if that is gathered too. */
static void add(struct outgoing *o, size_t *total, const void *bytes, size_t n)
{
    *total += n;
    if (n == 0)
        return;
    if (n > COPIED_MAX) {
        o->iov[o->n++] = (struct iovec){.iov_base = (void *)(uintptr_t)bytes, .iov_len = n};
        return;
    }
    unsigned char *to = o->small.data + o->small.len;
    memcpy(to, bytes, n);
    o->small.len += n;
    struct iovec *last = o->n > 0 ? &o->iov[o->n - 1] : NULL;
    if (last != NULL && (unsigned char *)last->iov_base + last->iov_len == to)
        last->iov_len += n;
    else
        o->iov[o->n++] = (struct iovec){.iov_base = to, .iov_len = n};
}

static void add_text(struct outgoing *o, size_t *total, const char *s)
{
    if (s != NULL)
        add(o, total, s, strlen(s) + 1);
}

static void add_input(struct outgoing *o, size_t *total, const struct box_input *input)
{
    static const unsigned char zeros[DATA_ALIGN];
    const struct data_input head = {text_len(input->name), text_len(input->media_type), input->len};
    add(o, total, &head, sizeof head);
    add_text(o, total, input->name);
    add_text(o, total, input->media_type);
    size_t over = (*total - sizeof(struct data_head)) % DATA_ALIGN;
    add(o, total, zeros, over > 0 ? DATA_ALIGN - over : 0);
    add(o, total, input->bytes, input->len);
}

static struct data_task task_head(const struct box_task *t, uint64_t generation)
{
    return (struct data_task){.generation = generation,
                              .deadline_ms = t->deadline_ms,
                              .attempt = t->attempt,
                              .n_inputs = t->n_inputs,
                              .priority = t->priority,
                              .id_len = text_len(t->id),
                              .job_id_len = text_len(t->job_id),
                              .tenant_len = text_len(t->tenant),
                              .params_len = t->params_len,
                              .metadata_len = t->metadata_len};
}

int outgoing_set(struct outgoing *o, const struct box_task *task, uint64_t nonce,
                 uint64_t generation)
{
    struct data_head head = {DATA_MAGIC, DATA_TASK, nonce, 0};
    const struct data_task fixed = task_head(task, generation);
    size_t total = 0;
    if (make_room(o, task) < 0)
        return -1;
    add(o, &total, &head, sizeof head);
    add(o, &total, &fixed, sizeof fixed);
    add_text(o, &total, task->id);
    add_text(o, &total, task->job_id);
    add_text(o, &total, task->tenant);
    add(o, &total, task->params, task->params_len);
    add(o, &total, "", 1);
    add(o, &total, task->metadata, task->metadata_len);
    add(o, &total, "", 1);
    for (uint32_t i = 0; i < task->n_inputs; i++)
        add_input(o, &total, &task->inputs[i]);
    head.len = total - sizeof head;
    memcpy(o->small.data, &head, sizeof head);
    return 0;
}

bool outgoing_hold(struct outgoing *o)
{
    o->held.max = SIZE_MAX / 2;
    if (o->n != 1 || o->small.len > HELD_MAX || o->iov[0].iov_len != o->small.len ||
        buf_append(&o->held, o->small.data, o->small.len) < 0)
        return false;
    o->n = 0;
    buf_reset(&o->small);
    return true;
}

void outgoing_release(struct outgoing *o)
{
    if (o->held.len == 0)
        return;
    memmove(o->iov + 1, o->iov, o->n * sizeof *o->iov);
    o->iov[0] = (struct iovec){.iov_base = o->held.data, .iov_len = o->held.len};
    o->n++;
}

static void advance(struct outgoing *o, size_t n)
{
    while (o->at < o->n && n >= o->iov[o->at].iov_len)
        n -= o->iov[o->at++].iov_len;
    if (n > 0) {
        o->iov[o->at].iov_base = (char *)o->iov[o->at].iov_base + n;
        o->iov[o->at].iov_len -= n;
    }
}

int outgoing_write(struct outgoing *o, int fd)
{
    while (o->at < o->n) {
        size_t left = o->n - o->at;
        struct msghdr msg = {.msg_iov = o->iov + o->at,
                             .msg_iovlen = left < IOV_MAX ? left : IOV_MAX};
        ssize_t n = sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? 0 : -1;
        advance(o, (size_t)n);
    }
    outgoing_drop(o);
    return 1;
}

void outgoing_drop(struct outgoing *o)
{
    o->n = o->at = 0;
    buf_reset(&o->small);
    buf_reset(&o->held);
    if (o->cap > IOV_KEPT_MAX)
        outgoing_clear(o);
}

void outgoing_clear(struct outgoing *o)
{
    buf_clear(&o->small);
    buf_clear(&o->held);
    free(o->iov);
    *o = (struct outgoing){.iov = NULL};
}
