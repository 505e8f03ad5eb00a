/* durable.c: what the core writes into its journal. Runs in the core. */
#include "core/durable.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/process.h"
#include "conf/users.h"
#include "core/peers.h"
#include "core/pipelines.h"
#include "core/tasks.h"
#include "journal/journal.h"
#include "loop/loop.h"

enum { JOURNAL_MODE = 0700 };

/* ---- the journal itself
 * --------------------------------------------------------------------------- */

static int journal_path(const struct core *c, char *path)
{
    if ((size_t)snprintf(path, PATH_MAX, "%s/journal", c->host->state_dir) < PATH_MAX)
        return 0;
    errno = ENAMETOOLONG;
    return -1;
}

int durable_make_place(const struct core *c)
{
    char path[PATH_MAX];
    const uid_t user = users_core(c->host);
    if (journal_path(c, path) == 0 && process_make_dir(path, JOURNAL_MODE) == 0 &&
        (geteuid() != 0 || lchown(path, user, user) == 0))
        return 0;
    log_error("the journal's folder cannot be made", LS("state_dir", c->host->state_dir),
              LE(errno));
    return -1;
}

int durable_open(struct core *c)
{
    char path[PATH_MAX], why[JOURNAL_WHY] = "";
    const struct journal_options o = {.dir = path,
                                      .spool_above = c->host->spool_above_bytes,
                                      .ballast_bytes = c->host->journal_ballast_bytes,
                                      .low_water_bytes = c->host->journal_reserve_bytes};
    c->journal = journal_path(c, path) == 0 ? journal_open(&o, why) : NULL;
    if (c->journal != NULL)
        return 0;
    log_error("the journal cannot be opened", LS("state_dir", c->host->state_dir), LS("why", why));
    return -1;
}

void durable_close(struct core *c)
{
    const size_t lost = journal_close(c->journal);
    c->journal = NULL;
    if (lost > 0)
        log_error("the disk took not all of the journal: some tasks will run again",
                  LI("operations", lost));
}

void durable_flush(struct core *c)
{
    journal_flush(c->journal);
}

bool durable_is_idle(const struct core *c)
{
    return c->n_under_way == 0;
}

/* ---- operations of tasks
 * -------------------------------------------------------------------------- */

struct operation {
    struct journal_op op; /* first */
    struct core *c;
    struct task *t;
    durable_fn fn;
    void *arg;
    struct journal_frame frames[];
};

static void on_done(struct journal_op *op, enum code code, const char *why)
{
    struct operation *o = (struct operation *)op;
    o->c->n_under_way--;
    o->fn(o->c, o->t, o->arg, code, why);
    core_check_idle(o->c);
    free(o);
}

static struct operation *operation_new(struct core *c, struct task *t, enum journal_kind kind,
                                       size_t n_frames)
{
    struct operation *o = calloc(1, sizeof *o + n_frames * sizeof *o->frames);
    if (o == NULL)
        return NULL;
    o->op.kind = kind;
    o->op.done = on_done;
    o->c = c;
    o->t = t;
    return o;
}

static void put(struct operation *o, durable_fn fn, void *arg)
{
    o->fn = fn;
    o->arg = arg;
    o->c->n_under_way++;
    journal_put(o->c->journal, &o->op);
}

static struct journal_bytes bytes_of(zmq_msg_t *m)
{
    return (struct journal_bytes){zmq_msg_data(m), zmq_msg_size(m)};
}

static void describe(struct task *t, struct operation *o)
{
    for (size_t i = 0; i < t->n_body; i++)
        o->frames[i].bytes = bytes_of(&t->body[i]);
    o->op.u.task = (struct journal_task){.seq = t->seq,
                                         .owner = t->owner->number,
                                         .uid = t->uid,
                                         .task_id = t->task_id,
                                         .job_id = t->job_id,
                                         .tenant = t->tenant,
                                         .key = t->key,
                                         .pipeline = pipeline_slug(t->pipeline),
                                         .parent = t->parent[0] != '\0' ? t->parent : NULL,
                                         .retry_of = t->retry_of[0] != '\0' ? t->retry_of : NULL,
                                         .digest = {t->digest[0], t->digest[1]},
                                         .priority = t->item.priority,
                                         .depth = t->depth,
                                         .is_silent = t->is_silent,
                                         .submitted_ms = t->submitted_ms,
                                         .expires_ms = t->expires_ms,
                                         .header = bytes_of(&t->header),
                                         .frames = o->frames,
                                         .n_frames = t->n_body};
}

int durable_accept(struct core *c, struct task *t, bool is_child, durable_fn fn, void *arg)
{
    if ((t->owner->is_client || t->owner->curve_key[0] != '\0') && !t->owner->is_journaled)
        durable_owner(c, t->owner);
    struct operation *o = operation_new(c, t, JOURNAL_ACCEPT, t->n_body);
    if (o == NULL)
        return -1;
    o->op.is_refusable = !is_child;
    describe(t, o);
    put(o, fn, arg);
    return 0;
}

static struct journal_bytes bytes_in(const struct buf *b)
{
    return (struct journal_bytes){b->len > 0 ? b->data : NULL, b->len};
}

/* Of a task that went well at once the result says it all. Its details stand in the result. */
static struct journal_note last_note(const struct task *t)
{
    const struct result *r = t->result;
    return (struct journal_note){.at_ms = t->finished_ms,
                                 .attempt = (uint32_t)t->box.attempt,
                                 .event = NOTE_FINISHED,
                                 .code = code_name(r->code),
                                 .message = r->message,
                                 .run_ms = r->run_ms,
                                 .cpu_ms = r->cpu_ms,
                                 .max_rss_bytes = r->max_rss_bytes};
}

static void judge(const struct task *t, struct operation *o)
{
    const struct result *r = t->result;
    for (size_t i = 0; i < r->n_outputs; i++)
        o->frames[i] = (struct journal_frame){.name = r->outputs[i].name,
                                              .media_type = r->outputs[i].media_type,
                                              .bytes = bytes_of(&r->outputs[i].bytes)};
    o->op.u.task_end.seq = t->seq;
    o->op.u.task_end.attempt = t->box.attempt;
    if (r->code != CODE_OK || t->box.attempt > 1)
        o->op.u.task_end.note = last_note(t);
    o->op.u.task_end.result =
        (struct journal_result){.status = r->status,
                                .code = code_name(r->code),
                                .message = r->message,
                                .version = pipeline_version(t->pipeline),
                                .data = bytes_in(&r->data),
                                .details = bytes_in(&r->details),
                                .children = bytes_in(&r->children),
                                .outputs = o->frames,
                                .n_outputs = r->n_outputs,
                                .started_ms = t->started_ms,
                                .finished_ms = t->finished_ms,
                                .run_ms = r->run_ms,
                                .cpu_ms = r->cpu_ms,
                                .max_rss_bytes = r->max_rss_bytes,
                                .attempt = t->box.attempt,
                                .is_cached = t->is_cached,
                                .is_dead = t->is_dead,
                                .is_delivered = !t->owner->is_client || t->is_silent};
}

void durable_finish(struct core *c, struct task *t, durable_fn fn)
{
    struct operation *o = operation_new(c, t, JOURNAL_FINISH, t->result->n_outputs);
    if (o == NULL) {
        log_error("no memory for a verdict: the core starts anew", LS("task_id", t->task_id));
        c->has_failed = true;
        loop_stop(c->loop);
        return;
    }
    judge(t, o);
    put(o, fn, NULL);
}

struct barrier {
    durable_barrier_fn fn;
    void *arg;
};

static void on_barrier(struct core *c, struct task *t, void *arg, enum code code, const char *why)
{
    struct barrier b = *(struct barrier *)arg;
    (void)t;
    free(arg);
    b.fn(c, b.arg, code, why);
}

int durable_barrier(struct core *c, durable_barrier_fn fn, void *arg)
{
    struct operation *o = operation_new(c, NULL, JOURNAL_BARRIER, 0);
    struct barrier *b = malloc(sizeof *b);
    if (o == NULL || b == NULL) {
        free(o);
        free(b);
        return -1;
    }
    *b = (struct barrier){fn, arg};
    put(o, on_barrier, b);
    return 0;
}

/* ---- owners
 * --------------------------------------------------------------------------------------- */

struct owner_operation {
    struct journal_op op; /* first */
    struct owner copy;
};

void durable_owner(struct core *c, struct owner *o)
{
    struct owner_operation *x = calloc(1, sizeof *x);
    if (x == NULL)
        return; /* tried again with its next task */
    x->copy = *o;
    x->op.kind = JOURNAL_OWNER;
    x->op.u.owner =
        (struct journal_owner){.number = o->number,
                               .client = x->copy.id,
                               .resume_hash = o->is_client ? x->copy.resume_hash : NULL,
                               .curve_key = x->copy.curve_key[0] != '\0' ? x->copy.curve_key : NULL,
                               .name = x->copy.name,
                               .kind = x->copy.kind,
                               .seen_ms = clock_wall_ms()};
    journal_put(c->journal, &x->op);
    o->is_journaled = true;
}

void durable_owner_gone(struct core *c, const struct owner *o)
{
    /* At the end of the core its row stays, as its tasks do. */
    struct journal_op *op = o->is_journaled && c->journal != NULL ? calloc(1, sizeof *op) : NULL;
    if (op == NULL)
        return;
    op->kind = JOURNAL_OWNER_GONE;
    op->u.owner.number = o->number;
    journal_put(c->journal, op);
}
