/* frames_out.c: a worker's frames to the core. Runs in tasks and warm workers. */
#include "sandbox/frames_out.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

enum { WAIT_MAX_US = 200 };

void frames_out_init(struct frames_out *o, int fd, struct slot_unsent *unsent)
{
    o->fd = fd;
    o->nonce = 0;
    o->len = 0;
    o->sent = 0;
    o->since_us = 0;
    o->unsent = unsent;
    pthread_mutex_init(&o->lock, NULL);
}

static void publish(struct frames_out *o)
{
    atomic_store_explicit(&o->unsent->len, o->len, memory_order_release);
}

void frames_out_begin(struct frames_out *o, uint64_t nonce)
{
    pthread_mutex_lock(&o->lock);
    if (o->sent == 0 && o->len == 0) {
        atomic_store(&o->unsent->len, 0);
        atomic_store(&o->unsent->begin, 0);
        atomic_store(&o->unsent->turn, 0);
    }
    o->nonce = nonce;
    pthread_mutex_unlock(&o->lock);
}

void frames_out_end(struct frames_out *o)
{
    pthread_mutex_lock(&o->lock);
    o->nonce = 0;
    if (o->since_us == 0 && o->len > 0)
        o->since_us = clock_mono_us();
    pthread_mutex_unlock(&o->lock);
}

/* Steps over n bytes that were written; returns how many parts are left. */
static size_t advance(struct iovec **iov, size_t count, size_t n)
{
    while (count > 0 && n >= (*iov)->iov_len) {
        n -= (*iov)->iov_len;
        (*iov)++;
        count--;
    }
    if (count > 0) {
        (*iov)->iov_base = (char *)(*iov)->iov_base + n;
        (*iov)->iov_len -= n;
    }
    return count;
}

static _Noreturn void give_up(void)
{
    /* Bytes that the plugin does not have: the same end as if we had copied them. */
    if (errno == EFAULT)
        raise(SIGSEGV);
    _exit(0);
}

static void write_all(int fd, struct iovec *iov, size_t count)
{
    count = advance(&iov, count, 0);
    while (count > 0) {
        ssize_t n = writev(fd, iov, (int)count);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            give_up();
        count = advance(&iov, count, (size_t)n);
    }
}

/* What is gathered, the first of the parts, and the rest. */
static void write_parts(struct frames_out *o, struct iovec *iov, size_t count)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += iov[i].iov_len;
    atomic_fetch_add(&o->unsent->turn, 1);
    write_all(o->fd, iov, count);
    o->sent += total;
    o->len = 0;
    o->since_us = 0;
    atomic_store(&o->unsent->begin, o->sent);
    atomic_store(&o->unsent->len, 0);
    atomic_fetch_add(&o->unsent->turn, 1);
}

static void flush_locked(struct frames_out *o)
{
    struct iovec iov = {.iov_base = o->unsent->bytes, .iov_len = o->len};
    if (o->len > 0)
        write_parts(o, &iov, 1);
}

static void gather(struct frames_out *o, const struct iovec *parts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (parts[i].iov_len > 0)
            memcpy(o->unsent->bytes + o->len, parts[i].iov_base, parts[i].iov_len);
        o->len += parts[i].iov_len;
    }
    publish(o);
}

static size_t length_of(const struct iovec *parts, size_t n)
{
    size_t len = 0;
    for (size_t i = 0; i < n; i++)
        len += parts[i].iov_len;
    return len;
}

static void put_locked(struct frames_out *o, enum data_type type, const struct iovec *parts,
                       size_t n, uint64_t more)
{
    struct data_head head = {DATA_MAGIC, type, o->nonce, length_of(parts, n) + more};
    struct iovec iov[FRAMES_OUT_PARTS_MAX + 2];
    const size_t total = sizeof head + length_of(parts, n);

    iov[1] = (struct iovec){.iov_base = &head, .iov_len = sizeof head};
    memcpy(iov + 2, parts, n * sizeof *parts);
    if (total <= FRAMES_OUT_ROOM - o->len) {
        gather(o, iov + 1, n + 1);
        return;
    }
    iov[0] = (struct iovec){.iov_base = o->unsent->bytes, .iov_len = o->len};
    write_parts(o, iov, n + 2);
}

void frames_out_put(struct frames_out *o, enum data_type type, const struct iovec *parts, size_t n)
{
    pthread_mutex_lock(&o->lock);
    if (o->nonce != 0)
        put_locked(o, type, parts, n, 0);
    pthread_mutex_unlock(&o->lock);
}

/* The rest of the room takes the next piece of the file; zeros once the file has failed. */
static int put_piece(struct frames_out *o, int fd, uint64_t at, size_t n, int failed)
{
    unsigned char *to = o->unsent->bytes + o->len;
    ssize_t got = failed ? -1 : pread(fd, to, n, (off_t)at);
    if (got < 0 || (size_t)got < n) {
        size_t good = got > 0 ? (size_t)got : 0;
        memset(to + good, 0, n - good);
        failed = 1;
    }
    o->len += n;
    flush_locked(o);
    return failed;
}

int frames_out_put_file(struct frames_out *o, enum data_type type, const struct iovec *parts,
                        size_t n, int fd, uint64_t size)
{
    int failed = 0;
    pthread_mutex_lock(&o->lock);
    if (o->nonce != 0) {
        put_locked(o, type, parts, n, size);
        for (uint64_t at = 0; at < size;) {
            size_t room = FRAMES_OUT_ROOM - o->len;
            size_t step = size - at < room ? (size_t)(size - at) : room;
            failed = put_piece(o, fd, at, step, failed);
            at += step;
        }
    }
    pthread_mutex_unlock(&o->lock);
    if (failed)
        errno = EIO;
    return failed ? -1 : 0;
}

void frames_out_flush(struct frames_out *o)
{
    pthread_mutex_lock(&o->lock);
    flush_locked(o);
    pthread_mutex_unlock(&o->lock);
}

void frames_out_flush_old(struct frames_out *o)
{
    pthread_mutex_lock(&o->lock);
    if (o->since_us != 0 && clock_mono_us() - o->since_us > WAIT_MAX_US)
        flush_locked(o);
    pthread_mutex_unlock(&o->lock);
}
