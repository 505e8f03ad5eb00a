/* peers.c: connections and clients. Runs in the core. libzmq does not tell when a peer goes: a send
 * that finds nobody does, and silence over the retention time. */
#include "core/peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/table.h"
#include "core/durable.h"
#include "core/kept.h"
#include "core/keys.h"
#include "core/reserve.h"
#include "core/tasks.h"
#include "core/verbs.h"
#include "journal/journal.h"
#include "loop/loop.h"

enum { PEERS_MAX = 65536, ROOM_TRIES = 64, CLIENTS_MAX = 16384, ENVELOPE_FRAME_MAX = 255 };

static size_t add_frame(unsigned char *key, size_t at, const void *bytes, size_t len)
{
    key[at++] = (unsigned char)len;
    memcpy(key + at, bytes, len);
    return at + len;
}

/* Socket, CURVE key, routing id and envelope as one key; 0 if a frame is too long for one. The CURVE key is in it
 * because a peer may take any routing id that nobody has at the time. */
static size_t make_key(const struct router *r, const char *curve_key,
                       const struct wire_view *frames, size_t n, unsigned char *key)
{
    uintptr_t door = (uintptr_t)r;
    memcpy(key, &door, sizeof door);
    size_t at = add_frame(key, sizeof door, curve_key, strlen(curve_key));
    for (size_t i = 0; i < n; i++) {
        if (frames[i].len > ENVELOPE_FRAME_MAX)
            return 0;
        at = add_frame(key, at, frames[i].data, frames[i].len);
    }
    return at;
}

static struct peer *peer_new(struct core *c, struct router *r, const char *curve_key,
                             const unsigned char *key, size_t key_len, size_t n)
{
    struct peer *p = calloc(1, sizeof *p + key_len);
    if (p == NULL)
        return NULL;
    p->router = r;
    p->key_len = key_len;
    memcpy(p->key, key, key_len);
    memcpy(p->curve_key, curve_key, strlen(curve_key) + 1);
    p->to.n = n;
    size_t at = sizeof(uintptr_t) + 1 + strlen(curve_key);
    for (size_t i = 0; i < n; i++) {
        p->to.frames[i] = (struct wire_view){p->key + at + 1, p->key[at]};
        at += 1 + (size_t)p->key[at];
    }
    if (table_put(c->peers, p->key, p->key_len, p) < 0) {
        free(p);
        return NULL;
    }
    return p;
}

static void enter_ages(struct core *c, struct peer *p)
{
    p->older = c->newest_peer;
    p->newer = NULL;
    *(p->older != NULL ? &p->older->newer : &c->oldest_peer) = p;
    c->newest_peer = p;
}

static void leave_ages(struct core *c, struct peer *p)
{
    *(p->older != NULL ? &p->older->newer : &c->oldest_peer) = p->newer;
    *(p->newer != NULL ? &p->newer->older : &c->newest_peer) = p->older;
}

/* The connection that was silent longest goes, one with tasks only if all have some. A host must not go deaf because
 * many have come and gone. */
static void make_room(struct core *c)
{
    struct peer *p = c->oldest_peer;
    for (int i = 0; i < ROOM_TRIES && p->newer != NULL && p->owner != NULL && p->owner->n_tasks > 0;
         i++)
        p = p->newer;
    peer_lost(c, p);
}

struct peer *peer_of(struct core *c, struct router *r, const char *curve_key,
                     const struct wire_view *frames, size_t n_envelope, bool is_req)
{
    unsigned char
        key[sizeof(uintptr_t) + CURVE_HEX + (WIRE_ENVELOPE_MAX + 1) * (ENVELOPE_FRAME_MAX + 1)];
    size_t key_len = make_key(r, curve_key, frames, n_envelope, key);
    if (key_len == 0)
        return NULL;
    struct peer *p = table_get(c->peers, key, key_len);
    if (p == NULL) {
        if (table_count(c->peers) >= PEERS_MAX)
            make_room(c);
        p = peer_new(c, r, curve_key, key, key_len, n_envelope);
        if (p == NULL)
            return NULL;
    } else {
        leave_ages(c, p);
    }
    enter_ages(c, p);
    p->is_req = is_req;
    p->last_seen_ms = loop_now_ms(c->loop);
    return p;
}

static struct owner *owner_new(struct core *c)
{
    struct owner *o = calloc(1, sizeof *o);
    if (o == NULL)
        return NULL;
    o->number = ++c->next_owner;
    o->next = c->owners;
    if (c->owners != NULL)
        c->owners->prev = o;
    c->owners = o;
    return o;
}

struct owner *owner_find(const struct core *c, uint64_t number)
{
    struct owner *o = c->owners;
    while (o != NULL && o->number != number)
        o = o->next;
    return o;
}

struct owner *owner_restore(struct core *c, uint64_t number)
{
    struct owner *o = owner_new(c);
    if (o == NULL)
        return NULL;
    o->number = number;
    o->last_seen_ms = loop_now_ms(c->loop);
    return o;
}

static void copy_text(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from != NULL ? from : "");
}

int owner_restore_client(struct core *c, struct owner *o, const struct journal_owner *from)
{
    copy_text(o->id, sizeof o->id, from->client);
    copy_text(o->resume_hash, sizeof o->resume_hash, from->resume_hash);
    copy_text(o->name, sizeof o->name, from->name);
    copy_text(o->kind, sizeof o->kind, from->kind);
    copy_text(o->curve_key, sizeof o->curve_key, from->curve_key);
    o->is_journaled = true;
    if (o->resume_hash[0] == '\0')
        return 0; /* it never said HELLO, but only its key opens its tasks */
    if (strlen(o->resume_hash) != DIGEST_HEX - 1 ||
        table_put(c->clients, o->resume_hash, DIGEST_HEX - 1, o) < 0)
        return -1;
    o->is_client = true;
    return 0;
}

static void owner_free(struct core *c, struct owner *o)
{
    durable_owner_gone(c, o);
    owner_set_watch(c, o, 0, false, false);
    reserve_drop(c, o);
    if (o->is_client)
        table_take(c->clients, o->resume_hash, DIGEST_HEX - 1);
    if (o->prev != NULL)
        o->prev->next = o->next;
    else
        c->owners = o->next;
    if (o->next != NULL)
        o->next->prev = o->prev;
    free(o);
}

void owner_release(struct core *c, struct owner *o)
{
    if (o->n_tasks == 0 && o->peer == NULL && !o->is_client)
        owner_free(c, o);
}

struct owner *peer_owner(struct core *c, struct peer *p)
{
    if (p->owner == NULL) {
        p->owner = owner_new(c);
        if (p->owner != NULL) {
            p->owner->peer = p;
            id_new(p->owner->id);
            memcpy(p->owner->curve_key, p->curve_key, sizeof p->curve_key);
        }
    }
    if (p->owner != NULL)
        p->owner->last_seen_ms = p->last_seen_ms;
    return p->owner;
}

static void detach(struct core *c, struct peer *p)
{
    struct owner *o = p->owner;
    p->owner = NULL;
    if (o == NULL)
        return;
    o->peer = NULL;
    owner_set_watch(c, o, 0, false, false);
    if (!o->is_client)
        kept_owner_gone(c, o);
    owner_release(c, o);
}

void peer_lost(struct core *c, struct peer *p)
{
    if (p->is_lost)
        return;
    p->is_lost = true;
    detach(c, p);
    leave_ages(c, p);
    table_take(c->peers, p->key, p->key_len);
    p->next_dead = c->dead_peers;
    c->dead_peers = p;
}

struct closed {
    struct core *core;
    const struct router *router;
};

static void lose_if_closed(void *value, void *arg)
{
    const struct closed *x = arg;
    struct peer *p = value;
    if (p->router == x->router)
        peer_lost(x->core, p);
}

void peers_lost(struct core *c, const struct router *r)
{
    struct closed x = {.core = c, .router = r};
    table_each(c->peers, lose_if_closed, &x);
}

static void revoke_peer(void *value, void *arg)
{
    struct core *c = arg;
    struct peer *p = value;
    if (p->curve_key[0] == '\0' || p->is_broken || keys_find(c, p->curve_key) != NULL)
        return;
    verbs_break_off(c, p, CODE_UNAUTHORIZED, "this key is no longer allowed");
    detach(c, p);
}

void peers_revoke(struct core *c)
{
    if (c->peers != NULL)
        table_each(c->peers, revoke_peer, c);
}

void peers_bury(struct core *c)
{
    for (struct peer **at = &c->dead_peers; *at != NULL;) {
        struct peer *p = *at;
        if (p->held > 0) {
            at = &p->next_dead;
            continue;
        }
        *at = p->next_dead;
        free(p);
    }
}

/* The secret is random and long: a plain hash of it gives nothing away, and neither does the time that looking for
 * one takes. */
static void hash_secret(const char *secret, char *hash)
{
    digest_sha256(secret, strlen(secret), hash);
}

/* -1: no memory; it is as it was. */
static int make_client(struct core *c, struct owner *o, char *secret)
{
    id_new(o->id);
    id_secret(secret, RESUME_BYTES);
    hash_secret(secret, o->resume_hash);
    if (table_put(c->clients, o->resume_hash, DIGEST_HEX - 1, o) < 0)
        return -1;
    o->is_client = true;
    return 0;
}

/* The oldest client that is away and has nothing here makes room. */
static void make_room_for_client(struct core *c)
{
    struct owner *oldest = NULL;
    for (struct owner *o = c->owners; o != NULL; o = o->next) {
        bool is_spare = o->is_client && o->peer == NULL && o->n_tasks == 0;
        if (is_spare && (oldest == NULL || o->last_seen_ms < oldest->last_seen_ms))
            oldest = o;
    }
    if (oldest != NULL)
        owner_free(c, oldest);
}

/* What the connection did before it said HELLO is the client's too. */
static struct owner *client_of(struct core *c, struct peer *p, char *secret)
{
    /* Whoever says HELLO without the secret is somebody new: a routing id proves nothing. */
    if (p->owner != NULL && p->owner->is_client)
        detach(c, p);
    if (table_count(c->clients) >= CLIENTS_MAX)
        make_room_for_client(c);
    struct owner *o = peer_owner(c, p);
    return o != NULL && make_client(c, o, secret) == 0 ? o : NULL;
}

/* A secret that has got into other hands opens nothing without the key. */
static struct owner *find_client(struct core *c, const struct peer *p, const char *secret)
{
    char hash[DIGEST_HEX];
    hash_secret(secret, hash);
    struct owner *o = table_get(c->clients, hash, DIGEST_HEX - 1);
    return o != NULL && strcmp(o->curve_key, p->curve_key) == 0 ? o : NULL;
}

struct owner *peer_hello(struct core *c, struct peer *p, char *secret, bool *is_resumed)
{
    struct owner *o = secret[0] != '\0' ? find_client(c, p, secret) : NULL;
    *is_resumed = o != NULL;
    if (o == NULL)
        return client_of(c, p, secret);
    if (o == p->owner)
        return o;
    /* What the connection owned as an anonymous user stays with that user and can be asked for by
     * uid. */
    detach(c, p);
    if (o->peer != NULL)
        o->peer->owner = NULL;
    o->peer = p;
    p->owner = o;
    kept_owner_moved(c, o);
    o->last_seen_ms = p->last_seen_ms;
    return o;
}

void owner_set_watch(struct core *c, struct owner *o, unsigned events, bool all, bool capacity)
{
    bool before = o->watch != 0 || o->wants_capacity;
    o->watch = events;
    o->watches_all = all;
    o->wants_capacity = capacity;
    bool after = o->watch != 0 || o->wants_capacity;
    c->n_watchers += (size_t)after - (size_t)before;
}

struct sweep {
    struct core *core;
    int64_t before_ms;
};

static void sweep_peer(void *value, void *arg)
{
    const struct sweep *s = arg;
    struct peer *p = value;
    if (p->last_seen_ms < s->before_ms && (p->owner == NULL || p->owner->n_tasks == 0))
        peer_lost(s->core, p);
}

void peers_sweep(struct core *c)
{
    struct sweep s = {.core = c, .before_ms = loop_now_ms(c->loop) - c->host->result_retention_ms};
    size_t before = table_count(c->peers);
    table_each(c->peers, sweep_peer, &s);
    for (struct owner *o = c->owners, *next; o != NULL; o = next) {
        next = o->next;
        if (o->peer == NULL && o->n_tasks == 0 && o->last_seen_ms < s.before_ms)
            owner_free(c, o);
    }
    if (table_count(c->peers) != before)
        log_debug("silent peers forgotten", LI("peers", before - table_count(c->peers)));
}

static void clear_peer(void *value, void *arg)
{
    (void)arg;
    free(value);
}

void peers_clear(struct core *c)
{
    if (c->peers != NULL)
        table_each(c->peers, clear_peer, NULL);
    peers_bury(c);
    for (struct owner *o = c->owners, *next; o != NULL; o = next) {
        next = o->next;
        free(o);
    }
    c->owners = NULL;
    table_free(c->peers);
    table_free(c->clients);
}
