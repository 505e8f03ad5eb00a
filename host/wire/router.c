/* router.c: the host's end of PEN/1. Runs in the core only. */
#include "wire/router.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/log.h"
#include "loop/loop.h"
#include "wire/curve.h"
#include "wire/zap.h"

/* A peer that does not read may have this many messages waiting; then it gets EAGAIN, and its
 * results are kept. */
enum {
    SEND_HWM = 4096,
    RECEIVE_HWM = 1024,
    HANDSHAKE_MS = 5000,
    ZMQ_HEARTBEAT_MS = 10000,
    ADDRESS_MAX = 256
};

struct router {
    void *socket;
    struct loop_io *io;
    router_fn fn;
    void *arg;
    size_t max_frames;
    zmq_msg_t *frames; /* room for max_frames + envelope */
    size_t room;
    int may_have_more; /* libzmq has been woken, or used, since it was last asked in vain */
};

/* The descriptor only wakes the loop; router_serve, called each turn, does the work. */
static void on_wake(void *arg, uint32_t events)
{
    struct router *r = arg;
    (void)events;
    r->may_have_more = 1;
}

static int set_int(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value);
}

static int set_options(void *socket, const struct router_options *o)
{
    int64_t max = (int64_t)o->max_frame_bytes * 2;
    static const struct {
        int option, value;
    } options[] = {
        {ZMQ_ROUTER_MANDATORY, 1},
        {ZMQ_SNDHWM, SEND_HWM},
        {ZMQ_RCVHWM, RECEIVE_HWM},
        {ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS},
        {ZMQ_HEARTBEAT_IVL, ZMQ_HEARTBEAT_MS},
        {ZMQ_TCP_KEEPALIVE, 1},
        {ZMQ_LINGER, 0},
    };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        if (set_int(socket, options[i].option, options[i].value) < 0)
            return -1;
    }
    return zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &max, sizeof max);
}

static int set_curve(void *socket, const struct curve_pair *pair)
{
    if (pair == NULL)
        return 0;
    if (set_int(socket, ZMQ_CURVE_SERVER, 1) < 0 ||
        zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, pair->secret, CURVE_BYTES) < 0)
        return -1;
    return zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, ZAP_DOMAIN, sizeof ZAP_DOMAIN - 1);
}

static int watch(struct router *r, struct loop *loop)
{
    int fd;
    size_t size = sizeof fd;
    if (zmq_getsockopt(r->socket, ZMQ_FD, &fd, &size) < 0)
        return -1;
    r->io = loop_io_add(loop, fd, EPOLLIN, on_wake, r);
    return r->io != NULL ? 0 : -1;
}

struct router *router_new(struct loop *loop, void *zmq_context,
                          const struct router_options *options, router_fn fn, void *arg)
{
    struct router *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->fn = fn;
    r->arg = arg;
    r->max_frames =
        options->max_frames < WIRE_FRAMES_HARD_MAX ? options->max_frames : WIRE_FRAMES_HARD_MAX;
    r->may_have_more = 1;
    r->room = r->max_frames + WIRE_ENVELOPE_MAX + 2;
    r->frames = calloc(r->room, sizeof *r->frames);
    r->socket = r->frames != NULL ? zmq_socket(zmq_context, ZMQ_ROUTER) : NULL;
    if (r->socket == NULL || set_options(r->socket, options) < 0 ||
        set_curve(r->socket, options->curve) < 0 || watch(r, loop) < 0) {
        router_free(r, 0);
        return NULL;
    }
    return r;
}

void router_free(struct router *r, int linger_ms)
{
    if (r == NULL)
        return;
    loop_io_del(r->io);
    if (r->socket != NULL) {
        set_int(r->socket, ZMQ_LINGER, linger_ms);
        zmq_close(r->socket);
    }
    free(r->frames);
    free(r);
}

static int bind_born_closed(int fd, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if ((size_t)snprintf(address.sun_path, sizeof address.sun_path, "%s", path) >=
        sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (unlink(path) < 0 && errno != ENOENT)
        return -1;
    const mode_t old = umask(0177);
    const int rc = bind(fd, (const struct sockaddr *)&address, sizeof address);
    umask(old);
    return rc;
}

int router_listen_ipc(const char *path, mode_t mode, gid_t group)
{
    /* Not blocking, or a peer that is gone before it is accepted would hold libzmq up. */
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* Nobody can connect before owner and mode are right. */
    if (fd >= 0 && (bind_born_closed(fd, path) < 0 || chown(path, (uid_t)-1, group) < 0 ||
                    chmod(path, mode) < 0 || listen(fd, SOMAXCONN) < 0))
        fd_close(&fd);
    return fd;
}

/* "127.0.0.1:7000" or "[::1]:7000" -> host and port. */
static int split_address(const char *address, char *host, size_t size, const char **port)
{
    const char *colon = strrchr(address, ':');
    bool is_v6 = address[0] == '[';
    int len = colon != NULL ? (int)(colon - address) - (is_v6 ? 2 : 0) : -1;
    if (len <= 0 || (size_t)len >= size) {
        errno = EINVAL;
        return -1;
    }
    snprintf(host, size, "%.*s", len, address + (is_v6 ? 1 : 0));
    *port = colon + 1;
    return 0;
}

static int listen_at(const struct addrinfo *a)
{
    const int yes = 1;
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
    if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) < 0 ||
                    bind(fd, a->ai_addr, a->ai_addrlen) < 0 || listen(fd, SOMAXCONN) < 0))
        fd_close(&fd);
    return fd;
}

int router_listen_tcp(const char *address)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                   .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    const char *port;
    char host[ADDRESS_MAX];
    if (split_address(address, host, sizeof host, &port) < 0)
        return -1;
    if (getaddrinfo(host, port, &hints, &found) != 0) {
        errno = EINVAL;
        return -1;
    }
    int fd = listen_at(found);
    freeaddrinfo(found);
    return fd;
}

/* libzmq closes what it is given, so it gets a copy. */
static int bind_copy(struct router *r, const char *endpoint, int fd)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return -1;
    if (set_int(r->socket, ZMQ_USE_FD, copy) < 0 || zmq_bind(r->socket, endpoint) < 0) {
        fd_close(&copy);
        return -1;
    }
    return set_int(r->socket, ZMQ_USE_FD, -1); /* the next address is another one's */
}

int router_bind_ipc(struct router *r, const char *path, int fd)
{
    char endpoint[ADDRESS_MAX];
    if ((size_t)snprintf(endpoint, sizeof endpoint, "ipc://%s", path) >= sizeof endpoint) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return bind_copy(r, endpoint, fd);
}

int router_bind_tcp(struct router *r, int fd, char *bound)
{
    size_t size = ADDRESS_MAX;
    /* The address is not looked at: the descriptor has its own. */
    if (bind_copy(r, "tcp://127.0.0.1:*", fd) < 0)
        return -1;
    return zmq_getsockopt(r->socket, ZMQ_LAST_ENDPOINT, bound, &size);
}

/* Throws the rest of a message away. */
static void skip_rest(void *socket)
{
    zmq_msg_t m;
    int more = 1;
    while (more) {
        zmq_msg_init(&m);
        more = zmq_msg_recv(&m, socket, ZMQ_DONTWAIT) >= 0 && zmq_msg_more(&m);
        zmq_msg_close(&m);
    }
}

/* Frames of the next message, 0 if there is none. */
static size_t receive(struct router *r, int *is_cut)
{
    size_t n = 0;
    *is_cut = 0;
    for (;;) {
        zmq_msg_init(&r->frames[n]);
        if (zmq_msg_recv(&r->frames[n], r->socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&r->frames[n]);
            return n;
        }
        n++;
        if (!zmq_msg_more(&r->frames[n - 1]))
            return n;
        if (n == r->room) {
            skip_rest(r->socket);
            *is_cut = 1;
            return n;
        }
    }
}

int router_serve(struct router *r, int budget)
{
    while (r->may_have_more) {
        int is_cut;
        if (budget-- == 0)
            return 1;
        size_t n = receive(r, &is_cut);
        if (n == 0) {
            r->may_have_more = 0;
            return 0;
        }
        r->fn(r->arg, r, r->frames, n, is_cut);
        for (size_t i = 0; i < n; i++)
            zmq_msg_close(&r->frames[i]);
    }
    return 0;
}

/* The name of the property is a macro of libzmq's draft API only; the property itself is not. */
const char *router_user(zmq_msg_t *frame)
{
    return zmq_msg_gets(frame, "User-Id");
}

int router_is_due(const struct router *r)
{
    return r->may_have_more;
}

static int send_bytes(void *socket, const void *bytes, size_t n, int more)
{
    return zmq_send(socket, bytes, n, ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0)) < 0 ? -1 : 0;
}

static int send_reference(void *socket, zmq_msg_t *m, int more)
{
    zmq_msg_t copy;
    zmq_msg_init(&copy);
    if (zmq_msg_copy(&copy, m) < 0 ||
        zmq_msg_send(&copy, socket, ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0)) < 0) {
        int saved = errno;
        zmq_msg_close(&copy);
        errno = saved;
        return -1;
    }
    return 0;
}

int router_send(struct router *r, const struct router_peer *to, enum wire_verb verb,
                const void *header, size_t header_len, zmq_msg_t *const *body, size_t n_body)
{
    const char *name = wire_verb_name(verb);
    r->may_have_more = 1;
    /* Only the first frame can be refused: libzmq takes or leaves a message as a whole. */
    for (size_t i = 0; i < to->n; i++) {
        if (send_bytes(r->socket, to->frames[i].data, to->frames[i].len, 1) < 0)
            return -1;
    }
    int rc = send_bytes(r->socket, WIRE_PROTOCOL, sizeof WIRE_PROTOCOL - 1, 1);
    rc |= send_bytes(r->socket, name, strlen(name), 1);
    rc |= send_bytes(r->socket, header, header_len, n_body > 0);
    for (size_t i = 0; i < n_body; i++)
        rc |= send_reference(r->socket, body[i], i + 1 < n_body);
    if (rc < 0)
        log_warn("message was cut while it was sent", LS("verb", name), LE(errno));
    return rc;
}
