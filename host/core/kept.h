#ifndef PENSTOCK_CORE_KEPT_H
#define PENSTOCK_CORE_KEPT_H

/* kept.h: finished tasks: their RESULT is sent, kept until it is acknowledged or its time is over,
 * and forgotten. */

#include "core/core.h"

struct owner;
struct task;

/* Takes a finished task into the kept ones and sends its RESULT if its owner is there. */
void keep_result(struct core *c, struct task *t);
/* Sends the RESULT of a finished task once more. */
void kept_deliver(struct core *c, struct task *t);
/* Everything an owner has not acknowledged: after HELLO, or when it reads again. */
void kept_deliver_waiting(struct core *c, struct owner *o);
/* Forgets the oldest of those that nobody will acknowledge while there is too much. At the end of a
 * turn only, so that nobody holds a task that goes. */
void kept_make_room(struct core *c);
/* The owner speaks over another connection now: what it has not acknowledged is to be sent again, and no request is open. */
void kept_owner_moved(struct core *c, struct owner *o);
/* An anonymous owner's connection is gone: nobody will take its results but by QUERY. */
void kept_owner_gone(struct core *c, struct owner *o);
/* It has been acknowledged. */
void kept_acknowledge(struct core *c, struct task *t);
/* The RESULT header (also QUERY's "result"). */
void kept_write_result(struct core *c, const struct task *t, struct json_writer *w);
/* The task as QUERY and LIST show it. */
void kept_write_info(struct core *c, const struct task *t, struct json_writer *w);
/* Body frames of the RESULT; out holds as many as there are outputs. */
size_t kept_frames(const struct task *t, zmq_msg_t **out, size_t max);
int kept_init(struct core *c);
void kept_clear(struct core *c);

#endif
