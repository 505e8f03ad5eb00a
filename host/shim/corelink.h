#ifndef PENSTOCK_SHIM_CORELINK_H
#define PENSTOCK_SHIM_CORELINK_H

/*
 * corelink.h: the connection with the core: HELLO, PING, and what follows when the core is not
 * there, goes away, or comes back as another one. All calls [loop].
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "wire/message.h"

struct loop;
struct corelink;
struct resume;

/* How many results the core may send that we have not acknowledged, and how many bytes they may
 * hold: what we take into memory. The others wait with the core. */
enum { CORELINK_WINDOW_COUNT = 64, CORELINK_WINDOW_BYTES = 64 * 1024 * 1024 };

/* Of WELCOME; what a message may have. */
struct corelink_limits {
    int64_t frame_bytes, message_bytes, frames, header_bytes;
};

/* A message other than PONG and WELCOME; everything borrowed for the call. */
struct corelink_message {
    enum wire_verb verb;
    const struct json_doc *doc; /* its header, an object */
    const struct wire_view *body;
    size_t n_body;
};

struct corelink_calls {
    /* The core said WELCOME (welcome: its header). is_kept: it knows us and all we have with it;
     * else what was accepted before is lost. */
    void (*up)(void *arg, bool is_kept, const struct json_doc *welcome);
    /* Nothing can be sent until up is called again. */
    void (*down)(void *arg);
    /* corelink_is_lasting has become true after all. */
    void (*lasting)(void *arg);
    void (*message)(void *arg, const struct corelink_message *m);
};

struct corelink_options {
    const char *endpoint, *name; /* copied */
    struct resume *resume;       /* as whom we come; must outlive it */
    const struct corelink_calls *calls;
    void *arg;
};

/* Begins to connect, and never stops trying. NULL: ENOMEM. */
struct corelink *corelink_new(struct loop *loop, const struct corelink_options *options);
/* What was sent last gets linger_ms to leave. NULL is fine. */
void corelink_free(struct corelink *l, int linger_ms);
bool corelink_is_up(const struct corelink *l);
/* Whether another process would be known to the core as we are: our secret is on the disk. */
bool corelink_is_lasting(const struct corelink *l);
const struct corelink_limits *corelink_limits(const struct corelink *l);
/* -1 with errno: ENOTCONN while it is down, EAGAIN when too much waits to be sent. */
int corelink_send(struct corelink *l, enum wire_verb verb, const void *header, size_t header_len,
                  const struct wire_view *body, size_t n_body);
/* Whether it is still the same core: soon rather than with the next heartbeat. */
void corelink_look(struct corelink *l);
/* Drops the connection and makes a new one: the core does not listen to this one any more. */
void corelink_reconnect(struct corelink *l);

#endif
