/*
 * warden.c: builds one box and watches it. Runs in the warden process only.
 *
 * Theory of operation. The launcher clones us into the box's namespaces (where the machine has them
 * we are process 1 of the box) and executes penstock-box with nothing but the descriptors we need.
 * We are trusted and small, have one thread and never load a plugin.
 *
 *   launcher --clone, exec--> warden --fork, exec--> zygote (loads the plugin; not trusted)
 *                              |  ^                   |
 *                      control |  |                   | clone(CLONE_PARENT)
 *                      channel v  +-- its children -- tasks, siblings of the zygote
 *                             core
 *
 * First the walls: warden_steps.c takes each step of a table, and none may fail. By then we have no
 * right left that a plugin does not have, but for what comes from being the parent: we reap, and we
 * may kill.
 *
 * Then the zygote (warden_exec.c, warden_zygote.c). In fork mode it loads the plugin once and
 * clones a task for each slot when we ask it to; a slot's next worker is always ready before a task
 * comes, so what a fork costs is not part of any task. In warm mode there is one zygote a slot and
 * it serves tasks itself; in exec mode there is one in all, for one task, and the box ends with it.
 * If the plugin leaves threads behind in fork mode, forking is not safe,
 * and the box goes over to warm mode. A scan is one zygote that describes its plugin and ends.
 *
 * What a zygote says is a claim (warden_reap.c): a worker must be our own child, and there must not
 * be more children than were ordered. Whoever lies loses the box. With the profile off a plugin may
 * start processes of its own; what tasks leave of them is killed (warden_strays.c).
 *
 * A worker's end: SIGCHLD, wait4, the rest of its output, CONTROL_EXIT; then its task directory is
 * emptied and the next one is forked. Signals arrive by signalfd. Time limits of tasks are the
 * core's; processor time is looked at here (warden_watch.c), because only here the process is a
 * child.
 *
 * When the control channel ends, or SIGTERM comes, everything is killed and reaped before we end:
 * where there is no pid namespace nobody would do it for us, and zombies count as processes of the
 * user.
 */
#include "sandbox/warden.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdutil.h"
#include "base/log.h"
#include "loop/loop.h"
#include "sandbox/filter.h"
#include "sandbox/warden_internal.h"

enum { MESSAGES_A_TURN = 64, HELPER_FD_MIN = 10 };

union control_message {
    struct chan_head head;
    struct control_kill kill;
    struct control_watch watch;
    struct control_stop stop;
};

/* ---- telling the core ---- */

void warden_send(const struct warden *w, const void *message, size_t n)
{
    /* Nobody to tell: the end of the channel is seen by whoever reads it. */
    fd_send_message(w->setup.control_fd, message, n, NULL, 0, 0);
}

void warden_end(struct warden *w, int status)
{
    if (w->is_ending)
        return;
    w->is_ending = true;
    w->exit_status = status;
    warden_kill_all(w);
    loop_stop(w->loop);
}

void warden_end_error(struct warden *w, int error, const char *what)
{
    struct control_error m = {
        .head = {.magic = CHAN_MAGIC, .version = CHAN_VERSION, .type = CONTROL_ERROR},
        .error = error,
    };
    if (w->is_ending)
        return;
    snprintf(m.text, sizeof m.text, "%s", what);
    log_error("the box ends", LI("box", w->setup.box), LS("why", what),
              LS("error", error != 0 ? log_errno_text(error) : ""));
    warden_send(w, &m, sizeof m);
    warden_end(w, EXIT_FAILURE);
}

void warden_end_load_failed(struct warden *w, enum load_failure why, int wait_status,
                            const char *text)
{
    struct control_load_failed m = {
        .head = {.magic = CHAN_MAGIC, .version = CHAN_VERSION, .type = CONTROL_LOAD_FAILED},
        .why = (uint32_t)why,
        .wait_status = wait_status,
    };
    if (w->is_ending)
        return;
    snprintf(m.text, sizeof m.text, "%s", text);
    warden_send(w, &m, sizeof m);
    warden_end(w, EXIT_FAILURE);
}

/* ---- what the core says ---- */

static struct slot *worker_of(struct warden *w, uint32_t slot, uint64_t generation)
{
    struct slot *s = slot < w->setup.slots ? &w->slots[slot] : NULL;
    /* Its end and this message have crossed: the core will see. */
    return s != NULL && s->state == SLOT_LIVE && s->generation == generation ? s : NULL;
}

static void on_kill(struct warden *w, const union control_message *m)
{
    struct slot *s = worker_of(w, m->kill.slot, m->kill.generation);
    if (s != NULL)
        warden_kill_worker(s, (enum kill_reason)m->kill.reason);
}

static void on_watch(struct warden *w, const union control_message *m)
{
    struct slot *s = worker_of(w, m->watch.slot, m->watch.generation);
    if (s == NULL)
        return;
    warden_watch_end(s);
    if (m->watch.is_over == 0)
        warden_watch(s, m->watch.cpu_ms);
}

static void on_stop(struct warden *w, const union control_message *m)
{
    (void)m;
    w->is_stopping = true;
    warden_check_stop(w);
}

struct control_kind {
    size_t size;
    void (*fn)(struct warden *w, const union control_message *m);
};

static const struct control_kind kinds[] = {
    [CONTROL_KILL] = {sizeof(struct control_kill), on_kill},
    [CONTROL_WATCH] = {sizeof(struct control_watch), on_watch},
    [CONTROL_STOP] = {sizeof(struct control_stop), on_stop},
};

static bool is_good(const union control_message *m, size_t n)
{
    const struct chan_head *h = &m->head;
    return n >= sizeof *h && h->magic == CHAN_MAGIC && h->version == CHAN_VERSION &&
           h->type < sizeof kinds / sizeof *kinds && kinds[h->type].fn != NULL &&
           kinds[h->type].size == n;
}

static void on_control(void *arg, uint32_t events)
{
    struct warden *w = arg;
    (void)events;
    for (int i = 0; i < MESSAGES_A_TURN && !w->is_ending; i++) {
        union control_message m;
        const ssize_t n =
            fd_recv_message(w->setup.control_fd, &m, sizeof m, NULL, NULL, MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n > 0 && is_good(&m, (size_t)n))
            kinds[m.head.type].fn(w, &m);
        else
            warden_end(w, n == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
    }
}

static bool is_busy(const struct warden *w)
{
    for (uint32_t i = 0; i < w->setup.slots; i++) {
        if (w->slots[i].state != SLOT_EMPTY)
            return true;
    }
    return false;
}

void warden_check_stop(struct warden *w)
{
    bool is_waiting = false;
    if (!w->is_stopping || w->is_ending || is_busy(w))
        return;
    for (uint32_t i = 0; i < w->setup.slots; i++) {
        if (w->zygotes[i].state == ZYGOTE_SERVING)
            warden_close_zygote(&w->zygotes[i]);
        is_waiting = is_waiting || w->zygotes[i].state == ZYGOTE_CLOSING;
    }
    if (!is_waiting)
        warden_end(w, EXIT_SUCCESS);
}

/* ---- start ---- */

static void on_signal(void *arg, int signo)
{
    struct warden *w = arg;
    if (signo == SIGCHLD)
        warden_reap(w);
    else
        warden_end(w, EXIT_SUCCESS);
}

static void on_zygote_timer(void *arg)
{
    warden_zygote_timer(arg);
}

static void on_slot_timer(void *arg)
{
    struct slot *s = arg;
    if (s->state == SLOT_LIVE)
        warden_look_at_cpu(s);
    else if (s->state == SLOT_EMPTY)
        warden_fill_slot(s);
}

static void on_measure_timer(void *arg)
{
    warden_measure(arg);
}

static int make_slot(struct warden *w, uint32_t i)
{
    struct slot *s = &w->slots[i];
    struct zygote *z = &w->zygotes[i];
    s->warden = z->warden = s->output.warden = z->output.warden = w;
    s->index = z->slot = i;
    s->output.fd = z->output.fd = z->channel = z->birth = -1;
    s->timer = loop_timer_new(w->loop, on_slot_timer, s);
    s->measure_timer = loop_timer_new(w->loop, on_measure_timer, s);
    z->timer = loop_timer_new(w->loop, on_zygote_timer, z);
    return s->timer != NULL && s->measure_timer != NULL && z->timer != NULL ? 0 : -1;
}

static int make_loop(struct warden *w)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    w->loop = loop_new();
    if (w->loop == NULL || loop_signals(w->loop, &set, on_signal, w) < 0)
        return -1;
    w->control = loop_io_add(w->loop, w->setup.control_fd, EPOLLIN, on_control, w);
    if (w->control == NULL)
        return -1;
    for (uint32_t i = 0; i < w->setup.slots; i++) {
        if (make_slot(w, i) < 0)
            return -1;
    }
    return 0;
}

static void start_zygotes(struct warden *w)
{
    const uint32_t n = w->mode == BOX_WARM ? w->setup.slots : 1;
    for (uint32_t i = 0; i < n && !w->is_ending; i++)
        warden_start_zygote(&w->zygotes[i]);
}

static int run(struct warden *w)
{
    w->is_once = w->setup.mode == BOX_EXEC;
    w->mode = w->is_once ? BOX_WARM : (enum box_mode)w->setup.mode;
    w->begun_ms = clock_mono_ms();
    if (make_loop(w) < 0) {
        struct control_error m = {
            .head = {.magic = CHAN_MAGIC, .version = CHAN_VERSION, .type = CONTROL_ERROR},
            .error = errno,
            .text = "the warden's loop"};
        warden_send(w, &m, sizeof m);
        return EXIT_FAILURE;
    }
    start_zygotes(w);
    if (!w->is_ending && loop_run(w->loop) < 0)
        warden_end_error(w, errno, "the warden's loop");
    return w->exit_status;
}

static int tell_probe(const struct warden *w)
{
    const struct control_ready m = {
        .head = {.magic = CHAN_MAGIC, .version = CHAN_VERSION, .type = CONTROL_READY},
        .walls = w->setup.walls,
        .landlock_abi = w->setup.landlock_abi,
    };
    warden_send(w, &m, sizeof m);
    return EXIT_SUCCESS;
}

static int read_setup(struct warden *w, int fd)
{
    struct warden_setup *s = &w->setup;
    if (pread(fd, s, sizeof *s, 0) != (ssize_t)sizeof *s || s->magic != WARDEN_MAGIC ||
        s->version != WARDEN_VERSION || s->slots > BOX_SLOTS_MAX ||
        s->config_len > BOX_CONFIG_MAX || s->inputs_len > WARDEN_INPUTS_MAX)
        return -1;
    const off_t inputs_at = (off_t)(sizeof *s + s->config_len);
    if (pread(fd, w->config, s->config_len, sizeof *s) != (ssize_t)s->config_len)
        return -1;
    return pread(fd, w->inputs, s->inputs_len, inputs_at) == (ssize_t)s->inputs_len ? 0 : -1;
}

static int claim_group_fds(struct warden_setup *s)
{
    int rc = 0;
    for (int i = 0; i < WARDEN_GROUPS; i++) {
        for (int file = 0; file < CGROUP_FILES; file++) {
            if (s->group_fds[i][file] >= 0)
                rc |= fd_set_cloexec(s->group_fds[i][file], 1);
        }
    }
    return rc;
}

/* The launcher has opened these for us over the exec; nobody else is to inherit them. */
static int claim_fds(struct warden *w)
{
    struct warden_setup *s = &w->setup;
    const int helper = fcntl(s->helper_fd, F_DUPFD_CLOEXEC, HELPER_FD_MIN);
    int rc = helper < 0 ? -1 : 0;
    fd_close(&s->helper_fd);
    s->helper_fd = helper;
    rc |= fd_set_cloexec(s->control_fd, 1);
    for (int kind = 0; kind < FILTER_KINDS; kind++)
        rc |= fd_set_cloexec(s->filter_fds[kind], 1);
    for (uint32_t i = 0; i < s->slots; i++)
        rc |= fd_set_cloexec(s->data_fds[i], 1) | fd_set_cloexec(s->page_fds[i], 1);
    return rc | claim_group_fds(s);
}

int warden_main(int setup_fd)
{
    struct warden *w = calloc(1, sizeof *w);
    if (w == NULL || read_setup(w, setup_fd) < 0)
        return EXIT_FAILURE;
    fd_close(&setup_fd);
    log_setup("penstock-warden", (enum log_level)w->setup.log_level,
              (enum log_format)w->setup.log_format, STDERR_FILENO);
    if (claim_fds(w) < 0 || warden_build(w) < 0)
        return EXIT_FAILURE;
    /* It lives as long as its process. */
    if (w->setup.mode != WARDEN_PROBE)
        return run(w);
    warden_probe(w);
    return tell_probe(w);
}
