#ifndef DEVORCH_GUARD_H
#define DEVORCH_GUARD_H

/*
 * guard.h: who sent a message and whether it is whole: token, time, replay, signature, in the
 * original's order and with its words. Each step answers the request itself when it refuses.
 */

#include <stdint.h>

#include "base/json.h"
#include "server.h"

struct table;
struct nonce;

struct guard {
    const char *token; /* of all workers, and key of the signatures; borrowed */
    struct table *seen;
    struct nonce *first, *last; /* by age */
};

/* -1: ENOMEM. token is set before. */
int guard_init(struct guard *g);
void guard_clear(struct guard *g);

/* A worker's request: JSON body and sender. */
struct message {
    struct request *r;
    struct json_doc doc; /* doc.n is 0 without a body */
    char *worker_id;
};

/* Reads the body (it may be absent if allowed) and finds the sender: the path's id, else
 * X-Worker-ID, else the body's worker_id; then checks the token. -1: answered. message_close is due
 * in both cases. */
int message_open(const struct guard *g, struct request *r, const char *path_id, bool may_be_empty,
                 struct message *m);
void message_close(struct message *m);
/* Timestamp, replay, signature over all but unsigned_names (ended by NULL). -1: answered. */
int message_verify(struct guard *g, const struct message *m, const char *const *unsigned_names);

#endif
