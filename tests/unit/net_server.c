/* net_server.c: the server of the HTTP client's tests: one thread accepts, one serves each
 * connection. */
#include "net_server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 256, HEAD_MAX = 65536, BIG = 300000 };

struct server {
    int listen_fd;
    int events[2];
    int port;
    pthread_t acceptor;
    pthread_mutex_t lock;
    int n;
    int fds[CONNECTIONS_MAX];
    pthread_t threads[CONNECTIONS_MAX];
};

struct connection {
    struct server *server;
    int fd;
    char head[HEAD_MAX + 1];
    size_t len;
    char *body;
    size_t body_len;
};

static void say(const struct connection *c, const char *text)
{
    size_t n = strlen(text);
    while (n > 0) {
        ssize_t sent = send(c->fd, text, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        text += sent;
        n -= (size_t)sent;
    }
}

static void answer(const struct connection *c, const char *head, const char *body)
{
    char text[512];
    snprintf(text, sizeof text, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n", head, strlen(body));
    say(c, text);
    say(c, body);
}

static bool do_good(struct connection *c)
{
    answer(c, "200 OK\r\nContent-Type: text/plain\r\nX-Twice: one\r\nX-Twice: two", "hello");
    return true;
}

static bool do_nothing(struct connection *c)
{
    say(c, "HTTP/1.1 204 No Content\r\n\r\n");
    return true;
}

static bool do_busy(struct connection *c)
{
    answer(c, "429 Too Many Requests\r\nRetry-After: 7", "{}");
    return true;
}

static bool do_dated(struct connection *c)
{
    answer(c, "503 Service Unavailable\r\nRetry-After: Wed, 21 Oct 2015 07:28:00 GMT", "");
    return true;
}

static bool do_elsewhere(struct connection *c)
{
    answer(c, "302 Found\r\nLocation: /good", "");
    return true;
}

static bool do_big(struct connection *c)
{
    char *body = malloc(BIG + 1);
    memset(body, 'x', BIG);
    body[BIG] = '\0';
    answer(c, "200 OK", body);
    free(body);
    return true;
}

/* Without Content-Length: the client learns the size only by reading. */
static bool do_chunked(struct connection *c)
{
    char chunk[1001];
    memset(chunk, 'y', 1000);
    chunk[1000] = '\0';
    say(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 100; i++) {
        say(c, "3e8\r\n");
        say(c, chunk);
        say(c, "\r\n");
    }
    say(c, "0\r\n\r\n");
    return true;
}

static bool do_heads(struct connection *c)
{
    char line[1024];
    snprintf(line, sizeof line, "X-Filler: %0*d\r\n", (int)sizeof line - 16, 0);
    say(c, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 100; i++)
        say(c, line);
    say(c, "Content-Length: 0\r\n\r\n");
    return true;
}

static bool do_half(struct connection *c)
{
    say(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
    return false;
}

static bool do_drop(struct connection *c)
{
    (void)c;
    return false;
}

static bool do_rubbish(struct connection *c)
{
    say(c, "this is not HTTP at all\r\n\r\n");
    return false;
}

/* Reads the request, says nothing, and tells when the peer goes away. */
static bool do_silent(struct connection *c)
{
    char byte;
    ssize_t rc = write(c->server->events[1], "r", 1);
    while (rc > 0 && recv(c->fd, &byte, 1, 0) > 0)
        continue;
    rc = write(c->server->events[1], "e", 1);
    return rc < 0;
}

/* The request itself as the answer's body. */
static bool do_echo(struct connection *c)
{
    char head[128];
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
             c->len + c->body_len);
    say(c, head);
    say(c, c->head);
    say(c, c->body);
    return true;
}

static const struct {
    const char *path;
    bool (*serve)(struct connection *c);
} paths[] = {
    {"/good", do_good},           {"/nothing", do_nothing}, {"/busy", do_busy},
    {"/dated", do_dated},         {"/big", do_big},         {"/chunked", do_chunked},
    {"/heads", do_heads},         {"/half", do_half},       {"/drop", do_drop},
    {"/rubbish", do_rubbish},     {"/silent", do_silent},   {"/echo", do_echo},
    {"/elsewhere", do_elsewhere},
};

static bool read_head(struct connection *c)
{
    c->len = 0;
    c->head[0] = '\0';
    while (c->len < HEAD_MAX && strstr(c->head, "\r\n\r\n") == NULL) {
        if (recv(c->fd, c->head + c->len, 1, 0) != 1)
            return false;
        c->head[++c->len] = '\0';
    }
    return c->len < HEAD_MAX;
}

static bool read_body(struct connection *c)
{
    const char *length = strstr(c->head, "Content-Length: ");
    c->body_len = length != NULL ? strtoul(length + 16, NULL, 10) : 0;
    c->body = calloc(1, c->body_len + 1);
    size_t got = 0;
    while (got < c->body_len) {
        ssize_t n = recv(c->fd, c->body + got, c->body_len - got, 0);
        if (n <= 0)
            return false;
        got += (size_t)n;
    }
    return true;
}

static bool serve(struct connection *c)
{
    char path[64] = "";
    sscanf(c->head, "%*s %63s", path);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        if (strcmp(paths[i].path, path) == 0)
            return paths[i].serve(c);
    }
    answer(c, "404 Not Found", "");
    return true;
}

static void *run_connection(void *arg)
{
    struct connection *c = arg;
    bool go_on = true;
    while (go_on && read_head(c)) {
        go_on = read_body(c) && serve(c);
        free(c->body);
    }
    shutdown(c->fd, SHUT_RDWR);
    free(c);
    return NULL;
}

static void *run_acceptor(void *arg)
{
    struct server *s = arg;
    int fd;
    while ((fd = accept(s->listen_fd, NULL, NULL)) >= 0) {
        struct connection *c = calloc(1, sizeof *c);
        assert(c != NULL && s->n < CONNECTIONS_MAX);
        c->server = s;
        c->fd = fd;
        pthread_mutex_lock(&s->lock);
        s->fds[s->n] = fd;
        pthread_create(&s->threads[s->n], NULL, run_connection, c);
        s->n++;
        pthread_mutex_unlock(&s->lock);
    }
    return NULL;
}

struct server *server_start(void)
{
    struct server *s = calloc(1, sizeof *s);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    assert(s != NULL);
    s->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pthread_mutex_init(&s->lock, NULL);
    if (bind(s->listen_fd, (struct sockaddr *)&at, n) < 0 ||
        listen(s->listen_fd, CONNECTIONS_MAX) < 0 ||
        getsockname(s->listen_fd, (struct sockaddr *)&at, &n) < 0 || pipe(s->events) < 0)
        abort();
    s->port = ntohs(at.sin_port);
    pthread_create(&s->acceptor, NULL, run_acceptor, s);
    return s;
}

void server_stop(struct server *s)
{
    shutdown(s->listen_fd, SHUT_RDWR);
    pthread_join(s->acceptor, NULL);
    for (int i = 0; i < s->n; i++) {
        shutdown(s->fds[i], SHUT_RDWR);
        pthread_join(s->threads[i], NULL);
        close(s->fds[i]);
    }
    close(s->listen_fd);
    close(s->events[0]);
    close(s->events[1]);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

int server_port(const struct server *s)
{
    return s->port;
}

int server_connections(struct server *s)
{
    pthread_mutex_lock(&s->lock);
    int n = s->n;
    pthread_mutex_unlock(&s->lock);
    return n;
}

int server_events_fd(const struct server *s)
{
    return s->events[0];
}
