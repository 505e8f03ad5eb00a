#ifndef PENSTOCK_WIRE_ZAP_H
#define PENSTOCK_WIRE_ZAP_H

/*
 * zap.h: whom libzmq asks whether a peer may come in (ZAP, RFC 27). libzmq has checked by then that
 * the peer holds the secret part of the key that it names. One for a context, made before the first
 * socket that needs it and freed after the last: without it libzmq 4.3 lets everybody in. [loop]
 */

#include <stdbool.h>
#include <stddef.h>

#include "wire/curve.h"
#include "wire/message.h"

struct loop;
struct zap;

/* The domain of sockets that ask; requests of another one are refused. */
#define ZAP_DOMAIN "penstock"

enum { ZAP_ADDRESS_MAX = 63 };

struct zap_request {
    struct wire_view id; /* to be sent back; borrowed */
    struct curve_key key;
    char address[ZAP_ADDRESS_MAX + 1]; /* of the peer, for logs */
};

/* One request without its envelope. NULL, or what is wrong with it (id is set if it has one). Pure. */
const char *zap_parse(const struct wire_view *frames, size_t n, struct zap_request *out);

/* Whether the peer may come in. If so, its messages carry the key's hex as their user. */
typedef bool (*zap_fn)(void *arg, const struct zap_request *request);

/* NULL with errno: EADDRINUSE, the context has one. */
struct zap *zap_new(struct loop *loop, void *zmq_context, zap_fn fn, void *arg);
/* NULL is fine. */
void zap_free(struct zap *z);

#endif
