/* journal.c: the loop's side: what it puts, and what comes back. */
#include "journal/journal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/log.h"
#include "journal/journal_internal.h"
#include "loop/loop.h"

/* ---- threads ---- */

void helper_init(struct helper *h)
{
    *h = (struct helper){.event_fd = -1};
    pthread_mutex_init(&h->lock, NULL);
    pthread_condattr_t a;
    pthread_condattr_init(&a);
    pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
    pthread_cond_init(&h->wake, &a);
    pthread_condattr_destroy(&a);
}

int helper_start(struct helper *h, struct loop *loop, void *(*run)(void *arg),
                 void (*on_call)(void *arg, uint32_t events), void *arg)
{
    sigset_t all, before;
    h->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (h->event_fd < 0)
        return -1;
    h->io = loop_io_add(loop, h->event_fd, EPOLLIN, on_call, arg);
    if (h->io == NULL)
        return -1;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    errno = pthread_create(&h->thread, NULL, run, arg);
    h->is_running = errno == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return h->is_running ? 0 : -1;
}

void helper_stop(struct helper *h)
{
    if (!h->is_running)
        return;
    pthread_mutex_lock(&h->lock);
    h->is_stopping = true;
    pthread_cond_signal(&h->wake);
    pthread_mutex_unlock(&h->lock);
    pthread_join(h->thread, NULL);
    h->is_running = false;
}

void helper_clear(struct helper *h)
{
    loop_io_del(h->io);
    fd_close(&h->event_fd);
    pthread_cond_destroy(&h->wake);
    pthread_mutex_destroy(&h->lock);
}

void helper_call(struct helper *h)
{
    eventfd_write(h->event_fd, 1);
}

void helper_called(struct helper *h)
{
    eventfd_t n;
    eventfd_read(h->event_fd, &n);
}

/* ---- opening and closing ---- */

static void journal_free(struct journal *j)
{
    helper_clear(&j->writer);
    helper_clear(&j->reader);
    store_clear(&j->store);
    free(j->dir);
    free(j);
}

/* On a full disk the ballast makes room for what a database needs to open. */
static int open_store(struct journal *j, char *why)
{
    char no_room[JOURNAL_WHY];
    space_open(&j->space, j->dir, j->options.ballast_bytes, j->options.low_water_bytes);
    if (store_open(&j->store, &j->options, why) == 0)
        return 0;
    if (space_look(&j->space, no_room) || !space_release(&j->space))
        return -1;
    store_clear(&j->store);
    return store_open(&j->store, &j->options, why);
}

struct journal *journal_open(const struct journal_options *o, char *why)
{
    struct journal *j = calloc(1, sizeof *j);
    if (j == NULL || (j->dir = strdup(o->dir)) == NULL) {
        snprintf(why, JOURNAL_WHY, "no memory");
        free(j);
        return NULL;
    }
    j->options = *o;
    j->options.dir = j->dir;
    j->store = (struct store){.lock = -1, .spool.dir = -1};
    op_list_init(&j->put);
    op_list_init(&j->in);
    op_list_init(&j->out);
    helper_init(&j->writer);
    helper_init(&j->reader);
    j->status.takes = true;
    if (place_make(j->dir, why) < 0 || open_store(j, why) < 0) {
        journal_free(j);
        return NULL;
    }
    j->next_seq = j->store.numbers[STORE_SEQ].reserved + 1;
    j->next_owner = j->store.numbers[STORE_OWNER].reserved + 1;
    return j;
}

static void on_done(void *arg, uint32_t events);

int journal_start(struct journal *j, struct loop *loop)
{
    if (helper_start(&j->writer, loop, writer_run, on_done, j) < 0)
        return -1;
    return helper_start(&j->reader, loop, reader_run, reader_on_call, j);
}

static const char *why_of(const struct journal *j, enum code code)
{
    if (code == CODE_OK)
        return NULL;
    return code == CODE_INTERNAL ? "the journal cannot keep it" : j->why_now;
}

/* Calls back for each; lost: none of them is durable. */
static size_t complete(struct journal *j, struct op_list *l, bool are_lost)
{
    struct op_list all;
    op_list_init(&all);
    op_list_move(&all, l);
    const size_t n = all.n;
    for (struct journal_op *op = all.first, *next; op != NULL; op = next) {
        const enum code code = are_lost ? CODE_STORAGE_UNAVAILABLE : op->verdict;
        next = op->next;
        if (op->done == NULL)
            free(op);
        else
            op->done(op, code, why_of(j, code));
    }
    return n;
}

/* The threads have ended. What is put from inside the calls comes too late. */
static size_t complete_all(struct journal *j)
{
    size_t n_lost = 0;
    memcpy(j->why_now, j->last_fault, sizeof j->why_now);
    complete(j, &j->out, false);
    n_lost += complete(j, &j->in, true);
    while (j->put.first != NULL)
        n_lost += complete(j, &j->put, true);
    return n_lost;
}

size_t journal_close(struct journal *j)
{
    if (j == NULL)
        return 0;
    journal_flush(j);
    helper_stop(&j->writer);
    helper_stop(&j->reader);
    const size_t n = complete_all(j);
    reads_clear(j);
    journal_free(j);
    return n;
}

uint64_t journal_next_seq(const struct journal *j)
{
    return j->next_seq;
}

uint64_t journal_next_owner(const struct journal *j)
{
    return j->next_owner;
}

void journal_hash_seed(const struct journal *j, uint64_t seed[2])
{
    memcpy(seed, j->store.seed, sizeof j->store.seed);
}

/* ---- operations ---- */

void journal_put(struct journal *j, struct journal_op *op)
{
    op->verdict = CODE_OK;
    op_list_append(&j->put, op);
}

void journal_flush(struct journal *j)
{
    if (j->put.first == NULL)
        return;
    pthread_mutex_lock(&j->writer.lock);
    j->status.waiting += (int64_t)j->put.n;
    op_list_move(&j->in, &j->put);
    pthread_cond_signal(&j->writer.wake);
    pthread_mutex_unlock(&j->writer.lock);
}

static void on_done(void *arg, uint32_t events)
{
    struct journal *j = arg;
    struct op_list done;
    (void)events;
    helper_called(&j->writer);
    op_list_init(&done);
    pthread_mutex_lock(&j->writer.lock);
    op_list_move(&done, &j->out);
    memcpy(j->why_now, j->last_fault, sizeof j->why_now);
    pthread_mutex_unlock(&j->writer.lock);
    complete(j, &done, false);
}

/* ---- how it is ---- */

bool journal_takes(struct journal *j, const char **why)
{
    pthread_mutex_lock(&j->writer.lock);
    bool takes = j->status.takes;
    memcpy(j->why_now, j->status.why, sizeof j->why_now);
    pthread_mutex_unlock(&j->writer.lock);
    *why = takes ? NULL : j->why_now;
    return takes;
}

void journal_status(struct journal *j, struct journal_status *out)
{
    pthread_mutex_lock(&j->writer.lock);
    *out = j->status;
    pthread_mutex_unlock(&j->writer.lock);
}
