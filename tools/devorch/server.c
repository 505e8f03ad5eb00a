/* server.c: libmicrohttpd on our loop: its epoll descriptor is one of our sources, and it is run
 * once more before each wait, because an answer to a held request is made outside of its own
 * callbacks. Runs in penstock-devorch. */
#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "base/fdutil.h"
#include "base/log.h"
#include "base/text.h"
#include "loop/loop.h"
#include "request.h"

enum {
    CONNECTIONS_MAX = 512,
    HEAD_MAX = 32 * 1024,
    IDLE_S = 75,
    /* A body over its limit is read to its end, so that the client sees the 413; but not without
       end. */
    DISCARD_MAX = 128 * 1024 * 1024,
};

/* Whether path is the pattern; what stands for "{}" goes to segment. */
static bool path_matches(const char *pattern, const char *path, char *segment)
{
    const char *hole = strstr(pattern, "{}");
    if (hole == NULL)
        return strcmp(pattern, path) == 0;
    size_t before = (size_t)(hole - pattern);
    if (strncmp(pattern, path, before) != 0)
        return false;
    size_t n = strcspn(path + before, "/");
    if (n == 0 || n >= REQUEST_SEGMENT_MAX || strcmp(path + before + n, hole + 2) != 0)
        return false;
    memcpy(segment, path + before, n);
    segment[n] = '\0';
    return true;
}

static void find_route(struct request *r, const char *method, const char *path)
{
    if (strcmp(method, "HEAD") == 0)
        method = "GET"; /* libmicrohttpd leaves the body out */
    r->refused = MHD_HTTP_NOT_FOUND;
    for (const struct route *route = r->server->options.routes; route->method != NULL; route++) {
        if (!path_matches(route->path, path, r->segment))
            continue;
        r->refused = MHD_HTTP_METHOD_NOT_ALLOWED;
        if (strcmp(route->method, method) == 0) {
            r->route = route;
            r->refused = 0;
            return;
        }
    }
}

/* A page in a browser may not use this server: neither by a name that resolves to 127.0.0.1, nor
 * from its own origin. */
static bool is_foreign(struct request *r)
{
    static const char *const names[] = {"127.0.0.1", "localhost"};
    const char *host = request_header(r, "Host");
    const char *origin = request_header(r, "Origin");
    if (host == NULL)
        return false; /* HTTP/1.0 tools */
    if (origin != NULL && (strncmp(origin, "http://", 7) != 0 || strcmp(origin + 7, host) != 0))
        return true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t n = strlen(names[i]);
        if (strncmp(host, names[i], n) == 0 && (host[n] == '\0' || host[n] == ':'))
            return false;
    }
    return true;
}

static int open_nameless_file(void)
{
    const char *directory = getenv("TMPDIR");
    int fd = open(directory != NULL ? directory : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    return fd >= 0 ? fd : memfd_create("devorch", MFD_CLOEXEC);
}

static void prepare_body(struct request *r)
{
    const char *length = request_header(r, "Content-Length");
    int64_t n;
    if (length != NULL && text_parse_i64(length, &n) == 0 && n > DISCARD_MAX && r->refused == 0)
        r->refused = MHD_HTTP_CONTENT_TOO_LARGE;
    if (r->route == NULL || r->route->body != BODY_FILE)
        return;
    r->fd = open_nameless_file();
    r->is_broken = r->fd < 0;
}

static struct request *request_new(struct server *s, struct MHD_Connection *connection,
                                   const char *method, const char *path)
{
    struct request *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->server = s;
    r->connection = connection;
    r->fd = -1;
    buf_init(&r->body, s->options.max_bytes);
    find_route(r, method, path);
    if (is_foreign(r))
        r->refused = MHD_HTTP_FORBIDDEN;
    prepare_body(r);
    r->next = s->requests;
    if (r->next != NULL)
        r->next->prev = r;
    s->requests = r;
    return r;
}

static enum MHD_Result take_body(struct request *r, const char *bytes, size_t n)
{
    r->got += n;
    if (r->route == NULL || r->route->body == BODY_NONE || r->refused != 0)
        return r->got <= DISCARD_MAX ? MHD_YES : MHD_NO;
    bool is_file = r->route->body == BODY_FILE;
    if (r->got > (is_file ? r->server->options.max_file : r->server->options.max_bytes)) {
        r->is_too_big = true;
        buf_clear(&r->body);
        fd_close(&r->fd);
        return r->got <= DISCARD_MAX ? MHD_YES : MHD_NO;
    }
    if (is_file ? fd_write_all(r->fd, bytes, n) < 0 : buf_append(&r->body, bytes, n) < 0)
        r->is_broken = true;
    return MHD_YES;
}

static void refuse(struct request *r)
{
    const struct server_options *o = &r->server->options;
    bool is_file = r->route != NULL && r->route->body == BODY_FILE;
    if (r->refused == MHD_HTTP_NOT_FOUND)
        reply_error(r, r->refused, "no such page");
    else if (r->refused == MHD_HTTP_METHOD_NOT_ALLOWED)
        reply_error(r, r->refused, "this page has no such method");
    else if (r->refused == MHD_HTTP_FORBIDDEN)
        reply_error(r, r->refused,
                    "only 127.0.0.1 and localhost are names of this server, and its only origins");
    else
        reply_error(r, MHD_HTTP_CONTENT_TOO_LARGE, "Maximum request body size %zu exceeded.",
                    is_file ? o->max_file : o->max_bytes);
}

static void handle(struct request *r)
{
    if (r->refused != 0 || r->is_too_big)
        refuse(r);
    else if (r->is_broken)
        reply_error(r, MHD_HTTP_INSUFFICIENT_STORAGE, "the body could not be stored");
    else
        r->route->handle(r->server->options.context, r);
    if (r->response == NULL && r->ended == NULL)
        reply_error(r, MHD_HTTP_INTERNAL_SERVER_ERROR, "no answer was made");
}

static enum MHD_Result on_access(void *arg, struct MHD_Connection *connection, const char *path,
                                 const char *method, const char *version, const char *bytes,
                                 size_t *n, void **slot)
{
    struct request *r = *slot;
    (void)version;
    if (r == NULL) {
        *slot = r = request_new(arg, connection, method, path);
        if (r == NULL)
            return MHD_NO;
        if (r->refused != MHD_HTTP_CONTENT_TOO_LARGE)
            return MHD_YES; /* the body comes next */
    }
    if (*n > 0) {
        size_t size = *n;
        *n = 0;
        return take_body(r, bytes, size);
    }
    if (!r->is_handled) {
        r->is_handled = true;
        handle(r);
    }
    if (r->response != NULL)
        return MHD_queue_response(connection, r->status, r->response);
    MHD_suspend_connection(connection);
    r->is_suspended = true;
    return MHD_YES;
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **slot,
                         enum MHD_RequestTerminationCode code)
{
    struct request *r = *slot;
    (void)arg;
    (void)connection;
    (void)code;
    if (r == NULL)
        return;
    if (r->ended != NULL)
        r->ended(r->ended_arg, r, true);
    loop_timer_free(r->timer);
    if (r->response != NULL)
        MHD_destroy_response(r->response);
    *(r->prev != NULL ? &r->prev->next : &r->server->requests) = r->next;
    if (r->next != NULL)
        r->next->prev = r->prev;
    buf_clear(&r->body);
    fd_close(&r->fd);
    free(r);
    *slot = NULL;
}

/* No names here need escapes, and an unescaped %00 would hide what is behind it. */
static size_t keep_escapes(void *arg, struct MHD_Connection *connection, char *text)
{
    (void)arg;
    (void)connection;
    return strlen(text);
}

static void on_ready(void *arg, uint32_t events)
{
    struct server *s = arg;
    (void)events;
    MHD_run(s->daemon);
}

/* Every turn: answers made outside of libmicrohttpd's callbacks, and its time-outs. */
static int on_turn(void *arg)
{
    struct server *s = arg;
    MHD_UNSIGNED_LONG_LONG wait;
    MHD_run(s->daemon);
    if (MHD_get_timeout(s->daemon, &wait) != MHD_YES)
        return -1;
    return wait < 60000 ? (int)wait : 60000;
}

static int listen_on_loopback(struct server *s, int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    int on = 1;
    s->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->listen_fd < 0 ||
        setsockopt(s->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind(s->listen_fd, (struct sockaddr *)&at, n) < 0 ||
        listen(s->listen_fd, CONNECTIONS_MAX) < 0 ||
        getsockname(s->listen_fd, (struct sockaddr *)&at, &n) < 0)
        return -1;
    s->port = ntohs(at.sin_port);
    return 0;
}

static int start_daemon(struct server *s)
{
    s->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_access,
                                 s, MHD_OPTION_LISTEN_SOCKET, s->listen_fd,              //
                                 MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, //
                                 MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,        //
                                 MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEAD_MAX,   //
                                 MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,        //
                                 MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,                   //
                                 MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,       //
                                 MHD_OPTION_END);
    if (s->daemon == NULL) {
        errno = ENOMEM;
        return -1;
    }
    s->listen_fd = -1; /* closed with the daemon */
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    s->io = loop_io_add(s->loop, info->epoll_fd, EPOLLIN, on_ready, s);
    return s->io != NULL ? 0 : -1;
}

struct server *server_new(struct loop *loop, const struct server_options *options)
{
    struct server *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->options = *options;
    s->loop = loop;
    s->listen_fd = -1;
    if (listen_on_loopback(s, options->port) < 0 || start_daemon(s) < 0) {
        int kept = errno;
        server_free(s);
        errno = kept;
        return NULL;
    }
    loop_on_turn(loop, on_turn, s);
    return s;
}

/* libmicrohttpd does not stop with suspended connections. */
static void end_held(struct server *s)
{
    for (struct request *r = s->requests; r != NULL; r = r->next) {
        request_ended_fn ended = r->ended;
        if (!r->is_suspended)
            continue;
        r->ended = NULL;
        if (ended != NULL)
            ended(r->ended_arg, r, true);
        reply_error(r, MHD_HTTP_SERVICE_UNAVAILABLE, "the server ends");
    }
    MHD_run(s->daemon);
}

void server_free(struct server *s)
{
    if (s == NULL)
        return;
    loop_on_turn(s->loop, NULL, NULL);
    loop_io_del(s->io);
    if (s->daemon != NULL) {
        end_held(s);
        MHD_stop_daemon(s->daemon);
    }
    fd_close(&s->listen_fd);
    free(s);
}

int server_port(const struct server *s)
{
    return s->port;
}
