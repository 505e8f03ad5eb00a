/* doors.c: the task socket, the control socket and the TCP address. Runs in penstock-core. */
#include "core/doors.h"

#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdutil.h"
#include "base/log.h"
#include "conf/users.h"
#include "core/keys.h"
#include "core/peers.h"
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

/* The address stays ours while the door is shut. */
static int listen_tcp(struct core *c)
{
    if (c->host->tcp[0] == '\0')
        return 0;
    c->tcp_fd = router_listen_tcp(c->host->tcp);
    if (c->tcp_fd >= 0)
        return 0;
    log_error("TCP address cannot be bound", LS("address", c->host->tcp), LE(errno));
    return -1;
}

static struct router *make_router(struct core *c, const struct curve_pair *curve)
{
    const struct router_options o = {.max_frame_bytes = (size_t)c->host->max_frame_bytes,
                                     .max_frames = (size_t)c->host->max_frames,
                                     .curve = curve};
    return router_new(c->loop, c->zmq, &o, verbs_message, c);
}

/* A file's mode says who may come in. */
static struct router *open_ipc(struct core *c, const char *path, int fd)
{
    struct router *r = make_router(c, NULL);
    if (r != NULL && router_bind_ipc(r, path, fd) == 0)
        return r;
    log_error("a ZeroMQ socket cannot be made", LS("path", path), LE(errno));
    router_free(r, 0);
    return NULL;
}

/* A socket of its own: only where all connections have been asked for their key does a message say truly whose it is. */
static int open_tcp(struct core *c)
{
    if (c->tcp_fd < 0)
        return 0;
    c->tcp_router = make_router(c, keys_pair(c));
    if (c->tcp_router != NULL && router_bind_tcp(c->tcp_router, c->tcp_fd, c->tcp_address) == 0)
        return 0;
    log_error("TCP address cannot be served", LS("address", c->host->tcp), LE(errno));
    return -1;
}

static int open_tasks(struct core *c)
{
    c->tasks_router = open_ipc(c, c->host->tasks_socket, c->tasks_fd);
    return c->tasks_router != NULL ? open_tcp(c) : -1;
}

static int open_control(struct core *c)
{
    c->control_router = open_ipc(c, c->host->control_socket, c->control_fd);
    return c->control_router != NULL ? 0 : -1;
}

int doors_open(struct core *c)
{
    c->zmq = zmq_ctx_new();
    if (c->zmq == NULL) {
        log_error("ZeroMQ cannot be started", LE(errno));
        return -1;
    }
    if (keys_open(c) < 0 || listen_tcp(c) < 0 || open_control(c) < 0 || open_tasks(c) < 0)
        return -1;
    if (c->tcp_fd >= 0)
        log_info("tasks are taken over TCP too", LS("address", c->tcp_address),
                 LS("encrypted", c->keys != NULL ? "yes" : "no"));
    return 0;
}

bool doors_need_key(const struct core *c, const struct router *r)
{
    return c->keys != NULL && r == c->tcp_router;
}

enum { ROUTERS = 3 };

/* All sockets; those that are shut are NULL. */
static void list_routers(const struct core *c, struct router *out[ROUTERS])
{
    out[0] = c->tasks_router;
    out[1] = c->control_router;
    out[2] = c->tcp_router;
}

void doors_serve(struct core *c, int budget)
{
    struct router *r[ROUTERS];
    list_routers(c, r);
    for (int i = 0; i < ROUTERS; i++) {
        if (r[i] != NULL)
            router_serve(r[i], budget);
    }
}

bool doors_are_due(const struct core *c)
{
    struct router *r[ROUTERS];
    bool is_due = false;
    list_routers(c, r);
    for (int i = 0; i < ROUTERS; i++)
        is_due |= r[i] != NULL && router_is_due(r[i]);
    return is_due;
}

static void shut(struct core *c, struct router **r)
{
    if (*r != NULL)
        peers_lost(c, *r);
    router_free(*r, 0);
    *r = NULL;
}

void doors_shut(struct core *c, enum door door)
{
    shut(c, door == DOOR_TASKS ? &c->tasks_router : &c->control_router);
    if (door == DOOR_TASKS)
        shut(c, &c->tcp_router);
}

int doors_reopen(struct core *c)
{
    int64_t now = clock_wall_ms();
    c->epoch = now > c->epoch ? now : c->epoch + 1;
    if (c->tasks_router == NULL && open_tasks(c) < 0)
        return -1;
    return c->control_router != NULL ? 0 : open_control(c);
}

const char *doors_name(enum door door)
{
    return door == DOOR_TASKS ? "tasks" : "control";
}

void doors_close(struct core *c, int linger_ms)
{
    router_free(c->tasks_router, linger_ms);
    router_free(c->control_router, linger_ms);
    router_free(c->tcp_router, linger_ms);
    c->tasks_router = c->control_router = c->tcp_router = NULL;
    fd_close(&c->tasks_fd);
    fd_close(&c->control_fd);
    fd_close(&c->tcp_fd);
}

void doors_forget(struct core *c)
{
    if (c->zmq != NULL)
        zmq_ctx_term(c->zmq);
    c->zmq = NULL;
}
