/* submit.c: from a SUBMIT to an accepted task, or to a refusal of which nothing is kept. Runs in
 * the core. */
#include "core/submit.h"

#include <stdlib.h>
#include <string.h>

#include "core/answer.h"
#include "core/durable.h"
#include "core/kept.h"
#include "core/known.h"
#include "core/late.h"
#include "core/peers.h"
#include "core/reserve.h"
#include "core/submission.h"
#include "core/tasks.h"

/* The members that the host does not know, as a list; NULL: none, or no memory to say it. */
static char *ignored_text(const struct submission *x)
{
    struct json_writer w;
    struct buf b = BUF_INIT(SUBMIT_IGNORED_MAX * IGNORED_NAME_MAX);
    if (x->s.n_ignored == 0)
        return NULL;
    json_begin(&w, &b);
    json_open(&w, '[');
    for (size_t i = 0; i < x->s.n_ignored; i++) {
        struct json_span name = json_at(x->s.doc, x->s.ignored[i]);
        if (name.len < IGNORED_NAME_MAX)
            json_put_raw(&w, name.at, name.len);
    }
    json_close(&w, ']');
    if (json_end(&w) == 0 && buf_append(&b, "", 1) == 0)
        return (char *)b.data;
    buf_clear(&b);
    return NULL;
}

/* What is still owed to the client while its task is being made durable. */
struct promise {
    struct late *answer;
    bool wait;           /* the RESULT is the answer */
    char *ignored;       /* a JSON list, or NULL */
    struct result *kept; /* of an earlier task with its key, or NULL */
    char uid[ID_TEXT];   /* of the task that its SUBMIT turned out to be, or "" */
};

static void promise_free(struct promise *p)
{
    late_free(p->answer);
    result_unref(p->kept);
    free(p->ignored);
    free(p);
}

static struct promise *promise_new(struct submission *x, struct peer *peer)
{
    struct promise *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    p->answer = late_new(x->c, peer);
    if (p->answer == NULL) {
        free(p);
        return NULL;
    }
    p->wait = x->s.wait;
    p->ignored = ignored_text(x);
    return p;
}

/* Takes the promise. */
static void answer_accepted(struct core *c, struct promise *p, const struct task *t,
                            const char *state, bool is_attached)
{
    struct json_writer w;
    if (!p->wait) {
        late_begin(c, p->answer, &w);
        json_member_str(&w, "task_id", t->task_id);
        json_member_str(&w, "uid", t->uid);
        json_member_str(&w, "state", state);
        json_member_bool(&w, "attached", is_attached);
        json_member_bool(&w, "durable", t->is_durable);
        if (p->ignored != NULL)
            json_member_raw(&w, "ignored", (struct json_span){p->ignored, strlen(p->ignored)});
        late_send(c, p->answer, WIRE_ACCEPTED, &w);
        p->answer = NULL;
    }
    promise_free(p);
}

static void answer_not_kept(struct core *c, struct promise *p, enum code code, const char *why)
{
    late_refused(c, p->answer, code, why, code_info(code)->is_retryable ? STORAGE_RETRY_MS : 0);
    p->answer = NULL;
    promise_free(p);
}

/* It is durable, or it is not to be. */
static void on_accepted(struct core *c, struct task *t, void *arg, enum code code, const char *why)
{
    struct promise *p = arg;
    bool is_attached;
    if (code != CODE_OK) {
        answer_not_kept(c, p, code, why);
        task_reject(c, t);
        return;
    }
    c->stats.accepted++;
    if (p->kept != NULL) {
        struct result *kept = result_ref(p->kept);
        answer_accepted(c, p, t, task_state_name(TASK_FINISHED), true);
        task_admit_known(c, t, kept);
        return;
    }
    const char *state = task_prospect(c, t, &is_attached);
    answer_accepted(c, p, t, state, is_attached);
    task_admit(c, t);
}

static void accept_now(struct core *c, struct task *t, struct promise *p)
{
    if (!t->is_durable)
        on_accepted(c, t, p, CODE_OK, NULL);
    else if (durable_accept(c, t, false, on_accepted, p) < 0)
        on_accepted(c, t, p, CODE_OVERLOADED, "no memory for the task");
}

/* The journal has told whether it has the result of an earlier task with the same key. */
static void on_known(struct core *c, struct task *t, void *arg, enum code code, const char *why,
                     struct result *kept)
{
    struct promise *p = arg;
    p->kept = kept;
    if (code != CODE_OK)
        on_accepted(c, t, p, code, why);
    else
        accept_now(c, t, p);
}

static void drop_promise(void *arg)
{
    promise_free(arg);
}

/* Digests are taken before task_new moves the frames. Nothing is said before the task is as durable as
 * promised. */
static int accept(struct submission *x, struct peer *peer)
{
    uint64_t digest[2] = {0, 0};
    if (x->s.task_id != 0 || x->s.key != 0)
        submission_hash(x, digest);
    struct promise *p = promise_new(x, peer);
    struct task *t =
        p != NULL ? task_new(x->c, x->owner, x->pipeline, &x->s, x->header, x->body, x->n_body)
                  : NULL;
    if (t != NULL)
        t->is_durable = x->is_durable;
    if (t == NULL && p == NULL)
        return refuse(&x->refusal, CODE_OVERLOADED, "no memory for the task");
    /* The header may have gone with the task: only the promise still knows whom to answer. */
    if (t == NULL || task_enter(x->c, t, digest) < 0) {
        answer_not_kept(x->c, p, CODE_OVERLOADED, "no memory for the task");
        return 0;
    }
    if (x->is_reserved)
        reserve_use(x->c, x->owner);
    if (!known_is_wanted(x->c, t))
        accept_now(x->c, t, p);
    else if (known_find(x->c, t, on_known, drop_promise, p) < 0)
        on_accepted(x->c, t, p, CODE_OVERLOADED, "no memory to look for its key");
    return 0;
}

/* ---- the same task once more
 * ---------------------------------------------------------------------- */

static void answer_known(struct core *c, struct task *t, struct promise *p)
{
    t->is_answered_by_result = p->wait;
    answer_accepted(c, p, t, task_state_name(t->state), true);
    if (t->state == TASK_FINISHED)
        kept_deliver(c, t);
}

/* The first SUBMIT of it has been answered by now, unless its key is still looked for. */
static void on_barrier(struct core *c, void *arg, enum code code, const char *why)
{
    struct promise *p = arg;
    struct task *t = task_find_uid(c, p->uid);
    if (code != CODE_OK)
        answer_not_kept(c, p, code, why);
    else if (t == NULL)
        answer_not_kept(c, p, CODE_STORAGE_UNAVAILABLE, "the task could not be made durable");
    else if (t->state != TASK_NEW)
        answer_known(c, t, p);
    else if (durable_barrier(c, on_barrier, p) < 0)
        answer_not_kept(c, p, CODE_OVERLOADED, "no memory for an answer");
}

static int answer_same(struct submission *x, struct peer *peer)
{
    struct task *t = x->same;
    struct promise *p = promise_new(x, peer);
    if (p == NULL)
        return refuse(&x->refusal, CODE_OVERLOADED, "no memory for an answer");
    memcpy(p->uid, t->uid, sizeof p->uid);
    if (t->state != TASK_NEW)
        answer_known(x->c, t, p);
    else if (durable_barrier(x->c, on_barrier, p) < 0)
        answer_not_kept(x->c, p, CODE_OVERLOADED, "no memory for an answer");
    return 0;
}

static void tell_refused(struct submission *x, struct peer *p)
{
    struct json_writer w;
    x->c->stats.refused++;
    answer_begin(x->c, &w);
    refusal_write(&x->refusal, &w);
    if (x->s.task_id != 0)
        json_member_raw(&w, "task_id", json_at(x->s.doc, x->s.task_id));
    answer_send(x->c, p, WIRE_REFUSED, &w);
}

void submit_handle(struct core *c, struct peer *p, const struct wire_message *m, zmq_msg_t *header,
                   zmq_msg_t *body)
{
    struct submission x = {.c = c,
                           .owner = peer_owner(c, p),
                           .header = header,
                           .body = body,
                           .n_body = m->n_body,
                           .refusal = REFUSAL_INIT};
    int rc = x.owner != NULL ? 0 : refuse(&x.refusal, CODE_OVERLOADED, "no memory for the client");
    if (rc == 0)
        rc = submit_read(&x.s, &c->doc, m->n_body, &x.refusal);
    if (rc == 0)
        rc = submission_check(&x);
    if (rc == 0 && x.same != NULL)
        rc = answer_same(&x, p);
    else if (rc == 0)
        rc = accept(&x, p);
    if (rc < 0)
        tell_refused(&x, p);
    refusal_clear(&x.refusal);
}
