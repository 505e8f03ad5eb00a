/* warden_zygote.c: starts zygotes, hears what they say, and starts them again when they die. Runs
 * in the warden. Whatever a zygote says is a claim: a message that does not fit ends the box. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdutil.h"
#include "base/log.h"
#include "loop/loop.h"
#include "sandbox/warden_internal.h"

enum {
    FAILURES_MAX = 3,     /* in a row */
    FIRST_PAUSE_MS = 100, /* then ten times as long */
    SOUND_MS = 10000,     /* a zygote that has lived so long was no failure */
    CLOSE_MS = 2000,      /* for the plugin's close */
    MESSAGES_A_TURN = 2 * BOX_SLOTS_MAX,
    FORK_RETRY_MS = 100,
    FORK_FAILURES_MAX = 50
};

union zygote_message {
    struct chan_head head;
    struct zygote_ready ready;
    struct zygote_failed failed;
    struct zygote_forked forked;
    struct zygote_listener listener;
};

static void on_channel(void *arg, uint32_t events)
{
    (void)events;
    warden_hear_zygote(arg);
}

static void close_channel(struct zygote *z)
{
    loop_io_del(z->io);
    z->io = NULL;
    fd_close(&z->channel);
}

/* Ends the process, if it still is there, and what belongs to it. */
static void drop(struct zygote *z)
{
    if (z->pid > 0) {
        kill(z->pid, SIGKILL);
        waitpid(z->pid, NULL, 0);
    }
    z->pid = 0;
    z->state = ZYGOTE_NONE;
    z->ordered = 0;
    loop_timer_off(z->timer);
    warden_output_close(&z->output);
    close_channel(z);
    fd_close(&z->birth);
    warden_kill_strays(z->warden);
}

/* ---- starting ---- */

void warden_start_zygote(struct zygote *z)
{
    struct warden *w = z->warden;
    if (w->mode != BOX_FORK)
        w->slots[z->slot].generation++;
    z->state = ZYGOTE_LOADING;
    z->started_ms = clock_mono_ms();
    z->old_oom_kills = warden_group_oom_kills(w, warden_group_of(z));
    if (warden_exec_zygote(z) < 0 || warden_send_setup(z) < 0 ||
        (z->io = loop_io_add(w->loop, z->channel, EPOLLIN, on_channel, z)) == NULL) {
        warden_end_error(w, errno, "starting the zygote");
        return;
    }
    if (w->setup.limits.load_timeout_ms > 0)
        loop_timer_after(z->timer, w->setup.limits.load_timeout_ms);
}

/* The first load decides; later ones get another chance after a pause. */
static void failed(struct zygote *z, enum load_failure why, int wait_status, const char *text)
{
    struct warden *w = z->warden;
    drop(z);
    z->failures++;
    if (w->is_stopping) {
        warden_check_stop(w);
        return;
    }
    if (!w->is_ready || z->failures >= FAILURES_MAX) {
        warden_end_load_failed(w, why, wait_status, text);
        return;
    }
    const int64_t pause_ms = z->failures == 1 ? FIRST_PAUSE_MS : FIRST_PAUSE_MS * 10;
    log_warn("a zygote ended and is started again", LI("box", w->setup.box),
             LI("failures", z->failures), LI("pause_ms", pause_ms), LS("why", text));
    loop_timer_after(z->timer, pause_ms);
}

/* ---- what it says ---- */

static void tell_ready(struct warden *w)
{
    const struct control_ready m = {
        .head = {.magic = CHAN_MAGIC, .version = CHAN_VERSION, .type = CONTROL_READY},
        .walls = w->setup.walls,
        .landlock_abi = w->setup.landlock_abi,
        .mode = (uint32_t)(w->is_once ? BOX_EXEC : w->mode),
        .load_ms = (uint32_t)(clock_mono_ms() - w->begun_ms),
    };
    if (w->is_ready)
        return;
    w->is_ready = true;
    warden_send(w, &m, sizeof m);
}

/* A fork would copy one thread of several, and the locks that the others hold. */
static void switch_to_warm(struct zygote *z)
{
    struct warden *w = z->warden;
    log_info("the plugin leaves threads: its tasks run in warm workers", LI("box", w->setup.box),
             LS("pipeline", w->setup.slug));
    drop(z);
    w->mode = BOX_WARM;
    for (uint32_t i = 0; i < w->setup.slots && !w->is_ending; i++)
        warden_fill_slot(&w->slots[i]);
}

static void on_ready(struct zygote *z, const union zygote_message *m)
{
    struct warden *w = z->warden;
    struct slot *s = &w->slots[z->slot];
    if (z->state != ZYGOTE_LOADING || w->mode == BOX_SCAN) {
        warden_end_load_failed(w, LOAD_LIED, 0, "the zygote was ready twice");
        return;
    }
    loop_timer_off(z->timer);
    if (w->mode == BOX_FORK && m->ready.has_threads != 0) {
        switch_to_warm(z);
        return;
    }
    z->state = ZYGOTE_SERVING;
    tell_ready(w);
    if (w->mode == BOX_WARM) {
        z->failures = 0;
        z->output.slot = z->slot;
        z->output.generation = s->generation;
        warden_worker_live(s, z->pid);
    }
    for (uint32_t i = 0; w->mode == BOX_FORK && i < w->setup.slots; i++) {
        if (w->slots[i].state == SLOT_EMPTY)
            warden_fill_slot(&w->slots[i]);
    }
}

static void on_failed(struct zygote *z, const union zygote_message *m)
{
    char text[BOX_TEXT_MAX];
    memcpy(text, m->failed.text, sizeof text);
    text[sizeof text - 1] = '\0';
    if (z->state != ZYGOTE_LOADING)
        warden_end_load_failed(z->warden, LOAD_LIED, 0, "the zygote failed after it was ready");
    else if (m->failed.is_ours != 0)
        warden_end_error(z->warden, 0, text);
    else
        failed(z, LOAD_REFUSED, 0, text);
}

/* Under the kernel's limit of processes, or out of memory: it may pass. */
static void fork_failed(struct slot *s, int error)
{
    struct warden *w = s->warden;
    s->state = SLOT_EMPTY;
    warden_output_close(&s->output);
    if (++w->fork_failures >= FORK_FAILURES_MAX)
        warden_end_error(w, error, "forking a task");
    else
        loop_timer_after(s->timer, FORK_RETRY_MS);
}

static void forked(struct slot *s, pid_t pid)
{
    struct warden *w = s->warden;
    struct early_exit e;
    const bool has_ended = warden_take_early(w, pid, &e);
    if (!has_ended && !warden_may_claim(w, pid)) {
        warden_end_load_failed(w, LOAD_LIED, 0, "the zygote named a process that is not a task");
        return;
    }
    w->fork_failures = 0;
    if (warden_output_read(&s->output) < 0) {
        warden_end_error(w, errno, "reading a task's output");
        return;
    }
    /* A process that has ended needs no group, and a number no longer names it. */
    if (!has_ended && warden_group_move(s, pid) < 0) {
        warden_end_error(w, errno, "moving a task into its control group");
        return;
    }
    warden_worker_live(s, pid);
    if (warden_check_children(w) < 0)
        warden_end_load_failed(w, LOAD_LIED, 0, "a process runs in the box that was not ordered");
    else if (has_ended)
        warden_worker_ended(s, e.wait_status, &e.usage);
}

static void on_forked(struct zygote *z, const union zygote_message *m)
{
    struct warden *w = z->warden;
    const struct zygote_forked *f = &m->forked;
    struct slot *s = f->slot < w->setup.slots ? &w->slots[f->slot] : NULL;
    if (w->mode != BOX_FORK || s == NULL || s->state != SLOT_ORDERED ||
        s->generation != f->generation) {
        warden_end_load_failed(w, LOAD_LIED, 0, "the zygote named a task that was not ordered");
        return;
    }
    if (--z->ordered == 0)
        loop_timer_off(z->timer);
    if (f->pid < 0)
        fork_failed(s, -f->pid);
    else
        forked(s, f->pid);
    warden_kill_strays(w);
}

static void on_listener(struct zygote *z, int fd)
{
    struct warden *w = z->warden;
    const struct control_listener m = {{CHAN_MAGIC, CHAN_VERSION, CONTROL_LISTENER}};
    if ((w->setup.flags & LAUNCH_LEARN) == 0 || z->state != ZYGOTE_LOADING || fd < 0)
        warden_end_load_failed(w, LOAD_LIED, 0, "the zygote asked for a supervisor");
    else if (fd_send_message(w->setup.control_fd, &m, sizeof m, &fd, 1, 0) < 0)
        warden_end_error(w, errno, "passing on what is supervised");
}

struct zygote_kind {
    size_t size;
    void (*fn)(struct zygote *z, const union zygote_message *m);
};

static const struct zygote_kind kinds[] = {
    [ZYGOTE_READY] = {sizeof(struct zygote_ready), on_ready},
    [ZYGOTE_FAILED] = {sizeof(struct zygote_failed), on_failed},
    [ZYGOTE_FORKED] = {sizeof(struct zygote_forked), on_forked},
};

static bool is_good(const union zygote_message *m, size_t n)
{
    const struct chan_head *h = &m->head;
    return n >= sizeof *h && h->magic == CHAN_MAGIC && h->version == CHAN_VERSION &&
           h->type < sizeof kinds / sizeof *kinds && kinds[h->type].fn != NULL &&
           kinds[h->type].size == n;
}

/* The end of the channel is mostly the end of the process; a zygote that lives on without it forks
 * nothing. */
static void on_silence(struct zygote *z)
{
    close_channel(z);
    if (z->state == ZYGOTE_SERVING && z->warden->mode == BOX_FORK)
        loop_timer_after(z->timer, CLOSE_MS);
}

void warden_hear_zygote(struct zygote *z)
{
    for (int i = 0; i < MESSAGES_A_TURN && z->channel >= 0 && !z->warden->is_ending; i++) {
        union zygote_message m;
        int fd = -1;
        size_t n_fds = 1;
        const ssize_t n = fd_recv_message(z->channel, &m, sizeof m, &fd, &n_fds, MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n == 0 || (n < 0 && errno != EMSGSIZE))
            on_silence(z);
        else if (n > 0 && is_good(&m, (size_t)n))
            kinds[m.head.type].fn(z, &m);
        else if (n == (ssize_t)sizeof m.listener && m.head.type == ZYGOTE_LISTENER)
            on_listener(z, fd);
        else
            warden_end_load_failed(z->warden, LOAD_LIED, 0, "the zygote sent a broken message");
        fd_close(&fd);
    }
}

/* ---- orders ---- */

void warden_order_fork(struct slot *s)
{
    struct warden *w = s->warden;
    struct zygote *z = &w->zygotes[0];
    const struct zygote_fork m = {
        .head = {.magic = CHAN_MAGIC, .version = CHAN_VERSION, .type = ZYGOTE_FORK},
        .slot = s->index,
        .generation = ++s->generation,
    };
    int output = warden_output_open(&s->output, s->index, s->generation);
    int fds[3 + GROUP_PASS_MAX] = {w->setup.data_fds[s->index], w->setup.page_fds[s->index],
                                   output};
    const size_t n_fds = 3 + warden_group_pass(s, fds + 3);
    if (output < 0) {
        warden_end_error(w, errno, "a pipe for a task's output");
        return;
    }
    s->state = SLOT_ORDERED;
    /* A zygote that hangs forks nothing, and a liar could hide a child behind an order it never
     * answers. */
    if (z->ordered++ == 0 && w->setup.limits.load_timeout_ms > 0)
        loop_timer_after(z->timer, w->setup.limits.load_timeout_ms);
    /* A zygote that is gone by now is noticed when it is reaped. */
    fd_send_message(z->channel, &m, sizeof m, fds, n_fds, 0);
    fd_close(&output);
}

void warden_close_zygote(struct zygote *z)
{
    z->state = ZYGOTE_CLOSING;
    close_channel(z);
    loop_timer_after(z->timer, CLOSE_MS);
}

/* ---- its end ---- */

static void end_scan(struct zygote *z, int wait_status, const struct rusage *usage)
{
    z->warden->is_stopping = true; /* the slot is not filled again, and then the box ends */
    drop(z);
    warden_worker_ended(&z->warden->slots[0], wait_status, usage);
}

static void ended_loading(struct zygote *z, int wait_status, const struct rusage *usage)
{
    struct warden *w = z->warden;
    int error = 0;
    if (read(z->birth, &error, sizeof error) == (ssize_t)sizeof error)
        warden_end_error(w, error, "executing the zygote");
    else if (w->mode == BOX_SCAN && wait_status == 0)
        end_scan(z, wait_status, usage);
    else if (warden_group_was_full(w, warden_group_of(z), z->old_oom_kills))
        failed(z, LOAD_REFUSED, wait_status, "loading it took more memory than its limit allows");
    else if (WIFEXITED(wait_status))
        failed(z, LOAD_EXITED, wait_status, "the process that loaded the plugin exited");
    else
        failed(z, LOAD_KILLED_BY, wait_status, "the process that loaded the plugin was killed");
}

static void forget_orders(struct warden *w)
{
    w->n_early = 0;
    w->zygotes[0].ordered = 0;
    for (uint32_t i = 0; i < w->setup.slots; i++) {
        struct slot *s = &w->slots[i];
        if (s->state != SLOT_ORDERED)
            continue;
        warden_output_close(&s->output);
        s->state = SLOT_EMPTY;
    }
}

static void ended_serving(struct zygote *z, int wait_status, const struct rusage *usage)
{
    struct warden *w = z->warden;
    struct slot *s = &w->slots[z->slot];
    if (w->mode == BOX_WARM) {
        z->state = ZYGOTE_NONE;
        close_channel(z);
        fd_close(&z->birth);
        warden_worker_ended(s, wait_status, usage);
        return;
    }
    forget_orders(w);
    if (clock_mono_ms() - z->started_ms >= SOUND_MS)
        z->failures = 0;
    if (warden_check_children(w) < 0) {
        /* It was killed between a clone and its word about it: a task runs that nobody can name. */
        warden_end_error(w, ECHILD, "a task without a name");
    } else {
        failed(z, WIFEXITED(wait_status) ? LOAD_EXITED : LOAD_KILLED_BY, wait_status,
               "the process that forks tasks ended");
    }
}

void warden_zygote_ended(struct zygote *z, int wait_status, const struct rusage *usage)
{
    struct warden *w = z->warden;
    z->pid = 0;
    /* Its last words say why. */
    warden_hear_zygote(z);
    if (w->is_ending)
        return;
    if (z->state == ZYGOTE_LOADING)
        ended_loading(z, wait_status, usage);
    else if (z->state == ZYGOTE_SERVING)
        ended_serving(z, wait_status, usage);
    else if (z->state == ZYGOTE_CLOSING) {
        drop(z);
        warden_check_stop(w);
    }
}

void warden_zygote_timer(struct zygote *z)
{
    switch (z->state) {
    case ZYGOTE_NONE:
        warden_start_zygote(z);
        break;
    case ZYGOTE_LOADING:
        failed(z, LOAD_TIMED_OUT, 0, "loading took too long");
        break;
    case ZYGOTE_SERVING:
    case ZYGOTE_CLOSING:
        if (z->pid > 0)
            kill(z->pid, SIGKILL);
        break;
    }
}
