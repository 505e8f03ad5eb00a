/* box_control.c: what a box's warden says, and what it is told. Runs in the core. The warden is
 * ours: a message that is broken means that we are wrong, and ends the box. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <penstock/plugin.h>

#include "base/fdutil.h"
#include "base/log.h"
#include "sandbox/box_internal.h"

enum { MESSAGES_A_TURN = 64 };

union control_message {
    struct chan_head head;
    struct control_ready ready;
    struct control_load_failed load_failed;
    struct control_error error;
    struct control_worker worker;
    struct control_exit exit;
    struct control_log log;
    struct control_listener listener;
};

void box_tell(struct box *b, const void *message, size_t n)
{
    if (b->control_fd < 0 || send(b->control_fd, message, n, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
        return;
    /* It has ended: its last words are still to be read, and the launcher tells. */
    if (errno == EPIPE || errno == ECONNRESET)
        return;
    /* A full channel too: a warden that does not read does not kill either. */
    box_note_end(b, CODE_SANDBOX_ERROR, "the warden cannot be reached: %s", log_errno_text(errno));
    box_abort(b);
}

static struct slot *slot_of(struct box *b, uint32_t index)
{
    return index < b->n_slots ? &b->slots[index] : NULL;
}

static void on_ready(struct box *b, union control_message *m)
{
    if (m->ready.mode == BOX_WARM)
        b->mode = BOX_WARM;
    b->is_measured = (m->ready.walls & WALL_SCRATCH) == 0 &&
                     (b->limits.dir_bytes > 0 || b->limits.dir_files > 0);
    b->events.on_ready(b->arg, b, m->ready.walls, m->ready.landlock_abi, b->mode);
}

/* What was printed last, in one line behind the reason. */
static const char *last_words(const struct box *b, char *out, size_t size)
{
    enum { LINES = 8, BYTES = 600 };
    size_t n, at = 0;
    const char *text = tail_lines(&b->last_log, LINES, BYTES, &n);
    for (const char *line = text, *end = text + n; line < end && at < size;) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        const size_t len = (size_t)((stop != NULL ? stop : end) - line);
        at += (size_t)snprintf(out + at, size - at, "%s%.*s",
                               line == text ? "; it printed last: " : " | ", (int)len, line);
        line += len + 1;
    }
    return n > 0 ? out : "";
}

static void note_load_death(struct box *b, int wait_status)
{
    char words[BOX_TEXT_MAX];
    const char *said = last_words(b, words, sizeof words);
    if (!WIFSIGNALED(wait_status)) {
        box_note_end(b, CODE_PLUGIN_LOAD_FAILED,
                     "the process exited with status %d while the plugin was loaded%s",
                     WEXITSTATUS(wait_status), said);
        return;
    }
    const char *abbrev = sigabbrev_np(WTERMSIG(wait_status));
    box_note_end(b, CODE_PLUGIN_LOAD_FAILED, "killed by signal %d (SIG%s) while it was loaded%s",
                 WTERMSIG(wait_status), abbrev != NULL ? abbrev : "?", said);
}

static void on_load_failed(struct box *b, union control_message *m)
{
    struct control_load_failed *f = &m->load_failed;
    char words[BOX_TEXT_MAX];
    f->text[sizeof f->text - 1] = '\0';
    switch (f->why) {
    case LOAD_EXITED:
    case LOAD_KILLED_BY:
        note_load_death(b, f->wait_status);
        break;
    case LOAD_TIMED_OUT:
        box_note_end(b, CODE_PLUGIN_LOAD_TIMEOUT, "loading took longer than its limit of %u ms%s",
                     b->limits.load_timeout_ms, last_words(b, words, sizeof words));
        break;
    default:
        box_note_end(b, CODE_PLUGIN_LOAD_FAILED, "%s%s",
                     f->text[0] != '\0' ? f->text : "the plugin could not be loaded",
                     last_words(b, words, sizeof words));
    }
}

static void on_error(struct box *b, union control_message *m)
{
    m->error.text[sizeof m->error.text - 1] = '\0';
    if (m->error.error != 0)
        box_note_end(b, CODE_SANDBOX_ERROR, "%s: %s", m->error.text,
                     log_errno_text(m->error.error));
    else
        box_note_end(b, CODE_SANDBOX_ERROR, "%s", m->error.text);
}

static void on_worker(struct box *b, union control_message *m)
{
    struct slot *s = slot_of(b, m->worker.slot);
    if (s != NULL && s->user == NULL && m->worker.generation > s->generation)
        slot_on_worker(s, m->worker.generation);
}

static void on_exit_of(struct box *b, union control_message *m)
{
    struct slot *s = slot_of(b, m->exit.slot);
    if (s != NULL && s->has_worker && m->exit.generation == s->generation)
        slot_on_exit(s, &m->exit);
}

static void on_log(struct box *b, union control_message *m)
{
    struct slot *s = slot_of(b, m->log.slot);
    bool is_of_task = s != NULL && s->has_worker && s->generation == m->log.generation;
    tail_put(is_of_task && s->user != NULL ? &s->last_log : &b->last_log, m->log.bytes, m->log.len);
    if (b->events.on_log != NULL)
        b->events.on_log(b->arg, b, is_of_task ? s->user : NULL, BOX_LOG_OUTPUT, PEN_LOG_INFO,
                         m->log.bytes, m->log.len);
}

static const struct {
    size_t size; /* of the message; of a log: without its bytes */
    void (*fn)(struct box *, union control_message *);
} kinds[] = {
    [CONTROL_READY] = {sizeof(struct control_ready), on_ready},
    [CONTROL_LOAD_FAILED] = {sizeof(struct control_load_failed), on_load_failed},
    [CONTROL_ERROR] = {sizeof(struct control_error), on_error},
    [CONTROL_WORKER] = {sizeof(struct control_worker), on_worker},
    [CONTROL_EXIT] = {sizeof(struct control_exit), on_exit_of},
    [CONTROL_LOG] = {offsetof(struct control_log, bytes), on_log},
};

static bool is_good(const union control_message *m, size_t n)
{
    if (n < sizeof m->head || m->head.magic != CHAN_MAGIC || m->head.version != CHAN_VERSION ||
        m->head.type >= sizeof kinds / sizeof *kinds || kinds[m->head.type].fn == NULL)
        return false;
    size_t size = kinds[m->head.type].size;
    if (m->head.type == CONTROL_LOG && n >= size)
        size += m->log.len;
    return n == size;
}

/* The warden is gone or talks nonsense; the launcher reaps it, and tells. */
static void lose_control(struct box *b)
{
    loop_io_del(b->control_io);
    b->control_io = NULL;
    fd_close(&b->control_fd);
    box_abort(b);
}

static bool is_listener(const struct box *b, const union control_message *m, ssize_t n)
{
    return n == (ssize_t)sizeof m->listener && m->head.magic == CHAN_MAGIC &&
           m->head.version == CHAN_VERSION && m->head.type == CONTROL_LISTENER &&
           b->events.on_listener != NULL;
}

/* The one message with a descriptor: where system calls wait. */
static void on_listener(struct box *b, int *fd)
{
    b->events.on_listener(b->arg, b, *fd);
    *fd = -1;
}

static bool take(struct box *b, union control_message *m, ssize_t n, int *fd)
{
    if (n > 0 && is_listener(b, m, n) && *fd >= 0)
        on_listener(b, fd);
    else if (n > 0 && is_good(m, (size_t)n))
        kinds[m->head.type].fn(b, m);
    else
        return false;
    return true;
}

/* 1: go on; 0: nothing there now, or never again. */
static int receive(struct box *b)
{
    union control_message m;
    int fd = -1;
    size_t n_fds;
    ssize_t n;
    if (b->control_fd < 0)
        return 0;
    /* ECONNRESET comes once, when the warden has ended with a message of ours unread, and before
     * its own last words, which lie here. */
    do {
        n_fds = 1;
        n = fd_recv_message(b->control_fd, &m, sizeof m, &fd, &n_fds, MSG_DONTWAIT);
    } while (n < 0 && errno == ECONNRESET);
    if (n < 0 && errno == EAGAIN)
        return 0;
    const bool is_broken = n > 0 || (n < 0 && errno == EMSGSIZE);
    const bool is_taken = take(b, &m, n, &fd);
    fd_close(&fd);
    if (is_taken)
        return 1;
    if (is_broken)
        box_note_end(b, CODE_SANDBOX_ERROR, "broken message from the warden");
    lose_control(b);
    return 0;
}

void box_on_control(void *arg, uint32_t events)
{
    struct box *b = arg;
    (void)events;
    for (int i = 0; i < MESSAGES_A_TURN && receive(b) > 0; i++)
        ;
}

void box_drain_control(struct box *b)
{
    while (receive(b) > 0)
        ;
}
