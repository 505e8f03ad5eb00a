#ifndef PENSTOCK_ENDPOINT_H
#define PENSTOCK_ENDPOINT_H

/* endpoint.h: which socket of the host a command talks to, and whether anybody listens there. */

struct cli;

/* "ipc:///run/penstock/control.sock" or "tcp://...", a copy that the caller frees; NULL: no memory.
 */
char *endpoint_choose(const struct cli *cli);
/* Tries a plain connect where that says something. 0, or errno: ENOENT, ECONNREFUSED, EACCES. */
int endpoint_probe(const char *endpoint);
/* The file of an ipc endpoint, or NULL. */
const char *endpoint_path(const char *endpoint);

#endif
