/* doors.c: the task socket, the control socket and the TCP address. Runs in penstock-core. */
#include "core/doors.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/log.h"
#include "conf/users.h"
#include "core/core.h"
#include "core/verbs.h"

enum { CONTROL_MODE = 0600, TASKS_MODE = 0660 };

/* ---- places
 * --------------------------------------------------------------------------------------- */

/* -1: as it comes. Without root's right to give files away there is nobody else to share it with. */
static int tasks_group(const struct core *c, gid_t *group)
{
    *group = (gid_t)-1;
    if (c->host->socket_group[0] == '\0' && geteuid() != 0)
        return 0;
    if (users_tasks_group(c->host, group) == 0)
        return 0;
    log_error("the group of the task socket is not known", LS("group", c->host->socket_group),
              LE(errno));
    return -1;
}

/* The control socket stays its maker's own: root's, if root has started us, and so root's to use. */
int doors_listen(struct core *c)
{
    gid_t group;
    if (tasks_group(c, &group) < 0)
        return -1;
    c->control_fd = router_listen_ipc(c->host->control_socket, CONTROL_MODE, (gid_t)-1);
    if (c->control_fd < 0) {
        log_error("control socket cannot be bound", LS("path", c->host->control_socket), LE(errno));
        return -1;
    }
    c->tasks_fd = router_listen_ipc(c->host->tasks_socket, TASKS_MODE, group);
    if (c->tasks_fd < 0) {
        log_error("task socket cannot be bound", LS("path", c->host->tasks_socket),
                  LS("group", c->host->socket_group), LE(errno));
        return -1;
    }
    return 0;
}

/* ---- service
 * -------------------------------------------------------------------------------------- */

static int bind_tcp(struct core *c)
{
    char address[sizeof c->tcp_address];
    if (c->host->tcp[0] == '\0')
        return 0;
    /* libzmq writes "any free port" as '*'. */
    size_t n = strlen(c->host->tcp);
    bool is_any = n > 2 && strcmp(c->host->tcp + n - 2, ":0") == 0;
    snprintf(address, sizeof address, "tcp://%.*s%s", (int)(is_any ? n - 1 : n), c->host->tcp,
             is_any ? "*" : "");
    if (router_bind_tcp(c->tasks_router, address, c->tcp_address) < 0) {
        log_error("TCP address cannot be bound", LS("address", c->host->tcp), LE(errno));
        return -1;
    }
    log_info("tasks are taken over TCP too", LS("address", c->tcp_address));
    return 0;
}

int doors_open(struct core *c)
{
    const struct router_options o = {.max_frame_bytes = (size_t)c->host->max_frame_bytes,
                                     .max_frames = (size_t)c->host->max_frames};
    c->zmq = zmq_ctx_new();
    c->tasks_router = c->zmq != NULL ? router_new(c->loop, c->zmq, &o, verbs_message, c) : NULL;
    c->control_router =
        c->tasks_router != NULL ? router_new(c->loop, c->zmq, &o, verbs_message, c) : NULL;
    if (c->control_router == NULL ||
        router_bind_ipc(c->control_router, c->host->control_socket, &c->control_fd) < 0 ||
        router_bind_ipc(c->tasks_router, c->host->tasks_socket, &c->tasks_fd) < 0) {
        log_error("ZeroMQ sockets cannot be made", LE(errno));
        return -1;
    }
    return bind_tcp(c);
}

void doors_close(struct core *c, int linger_ms)
{
    router_free(c->tasks_router, linger_ms);
    router_free(c->control_router, linger_ms);
    c->tasks_router = c->control_router = NULL;
    fd_close(&c->tasks_fd);
    fd_close(&c->control_fd);
}

void doors_forget(struct core *c)
{
    if (c->zmq != NULL)
        zmq_ctx_term(c->zmq);
    c->zmq = NULL;
}
