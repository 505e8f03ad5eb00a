/*
 * launcher.c: the launcher's life and its channel. Runs in penstock-launcher only.
 *
 * Theory of operation. The supervisor (or `penstock run`) starts the launcher with one end of the
 * launch channel. It is the only process that keeps the rights that boxes need (root: mounts and
 * user ids; others: none), so it has one thread, no network, no plugin code, and reads nothing but
 * the channel and the plugin's files.
 *
 *   core, CLI --- launch channel --- launcher --- clone, exec --- warden of a box (its child)
 *
 * A box is asked for by LAUNCH_START. launcher_box.c opens and checks the plugin's file, makes the
 * box's sockets, slot pages and directories and clones the warden into its namespaces; the core's
 * ends travel back with LAUNCH_STARTED, and from then on core and warden talk without us.
 * launcher_end.c watches the warden by pidfd, removes the box's directories and says LAUNCH_ENDED.
 *
 * What can be built here is found out once, at the start (launcher_probe.c). A wall that stood then
 * and fails for a box later is that box's failure; no box ever starts behind fewer walls than the
 * probe found.
 *
 * At the end of the channel every box is killed, and the launcher ends when the last one has been
 * reaped. If the launcher is killed instead, wardens die by their parent-death signal and take
 * their boxes with them.
 */
#include "sandbox/launcher.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "base/fdutil.h"
#include "loop/loop.h"

enum { MESSAGES_A_TURN = 16 };

union launch_message {
    struct chan_head head;
    struct launch_start start;
    struct launch_kill kill;
    char room[sizeof(struct launch_start) + BOX_CONFIG_MAX + BOX_INPUTS_MAX];
};

void launch_send(const struct launch *l, const void *message, size_t n, const int *fds,
                 size_t n_fds)
{
    /* Nobody to tell: the end of the channel is seen by whoever reads it. */
    if (fd_send_message(l->options.channel_fd, message, n, fds, n_fds, 0) < 0 && errno != EPIPE &&
        errno != ECONNRESET)
        log_error("a message to the core was lost", LE(errno));
}

static int on_start(struct launch *l, const union launch_message *m, size_t n)
{
    if (n < sizeof m->start || m->start.config_len > BOX_CONFIG_MAX ||
        m->start.inputs_len > BOX_INPUTS_MAX ||
        sizeof m->start + m->start.config_len + m->start.inputs_len != n)
        return -1;
    launch_box(l, &m->start, m->room + sizeof m->start);
    return 0;
}

static int on_kill(struct launch *l, const union launch_message *m, size_t n)
{
    if (n != sizeof m->kill)
        return -1;
    struct launch_child *c = launch_find(l, m->kill.box);
    if (c != NULL)
        launch_kill(c);
    return 0;
}

static int (*const handlers[])(struct launch *l, const union launch_message *m, size_t n) = {
    [LAUNCH_START] = on_start,
    [LAUNCH_KILL] = on_kill,
};

static int handle(struct launch *l, const union launch_message *m, size_t n)
{
    const struct chan_head *head = &m->head;
    if (n < sizeof *head || head->magic != CHAN_MAGIC || head->version != CHAN_VERSION ||
        head->type >= sizeof handlers / sizeof *handlers || handlers[head->type] == NULL)
        return -1;
    return handlers[head->type](l, m, n);
}

static void begin_end(struct launch *l)
{
    if (l->is_ending)
        return;
    l->is_ending = true;
    loop_io_del(l->channel);
    l->channel = NULL;
    for (struct launch_child *c = l->first; c != NULL; c = c->next)
        launch_kill(c);
    if (l->first == NULL)
        loop_stop(l->loop);
}

/* 1: there may be more. */
static int receive(struct launch *l)
{
    union launch_message m;
    const ssize_t n =
        fd_recv_message(l->options.channel_fd, &m, sizeof m, NULL, NULL, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return 0;
    if (n > 0 && handle(l, &m, (size_t)n) == 0)
        return 1;
    /* Our own processes talk here: a message that is broken means that we are wrong. */
    if (n > 0 || (n < 0 && errno == EMSGSIZE))
        log_error("broken message on the launch channel");
    begin_end(l);
    return 0;
}

static void on_channel(void *arg, uint32_t events)
{
    struct launch *l = arg;
    (void)events;
    for (int i = 0; i < MESSAGES_A_TURN && receive(l) > 0; i++)
        continue;
}

static void on_signal(void *arg, int signo)
{
    (void)signo;
    begin_end(arg);
}

/* A terminal's interrupt goes to the whole group; who started us decides, and closes the channel.
 */
static int set_signals(struct launch *l)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    if (signal(SIGINT, SIG_IGN) == SIG_ERR || signal(SIGHUP, SIG_IGN) == SIG_ERR ||
        signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return -1;
    return loop_signals(l->loop, &set, on_signal, l);
}

int launch_run(struct launch *l)
{
    int rc = -1;
    l->loop = loop_new();
    if (l->loop == NULL)
        return -1;
    if (set_signals(l) == 0 && prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L) == 0)
        l->channel = loop_io_add(l->loop, l->options.channel_fd, EPOLLIN, on_channel, l);
    if (l->channel != NULL)
        rc = loop_run(l->loop);
    loop_free(l->loop);
    return rc;
}
