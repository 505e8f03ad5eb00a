#ifndef PENSTOCK_SUPERVISOR_PLACE_H
#define PENSTOCK_SUPERVISOR_PLACE_H

/* place.h: the folders of a host, the lock that keeps a second host out of them, and its control
 * group. */

struct conf_host;

/* Makes the folders and takes the lock: its descriptor, to be closed by the caller; -1: logged. */
int place_take(const struct conf_host *h);
/* Moves the supervisor, before it starts anything, out of the control group that the groups of
 * boxes will be made in, if that is delegated to the host; a failure is logged. */
void place_leave_group(const struct conf_host *h);
/* Removes the sockets' files while the lock is still held. */
void place_leave(const struct conf_host *h);

#endif
