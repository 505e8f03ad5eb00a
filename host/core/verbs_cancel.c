/*
 * verbs_cancel.c: CANCEL. The answer says what was found, and holds from then on, whatever dies: it is
 * sent once all that it says is durable, and before the RESULTs that it brings. A task that is just
 * being accepted is waited for: it is then queued, or runs. Runs in the core.
 */
#include <stdlib.h>
#include <string.h>

#include "core/answer.h"
#include "core/durable.h"
#include "core/jobs.h"
#include "core/late.h"
#include "core/named.h"
#include "core/peers.h"
#include "core/tasks.h"
#include "core/verbs.h"

enum { FOUND_MAX = 256 * 1024 * 1024 };

struct cancel {
    struct late *answer;
    uint64_t owner; /* whose tasks of the job; 0: everybody's */
    char *job_id;   /* NULL: one task */
    uint64_t last;  /* seq: what was submitted later is not meant */
    char *name;     /* its task_id as it was given, or NULL */
    char uid[ID_TEXT];
    struct buf found; /* what the answer says, as a JSON array */
};

static void cancel_free(void *arg)
{
    struct cancel *x = arg;
    late_free(x->answer);
    buf_clear(&x->found);
    free(x->job_id);
    free(x->name);
    free(x);
}

static struct cancel *cancel_new(struct core *c, struct peer *p)
{
    struct cancel *x = calloc(1, sizeof *x);
    if (x == NULL)
        return NULL;
    buf_init(&x->found, FOUND_MAX);
    x->answer = late_new(c, p);
    if (x->answer != NULL)
        return x;
    cancel_free(x);
    return NULL;
}

/* ---- what is meant
 * -------------------------------------------------------------------------------- */

static bool is_of_job(const struct cancel *x, const struct task *t)
{
    return (x->owner == 0 || t->owner->number == x->owner) && t->job_id != NULL &&
           t->seq <= x->last && !t->is_acknowledged && strcmp(t->job_id, x->job_id) == 0;
}

/* Of one owner's job its tasks, else all there are. */
static struct task *first_candidate(struct core *c, const struct cancel *x)
{
    return x->owner != 0 ? jobs_oldest(c, x->owner, x->job_id) : c->all.first;
}

static struct task *next_candidate(const struct cancel *x, const struct task *t)
{
    return x->owner != 0 ? t->job_newer : t->next;
}

/* The first, or the one behind t; NULL: none. */
static struct task *next_chosen(struct core *c, const struct cancel *x, const struct task *t)
{
    if (x->job_id == NULL)
        return t == NULL ? task_find_uid(c, x->uid) : NULL;
    struct task *at = t == NULL ? first_candidate(c, x) : next_candidate(x, t);
    while (at != NULL && !is_of_job(x, at))
        at = next_candidate(x, at);
    return at;
}

static bool is_being_accepted(const struct task *t)
{
    return t->state == TASK_NEW;
}

static bool is_half_done(const struct task *t)
{
    return t->is_durable && t->state != TASK_FINISHED;
}

static bool has_any(struct core *c, const struct cancel *x, bool (*is_so)(const struct task *t))
{
    for (const struct task *t = next_chosen(c, x, NULL); t != NULL; t = next_chosen(c, x, t)) {
        if (is_so(t))
            return true;
    }
    return false;
}

/* ---- the answer
 * ----------------------------------------------------------------------------------- */

/* A verdict cannot be taken back, durable or not. */
static const char *found_word(const struct task *t)
{
    return task_state_name(t->state == TASK_SETTLING ? TASK_FINISHED : t->state);
}

static void write_found(struct json_writer *w, const char *task_id, const char *uid,
                        const char *found)
{
    json_open(w, '{');
    json_member_str(w, "task_id", task_id);
    json_member_str(w, "uid", uid);
    json_member_str(w, "found", found);
    json_close(w, '}');
}

static int note_found(struct core *c, struct cancel *x)
{
    struct json_writer w;
    json_begin(&w, &x->found);
    json_open(&w, '[');
    for (const struct task *t = next_chosen(c, x, NULL); t != NULL; t = next_chosen(c, x, t)) {
        if (!is_being_accepted(t))
            write_found(&w, t->task_id, t->uid, found_word(t));
    }
    json_close(&w, ']');
    return json_end(&w);
}

static void send_found(struct core *c, struct cancel *x)
{
    struct json_writer w;
    late_begin(c, x->answer, &w);
    json_member_raw(&w, "tasks", (struct json_span){(const char *)x->found.data, x->found.len});
    late_send(c, x->answer, WIRE_INFO, &w);
    x->answer = NULL;
}

static void refuse_cancel(struct core *c, struct cancel *x, enum code code, const char *why)
{
    late_refused(c, x->answer, code, why, 0);
    x->answer = NULL;
    cancel_free(x);
}

static void on_durable(struct core *c, void *arg, enum code code, const char *why)
{
    if (code != CODE_OK) {
        refuse_cancel(c, arg, code, why);
        return;
    }
    send_found(c, arg);
    cancel_free(arg);
}

/* ---- doing it
 * ------------------------------------------------------------------------------------- */

/* What runs may end otherwise, but must not run again if the host dies before it has ended. */
static void cancel_one(struct core *c, struct task *t, bool is_job)
{
    if (t->state == TASK_RUNNING)
        durable_note(c, t, NOTE_CANCEL, (uint32_t)t->box.attempt - 1, 0, NULL);
    t->is_job_cancelled |= is_job;
    task_cancel(c, t, CANCELLED_ON_REQUEST);
}

static void cancel_all(struct core *c, const struct cancel *x)
{
    for (struct task *t = next_chosen(c, x, NULL), *next; t != NULL; t = next) {
        next = next_chosen(c, x, t);
        if (!is_being_accepted(t))
            cancel_one(c, t, x->job_id != NULL);
    }
}

/* The barrier is put before what it waits for: all of one turn is durable together, and the answer goes
 * before the RESULTs. Takes x. */
static void cancel_now(struct core *c, void *arg, enum code code, const char *why)
{
    struct cancel *x = arg;
    if (code != CODE_OK) {
        refuse_cancel(c, x, code, why);
        return;
    }
    /* Its key may still be looked for in the journal: then it is not even put there yet. */
    if (has_any(c, x, is_being_accepted) && durable_barrier(c, cancel_now, x) == 0)
        return;
    bool waits = has_any(c, x, is_half_done);
    if (note_found(c, x) < 0 || (waits && durable_barrier(c, on_durable, x) < 0)) {
        refuse_cancel(c, x, CODE_OVERLOADED, "no memory for the answer");
        return;
    }
    if (!waits)
        send_found(c, x);
    cancel_all(c, x);
    if (!waits)
        cancel_free(x);
}

/* ---- one that is not in memory
 * -------------------------------------------------------------------- */

static void on_found(struct core *c, void *arg, enum code code, const char *why,
                     const struct journal_row *row)
{
    struct cancel *x = arg;
    struct json_writer w;
    if (code != CODE_OK) {
        refuse_cancel(c, x, code, why);
        return;
    }
    json_begin(&w, &x->found);
    json_open(&w, '[');
    if (row != NULL)
        write_found(&w, row->task.task_id, row->task.uid, task_state_name(TASK_FINISHED));
    else
        write_found(&w, x->name, NULL, "unknown");
    json_close(&w, ']');
    on_durable(c, x, CODE_OK, NULL);
}

/* ---- the request
 * ---------------------------------------------------------------------------------- */

/* 1: it is one of memory, or a job; 0: it must be looked for; -1: no memory. */
static int choose(struct core *c, struct peer *p, struct cancel *x)
{
    uint32_t job = json_find(&c->doc, 0, "job_id"), id = json_find(&c->doc, 0, "task_id");
    const struct owner *o = peer_owner(c, p);
    const struct task *t = job == 0 ? verbs_named_task(c, p) : NULL;
    if (o == NULL)
        return -1;
    x->owner = peer_is_operator(c, p) ? 0 : o->number;
    x->last = c->next_seq;
    x->job_id = job != 0 ? json_strdup(&c->doc, job) : NULL;
    x->name = id != 0 ? json_strdup(&c->doc, id) : NULL;
    if (t != NULL)
        memcpy(x->uid, t->uid, sizeof x->uid);
    return t != NULL || x->job_id != NULL || !named_is_given(c);
}

/* Takes x but for -1. */
static int start(struct core *c, struct peer *p, struct cancel *x)
{
    int rc = choose(c, p, x);
    if (rc == 0)
        rc = named_find(c, p, 0, on_found, cancel_free, x);
    else if (rc > 0 && has_any(c, x, is_being_accepted))
        rc = durable_barrier(c, cancel_now, x);
    else if (rc > 0)
        cancel_now(c, x, CODE_OK, NULL);
    return rc < 0 ? -1 : 0;
}

void verbs_cancel(struct core *c, struct request *q)
{
    struct cancel *x = cancel_new(c, q->peer);
    if (x != NULL && start(c, q->peer, x) == 0)
        return;
    if (x != NULL)
        cancel_free(x);
    answer_refused(c, q->peer, CODE_OVERLOADED, "no memory for the answer");
}
