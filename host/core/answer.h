#ifndef PENSTOCK_CORE_ANSWER_H
#define PENSTOCK_CORE_ANSWER_H

/* answer.h: one answer to one request. The header is written into core.out: one answer at a time.
 */

#include "core/core.h"
#include "core/refusal.h"

struct peer;

/* Opens the object and puts "request" in if the request had one. */
void answer_begin(struct core *c, struct json_writer *w);
/* The member "request" of the request at hand; len 0: none. */
struct json_span answer_request(const struct core *c);
/* The same for an answer that comes later: request as answer_request had it. */
void answer_begin_later(struct core *c, struct json_writer *w, struct json_span request);
/* Closes the object and sends it. A peer that does not read loses the answer, one that is gone is
 * forgotten. */
void answer_send(struct core *c, struct peer *p, enum wire_verb verb, struct json_writer *w);
void answer_send_body(struct core *c, struct peer *p, enum wire_verb verb, struct json_writer *w,
                      zmq_msg_t *const *body, size_t n_body);
void answer_refused(struct core *c, struct peer *p, enum code code, const char *message);

#endif
