/* launcher_client.c: the core's end of the channel to the launcher. Runs in the core and the
 * command line. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "base/fdutil.h"
#include "base/log.h"
#include "base/table.h"
#include "sandbox/box_internal.h"

enum { MESSAGES_A_TURN = 64, FDS_MAX = 1 + 2 * BOX_SLOTS_MAX };

struct received_fds {
    int at[FDS_MAX];
    size_t n;
};

union launch_message {
    struct chan_head head;
    struct launch_started started;
    struct launch_failed failed;
    struct launch_ended ended;
    struct launch_report report;
};

uint64_t launcher_nonce(struct launcher *l)
{
    uint64_t nonce = 0;
    while (nonce == 0) {
        if (l->n_nonces == 0) {
            /* Up to 256 bytes getrandom is never cut short; two calls fill the store. */
            unsigned char *at = (unsigned char *)l->nonces;
            for (size_t i = 0; i < sizeof l->nonces; i += 256)
                (void)!getrandom(at + i, 256, 0);
            l->n_nonces = NONCES;
        }
        nonce = l->nonces[--l->n_nonces];
    }
    return nonce;
}

/* ---- sending
 * -------------------------------------------------------------------------------------- */

static int queue_message(struct launcher *l, const void *bytes, size_t n)
{
    struct queued *q = malloc(sizeof *q + n);
    if (q == NULL)
        return -1;
    q->next = NULL;
    q->len = n;
    memcpy(q->bytes, bytes, n);
    *l->queue_end = q;
    l->queue_end = &q->next;
    return loop_io_set(l->io, EPOLLIN | EPOLLOUT);
}

int launcher_send(struct launcher *l, const void *bytes, size_t n)
{
    if (l->fd < 0) {
        errno = EPIPE;
        return -1;
    }
    if (l->queue == NULL && fd_send_message(l->fd, bytes, n, NULL, 0, MSG_DONTWAIT) == 0)
        return 0;
    if (l->queue == NULL && errno != EAGAIN)
        return -1;
    return queue_message(l, bytes, n);
}

static void send_queued(struct launcher *l)
{
    while (l->queue != NULL) {
        struct queued *q = l->queue;
        if (fd_send_message(l->fd, q->bytes, q->len, NULL, 0, MSG_DONTWAIT) < 0 && errno == EAGAIN)
            return;
        l->queue = q->next;
        free(q);
    }
    l->queue_end = &l->queue;
    loop_io_set(l->io, EPOLLIN);
}

static void drop_queue(struct launcher *l)
{
    while (l->queue != NULL) {
        struct queued *q = l->queue;
        l->queue = q->next;
        free(q);
    }
    l->queue_end = &l->queue;
}

/* ---- receiving
 * ------------------------------------------------------------------------------------ */

/* NULL: a box that has ended since. */
static struct box *find_box(const struct launcher *l, uint64_t number)
{
    return table_get(l->boxes, &number, sizeof number);
}

static void on_started(struct launcher *l, union launch_message *m, struct received_fds *fds)
{
    struct box *b = find_box(l, m->started.box);
    if (b == NULL)
        return;
    m->started.sha256[sizeof m->started.sha256 - 1] = '\0';
    memcpy(b->sha256, m->started.sha256, sizeof b->sha256);
    box_on_started(b, fds->at, fds->n);
}

static void on_failed(struct launcher *l, union launch_message *m, struct received_fds *fds)
{
    struct box *b = find_box(l, m->failed.box);
    (void)fds;
    m->failed.text[sizeof m->failed.text - 1] = '\0';
    if (b == NULL)
        return;
    if (m->failed.is_plugin_fault)
        box_note_end(b, CODE_PLUGIN_LOAD_FAILED, "%s", m->failed.text);
    else if (m->failed.error == 0)
        box_note_end(b, CODE_SANDBOX_ERROR, "%s", m->failed.text);
    else
        box_note_end(b, CODE_SANDBOX_ERROR, "%s: %s", m->failed.text,
                     log_errno_text(m->failed.error));
    box_finish(b);
}

static void on_ended(struct launcher *l, union launch_message *m, struct received_fds *fds)
{
    struct box *b = find_box(l, m->ended.box);
    (void)fds;
    if (b == NULL)
        return;
    /* Its last messages may still lie in the control channel. */
    box_drain_control(b);
    box_finish(b);
}

static void end_texts(struct launch_report *r)
{
    r->why[sizeof r->why - 1] = '\0';
    for (int i = 0; i < GUARANTEES; i++) {
        struct guarantee_state *s = &r->guarantees[i];
        s->by[sizeof s->by - 1] = s->reason[sizeof s->reason - 1] = '\0';
        s->remedy[sizeof s->remedy - 1] = '\0';
    }
}

static void on_report(struct launcher *l, union launch_message *m, struct received_fds *fds)
{
    (void)fds;
    l->report = m->report;
    end_texts(&l->report);
    l->has_report = true;
    if (l->on_report != NULL)
        l->on_report(l->report_arg, &l->report);
}

static const struct {
    size_t size;
    void (*fn)(struct launcher *, union launch_message *, struct received_fds *);
} kinds[] = {
    [LAUNCH_STARTED] = {sizeof(struct launch_started), on_started},
    [LAUNCH_FAILED] = {sizeof(struct launch_failed), on_failed},
    [LAUNCH_ENDED] = {sizeof(struct launch_ended), on_ended},
    [LAUNCH_REPORT] = {sizeof(struct launch_report), on_report},
};

static bool is_good(const union launch_message *m, size_t n)
{
    return n >= sizeof m->head && m->head.magic == CHAN_MAGIC && m->head.version == CHAN_VERSION &&
           m->head.type < sizeof kinds / sizeof *kinds && kinds[m->head.type].fn != NULL &&
           kinds[m->head.type].size == n;
}

static void finish_box(void *value, void *arg)
{
    (void)arg;
    struct box *b = value;
    box_note_end(b, CODE_SANDBOX_ERROR, "the launcher is gone");
    box_finish(b);
}

static void lose(struct launcher *l)
{
    loop_io_del(l->io);
    l->io = NULL;
    fd_close(&l->fd);
    drop_queue(l);
    table_each(l->boxes, finish_box, NULL);
    /* Last: the user may free us. */
    l->on_lost(l->arg);
}

static int take_message(struct launcher *l, union launch_message *m, ssize_t n,
                        struct received_fds *fds)
{
    if (n < 0 || !is_good(m, (size_t)n)) {
        log_error("broken message from the launcher");
        return -1;
    }
    kinds[m->head.type].fn(l, m, fds);
    return 1;
}

/* 1: go on; 0: nothing there now; -1: the channel is gone. */
static int receive(struct launcher *l)
{
    union launch_message m;
    struct received_fds fds = {.n = FDS_MAX};
    ssize_t n = fd_recv_message(l->fd, &m, sizeof m, fds.at, &fds.n, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return 0;
    if (n == 0 || (n < 0 && errno != EMSGSIZE))
        return -1;
    int rc = take_message(l, &m, n, &fds);
    /* What the box has taken is -1 here. */
    for (size_t i = 0; i < fds.n; i++)
        fd_close(&fds.at[i]);
    return rc;
}

static void on_channel(void *arg, uint32_t events)
{
    struct launcher *l = arg;
    int rc = 1;
    if (events & EPOLLOUT)
        send_queued(l);
    for (int i = 0; i < MESSAGES_A_TURN && rc > 0; i++)
        rc = receive(l);
    if (rc < 0)
        lose(l);
}

/* ---- life
 * ----------------------------------------------------------------------------------------- */

struct launcher *launcher_new(struct loop *loop, int fd, void (*on_lost)(void *arg), void *arg)
{
    struct launcher *l = calloc(1, sizeof *l);
    if (l == NULL)
        return NULL;
    l->loop = loop;
    l->fd = fd;
    l->on_lost = on_lost;
    l->arg = arg;
    l->queue_end = &l->queue;
    buf_init(&l->details, 64 * 1024);
    l->boxes = table_new();
    l->io = l->boxes != NULL ? loop_io_add(loop, fd, EPOLLIN, on_channel, l) : NULL;
    if (l->io == NULL) {
        table_free(l->boxes);
        free(l);
        return NULL;
    }
    return l;
}

void launcher_on_report(struct launcher *l,
                        void (*fn)(void *arg, const struct launch_report *report), void *arg)
{
    l->on_report = fn;
    l->report_arg = arg;
}

const struct launch_report *launcher_report(const struct launcher *l)
{
    return l->has_report ? &l->report : NULL;
}

static void free_box(void *value, void *arg)
{
    (void)arg;
    struct box *b = value;
    box_forget(b);
}

void launcher_free(struct launcher *l)
{
    if (l == NULL)
        return;
    loop_io_del(l->io);
    fd_close(&l->fd);
    drop_queue(l);
    table_each(l->boxes, free_box, NULL);
    table_free(l->boxes);
    json_doc_clear(&l->doc);
    buf_clear(&l->details);
    free(l);
}
