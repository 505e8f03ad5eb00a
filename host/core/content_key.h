#ifndef PENSTOCK_CORE_CONTENT_KEY_H
#define PENSTOCK_CORE_CONTENT_KEY_H

/* content_key.h: the idempotency key of a task that asked for one made of its content. Pure. */

#include <zmq.h>

#include "core/submit.h"
#include "plugin/catalog.h"

/* Begins every such key, and no other. */
#define CONTENT_KEY_PREFIX "content:"

/* Into s->content: the prefix and the SHA-256 of pipeline, version, params and inputs in the form that
 * protocol.md describes (content_key). The same for ever, on any host. -1: no memory. */
int content_key_make(struct submit *s, const struct catalog_pipeline *p, zmq_msg_t *body);

/* Whether a key was made so. */
bool content_key_is(const char *key);

#endif
