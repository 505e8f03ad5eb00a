/* replay.c: what an earlier core had accepted, out of the journal: clients, tasks without a verdict,
 * which run again, and results that were not acknowledged. A header is read as it was when it came.
 * Runs in the core. */
#include "core/replay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/table.h"
#include "core/durable.h"
#include "core/peers.h"
#include "core/pipelines.h"
#include "core/retries.h"
#include "core/rows.h"
#include "core/tasks.h"
#include "journal/journal.h"

struct ending {
    struct task *t;
    struct result *r;
};

struct replay {
    struct core *c;
    struct table *owners; /* by number */
    struct ending *open;  /* in the order in which they were accepted; r: it cannot run, or NULL */
    size_t n_open, cap_open;
    struct ending *ended;
    size_t n_ended, cap_ended;
    size_t n_owners, n_broken;
};

/* ---- owners
 * --------------------------------------------------------------------------------------- */

static struct owner *owner_of(struct replay *x, uint64_t number)
{
    struct owner *o = table_get(x->owners, &number, sizeof number);
    if (o != NULL)
        return o;
    o = owner_restore(x->c, number);
    if (o == NULL || table_put(x->owners, &number, sizeof number, o) < 0)
        return NULL;
    x->n_owners++;
    return o;
}

static int on_owner(void *arg, const struct journal_owner *from)
{
    struct replay *x = arg;
    struct owner *o = owner_of(x, from->number);
    return o != NULL ? owner_restore_client(x->c, o, from) : -1;
}

/* ---- results
 * -------------------------------------------------------------------------------------- */

static int take_bytes(struct buf *to, struct journal_bytes from)
{
    return from.len > 0 ? buf_append(to, from.data, from.len) : 0;
}

static int take_output(struct result_output *to, const struct journal_frame *from)
{
    to->name = strdup(from->name != NULL ? from->name : "");
    to->media_type = from->media_type != NULL ? strdup(from->media_type) : NULL;
    if (row_take_bytes(&to->bytes, from->bytes) < 0) {
        zmq_msg_init(&to->bytes);
        return -1;
    }
    return to->name != NULL && (to->media_type != NULL || from->media_type == NULL) ? 0 : -1;
}

static int take_outputs(struct result *r, const struct journal_result *from)
{
    r->outputs = from->n_outputs > 0 ? calloc(from->n_outputs, sizeof *r->outputs) : NULL;
    if (r->outputs == NULL && from->n_outputs > 0)
        return -1;
    for (size_t i = 0; i < from->n_outputs; i++) {
        r->n_outputs++;
        if (take_output(&r->outputs[i], &from->outputs[i]) < 0)
            return -1;
        r->bytes += from->outputs[i].bytes.len;
    }
    return 0;
}

static int take_status(struct result *r, const char *status)
{
    char *copy = strdup(status);
    if (copy == NULL)
        return -1;
    free(r->status);
    r->status = copy;
    return 0;
}

struct result *result_of_journal(const struct journal_result *from)
{
    /* A code that a later version knew is not known here. */
    const enum code found = code_find(from->code),
                    code = found < CODE_COUNT ? found : CODE_INTERNAL;
    struct result *r = from->fault == NULL
                           ? result_of_code(code, from->message, NULL)
                           : result_of_code(CODE_STORAGE_UNAVAILABLE, from->fault, NULL);
    if (r == NULL)
        return NULL;
    r->run_ms = from->run_ms;
    r->cpu_ms = from->cpu_ms;
    r->max_rss_bytes = from->max_rss_bytes;
    if (from->fault != NULL)
        return r;
    if (take_status(r, from->status) == 0 && take_bytes(&r->data, from->data) == 0 &&
        take_bytes(&r->details, from->details) == 0 &&
        take_bytes(&r->children, from->children) == 0 && take_outputs(r, from) == 0) {
        r->bytes += r->data.cap + r->details.cap;
        return r;
    }
    result_unref(r);
    return NULL;
}

/* ---- tasks
 * ---------------------------------------------------------------------------------------- */

/* A CANCEL that was answered holds. */
static bool is_cancelled(const struct journal_row *row)
{
    bool is = false;
    for (size_t i = 0; i < row->n_notes && !is; i++)
        is = strcmp(row->notes[i].event, NOTE_CANCEL) == 0;
    return is;
}

/* What the header does not say. */
static void restore_fields(struct task *t, const struct journal_row *row)
{
    const struct journal_task *from = &row->task;
    t->seq = from->seq;
    snprintf(t->uid, sizeof t->uid, "%s", from->uid);
    snprintf(t->parent, sizeof t->parent, "%s", from->parent != NULL ? from->parent : "");
    t->depth = from->depth;
    t->is_silent = from->is_silent;
    t->is_durable = true;
    t->checked = 0; /* who provides the pipeline now has not seen its params */
    t->is_answered_by_result = false;
    t->submitted_ms = from->submitted_ms;
    t->expires_ms = from->expires_ms;
    snprintf(t->retry_of, sizeof t->retry_of, "%s", from->retry_of != NULL ? from->retry_of : "");
    if (row->phase == JOURNAL_OPEN && is_cancelled(row))
        t->cancelled_why = CANCELLED_ON_REQUEST;
    if (row->phase == JOURNAL_OPEN)
        retries_restore(t->pipeline->core, t, row);
}

static struct task *make(struct replay *x, const struct journal_row *row, struct owner *o,
                         struct pipeline *p)
{
    /* What has its verdict has no inputs any more. */
    const struct row_reading how = {.has_inputs = row->phase == JOURNAL_OPEN,
                                    .has_no_deadline = row->task.retry_of != NULL,
                                    .task_id = row->task.task_id};
    struct task *t = task_of_row(x->c, row, o, p, &how);
    if (t != NULL)
        restore_fields(t, row);
    return t;
}

static int keep(void **list, const size_t *n, size_t *cap, size_t size)
{
    if (*n < *cap)
        return 0;
    const size_t wanted = *cap > 0 ? 2 * *cap : 64;
    void *grown = realloc(*list, wanted * size);
    if (grown == NULL)
        return -1;
    *list = grown;
    *cap = wanted;
    return 0;
}

/* Without its inputs it would run on nothing: it ends, and says why. */
static int keep_open(struct replay *x, struct task *t, const char *fault)
{
    if (keep((void **)&x->open, &x->n_open, &x->cap_open, sizeof *x->open) < 0)
        return -1;
    struct ending *e = &x->open[x->n_open++];
    *e = (struct ending){.t = t};
    if (fault != NULL)
        e->r = result_of_code(CODE_STORAGE_UNAVAILABLE, fault, NULL);
    return fault == NULL || e->r != NULL ? 0 : -1;
}

static int keep_ended(struct replay *x, struct task *t, const struct journal_row *row)
{
    if (keep((void **)&x->ended, &x->n_ended, &x->cap_ended, sizeof *x->ended) < 0)
        return -1;
    struct result *r = result_of_journal(&row->result);
    if (r == NULL)
        return -1;
    t->started_ms = row->result.started_ms;
    t->finished_ms = row->result.finished_ms;
    t->box.attempt = row->result.attempt;
    t->is_cached = row->result.is_cached;
    t->is_dead = row->phase == JOURNAL_DEAD;
    x->ended[x->n_ended++] = (struct ending){t, r};
    return 0;
}

/* Its row stays where it is: nothing that was accepted is thrown away because we cannot read it. */
static int leave_out(struct replay *x, const struct journal_row *row, const char *why)
{
    log_error("a task in the journal cannot be taken up again", LS("task_id", row->task.task_id),
              LS("uid", row->task.uid), LS("why", why));
    x->n_broken++;
    return 0;
}

static int on_task(void *arg, const struct journal_row *row)
{
    struct replay *x = arg;
    errno = ENOMEM;
    struct owner *o = owner_of(x, row->task.owner);
    struct pipeline *p = pipeline_find_or_gone(x->c, row->task.pipeline);
    struct task *t = o != NULL && p != NULL ? make(x, row, o, p) : NULL;
    if (t == NULL && errno == EBADMSG)
        return leave_out(x, row, "its header is not that of a SUBMIT");
    if (t == NULL)
        return -1;
    if (task_enter(x->c, t, row->task.digest) < 0)
        return -1;
    return row->phase == JOURNAL_OPEN ? keep_open(x, t, row->fault) : keep_ended(x, t, row);
}

static int by_end(const void *a, const void *b)
{
    const struct ending *x = a, *y = b;
    return (x->t->finished_ms > y->t->finished_ms) - (x->t->finished_ms < y->t->finished_ms);
}

/* One that follows another, or ends by a kept result, needs no inputs. */
static void admit(struct core *c, const struct ending *e)
{
    task_admit(c, e->t);
    if (e->r == NULL)
        return;
    if (e->t->state == TASK_QUEUED || e->t->state == TASK_RETRY)
        task_finish(c, e->t, e->r);
    else
        result_unref(e->r);
}

/* Results first: an open task may have the key of a finished one. */
static void settle(struct replay *x)
{
    if (x->n_ended > 0)
        qsort(x->ended, x->n_ended, sizeof *x->ended, by_end);
    for (size_t i = 0; i < x->n_ended; i++)
        task_restore_finished(x->c, x->ended[i].t, x->ended[i].r);
    for (size_t i = 0; i < x->n_open; i++)
        admit(x->c, &x->open[i]);
}

static void clear(struct replay *x)
{
    table_free(x->owners);
    free(x->open);
    free(x->ended);
}

static int read_all(struct replay *x)
{
    char why[JOURNAL_WHY] = "no memory";
    const struct journal_replay calls = {.owner = on_owner, .task = on_task, .arg = x};
    journal_hash_seed(x->c->journal, x->c->hash_seed);
    if (x->owners != NULL && journal_replay(x->c->journal, &calls, why) == 0)
        return 0;
    log_error("the journal cannot be read", LS("why", why));
    return -1;
}

int replay(struct core *c)
{
    struct replay x = {.c = c, .owners = table_new()};
    const int rc = read_all(&x);
    if (rc == 0) {
        c->next_seq = journal_next_seq(c->journal) - 1;
        c->next_owner = journal_next_owner(c->journal) - 1;
        settle(&x);
        if (x.n_open + x.n_ended + x.n_broken > 0)
            log_info("taken up again from the journal", LI("tasks", x.n_open),
                     LI("results", x.n_ended), LI("owners", x.n_owners),
                     LI("unreadable", x.n_broken));
    }
    clear(&x);
    if (rc == 0 && journal_start(c->journal, c->loop) < 0) {
        log_error("the journal's threads cannot be started");
        return -1;
    }
    return rc;
}
