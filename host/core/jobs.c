/* jobs.c: jobs and their ends. Runs in the core. */
#include "core/jobs.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/table.h"
#include "core/answer.h"
#include "core/late.h"
#include "core/peers.h"
#include "core/push.h"
#include "core/reading.h"
#include "core/tasks.h"

struct job {
    struct owner *owner;
    struct task *newest, *oldest;
    size_t n_tasks;            /* in the list */
    size_t n_open;             /* without a verdict */
    unsigned events;           /* enum event_mask: what any of its tasks asked for */
    bool has_news;             /* a task ended since its end was told */
    bool is_durable;           /* the journal counts some of its tasks */
    struct journal_job counts; /* of those that the journal does not have */
    char id[];
};

enum { KEY_MAX = sizeof(uint64_t) + TASK_ID_MAX };

static size_t make_key(unsigned char *key, uint64_t owner, const char *job_id)
{
    const size_t n = strnlen(job_id, TASK_ID_MAX);
    memcpy(key, &owner, sizeof owner);
    memcpy(key + sizeof owner, job_id, n);
    return sizeof owner + n;
}

static struct job *find(struct core *c, uint64_t owner, const char *job_id)
{
    unsigned char key[KEY_MAX];
    return table_get(c->jobs, key, make_key(key, owner, job_id));
}

static struct job *job_new(struct core *c, struct owner *o, const char *job_id)
{
    unsigned char key[KEY_MAX];
    const size_t n = strlen(job_id) + 1;
    struct job *j = calloc(1, sizeof *j + n);
    if (j == NULL)
        return NULL;
    j->owner = o;
    memcpy(j->id, job_id, n);
    if (table_put(c->jobs, key, make_key(key, o->number, job_id), j) == 0)
        return j;
    free(j);
    return NULL;
}

static void forget(struct core *c, struct job *j)
{
    unsigned char key[KEY_MAX];
    table_take(c->jobs, key, make_key(key, j->owner->number, j->id));
    free(j);
}

struct task *jobs_newest(struct core *c, uint64_t owner, const char *job_id)
{
    const struct job *j = find(c, owner, job_id);
    return j != NULL ? j->newest : NULL;
}

struct task *jobs_oldest(struct core *c, uint64_t owner, const char *job_id)
{
    const struct job *j = find(c, owner, job_id);
    return j != NULL ? j->oldest : NULL;
}

/* ---- what is told
 * --------------------------------------------------------------------------------- */

static void add(struct journal_job *to, const struct journal_job *more)
{
    to->tasks += more->tasks;
    to->open += more->open;
    to->succeeded += more->succeeded;
    to->failed += more->failed;
    to->cancelled += more->cancelled;
    if (more->finished_ms > to->finished_ms)
        to->finished_ms = more->finished_ms;
}

static void write_counts(struct json_writer *w, const char *job_id, const struct journal_job *n)
{
    json_member_str(w, "job_id", job_id);
    json_member_int(w, "tasks", n->tasks);
    json_member_int(w, "open", n->open);
    json_member_int(w, "succeeded", n->succeeded);
    json_member_int(w, "failed", n->failed);
    json_member_int(w, "cancelled", n->cancelled);
    if (n->open == 0 && n->finished_ms > 0)
        json_member_int(w, "finished", n->finished_ms);
}

/* What is asked of the journal, and for whom. */
struct inquiry {
    struct reading reading;  /* first */
    struct late *answer;     /* to a QUERY; NULL: an EVENT */
    struct journal_job here; /* what the journal does not have */
    uint64_t owner;
    unsigned events; /* that its tasks asked for */
    char job_id[TASK_ID_MAX + 1];
};

static void inquiry_free(struct reading *r)
{
    struct inquiry *q = (struct inquiry *)r;
    late_free(q->answer);
    free(q);
}

static struct inquiry *inquiry_new(uint64_t owner, const char *job_id, reading_job_fn fn)
{
    struct inquiry *q = calloc(1, sizeof *q);
    if (q == NULL)
        return NULL;
    q->reading.job_fn = fn;
    q->reading.drop = inquiry_free;
    q->owner = owner;
    strncpy(q->job_id, job_id, TASK_ID_MAX);
    return q;
}

static void tell_end(struct core *c, struct owner *o, const char *job_id, unsigned events,
                     const struct journal_job *counts)
{
    struct json_writer w;
    push_begin_job(c, &w);
    write_counts(&w, job_id, counts);
    push_end_job(c, &w, o, events);
}

/* Its tasks may have been acknowledged and forgotten meanwhile. */
static void on_end_counted(struct core *c, struct reading *r, enum code code, const char *why,
                           const struct journal_job *n)
{
    struct inquiry *q = (struct inquiry *)r;
    const struct job *j = find(c, q->owner, q->job_id);
    struct owner *o = owner_find(c, q->owner);
    if (code != CODE_OK) {
        log_warn("the end of a job cannot be told", LS("job_id", q->job_id), LS("why", why));
    } else if (o != NULL && (j == NULL || j->n_open == 0)) { /* else it goes on, and ends again */
        add(&q->here, n);
        tell_end(c, o, q->job_id, q->events, &q->here);
    }
    inquiry_free(r);
}

static void ask_for_end(struct core *c, struct job *j)
{
    struct inquiry *q = inquiry_new(j->owner->number, j->id, on_end_counted);
    if (q == NULL)
        return;
    q->here = j->counts;
    q->events = j->events;
    if (reading_start_job(c, &q->reading, q->owner, j->id) < 0)
        on_end_counted(c, &q->reading, CODE_OVERLOADED, "too many questions", NULL);
}

/* Nobody who listens: the usual case costs two comparisons. */
static void end(struct core *c, struct job *j)
{
    if (j->n_open > 0 || !j->has_news)
        return;
    j->has_news = false;
    if (c->phase == CORE_STARTING || c->phase == CORE_STOPPING)
        return; /* what an earlier core has seen; what the next one will see */
    if ((j->events & EVENT_STATE) == 0 && c->n_watchers == 0)
        return;
    if (j->is_durable)
        ask_for_end(c, j);
    else
        tell_end(c, j->owner, j->id, j->events, &j->counts);
}

/* ---- tasks come and go
 * ---------------------------------------------------------------------------- */

int jobs_enter(struct core *c, struct task *t)
{
    struct job *j = t->job_id != NULL ? find(c, t->owner->number, t->job_id) : NULL;
    if (t->job_id == NULL)
        return 0;
    if (j == NULL && (j = job_new(c, t->owner, t->job_id)) == NULL)
        return -1;
    t->job = j;
    t->job_older = j->newest;
    *(j->newest != NULL ? &j->newest->job_newer : &j->oldest) = t;
    j->newest = t;
    j->n_tasks++;
    j->n_open++;
    j->events |= t->events;
    j->is_durable |= t->is_durable;
    j->counts.tasks += !t->is_durable;
    j->counts.open += !t->is_durable;
    t->is_open = true;
    return 0;
}

static void close_task(struct job *j, struct task *t)
{
    j->n_open--;
    j->counts.open -= !t->is_durable;
    t->is_open = false;
}

static void count(struct journal_job *n, const struct task *t)
{
    const enum code code = t->result->code;
    n->succeeded += code == CODE_OK;
    n->cancelled += code == CODE_CANCELLED;
    n->failed += code != CODE_OK && code != CODE_CANCELLED;
    n->finished_ms = t->finished_ms;
}

void jobs_settled(struct core *c, struct task *t)
{
    struct job *j = t->job;
    if (j == NULL || !t->is_open)
        return;
    close_task(j, t);
    if (!t->is_durable)
        count(&j->counts, t);
    j->has_news = true;
    end(c, j);
}

void jobs_leave(struct core *c, struct task *t)
{
    struct job *j = t->job;
    if (j == NULL)
        return;
    *(t->job_newer != NULL ? &t->job_newer->job_older : &j->newest) = t->job_older;
    *(t->job_older != NULL ? &t->job_older->job_newer : &j->oldest) = t->job_newer;
    if (t->is_open) { /* it was refused in the end, or is left to the next core */
        close_task(j, t);
        j->counts.tasks -= !t->is_durable;
        end(c, j);
    }
    t->job = NULL;
    if (--j->n_tasks == 0)
        forget(c, j);
}

/* ---- QUERY
 * ---------------------------------------------------------------------------------------- */

/* Of the owner; of all owners (0) for whoever sees all. */
static void count_here(struct core *c, uint64_t owner, const char *job_id, struct journal_job *to)
{
    const struct job *j = owner != 0 ? find(c, owner, job_id) : NULL;
    if (j != NULL)
        add(to, &j->counts);
    for (const struct owner *o = owner == 0 ? c->owners : NULL; o != NULL; o = o->next) {
        if ((j = o->n_tasks > 0 ? find(c, o->number, job_id) : NULL) != NULL)
            add(to, &j->counts);
    }
}

static void write_job(struct json_writer *w, const struct inquiry *q)
{
    json_key(w, "job");
    if (q->here.tasks == 0) {
        json_put_null(w);
        return;
    }
    json_open(w, '{');
    write_counts(w, q->job_id, &q->here);
    json_close(w, '}');
}

static void on_counted(struct core *c, struct reading *r, enum code code, const char *why,
                       const struct journal_job *n)
{
    struct inquiry *q = (struct inquiry *)r;
    struct json_writer w;
    if (code != CODE_OK) {
        late_refused(c, q->answer, code, why, 0);
    } else {
        add(&q->here, n);
        late_begin(c, q->answer, &w);
        write_job(&w, q);
        late_send(c, q->answer, WIRE_INFO, &w);
    }
    q->answer = NULL;
    inquiry_free(r);
}

static int ask(struct core *c, struct peer *p, struct inquiry *q)
{
    q->answer = late_new(c, p);
    if (q->answer == NULL)
        return -1;
    count_here(c, q->owner, q->job_id, &q->here);
    return reading_start_job(c, &q->reading, q->owner, q->job_id);
}

void jobs_query(struct core *c, struct peer *p, const char *job_id)
{
    const struct owner *o = peer_owner(c, p);
    const uint64_t owner = o == NULL || peer_is_operator(c, p) ? 0 : o->number;
    struct inquiry *q = o != NULL ? inquiry_new(owner, job_id, on_counted) : NULL;
    if (q != NULL && ask(c, p, q) == 0)
        return;
    if (q != NULL)
        inquiry_free(&q->reading);
    answer_refused(c, p, CODE_OVERLOADED, "too many questions wait for the journal");
}

static void free_job(void *job, void *arg)
{
    (void)arg;
    free(job);
}

void jobs_clear(struct core *c)
{
    if (c->jobs != NULL)
        table_each(c->jobs, free_job, NULL);
    table_free(c->jobs);
    c->jobs = NULL;
}
