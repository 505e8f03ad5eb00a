/* client.c: the DEALER side of PEN/1. Runs in shims and the command line. */
#include "wire/client.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zmq.h>

#include "base/buf.h"
#include "base/log.h"
#include "loop/loop.h"
#include "wire/curve.h"

enum { SEND_HWM = 1000, MESSAGES_A_TURN = 64 };

struct wire_client {
    void *context;
    void *socket;
    struct loop_io *io;
    struct loop_timer
        *again; /* libzmq's descriptor is edge-triggered: look once more after each send */
    wire_client_fn fn;
    void *arg;
    struct buf header; /* NUL-ended copy of the header at hand */
    bool is_in_callback;
    bool is_dead; /* freed by its own callback: it goes when that has returned */
};

static void destroy(struct wire_client *c)
{
    loop_io_del(c->io);
    loop_timer_free(c->again);
    if (c->socket != NULL)
        zmq_close(c->socket);
    if (c->context != NULL)
        zmq_ctx_term(c->context);
    buf_clear(&c->header);
    free(c);
}

static size_t receive(struct wire_client *c, zmq_msg_t *frames)
{
    size_t n = 0;
    int more = 1;
    while (more) {
        zmq_msg_t *m = &frames[n < WIRE_FRAMES_HARD_MAX ? n : WIRE_FRAMES_HARD_MAX - 1];
        if (n >= WIRE_FRAMES_HARD_MAX)
            zmq_msg_close(m);
        zmq_msg_init(m);
        if (zmq_msg_recv(m, c->socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(m);
            return n < WIRE_FRAMES_HARD_MAX ? n : WIRE_FRAMES_HARD_MAX - 1;
        }
        more = zmq_msg_more(m);
        n++;
    }
    return n < WIRE_FRAMES_HARD_MAX ? n : WIRE_FRAMES_HARD_MAX;
}

static void deliver(struct wire_client *c, const struct wire_view *views, size_t n)
{
    static const struct wire_limits no_limits = {0};
    struct wire_message m;
    enum wire_fault fault = wire_parse(views, n, 0, &no_limits, &m);
    if (fault != WIRE_OK || m.verb == WIRE_UNKNOWN) {
        log_warn("message from the host is not understood", LS("reason", wire_fault_text(fault)));
        return;
    }
    buf_reset(&c->header);
    if (buf_append(&c->header, m.header.data, m.header.len) < 0 || buf_cstr(&c->header) == NULL) {
        log_error("no memory for a message", LS("verb", wire_verb_name(m.verb)));
        return;
    }
    c->fn(c->arg, m.verb, (const char *)c->header.data, m.header.len, m.body, m.n_body);
}

/* Whether there may be more. */
static bool serve_one(struct wire_client *c)
{
    zmq_msg_t frames[WIRE_FRAMES_HARD_MAX];
    struct wire_view views[WIRE_FRAMES_HARD_MAX];
    size_t n = receive(c, frames);
    for (size_t i = 0; i < n; i++)
        views[i] = (struct wire_view){zmq_msg_data(&frames[i]), zmq_msg_size(&frames[i])};
    if (n > 0) {
        c->is_in_callback = true;
        deliver(c, views, n);
        c->is_in_callback = false;
    }
    for (size_t i = 0; i < n; i++)
        zmq_msg_close(&frames[i]);
    return n > 0 && !c->is_dead;
}

static void serve(struct wire_client *c)
{
    int left = MESSAGES_A_TURN;
    while (left > 0 && serve_one(c))
        left--;
    if (c->is_dead)
        destroy(c);
    else if (left == 0)
        loop_timer_after(c->again, 0);
}

static void on_io(void *arg, uint32_t events)
{
    (void)events;
    serve(arg);
}

static void on_again(void *arg)
{
    serve(arg);
}

/* An ipc socket that is not there would be waited for in silence. */
static int check_path(const char *endpoint)
{
    return strncmp(endpoint, "ipc:///", 7) == 0 ? access(endpoint + 6, F_OK) : 0;
}

/* Both keys of a connection; host NULL: a plain one. */
struct keys {
    const struct curve_key *host;
    const struct curve_pair *self;
};

static int set_keys(void *socket, const struct keys *k)
{
    if (k->host == NULL)
        return 0;
    if (zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, k->host->bytes, CURVE_BYTES) < 0 ||
        zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, k->self->public_part.bytes, CURVE_BYTES) < 0)
        return -1;
    return zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, k->self->secret, CURVE_BYTES);
}

static int connect_to(struct wire_client *c, struct loop *loop, const char *endpoint,
                      const struct keys *keys)
{
    int fd, hwm = SEND_HWM, linger = 0;
    size_t size = sizeof fd;
    c->context = zmq_ctx_new();
    c->socket = c->context != NULL ? zmq_socket(c->context, ZMQ_DEALER) : NULL;
    if (c->socket == NULL || zmq_setsockopt(c->socket, ZMQ_SNDHWM, &hwm, sizeof hwm) < 0 ||
        zmq_setsockopt(c->socket, ZMQ_LINGER, &linger, sizeof linger) < 0 ||
        set_keys(c->socket, keys) < 0 || zmq_connect(c->socket, endpoint) < 0 ||
        zmq_getsockopt(c->socket, ZMQ_FD, &fd, &size) < 0)
        return -1;
    c->again = loop_timer_new(loop, on_again, c);
    c->io = c->again != NULL ? loop_io_add(loop, fd, EPOLLIN, on_io, c) : NULL;
    if (c->io == NULL)
        return -1;
    loop_timer_after(c->again, 0);
    return 0;
}

static struct wire_client *client_new(struct loop *loop, const char *endpoint,
                                      const struct keys *keys, wire_client_fn fn, void *arg)
{
    if (check_path(endpoint) < 0)
        return NULL;
    struct wire_client *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    c->fn = fn;
    c->arg = arg;
    buf_init(&c->header, SIZE_MAX / 2);
    if (connect_to(c, loop, endpoint, keys) < 0) {
        int saved = errno;
        wire_client_free(c, 0);
        errno = saved;
        return NULL;
    }
    return c;
}

struct wire_client *wire_client_new(struct loop *loop, const char *endpoint, wire_client_fn fn,
                                    void *arg)
{
    const struct keys none = {.host = NULL};
    return client_new(loop, endpoint, &none, fn, arg);
}

struct wire_client *wire_client_new_curve(struct loop *loop, const char *endpoint,
                                          const struct curve_key *host,
                                          const struct curve_pair *self, wire_client_fn fn,
                                          void *arg)
{
    const struct keys keys = {.host = host, .self = self};
    return client_new(loop, endpoint, &keys, fn, arg);
}

void wire_client_free(struct wire_client *c, int linger_ms)
{
    if (c == NULL)
        return;
    if (c->socket != NULL)
        zmq_setsockopt(c->socket, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
    c->is_dead = true;
    if (!c->is_in_callback)
        destroy(c);
}

int wire_client_send(struct wire_client *c, enum wire_verb verb, const char *header,
                     size_t header_len, const struct wire_view *body, size_t n_body)
{
    const char *name = wire_verb_name(verb);
    /* Only the first frame can be refused for want of room. */
    if (zmq_send(c->socket, WIRE_PROTOCOL, sizeof WIRE_PROTOCOL - 1, ZMQ_SNDMORE | ZMQ_DONTWAIT) <
        0)
        return -1;
    int rc = zmq_send(c->socket, name, strlen(name), ZMQ_SNDMORE | ZMQ_DONTWAIT);
    if (rc >= 0)
        rc = zmq_send(c->socket, header, header_len, ZMQ_DONTWAIT | (n_body > 0 ? ZMQ_SNDMORE : 0));
    for (size_t i = 0; i < n_body && rc >= 0; i++)
        rc = zmq_send(c->socket, body[i].data, body[i].len,
                      ZMQ_DONTWAIT | (i + 1 < n_body ? ZMQ_SNDMORE : 0));
    loop_timer_after(c->again, 0);
    return rc < 0 ? -1 : 0;
}
