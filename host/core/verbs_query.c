/* verbs_query.c: QUERY: a task that is in memory is answered for at once, another one, and the history
 * of any, once the journal has been read. Runs in the core. */
#include <stdlib.h>
#include <string.h>

#include "core/answer.h"
#include "core/kept.h"
#include "core/late.h"
#include "core/past.h"
#include "core/peers.h"
#include "core/reading.h"
#include "core/replay.h"
#include "core/tasks.h"
#include "core/verbs.h"

enum { OUTPUTS_MAX = 128 };

struct query {
    struct reading reading; /* first */
    struct late *answer;
    bool wants_history;
    bool may_be_uid; /* an operator may name any task by either */
    char *name;
};

static void query_free(struct query *x)
{
    late_free(x->answer);
    free(x->name);
    free(x);
}

static void drop(struct reading *r)
{
    query_free((struct query *)r);
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
    x->answer = NULL;
    result_unref(r);
}

static void send_unknown(struct core *c, struct query *x)
{
    struct json_writer w;
    late_begin(c, x->answer, &w);
    json_key(&w, "task");
    json_put_null(&w);
    late_send(c, x->answer, WIRE_INFO, &w);
    x->answer = NULL;
}

static void refuse_late(struct core *c, struct query *x, enum code code, const char *why)
{
    late_refused(c, x->answer, code, why, 0);
    x->answer = NULL;
}

static void on_read(struct core *c, struct reading *r, enum code code, const char *why,
                    struct journal_rows *rows);

static int ask(struct core *c, struct query *x, uint64_t owner, bool is_uid)
{
    const unsigned notes = x->wants_history ? JOURNAL_WANT_NOTES : 0;
    const struct journal_query q = {.owner = is_uid ? 0 : owner,
                                    .uid = is_uid ? x->name : NULL,
                                    .task_id = is_uid ? NULL : x->name,
                                    .want = JOURNAL_WANT_RESULT | JOURNAL_WANT_INPUTS | notes,
                                    .limit = 1};
    x->reading.fn = on_read;
    x->reading.drop = drop;
    return reading_start(c, &x->reading, &q);
}

static void on_read(struct core *c, struct reading *r, enum code code, const char *why,
                    struct journal_rows *rows)
{
    struct query *x = (struct query *)r;
    if (code == CODE_OK && rows->n == 0 && x->may_be_uid) {
        x->may_be_uid = false;
        journal_rows_free(rows);
        if (ask(c, x, 0, true) == 0)
            return;
        code = CODE_OVERLOADED;
        why = "too many questions wait for the journal";
        rows = NULL;
    }
    if (code != CODE_OK)
        refuse_late(c, x, code, why);
    else if (rows->n == 0)
        send_unknown(c, x);
    else
        send_task(c, x, &rows->items[0]);
    journal_rows_free(rows);
    query_free(x);
}

static bool is_true(const struct core *c, const char *member)
{
    uint32_t t = json_find(&c->doc, 0, member);
    return t != 0 && json_kind(&c->doc, t) == JSON_TRUE;
}

/* The caller's own tasks by task_id, any by uid: who knows that may ask. */
static int look_up(struct core *c, struct peer *p)
{
    uint32_t uid = json_find(&c->doc, 0, "uid"), id = json_find(&c->doc, 0, "task_id");
    struct query *x = calloc(1, sizeof *x);
    const struct owner *o = peer_owner(c, p);
    if (x == NULL || o == NULL) {
        free(x);
        return -1;
    }
    x->name = json_strdup(&c->doc, uid != 0 ? uid : id);
    x->answer = x->name != NULL ? late_new(c, p) : NULL;
    x->wants_history = is_true(c, "history");
    x->may_be_uid = uid == 0 && peer_is_operator(c, p);
    if (x->answer != NULL && ask(c, x, x->may_be_uid ? 0 : o->number, uid != 0) == 0)
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

static bool is_named(const struct core *c)
{
    uint32_t uid = json_find(&c->doc, 0, "uid"), id = json_find(&c->doc, 0, "task_id");
    uint32_t t = uid != 0 ? uid : id;
    return t != 0 && json_kind(&c->doc, t) == JSON_STRING;
}

void verbs_query(struct core *c, struct request *q)
{
    const struct task *t = verbs_named_task(c, q->peer);
    bool is_here = t != NULL && (!t->is_durable || !is_true(c, "history"));
    if (is_here || !is_named(c))
        answer_present(c, q->peer, t);
    else if (look_up(c, q->peer) < 0)
        answer_refused(c, q->peer, CODE_OVERLOADED, "too many questions wait for the journal");
}
