/* loop.c: the epoll loop. A source that is deleted during a turn is freed at its end, because its
 * event may still lie in the batch that epoll handed out. */
#include "loop/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdutil.h"
#include "loop/loop_internal.h"

enum { EVENTS_A_TURN = 64 };

struct loop_io {
    struct loop *loop;
    struct loop_io *prev, *next;
    loop_io_fn fn; /* NULL: deleted */
    void *arg;
    int fd;
};

struct child {
    struct loop *loop;
    struct child *prev, *next;
    struct loop_io *io;
    loop_child_fn fn;
    void *arg;
    pid_t pid;
    int pidfd;
};

struct loop *loop_new(void)
{
    struct loop *l = calloc(1, sizeof *l);
    if (l == NULL)
        return NULL;
    l->signal_fd = -1;
    l->turn_wait_ms = -1;
    l->now_ms = clock_mono_ms();
    timers_init(l);
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (l->epoll_fd < 0) {
        free(l);
        return NULL;
    }
    return l;
}

static void free_ios(struct loop_io *io)
{
    while (io != NULL) {
        struct loop_io *next = io->next;
        free(io);
        io = next;
    }
}

static void free_children(struct child *c)
{
    while (c != NULL) {
        struct child *next = c->next;
        close(c->pidfd);
        free(c);
        c = next;
    }
}

void loop_free(struct loop *l)
{
    if (l == NULL)
        return;
    free_children(l->children);
    free_ios(l->ios);
    free_ios(l->dead);
    timers_clear(l);
    fd_close(&l->epoll_fd);
    fd_close(&l->signal_fd);
    free(l);
}

int64_t loop_now_ms(const struct loop *l)
{
    return l->now_ms;
}

void loop_stop(struct loop *l)
{
    l->is_stopping = true;
}

void loop_on_turn(struct loop *l, loop_turn_fn fn, void *arg)
{
    l->turn_fn = fn;
    l->turn_arg = arg;
    /* Something may have happened before the first turn, and an edge comes only once. */
    l->turn_wait_ms = fn != NULL ? 0 : -1;
}

struct loop_io *loop_io_add(struct loop *l, int fd, uint32_t events, loop_io_fn fn, void *arg)
{
    struct loop_io *io = malloc(sizeof *io);
    if (io == NULL)
        return NULL;
    *io = (struct loop_io){.loop = l, .next = l->ios, .fn = fn, .arg = arg, .fd = fd};
    struct epoll_event event = {.events = events, .data.ptr = io};
    if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
        free(io);
        return NULL;
    }
    if (l->ios != NULL)
        l->ios->prev = io;
    l->ios = io;
    return io;
}

int loop_io_set(struct loop_io *io, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = io};
    return epoll_ctl(io->loop->epoll_fd, EPOLL_CTL_MOD, io->fd, &event);
}

void loop_io_del(struct loop_io *io)
{
    if (io == NULL)
        return;
    struct loop *l = io->loop;
    epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, io->fd, NULL);
    if (io->prev != NULL)
        io->prev->next = io->next;
    else
        l->ios = io->next;
    if (io->next != NULL)
        io->next->prev = io->prev;
    io->fn = NULL;
    io->next = l->dead;
    l->dead = io;
}

static void on_signal(void *arg, uint32_t events)
{
    struct loop *l = arg;
    struct signalfd_siginfo info;
    (void)events;
    while (read(l->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
        l->signal_fn(l->signal_arg, (int)info.ssi_signo);
}

int loop_signals(struct loop *l, const sigset_t *set, loop_signal_fn fn, void *arg)
{
    if (sigprocmask(SIG_BLOCK, set, NULL) < 0)
        return -1;
    l->signal_fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (l->signal_fd < 0)
        return -1;
    l->signal_fn = fn;
    l->signal_arg = arg;
    return loop_io_add(l, l->signal_fd, EPOLLIN, on_signal, l) != NULL ? 0 : -1;
}

static void unlink_child(struct child *c)
{
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        c->loop->children = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
}

static void on_child(void *arg, uint32_t events)
{
    struct child *c = arg;
    int status;
    (void)events;
    if (waitpid(c->pid, &status, WNOHANG) != c->pid)
        return;
    struct child ended = *c;
    unlink_child(c);
    loop_io_del(c->io);
    close(c->pidfd);
    free(c);
    ended.fn(ended.arg, ended.pid, status);
}

int loop_child(struct loop *l, pid_t pid, loop_child_fn fn, void *arg)
{
    struct child *c = malloc(sizeof *c);
    if (c == NULL)
        return -1;
    *c = (struct child){.loop = l,
                        .next = l->children,
                        .fn = fn,
                        .arg = arg,
                        .pid = pid,
                        .pidfd = pidfd_open(pid, 0)};
    c->io = c->pidfd >= 0 ? loop_io_add(l, c->pidfd, EPOLLIN, on_child, c) : NULL;
    if (c->io == NULL) {
        fd_close(&c->pidfd);
        free(c);
        return -1;
    }
    if (l->children != NULL)
        l->children->prev = c;
    l->children = c;
    return 0;
}

int loop_turn(struct loop *l, int timeout_ms)
{
    struct epoll_event events[EVENTS_A_TURN];
    int n = epoll_wait(l->epoll_fd, events, EVENTS_A_TURN,
                       timers_wait(l, timers_shorter(timeout_ms, l->turn_wait_ms)));
    if (n < 0 && errno != EINTR)
        return -1;
    l->now_ms = clock_mono_ms();
    for (int i = 0; i < n; i++) {
        struct loop_io *io = events[i].data.ptr;
        if (io->fn != NULL)
            io->fn(io->arg, events[i].events);
    }
    timers_run(l);
    if (l->turn_fn != NULL)
        l->turn_wait_ms = l->turn_fn(l->turn_arg);
    free_ios(l->dead);
    l->dead = NULL;
    return 0;
}

int loop_run(struct loop *l)
{
    l->is_stopping = false;
    while (!l->is_stopping) {
        if (loop_turn(l, -1) < 0)
            return -1;
    }
    return 0;
}
