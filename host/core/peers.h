#ifndef PENSTOCK_CORE_PEERS_H
#define PENSTOCK_CORE_PEERS_H

/*
 * peers.h: who talks to us. A peer is a connection (routing id and envelope); an owner is whom
 * tasks belong to: a client that said HELLO and can come back on another connection, or the
 * anonymous user of one connection.
 */

#include "base/digest.h"
#include "core/core.h"
#include "core/quota_rate.h"
#include "wire/curve.h"
#include "wire/message.h"

/* RESUME_TEXT: one character more than a secret has, so that what only begins like one is none. */
enum {
    OWNER_NAME_MAX = 64,
    OWNER_KIND_MAX = 32,
    RESUME_BYTES = 24,
    RESUME_TEXT = 2 * RESUME_BYTES + 2
};

enum event_mask { EVENT_STATE = 1, EVENT_PROGRESS = 2, EVENT_LOG = 4 };

struct journal_owner;
struct reservation;

struct peer {
    struct peer *older, *newer; /* in core.peer_ages */
    struct peer *next_dead;     /* in core.dead_peers */
    struct router *router;
    struct owner *owner; /* NULL until it says something that needs one */
    struct router_peer to;
    int64_t last_seen_ms; /* monotonic */
    bool is_req;
    bool is_broken;            /* it broke the protocol and was told: ignored */
    bool is_lost;              /* the connection is gone: nothing can be sent */
    unsigned held;             /* by answers that are still to come: it is not freed */
    char curve_key[CURVE_HEX]; /* hex of what it came in with over TCP; "": by another door */
    size_t key_len;
    unsigned char key[]; /* router, curve_key, then the envelope frames; each with its length */
};

struct owner {
    struct owner *prev, *next;
    uint64_t number;
    bool is_client; /* said HELLO: results wait for its ACK */
    bool is_journaled;
    bool wants_capacity;
    bool watches_all;
    bool is_backlogged; /* a result could not be sent: the peer reads too slowly */
    bool is_held;       /* a result was not sent: the window is full */
    /* Results that may be sent and unacknowledged, and that are; window_count 0: any number. */
    size_t window_count, window_bytes, sent_count, sent_bytes;
    unsigned watch;    /* enum event_mask */
    struct peer *peer; /* NULL: away */
    int64_t last_seen_ms;
    size_t n_tasks;
    struct amount queued;            /* of its tasks that wait */
    struct reservation *reservation; /* NULL: none */
    size_t waiting_bytes;            /* of results it has not acknowledged */
    char id[ID_TEXT];
    char resume_hash[DIGEST_HEX]; /* of the secret, which is not kept */
    char curve_key[CURVE_HEX];    /* of the connections that may speak for it, and be told of its
                                     tasks; "": those without one */
    char name[OWNER_NAME_MAX + 1], kind[OWNER_KIND_MAX + 1];
};

/* The peer of a message, made if it is new; curve_key "" where the door asks for none. NULL: no memory, or too many
 * peers. */
struct peer *peer_of(struct core *c, struct router *r, const char *curve_key,
                     const struct wire_view *frames, size_t n_envelope, bool is_req);
/* The owner for whom the peer speaks; NULL: no memory. */
struct owner *peer_owner(struct core *c, struct peer *p);
/* The connection is gone. Tasks stay their owner's. The peer itself can be named until the end of
 * the turn. */
void peer_lost(struct core *c, struct peer *p);
/* All connections of a door that is closed. */
void peers_lost(struct core *c, const struct router *r);
/* Frees the lost ones that nobody holds: at the end of a turn. */
void peers_bury(struct core *c);
/* Tells those whose key is no longer in the list, once, and ignores them from now on; their tasks stay. */
void peers_revoke(struct core *c);
/* Makes the peer a client: an old one by its secret and the key that this one had, or a new one. secret (RESUME_TEXT bytes)
 * is what the peer presents, or ""; if it opens nothing it becomes the new client's. Nobody can be
 * told it again. NULL: no memory. */
struct owner *peer_hello(struct core *c, struct peer *p, char *secret, bool *is_resumed);
/* One that is not here now, out of the journal: with that number. NULL: no memory. */
struct owner *owner_restore(struct core *c, uint64_t number);
/* Makes it what its row says: a client again, or one whose tasks need a key. -1: no memory. */
int owner_restore_client(struct core *c, struct owner *o, const struct journal_owner *from);
/* NULL: there is none here of that number. */
struct owner *owner_find(const struct core *c, uint64_t number);
/* To be called when an owner has lost a task, a watch or its peer: a spare one is freed. */
void owner_release(struct core *c, struct owner *o);
void owner_set_watch(struct core *c, struct owner *o, unsigned events, bool all, bool capacity);
/* Forgets peers and clients that were silent for long and have nothing here. */
void peers_sweep(struct core *c);
void peers_clear(struct core *c);
/* Whether the peer speaks through the control socket. */
static inline bool peer_is_operator(const struct core *c, const struct peer *p)
{
    return p->router == c->control_router;
}

#endif
