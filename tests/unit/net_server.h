#ifndef PENSTOCK_TESTS_NET_SERVER_H
#define PENSTOCK_TESTS_NET_SERVER_H

/* net_server.h: a small HTTP server in threads of the test, each path one behaviour, good or bad.
 */

struct server;

/* Listens on a loopback port that the kernel chose. */
struct server *server_start(void);
/* Stops it and waits for its threads. */
void server_stop(struct server *s);
int server_port(const struct server *s);
/* Connections taken so far. */
int server_connections(struct server *s);
/* Becomes readable when /silent has read a request ("r") and again when its peer went away ("e").
 */
int server_events_fd(const struct server *s);

#endif
