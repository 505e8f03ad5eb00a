/* warden_output.c: what the processes of a box print: the pipe is always drained, so that nobody
 * blocks on it; the first bytes are passed on in whole lines, the rest is counted. Runs in the
 * warden. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "loop/loop.h"
#include "sandbox/warden_internal.h"

enum {
    READS_A_TURN = 4,
    READS_AT_END = 17, /* a full pipe of 64 KiB, and whatever a zygote may still add ends there */
    WARM_RENEWAL_MS = 1000 /* a warm worker's tasks cannot be told apart here: so much a second */
};

static void send_lines(struct output *o, size_t n)
{
    struct control_log m = {
        .head = {.magic = CHAN_MAGIC, .version = CHAN_VERSION, .type = CONTROL_LOG},
        .slot = o->slot,
        .len = (uint32_t)n,
        .generation = o->generation,
    };
    memcpy(m.bytes, o->line, n);
    const size_t size = offsetof(struct control_log, bytes) + n;
    /* A core that is slow to read loses output, never time. */
    if (n > 0 && fd_send_message(o->warden->setup.control_fd, &m, size, NULL, 0, MSG_DONTWAIT) < 0)
        o->dropped += n;
    memmove(o->line, o->line + n, o->len - n);
    o->len -= n;
}

static size_t whole_lines(const struct output *o)
{
    const char *end = memrchr(o->line, '\n', o->len);
    if (end != NULL)
        return (size_t)(end - o->line) + 1;
    return o->len == sizeof o->line ? o->len : 0;
}

static void renew(struct output *o)
{
    const struct warden *w = o->warden;
    const int64_t now_ms = loop_now_ms(w->loop);
    if (w->mode != BOX_WARM || now_ms - o->renewed_ms < WARM_RENEWAL_MS)
        return;
    o->room = w->setup.limits.log_bytes;
    o->renewed_ms = now_ms;
}

static void keep(struct output *o, const char *bytes, size_t n)
{
    renew(o);
    const size_t kept = n < o->room ? n : (size_t)o->room;
    o->room -= kept;
    o->dropped += n - kept;
    for (size_t at = 0; at < kept;) {
        const size_t space = sizeof o->line - o->len;
        const size_t part = kept - at < space ? kept - at : space;
        memcpy(o->line + o->len, bytes + at, part);
        o->len += part;
        at += part;
        send_lines(o, whole_lines(o));
    }
}

/* 1: there may be more. */
static int read_some(struct output *o)
{
    char bytes[CONTROL_LOG_MAX];
    const ssize_t n = read(o->fd, bytes, sizeof bytes);
    if (n > 0)
        keep(o, bytes, (size_t)n);
    return n > 0 || (n < 0 && errno == EINTR);
}

static void on_output(void *arg, uint32_t events)
{
    struct output *o = arg;
    (void)events;
    for (int i = 0; i < READS_A_TURN; i++) {
        if (!read_some(o))
            break;
    }
    /* All writers are gone: what is left is read when the process has been reaped. */
    if ((events & EPOLLIN) == 0) {
        loop_io_del(o->io);
        o->io = NULL;
    }
}

int warden_output_open(struct output *o, uint32_t slot, uint64_t generation)
{
    struct warden *w = o->warden;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    o->fd = ends[0];
    o->slot = slot;
    o->generation = generation;
    o->room = w->setup.limits.log_bytes;
    o->dropped = 0;
    o->len = 0;
    o->renewed_ms = loop_now_ms(w->loop);
    /* The reading end only: the plugin's own writes wait. */
    if (fcntl(o->fd, F_SETFL, O_NONBLOCK) < 0) {
        fd_close(&o->fd);
        fd_close(&ends[1]);
    }
    return ends[1];
}

int warden_output_read(struct output *o)
{
    o->io = loop_io_add(o->warden->loop, o->fd, EPOLLIN, on_output, o);
    return o->io != NULL ? 0 : -1;
}

void warden_output_close(struct output *o)
{
    if (o->fd < 0)
        return;
    for (int i = 0; i < READS_AT_END; i++) {
        if (!read_some(o))
            break;
    }
    send_lines(o, o->len);
    loop_io_del(o->io);
    o->io = NULL;
    fd_close(&o->fd);
}
