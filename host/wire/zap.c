/* zap.c: answers libzmq's question whether a peer may come in. Runs in the core. */
#include "wire/zap.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <zmq.h>

#include "base/log.h"
#include "loop/loop.h"

/* In the order of RFC 27. */
enum {
    FRAME_VERSION,
    FRAME_ID,
    FRAME_DOMAIN,
    FRAME_ADDRESS,
    FRAME_ROUTING_ID,
    FRAME_MECHANISM,
    FRAME_KEY,
    FRAMES
};
enum { FRAMES_ROOM = FRAMES + 1, REQUESTS_A_TURN = 64 };

static const char endpoint[] = "inproc://zeromq.zap.01", version[] = "1.0";

struct zap {
    void *socket;
    struct loop_io *io;
    struct loop_timer *again; /* libzmq's descriptor is edge-triggered */
    zap_fn fn;
    void *arg;
};

static bool is_text(struct wire_view frame, const char *text)
{
    return frame.len == strlen(text) && memcmp(frame.data, text, frame.len) == 0;
}

static void copy_address(char *to, struct wire_view frame)
{
    const size_t n = frame.len < ZAP_ADDRESS_MAX ? frame.len : ZAP_ADDRESS_MAX;
    memcpy(to, frame.data, n);
    to[n] = '\0';
}

const char *zap_parse(const struct wire_view *frames, size_t n, struct zap_request *out)
{
    *out = (struct zap_request){.id = {"", 0}};
    if (n > FRAME_ID)
        out->id = frames[FRAME_ID];
    if (n != FRAMES)
        return "expected seven frames";
    copy_address(out->address, frames[FRAME_ADDRESS]);
    if (!is_text(frames[FRAME_VERSION], version))
        return "expected version 1.0";
    if (!is_text(frames[FRAME_DOMAIN], ZAP_DOMAIN))
        return "expected another domain";
    if (!is_text(frames[FRAME_MECHANISM], "CURVE"))
        return "expected CURVE";
    if (frames[FRAME_KEY].len != CURVE_BYTES)
        return "expected a key of 32 bytes";
    memcpy(out->key.bytes, frames[FRAME_KEY].data, CURVE_BYTES);
    return NULL;
}

/* ---- the socket
 * ----------------------------------------------------------------------------------- */

/* Frames of the next request, 0 if there is none; those past FRAMES_ROOM are thrown away. */
static size_t receive(struct zap *z, zmq_msg_t *frames)
{
    zmq_msg_t rest;
    size_t n = 0;
    int more = 1;
    while (more) {
        zmq_msg_t *m = n < FRAMES_ROOM ? &frames[n] : &rest;
        zmq_msg_init(m);
        if (zmq_msg_recv(m, z->socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(m);
            return n;
        }
        more = zmq_msg_more(m);
        if (m == &rest)
            zmq_msg_close(m);
        else
            n++;
    }
    return n;
}

static void answer(struct zap *z, const struct zap_request *request, bool is_admitted)
{
    const char *text = is_admitted ? "OK" : "this key is not allowed here";
    char user[CURVE_HEX] = "";
    if (is_admitted)
        curve_key_hex(&request->key, user);
    const struct wire_view frames[] = {
        {version, strlen(version)}, request->id,          {is_admitted ? "200" : "400", 3},
        {text, strlen(text)},       {user, strlen(user)}, {"", 0} /* no metadata */
    };
    const size_t n = sizeof frames / sizeof *frames;
    int rc = 0;
    for (size_t i = 0; i < n && rc >= 0; i++)
        rc = zmq_send(z->socket, frames[i].data, frames[i].len,
                      ZMQ_DONTWAIT | (i + 1 < n ? ZMQ_SNDMORE : 0));
    if (rc < 0)
        log_warn("an answer about a peer is lost", LE(errno));
}

/* Whether there may be more. */
static bool serve_one(struct zap *z)
{
    zmq_msg_t frames[FRAMES_ROOM];
    struct wire_view views[FRAMES_ROOM];
    struct zap_request request;
    const size_t n = receive(z, frames);
    if (n == 0)
        return false;
    for (size_t i = 0; i < n; i++)
        views[i] = (struct wire_view){zmq_msg_data(&frames[i]), zmq_msg_size(&frames[i])};
    const char *fault = zap_parse(views, n, &request);
    if (fault != NULL)
        log_error("libzmq asks about a peer in a way that is not understood: it is not let in",
                  LS("why", fault));
    answer(z, &request, fault == NULL && z->fn(z->arg, &request));
    for (size_t i = 0; i < n; i++)
        zmq_msg_close(&frames[i]);
    return true;
}

static void serve(void *arg)
{
    struct zap *z = arg;
    int left = REQUESTS_A_TURN;
    while (left > 0 && serve_one(z))
        left--;
    if (left == 0)
        loop_timer_after(z->again, 0);
}

static void on_io(void *arg, uint32_t events)
{
    (void)events;
    serve(arg);
}

static int open_socket(struct zap *z, struct loop *loop, void *zmq_context)
{
    const int linger = 0;
    int fd;
    size_t size = sizeof fd;
    z->socket = zmq_socket(zmq_context, ZMQ_REP);
    if (z->socket == NULL || zmq_setsockopt(z->socket, ZMQ_LINGER, &linger, sizeof linger) < 0 ||
        zmq_bind(z->socket, endpoint) < 0 || zmq_getsockopt(z->socket, ZMQ_FD, &fd, &size) < 0)
        return -1;
    z->again = loop_timer_new(loop, serve, z);
    z->io = z->again != NULL ? loop_io_add(loop, fd, EPOLLIN, on_io, z) : NULL;
    if (z->io == NULL)
        return -1;
    loop_timer_after(z->again, 0);
    return 0;
}

struct zap *zap_new(struct loop *loop, void *zmq_context, zap_fn fn, void *arg)
{
    struct zap *z = calloc(1, sizeof *z);
    if (z == NULL)
        return NULL;
    z->fn = fn;
    z->arg = arg;
    if (open_socket(z, loop, zmq_context) == 0)
        return z;
    const int saved = errno;
    zap_free(z);
    errno = saved;
    return NULL;
}

void zap_free(struct zap *z)
{
    if (z == NULL)
        return;
    loop_io_del(z->io);
    loop_timer_free(z->again);
    if (z->socket != NULL)
        zmq_close(z->socket);
    free(z);
}
