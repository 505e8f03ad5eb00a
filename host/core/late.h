#ifndef PENSTOCK_CORE_LATE_H
#define PENSTOCK_CORE_LATE_H

/* late.h: answers that are given in a later turn than their request: once something is durable, or
 * has been read. The peer is kept until then; one that has gone meanwhile gets nothing. */

#include "core/core.h"

struct late;
struct peer;

/* For the request at hand. NULL: no memory. */
struct late *late_new(struct core *c, struct peer *p);
/* As answer_begin. */
void late_begin(struct core *c, const struct late *a, struct json_writer *w);
/* As answer_send; frees it. */
void late_send(struct core *c, struct late *a, enum wire_verb verb, struct json_writer *w);
void late_send_body(struct core *c, struct late *a, enum wire_verb verb, struct json_writer *w,
                    zmq_msg_t *const *body, size_t n_body);
/* As answer_refused; frees it. */
void late_refused(struct core *c, struct late *a, enum code code, const char *message,
                  int64_t retry_after_ms);
/* Without an answer. NULL is fine. */
void late_free(struct late *a);

#endif
