#ifndef PENSTOCK_WIRE_CLIENT_H
#define PENSTOCK_WIRE_CLIENT_H

/* client.h: the DEALER side of PEN/1 on a loop: what shims, the gate and the command line use. All
 * calls [loop]. */

#include <stddef.h>

#include "wire/message.h"

struct curve_key;
struct curve_pair;
struct loop;
struct wire_client;

/* header is a NUL-ended JSON text; it and the body are borrowed for the call. */
typedef void (*wire_client_fn)(void *arg, enum wire_verb verb, const char *header,
                               size_t header_len, const struct wire_view *body, size_t n_body);

/* endpoint: "ipc:///run/penstock/tasks.sock" or "tcp://127.0.0.1:5570". Connecting goes on in the
 * background, also after the host went away: nothing tells that but silence (PING). A message that
 * is not of the protocol is logged and dropped. NULL with errno (ENOENT: the ipc socket is not
 * there). */
struct wire_client *wire_client_new(struct loop *loop, const char *endpoint, wire_client_fn fn,
                                    void *arg);
/* The same over CURVE, to the host that has the secret part of that key; who we are is copied. A host that does not know
 * our key is as silent as one that is not there. */
struct wire_client *wire_client_new_curve(struct loop *loop, const char *endpoint,
                                          const struct curve_key *host,
                                          const struct curve_pair *self, wire_client_fn fn,
                                          void *arg);
/* Closes; messages not yet sent are given up after linger_ms. NULL is fine. */
void wire_client_free(struct wire_client *c, int linger_ms);
/* Sends a message; bytes are copied. -1 with errno: EAGAIN when 1,000 messages wait already. */
int wire_client_send(struct wire_client *c, enum wire_verb verb, const char *header,
                     size_t header_len, const struct wire_view *body, size_t n_body);

#endif
