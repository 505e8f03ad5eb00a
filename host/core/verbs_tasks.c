/* verbs_tasks.c: SUBMIT, ACK, WATCH. Runs in the core. */
#include <stdlib.h>
#include <string.h>

#include "core/answer.h"
#include "core/durable.h"
#include "core/kept.h"
#include "core/late.h"
#include "core/peers.h"
#include "core/submit.h"
#include "core/tasks.h"
#include "core/verbs.h"

void verbs_submit(struct core *c, struct request *q)
{
    submit_handle(c, q->peer, q->m, q->header, q->body);
}

/* What an ACK has done, until it is durable and can be answered. */
struct acknowledgement {
    struct late *answer;
    int64_t n;
    bool is_durable; /* one of them stands in the journal */
};

static void acknowledge(struct core *c, const struct owner *o, uint32_t token,
                        struct acknowledgement *a)
{
    char *id = json_strdup(&c->doc, token);
    struct task *t = id != NULL ? task_find_id(c, o, id) : NULL;
    free(id);
    if (t == NULL || t->state != TASK_FINISHED)
        return;
    a->n++;
    a->is_durable |= t->is_durable;
    kept_acknowledge(c, t);
}

static void acknowledge_all(struct core *c, const struct owner *o, struct acknowledgement *a)
{
    uint32_t one = json_find(&c->doc, 0, "task_id"), many = json_find(&c->doc, 0, "task_ids");
    if (one != 0)
        acknowledge(c, o, one, a);
    if (many == 0 || json_kind(&c->doc, many) != JSON_ARRAY)
        return;
    uint32_t t = json_first(many);
    for (uint32_t i = c->doc.tokens[many].count; i > 0; i--, t = json_next(&c->doc, t))
        acknowledge(c, o, t, a);
}

static void answer_acknowledged(struct core *c, void *arg, enum code code, const char *why)
{
    struct acknowledgement *a = arg;
    struct json_writer w;
    if (code != CODE_OK) {
        late_refused(c, a->answer, code, why, 0);
        free(a);
        return;
    }
    late_begin(c, a->answer, &w);
    json_member_int(&w, "acknowledged", a->n);
    late_send(c, a->answer, WIRE_INFO, &w);
    free(a);
}

/* Told once none of them would be sent again, whatever dies. -1: no memory to say it. */
static int answer_ack(struct core *c, struct peer *p, const struct acknowledgement *done)
{
    struct acknowledgement *a = malloc(sizeof *a);
    struct late *answer = a != NULL ? late_new(c, p) : NULL;
    if (answer == NULL) {
        free(a);
        return -1;
    }
    *a = *done;
    a->answer = answer;
    if (!a->is_durable || durable_barrier(c, answer_acknowledged, a) < 0)
        answer_acknowledged(c, a, CODE_OK, NULL);
    return 0;
}

void verbs_ack(struct core *c, struct request *q)
{
    struct acknowledgement a = {.n = 0};
    const struct owner *o = peer_owner(c, q->peer);
    if (o != NULL)
        acknowledge_all(c, o, &a);
    if (!q->peer->is_req && !verbs_is_true(c, "reply"))
        return;
    if (answer_ack(c, q->peer, &a) < 0)
        answer_refused(c, q->peer, CODE_OVERLOADED, "no memory for the answer");
}

/* A uid opens a task to whoever came in with the same key, or without one like its owner. */
static struct task *find_uid(struct core *c, const struct owner *o, const char *uid)
{
    struct task *t = task_find_uid(c, uid);
    return t != NULL && strcmp(t->owner->curve_key, o->curve_key) == 0 ? t : NULL;
}

struct task *verbs_named_task(struct core *c, struct peer *p)
{
    uint32_t uid = json_find(&c->doc, 0, "uid"), id = json_find(&c->doc, 0, "task_id");
    char *name = json_strdup(&c->doc, uid != 0 ? uid : id);
    struct owner *o = peer_owner(c, p);
    struct task *t = NULL;
    if (name != NULL && (uid != 0 || id != 0) && o != NULL) {
        t = uid != 0 ? find_uid(c, o, name) : task_find_id(c, o, name);
        /* An operator may name any task by either. */
        if (t == NULL && peer_is_operator(c, p))
            t = task_find_uid(c, name);
        for (struct task *x = t == NULL && peer_is_operator(c, p) ? c->all.last : NULL;
             x != NULL && t == NULL; x = x->prev)
            t = strcmp(x->task_id, name) == 0 ? x : NULL;
    }
    free(name);
    return t;
}

void verbs_watch(struct core *c, struct request *q)
{
    struct json_writer w;
    struct owner *o = peer_owner(c, q->peer);
    uint32_t events = json_find(&c->doc, 0, "events");
    bool wants_all = verbs_is_true(c, "all");
    unsigned mask = EVENT_STATE | EVENT_PROGRESS | EVENT_LOG;
    if (q->peer->is_req || o == NULL) {
        answer_refused(c, q->peer, CODE_MALFORMED, "a REQ socket gets no events: use a DEALER");
        return;
    }
    if (wants_all && !peer_is_operator(c, q->peer)) {
        answer_refused(c, q->peer, CODE_UNAUTHORIZED,
                       "all tasks are seen on the control socket only");
        return;
    }
    if (events != 0 &&
        (json_kind(&c->doc, events) != JSON_ARRAY || events_read(&c->doc, events, &mask) < 0)) {
        answer_refused(c, q->peer, CODE_INVALID_INPUT,
                       "/events: expected a list of \"state\", \"progress\", \"log\"");
        return;
    }
    owner_set_watch(c, o, mask, wants_all, o->wants_capacity);
    answer_begin(c, &w);
    json_key(&w, "watching");
    json_open(&w, '[');
    if ((mask & EVENT_STATE) != 0)
        json_put_str(&w, "state");
    if ((mask & EVENT_PROGRESS) != 0)
        json_put_str(&w, "progress");
    if ((mask & EVENT_LOG) != 0)
        json_put_str(&w, "log");
    json_close(&w, ']');
    answer_send(c, q->peer, WIRE_INFO, &w);
}
