#ifndef PENSTOCK_CORE_DOORS_H
#define PENSTOCK_CORE_DOORS_H

/* doors.h: the sockets at which the core is reached. [loop] */

struct core;

/* Takes the places of the task and the control socket; as root, if root has started us. Who connects
 * waits there. -1: logged. */
int doors_listen(struct core *c);
/* Starts ZeroMQ and serves the doors. -1: logged. */
int doors_open(struct core *c);
/* Closes the doors; what is being sent has linger_ms. The sockets' files are the supervisor's to
 * remove: it holds the lock, and the core may not even write their folder. */
void doors_close(struct core *c, int linger_ms);
/* Ends ZeroMQ. After everything that holds messages. */
void doors_forget(struct core *c);

#endif
