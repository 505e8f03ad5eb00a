/* verbs_query.c: QUERY: a task that is in memory is answered for at once, another one, and the history
 * of any, once the journal has been read. Runs in the core. */
#include <stdlib.h>
#include <string.h>

#include "core/answer.h"
#include "core/jobs.h"
#include "core/kept.h"
#include "core/late.h"
#include "core/named.h"
#include "core/past.h"
#include "core/peers.h"
#include "core/replay.h"
#include "core/tasks.h"
#include "core/verbs.h"

enum { OUTPUTS_MAX = 128 };

struct query {
    struct late *answer;
    bool wants_history;
};

static void query_free(void *arg)
{
    struct query *x = arg;
    late_free(x->answer);
    free(x);
}

/* A verdict holds, and is told, once it is as durable as promised. */
static size_t write_present(struct core *c, const struct task *t, struct json_writer *w,
                            zmq_msg_t **frames)
{
    kept_write_info(c, t, w);
    if (t->state != TASK_FINISHED || t->is_acknowledged)
        return 0;
    json_key(w, "result");
    kept_write_result(c, t, w);
    return kept_frames(t, frames, OUTPUTS_MAX);
}

static size_t write_past(struct core *c, const struct journal_row *row, const struct result *r,
                         struct json_writer *w, zmq_msg_t **frames)
{
    size_t n = 0;
    past_write_info(c, row, w);
    if (r == NULL)
        return 0;
    json_key(w, "result");
    past_write_result(c, row, r, w);
    for (; n < r->n_outputs && n < OUTPUTS_MAX; n++)
        frames[n] = (zmq_msg_t *)(size_t)&r->outputs[n].bytes;
    return n;
}

/* What is in memory is newer than what was read. */
static void send_task(struct core *c, struct query *x, const struct journal_row *row)
{
    struct json_writer w;
    zmq_msg_t *frames[OUTPUTS_MAX];
    const struct task *t = task_find_uid(c, row->task.uid);
    struct result *r =
        t == NULL && row->result.status != NULL ? result_of_journal(&row->result) : NULL;
    late_begin(c, x->answer, &w);
    json_key(&w, "task");
    json_open(&w, '{');
    size_t n = t != NULL ? write_present(c, t, &w, frames) : write_past(c, row, r, &w, frames);
    if (x->wants_history)
        past_write_history(row, &w);
    json_close(&w, '}');
    late_send_body(c, x->answer, WIRE_INFO, &w, frames, n);
    result_unref(r);
}

static void send_unknown(struct core *c, struct query *x)
{
    struct json_writer w;
    late_begin(c, x->answer, &w);
    json_key(&w, "task");
    json_put_null(&w);
    late_send(c, x->answer, WIRE_INFO, &w);
}

static void on_found(struct core *c, void *arg, enum code code, const char *why,
                     const struct journal_row *row)
{
    struct query *x = arg;
    if (code != CODE_OK)
        late_refused(c, x->answer, code, why, 0);
    else if (row == NULL)
        send_unknown(c, x);
    else
        send_task(c, x, row);
    free(x);
}

static int look_up(struct core *c, struct peer *p)
{
    struct query *x = malloc(sizeof *x);
    if (x == NULL)
        return -1;
    *x = (struct query){.answer = late_new(c, p), .wants_history = verbs_is_true(c, "history")};
    const unsigned want =
        JOURNAL_WANT_RESULT | JOURNAL_WANT_INPUTS | (x->wants_history ? JOURNAL_WANT_NOTES : 0);
    if (x->answer != NULL && named_find(c, p, want, on_found, query_free, x) == 0)
        return 0;
    query_free(x);
    return -1;
}

static void answer_present(struct core *c, struct peer *p, const struct task *t)
{
    struct json_writer w;
    zmq_msg_t *frames[OUTPUTS_MAX];
    size_t n = 0;
    answer_begin(c, &w);
    json_key(&w, "task");
    if (t == NULL) {
        json_put_null(&w);
    } else {
        json_open(&w, '{');
        n = write_present(c, t, &w, frames);
        json_close(&w, '}');
    }
    answer_send_body(c, p, WIRE_INFO, &w, frames, n);
}

/* A job by its name, if no task is named. */
static bool query_job(struct core *c, struct peer *p)
{
    const uint32_t job = json_find(&c->doc, 0, "job_id");
    if (job == 0 || named_is_given(c))
        return false;
    char *job_id = json_strdup(&c->doc, job);
    if (job_id != NULL)
        jobs_query(c, p, job_id);
    else
        answer_refused(c, p, CODE_INVALID_INPUT, "/job_id: expected a string");
    free(job_id);
    return true;
}

void verbs_query(struct core *c, struct request *q)
{
    if (query_job(c, q->peer))
        return;
    const struct task *t = verbs_named_task(c, q->peer);
    bool is_here = t != NULL && (!t->is_durable || !verbs_is_true(c, "history"));
    if (is_here || !named_is_given(c))
        answer_present(c, q->peer, t);
    else if (look_up(c, q->peer) < 0)
        answer_refused(c, q->peer, CODE_OVERLOADED, "too many questions wait for the journal");
}
