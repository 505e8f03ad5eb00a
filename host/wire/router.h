#ifndef PENSTOCK_WIRE_ROUTER_H
#define PENSTOCK_WIRE_ROUTER_H

/* router.h: a ROUTER socket on a loop. Frames stay libzmq messages, so that large bytes are never
 * copied. [loop] */

#include <stddef.h>
#include <sys/types.h>

#include <zmq.h>

#include "wire/message.h"

struct curve_pair;
struct loop;
struct router;

struct router_options {
    size_t max_frame_bytes; /* frames up to twice this reach us and can be answered; larger ones cut
                               the connection */
    size_t max_frames;      /* more are thrown away, and the callback is told */
    const struct curve_pair *curve; /* only encrypted connections, and only those that the context's
                                       zap.h lets in; NULL: plain ones */
};

/*
 * One whole message, the routing id first. The callee may move any frame out (zmq_msg_move); the
 * others are closed after it returns. is_cut: there were more frames than the socket takes.
 */
typedef void (*router_fn)(void *arg, struct router *r, zmq_msg_t *frames, size_t n, int is_cut);

/* A socket without address. NULL with errno. */
struct router *router_new(struct loop *loop, void *zmq_context,
                          const struct router_options *options, router_fn fn, void *arg);
/* A socket that listens at path, with the group ((gid_t)-1: as it comes) and the mode it shall have;
 * what was left there is removed. Peers wait until a router is bound to it. Made apart, because root
 * may have to make it, and no thread of libzmq shall be root. The caller's; -1 with errno. */
int router_listen_ipc(const char *path, mode_t mode, gid_t group);
/* The same at "127.0.0.1:7000" or "[::1]:0" (0: any free port). */
int router_listen_tcp(const char *address);
/* Serves a copy of such a descriptor: fd stays the caller's, who can bind another router to it when
 * this one is gone; the file at path stays too. -1 with errno. */
int router_bind_ipc(struct router *r, const char *path, int fd);
/* bound (256 bytes) gets the address in force, such as "tcp://127.0.0.1:7000". */
int router_bind_tcp(struct router *r, int fd, char *bound);
/* Who sent a message, of which this is any frame: the hex of a key that zap.h has let in. To be asked of a router with
 * curve only: of others a peer may say what it likes. NULL: unknown. Borrowed from the frame. */
const char *router_user(zmq_msg_t *frame);
/* Reads at most budget messages: 1 if more may be there, else 0. To be called once a turn, and
 * after sends: libzmq's descriptor is edge-triggered. */
int router_serve(struct router *r, int budget);
/* Whether router_serve would have something to do: libzmq was used or woken since it was last asked in vain. */
int router_is_due(const struct router *r);
void router_free(struct router *r, int linger_ms);

/* Where an answer goes: the routing id and what stood before PEN/1. */
struct router_peer {
    size_t n;
    struct wire_view frames[WIRE_ENVELOPE_MAX + 1];
};

/*
 * Sends envelope, PEN/1, verb, header, body. Body messages are sent as references: they stay the
 * caller's. -1 with errno: EHOSTUNREACH the peer is gone, EAGAIN it reads too slowly; nothing was
 * sent then. Never blocks.
 */
int router_send(struct router *r, const struct router_peer *to, enum wire_verb verb,
                const void *header, size_t header_len, zmq_msg_t *const *body, size_t n_body);

#endif
