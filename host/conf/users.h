#ifndef PENSTOCK_CONF_USERS_H
#define PENSTOCK_CONF_USERS_H

/*
 * users.h: whom the roles of a host become that root has started. Their numbers lie just below those
 * of the boxes (host.box_uid_base) and, like them, belong to nobody else: the core, and below it the
 * shims in the order of the configuration. The launcher stays root, with fewer rights. A role's group has the number of its user, but a shim's,
 * which is the one that may write the task socket.
 */

#include <sys/types.h>

struct conf;
struct conf_host;
struct conf_shim;

enum { USERS_BOXES = 65536 };

uid_t users_core(const struct conf_host *h);
/* Boxes have those from host.box_uid_base to this one. */
uid_t users_last_box(const struct conf_host *h);
/* Seats count from 0. */
uid_t users_shim_seat(const struct conf_host *h, size_t seat);
/* shim: one of c's; its seat is its place in the configuration, as long as nobody else gives it one. */
uid_t users_shim(const struct conf *c, const struct conf_shim *shim);
/* Who beside root may write the task socket: socket_group, without one the core's own group.
 * -1 with errno: there is no such group. */
int users_tasks_group(const struct conf_host *h, gid_t *group);

#endif
