#ifndef PENSTOCK_CORE_ANSWER_H
#define PENSTOCK_CORE_ANSWER_H

/* answer.h: one answer to one request. The header is written into core.out: one answer at a time.
 */

#include "core/core.h"
#include "core/refusal.h"

struct peer;

/* Opens the object and puts "request" in if the request had one. */
void answer_begin(struct core *c, struct json_writer *w);
/* The same with this "request" (len 0: none), for an answer in a later turn. */
void answer_begin_as(struct core *c, struct json_writer *w, struct json_span request);
/* The "request" of the message at hand, as it is to be sent back; len 0: none. */
struct json_span answer_request(const struct core *c);
/* Closes the object and sends it. A peer that does not read loses the answer, one that is gone is
 * forgotten. */
void answer_send(struct core *c, struct peer *p, enum wire_verb verb, struct json_writer *w);
void answer_send_body(struct core *c, struct peer *p, enum wire_verb verb, struct json_writer *w,
                      zmq_msg_t *const *body, size_t n_body);
void answer_refused(struct core *c, struct peer *p, enum code code, const char *message);

#endif
