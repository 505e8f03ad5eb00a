#ifndef PENSTOCK_SESSION_H
#define PENSTOCK_SESSION_H

/*
 * session.h: one command's talk with the host over PEN/1: finding it, asking, and waiting for what
 * is pushed. Errors are told where they are found; functions return exit statuses. [loop]
 */

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/json.h"
#include "wire/client.h"

struct cli;
struct loop;
struct loop_timer;

/* A message from the host, copied. */
struct answer {
    enum wire_verb verb;
    struct buf header;
    struct json_doc doc; /* of the header; token 0 is an object */
    struct wire_view *body;
    size_t n_body;
    struct buf bytes; /* what body points to */
};
void answer_clear(struct answer *a);

/* A push (EVENT, RESULT) while nothing was asked, or in between. It may be moved out: copy it and
 * set it to all zero; what is left is cleared afterwards. */
typedef void (*session_push_fn)(void *arg, struct answer *push);

struct session {
    const struct cli *cli;
    struct loop *loop;
    struct wire_client *client;
    struct loop_timer *patience;
    char *endpoint;
    session_push_fn on_push;
    void *arg;
    struct answer *awaited; /* what session_ask waits for, or NULL */
    int status;             /* of the waiting */
    bool takes_result;      /* a RESULT is an answer too (SUBMIT) */
    bool has_answered;      /* the host has said anything yet */
};

/* Connects to --socket, or the control socket if it may be opened, else the task socket. */
int session_open(struct session *s, const struct cli *cli);
void session_close(struct session *s);
/* Whether the socket still has a listener; true where that cannot be told (TCP). */
bool session_is_reachable(const struct session *s);
int session_unreachable(const struct session *s, const char *why);

/* Sends; 0 or an exit status. header is JSON. */
int session_send(struct session *s, enum wire_verb verb, const struct buf *header,
                 const struct wire_view *body, size_t n_body);
/* Sends and waits for the direct answer. A REFUSED is told and turned into a status, but for those
 * whose code the caller wants to see: want_code (NULL: none) gives CLI_OK with verb WIRE_REFUSED.
 */
int session_ask(struct session *s, enum wire_verb verb, const struct buf *header,
                const struct wire_view *body, size_t n_body, struct answer *out,
                const char *want_code);
/* For commands with one question: opens, asks with a header (NULL: {}), closes. */
int session_ask_once(const struct cli *cli, enum wire_verb verb, const char *header,
                     struct answer *out);
/* Tells a REFUSED and returns its exit status. */
int session_refused(const struct cli *cli, const struct json_doc *doc);
/* HELLO, whose WELCOME comes back in out. resume may be NULL. */
int session_hello(struct session *s, const char *resume, struct answer *out);

#endif
