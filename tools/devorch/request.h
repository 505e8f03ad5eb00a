#ifndef DEVORCH_REQUEST_H
#define DEVORCH_REQUEST_H

/* request.h: what server.c and request.c share: a server and one request on its way. */

#include <microhttpd.h>

#include "server.h"

enum { REQUEST_SEGMENT_MAX = 160 };

struct server {
    struct server_options options;
    struct loop *loop;
    struct loop_io *io;
    struct MHD_Daemon *daemon;
    struct request *requests; /* all that are on their way */
    int listen_fd;
    int port;
};

struct request {
    struct request *prev, *next;
    struct server *server;
    struct MHD_Connection *connection;
    const struct route *route;
    unsigned refused; /* a status decided before the body came */
    char segment[REQUEST_SEGMENT_MAX];
    struct buf body;
    int fd;
    size_t got;
    bool is_too_big, is_broken, is_handled, is_suspended;
    struct MHD_Response *response;
    unsigned status;
    struct loop_timer *timer;
    request_ended_fn ended;
    void *ended_arg;
};

#endif
