/* loop.c: the epoll loop. A source that is deleted during a turn is freed at its end, because its
 * event may still lie in the batch that epoll handed out. */
#include "loop/loop.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdutil.h"
#include "base/heap.h"

enum { EVENTS_A_TURN = 64, TIMERS_A_TURN = 256 };

struct loop_io {
    struct loop *loop;
    struct loop_io *prev, *next;
    loop_io_fn fn; /* NULL: deleted */
    void *arg;
    int fd;
};

struct loop_timer {
    struct heap_node node; /* first: the heap's nodes are these */
    struct loop_timer *prev, *next;
    int64_t at_ms;
    uint64_t number; /* of all settings; decides between equal times */
    struct loop *loop;
    loop_timer_fn fn;
    void *arg;
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

struct loop {
    int epoll_fd;
    int signal_fd;
    bool is_stopping;
    int64_t now_ms;
    struct loop_io *ios;
    struct loop_io *dead;
    struct heap timers;
    struct loop_timer *all_timers;
    size_t n_timers;
    uint64_t n_set; /* how often timers have been set */
    struct child *children;
    loop_signal_fn signal_fn;
    void *signal_arg;
    loop_turn_fn turn_fn;
    void *turn_arg;
    int turn_wait_ms; /* what turn_fn returned */
};

static int is_earlier(const struct heap_node *a, const struct heap_node *b)
{
    const struct loop_timer *x = (const struct loop_timer *)a, *y = (const struct loop_timer *)b;
    return x->at_ms != y->at_ms ? x->at_ms < y->at_ms : x->number < y->number;
}

struct loop *loop_new(void)
{
    struct loop *l = calloc(1, sizeof *l);
    if (l == NULL)
        return NULL;
    l->signal_fd = -1;
    l->turn_wait_ms = -1;
    l->now_ms = clock_mono_ms();
    heap_init(&l->timers, is_earlier);
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

static void free_timers(struct loop_timer *t)
{
    while (t != NULL) {
        struct loop_timer *next = t->next;
        free(t);
        t = next;
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
    free_timers(l->all_timers);
    free_ios(l->ios);
    free_ios(l->dead);
    heap_clear(&l->timers);
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

struct loop_timer *loop_timer_new(struct loop *l, loop_timer_fn fn, void *arg)
{
    if (heap_reserve(&l->timers, l->n_timers + 1) < 0)
        return NULL;
    struct loop_timer *t = malloc(sizeof *t);
    if (t == NULL)
        return NULL;
    *t = (struct loop_timer){.next = l->all_timers, .loop = l, .fn = fn, .arg = arg};
    if (l->all_timers != NULL)
        l->all_timers->prev = t;
    l->all_timers = t;
    l->n_timers++;
    return t;
}

void loop_timer_after(struct loop_timer *t, int64_t delay_ms)
{
    /* From the clock and not from the turn's start: a long turn must not shorten a limit. "Now" is
     * the turn's time, so that the end of this turn finds it. */
    t->at_ms = delay_ms > 0 ? clock_mono_ms() + delay_ms : t->loop->now_ms;
    t->number = ++t->loop->n_set;
    if (t->node.index != 0)
        heap_moved(&t->loop->timers, &t->node);
    else
        heap_put(&t->loop->timers, &t->node); /* loop_timer_new has made room */
}

void loop_timer_off(struct loop_timer *t)
{
    heap_take(&t->loop->timers, &t->node);
}

int loop_timer_is_set(const struct loop_timer *t)
{
    return t->node.index != 0;
}

void loop_timer_free(struct loop_timer *t)
{
    if (t == NULL)
        return;
    struct loop *l = t->loop;
    heap_take(&l->timers, &t->node);
    if (t->prev != NULL)
        t->prev->next = t->next;
    else
        l->all_timers = t->next;
    if (t->next != NULL)
        t->next->prev = t->prev;
    l->n_timers--;
    free(t);
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

/* Bounded, and timers that these set to "now" wait for the next turn: they must not starve the
 * descriptors. */
static void run_timers(struct loop *l)
{
    uint64_t last = l->n_set;
    for (int i = 0; i < TIMERS_A_TURN; i++) {
        struct loop_timer *t = (struct loop_timer *)heap_first(&l->timers);
        if (t == NULL || t->at_ms > l->now_ms || t->number > last)
            return;
        heap_take(&l->timers, &t->node);
        t->fn(t->arg);
    }
}

/* The lesser of two waits, of which -1 is the longest. */
static int shorter(int a, int b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

static int next_wait(const struct loop *l, int timeout_ms)
{
    const struct loop_timer *t = (const struct loop_timer *)heap_first(&l->timers);
    timeout_ms = shorter(timeout_ms, l->turn_wait_ms);
    if (t == NULL)
        return timeout_ms;
    int64_t left = t->at_ms - clock_mono_ms();
    left = left < 0 ? 0 : left > 3600000 ? 3600000 : left;
    return shorter(timeout_ms, (int)left);
}

int loop_turn(struct loop *l, int timeout_ms)
{
    struct epoll_event events[EVENTS_A_TURN];
    int n = epoll_wait(l->epoll_fd, events, EVENTS_A_TURN, next_wait(l, timeout_ms));
    if (n < 0 && errno != EINTR)
        return -1;
    l->now_ms = clock_mono_ms();
    for (int i = 0; i < n; i++) {
        struct loop_io *io = events[i].data.ptr;
        if (io->fn != NULL)
            io->fn(io->arg, events[i].events);
    }
    run_timers(l);
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
