#ifndef DEVORCH_SERVER_H
#define DEVORCH_SERVER_H

/*
 * server.h: HTTP on loopback by libmicrohttpd, driven by our loop: routes, bodies with limits,
 * answers, and requests that are held until something happens. One thread; all calls and callbacks
 * run in the loop.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/json.h"

struct loop;
struct server;
struct request;

typedef void (*request_fn)(void *context, struct request *r);

enum body_kind { BODY_NONE, BODY_BYTES, BODY_FILE };

struct route {
    const char *method;
    const char *path;  /* one "{}" at most: any one segment, see request_segment */
    request_fn handle; /* answers or holds the request */
    enum body_kind body;
};

struct server_options {
    int port;                   /* 0: the kernel chooses */
    const struct route *routes; /* ended by a NULL method; must outlive the server */
    void *context;              /* first argument of the handlers */
    size_t max_bytes;           /* of a BODY_BYTES body; larger ones are answered 413 */
    size_t max_file;            /* of a BODY_FILE body */
};

/* Listens on 127.0.0.1. NULL with errno. */
struct server *server_new(struct loop *loop, const struct server_options *options);
/* Held requests are answered 503. NULL is fine. */
void server_free(struct server *s);
int server_port(const struct server *s);

/* A header, a query argument: borrowed until the answer; NULL if absent. */
const char *request_header(struct request *r, const char *name);
const char *request_query(struct request *r, const char *name);
/* What stood for "{}" in the path, or "". */
const char *request_segment(const struct request *r);
/* The body of a BODY_BYTES route; borrowed. */
struct json_span request_body(struct request *r);
/* The descriptor of a BODY_FILE body, and its size; the caller owns it then. */
int request_take_file(struct request *r, size_t *size);

/*
 * Keeps the request open. ended is called once, unless it is answered before: after wait_ms (then
 * it must answer) or with is_gone when the connection has ended (then it must forget the request).
 */
typedef void (*request_ended_fn)(void *arg, struct request *r, bool is_gone);
void request_hold(struct request *r, int64_t wait_ms, request_ended_fn ended, void *arg);
/* Whether the peer of a held request is still there; asked before something is given away with the
 * answer. */
bool request_is_alive(struct request *r);

/* Answers; each request gets exactly one, at once or while it is held. */
void reply_empty(struct request *r, unsigned status);
void reply_error(struct request *r, unsigned status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The file's first size bytes; takes the descriptor. */
void reply_file(struct request *r, int fd, size_t size);

/* A JSON answer in the making: answer_begin, json_... on w, answer_send (which frees it). */
struct answer {
    struct buf text;
    struct json_writer w;
};
void answer_begin(struct answer *a);
void answer_send(struct request *r, unsigned status, struct answer *a);

#endif
