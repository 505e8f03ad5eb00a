/*
 * writer.c: the thread that makes operations durable.
 *
 * Theory of operation: all that waits goes into one transaction. If the disk does not take it,
 * refusable operations are refused and leave; the rest is tried again, after a pause that grows,
 * until it is durable or the journal closes. While the disk takes nothing, refusable operations
 * that come are refused without trying them.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "journal/journal_internal.h"
#include "journal/write.h"

enum { PAUSE_FIRST_MS = 100, PAUSE_MAX_MS = 5000 };

struct writer {
    struct journal *j;
    struct op_list batch; /* what is being made durable */
    int64_t pause_ms;     /* 0: all is well */
};

static int write_all(struct store *s, const struct op_list *batch)
{
    int rc = store_begin(s);
    for (const struct journal_op *op = batch->first; op != NULL && rc == SQLITE_OK; op = op->next)
        rc = write_op(s, op);
    return rc == SQLITE_OK ? store_commit(s) : rc;
}

static void hand_back(struct journal *j, struct op_list *done)
{
    if (done->first == NULL)
        return;
    j->status.waiting -= (int64_t)done->n;
    op_list_move(&j->out, done);
    helper_call(&j->writer);
}

/* Takes refusable ones out of the batch. */
static void take_refusable(struct op_list *batch, struct op_list *refused)
{
    struct op_list kept;
    op_list_init(&kept);
    for (struct journal_op *op = batch->first, *next; op != NULL; op = next) {
        next = op->next;
        if (op->is_refusable)
            op->verdict = CODE_STORAGE_UNAVAILABLE;
        op_list_append(op->is_refusable ? refused : &kept, op);
    }
    op_list_init(batch);
    op_list_move(batch, &kept);
}

static void succeeded(struct writer *w, int64_t took_us)
{
    struct journal *j = w->j;
    if (w->pause_ms > 0)
        log_info("journal takes tasks again", LS("dir", j->dir));
    w->pause_ms = 0;
    pthread_mutex_lock(&j->writer.lock);
    j->status.takes = true;
    j->status.why[0] = '\0';
    j->status.commits++;
    j->status.operations += (int64_t)w->batch.n;
    j->status.last_commit_us = took_us;
    hand_back(j, &w->batch);
    pthread_mutex_unlock(&j->writer.lock);
}

static void failed(struct writer *w, const char *why)
{
    struct journal *j = w->j;
    struct op_list refused;
    if (w->pause_ms == 0)
        log_error("journal takes no tasks", LS("dir", j->dir), LS("error", why));
    w->pause_ms = w->pause_ms == 0 ? PAUSE_FIRST_MS : w->pause_ms * 2;
    if (w->pause_ms > PAUSE_MAX_MS)
        w->pause_ms = PAUSE_MAX_MS;
    op_list_init(&refused);
    take_refusable(&w->batch, &refused);
    pthread_mutex_lock(&j->writer.lock);
    j->status.takes = false;
    j->status.failed_commits++;
    snprintf(j->status.why, sizeof j->status.why, "%s", why);
    snprintf(j->last_fault, sizeof j->last_fault, "%s", why);
    hand_back(j, &refused);
    pthread_mutex_unlock(&j->writer.lock);
}

static void try_batch(struct writer *w)
{
    struct store *s = &w->j->store;
    int64_t begin = clock_mono_us();
    if (write_all(s, &w->batch) == SQLITE_OK) {
        succeeded(w, clock_mono_us() - begin);
        return;
    }
    char why[JOURNAL_WHY];
    snprintf(why, sizeof why, "%.150s: %.100s", s->path, sqlite3_errmsg(s->db));
    store_rollback(s);
    failed(w, why);
}

static void wait_ms(struct helper *h, int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_cond_timedwait(&h->wake, &h->lock, &until);
}

/* Waits for work, or for the next attempt; false: the journal closes. */
static bool next_batch(struct writer *w)
{
    struct journal *j = w->j;
    pthread_mutex_lock(&j->writer.lock);
    if (w->pause_ms > 0 && !j->writer.is_stopping)
        wait_ms(&j->writer, w->pause_ms);
    while (w->pause_ms == 0 && j->in.first == NULL && !j->writer.is_stopping)
        pthread_cond_wait(&j->writer.wake, &j->writer.lock);
    op_list_move(&w->batch, &j->in);
    bool goes_on = !j->writer.is_stopping;
    pthread_mutex_unlock(&j->writer.lock);
    return goes_on;
}

void *writer_run(void *arg)
{
    struct writer w = {.j = arg};
    op_list_init(&w.batch);
    bool goes_on = true;
    while (goes_on) {
        goes_on = next_batch(&w);
        if (w.batch.first != NULL || w.pause_ms > 0)
            try_batch(&w);
    }
    op_list_move(&w.j->in, &w.batch); /* what is lost is counted there */
    return NULL;
}
