#ifndef PENSTOCK_CORE_DOORS_H
#define PENSTOCK_CORE_DOORS_H

/* doors.h: the sockets at which the core is reached. [loop] */

#include <stdbool.h>

#include "core/core.h"

/* Takes the places of the task and the control socket; as root, if root has started us. Who connects
 * waits there. -1: logged. */
int doors_listen(struct core *c);
/* Starts ZeroMQ and serves the doors. -1: logged. */
int doors_open(struct core *c);
/* Whether who comes in by this socket has proved a key: router_user tells which. */
bool doors_need_key(const struct core *c, const struct router *r);
/* Reads at most so many messages of each door. */
void doors_serve(struct core *c, int budget);
/* Whether doors_serve would have something to do. */
bool doors_are_due(const struct core *c);
/* Cuts off all peers of one door (TCP belongs to that of tasks), and frees what libzmq holds for them, in its own time; what was being sent is
 * dropped. Who connects waits. */
void doors_shut(struct core *c, enum door door);
/* Serves what is shut again. The epoch is another one, so that clients see in PONG that they have to say HELLO
 * again. -1: logged. */
int doors_reopen(struct core *c);
const char *doors_name(enum door door);
/* Closes the doors; what is being sent has linger_ms. The sockets' files are the supervisor's to
 * remove: it holds the lock, and the core may not even write their folder. */
void doors_close(struct core *c, int linger_ms);
/* Ends ZeroMQ. After everything that holds messages. */
void doors_forget(struct core *c);

#endif
