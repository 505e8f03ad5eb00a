/*
 * writer.c: the thread that makes operations durable.
 *
 * Theory of operation: all that waits goes into one transaction. If the disk does not take it,
 * refusable operations are refused and leave; the rest is tried again, after pauses that grow,
 * until it is durable or the journal closes: at once if there was ballast to give up. While the
 * disk takes nothing, or has less room than the low water mark, refusable operations that come are
 * refused without trying them; a transaction without content finds out when that is over.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "journal/journal_internal.h"
#include "journal/write.h"

enum { PAUSE_FIRST_MS = 100, PAUSE_MAX_MS = 5000, ROOM_MS = 500, IDLE_MS = 5000, SIZES_MS = 1000 };

struct writer {
    struct journal *j;
    struct op_list batch; /* what is being made durable */
    struct op_list done;  /* to be handed back with the next status */
    int64_t took_us;      /* the last transaction */
    int64_t commits, operations, failed_commits;
    bool has_room;
    bool is_faulty;     /* the last transaction failed */
    int64_t pause_ms;   /* before the next attempt */
    int64_t attempt_ms; /* when that is, monotonic */
    int64_t sizes_ms;   /* when the files were measured */
    bool takes;         /* what was said last */
    char why[JOURNAL_WHY];
};

/* ---- one transaction ---- */

/* Failures that are the operation's own: no disk would take it. */
static bool is_own_fault(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_CONSTRAINT:
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH:
    case SQLITE_RANGE:
    case SQLITE_MISUSE:
        return true;
    default:
        return false;
    }
}

static void give_up(struct journal_op *op, int rc)
{
    op->verdict = CODE_INTERNAL;
    log_error("journal cannot keep an operation", LI("kind", op->kind),
              LS("error", sqlite3_errstr(rc)));
}

/* *failed: the operation at which it went wrong, or NULL. */
static int write_once(struct store *s, const struct op_list *batch, struct journal_op **failed)
{
    *failed = NULL;
    int rc = store_begin(s);
    for (struct journal_op *op = batch->first; op != NULL && rc == SQLITE_OK; op = op->next) {
        rc = op->verdict == CODE_OK ? write_op(s, op) : SQLITE_OK;
        *failed = rc != SQLITE_OK ? op : NULL;
    }
    return rc == SQLITE_OK ? store_commit(s) : rc;
}

/* The rest is written without those that can never be. */
static int write_batch(struct writer *w)
{
    struct store *s = &w->j->store;
    for (;;) {
        struct journal_op *failed;
        int rc = write_once(s, &w->batch, &failed);
        if (rc == SQLITE_OK)
            return rc;
        store_why(s, rc, w->why);
        store_rollback(s);
        if (failed == NULL || !is_own_fault(rc))
            return rc;
        give_up(failed, rc);
    }
}

static int probe(struct writer *w)
{
    int rc = store_probe(&w->j->store);
    if (rc != SQLITE_OK) {
        store_why(&w->j->store, rc, w->why);
        store_rollback(&w->j->store);
    }
    return rc;
}

/* ---- what comes of it ---- */

/* Takes refusable ones out of the batch; why says what is the matter. */
static void refuse(struct writer *w)
{
    struct op_list kept;
    op_list_init(&kept);
    for (struct journal_op *op = w->batch.first, *next; op != NULL; op = next) {
        next = op->next;
        if (op->is_refusable)
            op->verdict = CODE_STORAGE_UNAVAILABLE;
        op_list_append(op->is_refusable ? &w->done : &kept, op);
    }
    op_list_init(&w->batch);
    op_list_move(&w->batch, &kept);
}

static void succeeded(struct writer *w, int64_t took_us)
{
    w->is_faulty = false;
    w->pause_ms = 0;
    w->took_us = took_us;
    w->commits++;
    w->operations += (int64_t)w->batch.n;
    op_list_move(&w->done, &w->batch);
}

static void failed(struct writer *w)
{
    w->is_faulty = true;
    w->pause_ms = w->pause_ms == 0 ? PAUSE_FIRST_MS : w->pause_ms * 2;
    if (w->pause_ms > PAUSE_MAX_MS)
        w->pause_ms = PAUSE_MAX_MS;
    w->attempt_ms = clock_mono_ms() + w->pause_ms;
    w->failed_commits++;
}

static void attempt(struct writer *w)
{
    int64_t begin = clock_mono_us();
    int rc = w->batch.first != NULL ? write_batch(w) : probe(w);
    if ((rc & 0xff) == SQLITE_FULL && space_release(&w->j->space)) {
        refuse(w);
        rc = w->batch.first != NULL ? write_batch(w) : probe(w);
    }
    if (rc == SQLITE_OK) {
        succeeded(w, clock_mono_us() - begin);
        return;
    }
    failed(w);
    refuse(w);
}

/* ---- how it is ---- */

static int64_t size_of(const char *path, const char *suffix)
{
    char name[4096];
    struct stat st;
    snprintf(name, sizeof name, "%s%s", path, suffix);
    return stat(name, &st) == 0 ? st.st_size : 0;
}

static void measure(struct writer *w)
{
    const char *path = w->j->store.path;
    if (w->sizes_ms > 0 && clock_mono_ms() - w->sizes_ms < SIZES_MS)
        return;
    w->sizes_ms = clock_mono_ms();
    int64_t file = size_of(path, ""), wal = size_of(path, "-wal");
    pthread_mutex_lock(&w->j->writer.lock);
    w->j->status.file_bytes = file;
    w->j->status.wal_bytes = wal;
    pthread_mutex_unlock(&w->j->writer.lock);
}

static void write_status(const struct writer *w, bool takes, struct journal_status *s)
{
    s->takes = takes;
    snprintf(s->why, sizeof s->why, "%s", takes ? "" : w->why);
    s->free_bytes = w->j->space.free_bytes;
    s->ballast_bytes = w->j->space.ballast;
    s->spool_bytes = w->j->store.spool.bytes;
    s->commits = w->commits;
    s->operations = w->operations;
    s->failed_commits = w->failed_commits;
    s->last_commit_us = w->took_us;
    s->waiting -= (int64_t)w->done.n;
}

/* Hands back what is done; whoever hears of it finds the status that goes with it. */
static void tell(struct writer *w)
{
    struct journal *j = w->j;
    bool takes = w->has_room && !w->is_faulty, has_done = w->done.first != NULL;
    pthread_mutex_lock(&j->writer.lock);
    write_status(w, takes, &j->status);
    if (!takes)
        memcpy(j->last_fault, w->why, sizeof j->last_fault);
    op_list_move(&j->out, &w->done);
    pthread_mutex_unlock(&j->writer.lock);
    if (has_done)
        helper_call(&j->writer);
    if (takes != w->takes && takes)
        log_info("journal takes tasks again", LS("dir", j->dir));
    else if (takes != w->takes)
        log_error("journal takes no new tasks", LS("dir", j->dir), LS("why", w->why));
    w->takes = takes;
}

/* ---- the thread ---- */

static struct timespec at(int64_t mono_ms)
{
    return (struct timespec){.tv_sec = mono_ms / 1000, .tv_nsec = mono_ms % 1000 * 1000000};
}

static int64_t look_again_ms(const struct writer *w)
{
    if (w->is_faulty)
        return w->attempt_ms;
    return clock_mono_ms() + (w->has_room ? IDLE_MS : ROOM_MS);
}

/* Waits for work, or for the time to look again; false: the journal closes. */
static bool next_batch(struct writer *w)
{
    struct journal *j = w->j;
    struct timespec until = at(look_again_ms(w));
    int rc = 0;
    pthread_mutex_lock(&j->writer.lock);
    while (j->in.first == NULL && !j->writer.is_stopping && rc == 0)
        rc = pthread_cond_timedwait(&j->writer.wake, &j->writer.lock, &until);
    op_list_move(&w->batch, &j->in);
    bool goes_on = !j->writer.is_stopping;
    pthread_mutex_unlock(&j->writer.lock);
    return goes_on;
}

static void work(struct writer *w, bool is_last)
{
    char why[JOURNAL_WHY];
    w->has_room = space_look(&w->j->space, why);
    if (!w->has_room && !w->is_faulty)
        memcpy(w->why, why, sizeof w->why);
    if (!w->has_room || w->is_faulty) {
        refuse(w);
        tell(w);
    }
    bool is_due = is_last || !w->is_faulty || clock_mono_ms() >= w->attempt_ms;
    if (is_due && (w->batch.first != NULL || w->is_faulty))
        attempt(w);
    measure(w);
    tell(w);
}

void *writer_run(void *arg)
{
    struct writer w = {.j = arg, .takes = true, .has_room = true};
    op_list_init(&w.batch);
    op_list_init(&w.done);
    work(&w, false);
    for (bool goes_on = true; goes_on;) {
        goes_on = next_batch(&w);
        work(&w, !goes_on);
    }
    op_list_move(&w.j->in, &w.batch); /* what is lost is counted there */
    return NULL;
}
