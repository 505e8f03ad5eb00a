/* submit.c: from a SUBMIT to an accepted task, or to a refusal of which nothing is kept. Runs in
 * the core. */
#include "core/submit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/table.h"
#include "core/answer.h"
#include "core/content_key.h"
#include "core/durable.h"
#include "core/kept.h"
#include "core/keys.h"
#include "core/known.h"
#include "core/late.h"
#include "core/peers.h"
#include "core/pipelines.h"
#include "core/quota.h"
#include "core/reserve.h"
#include "core/tasks.h"
#include "journal/journal.h"

enum { STORAGE_RETRY_MS = 1000 };

struct submission {
    struct core *c;
    struct submit s;
    struct owner *owner;
    struct pipeline *pipeline;
    zmq_msg_t *header, *body; /* header may be NULL */
    size_t n_body;
    struct refusal refusal;
    struct task *same; /* the task this one turned out to be */
    bool is_durable;
    bool is_reserved; /* it has room in its client's reservation */
};

static int refuse_unknown(struct submission *x, const char *slug)
{
    return refuse(&x->refusal, CODE_UNKNOWN_PIPELINE,
                  "no plugin on this host provides the pipeline \"%.64s\"", slug);
}

/* Over CURVE the key says whom a task is for. */
static int check_tenant(struct submission *x)
{
    if (x->owner->curve_key[0] == '\0')
        return 0;
    const struct allowed_key *key = keys_find(x->c, x->owner->curve_key);
    if (key == NULL)
        return refuse(&x->refusal, CODE_UNAUTHORIZED, "this key is not allowed here");
    x->s.key_tenant = key->tenant;
    if (x->s.tenant == 0 || json_string_is(x->s.doc, x->s.tenant, key->tenant))
        return 0;
    return refuse(&x->refusal, CODE_UNAUTHORIZED,
                  "/tenant: the key of this connection is for the tenant \"%s\" only", key->tenant);
}

/* Whom the task is for, as it will be made; NULL: its client. The caller frees it. */
static char *tenant_of(const struct submission *x)
{
    if (x->s.tenant != 0)
        return json_strdup(x->s.doc, x->s.tenant);
    return x->s.key_tenant != NULL ? strdup(x->s.key_tenant) : NULL;
}

static int find_pipeline(struct submission *x)
{
    char *slug = json_strdup(x->s.doc, x->s.pipeline);
    x->pipeline = slug != NULL ? pipeline_find_any(x->c, slug, strlen(slug)) : NULL;
    if (x->pipeline == NULL)
        refuse_unknown(x, slug != NULL ? slug : "");
    free(slug);
    return x->pipeline != NULL ? 0 : -1;
}

/* What was accepted before waits there; nothing new does. */
static int check_provided(struct submission *x)
{
    return pipeline_is_gone(x->pipeline) ? refuse_unknown(x, pipeline_slug(x->pipeline)) : 0;
}

static int check_version(struct submission *x)
{
    const char *found = pipeline_version(x->pipeline);
    if (x->s.version == 0 || json_string_is(x->s.doc, x->s.version, found))
        return 0;
    struct json_span wanted = json_at(x->s.doc, x->s.version);
    return refuse(&x->refusal, CODE_UNSUPPORTED_VERSION,
                  "expected version %.*s of the pipeline, found %s", (int)wanted.len, wanted.at,
                  found);
}

static int check_phase(struct submission *x)
{
    if (x->c->phase < CORE_DRAINING || (x->is_reserved && x->c->phase == CORE_DRAINING))
        return 0;
    x->refusal.retry_after_ms = x->c->host->drain_timeout_ms;
    return refuse(&x->refusal, CODE_DRAINING, "this host takes no new tasks: it is about to stop");
}

static int check_quarantine(struct submission *x)
{
    int64_t left = pipeline_quarantine_ms(x->pipeline);
    if (left == 0)
        return 0;
    x->refusal.retry_after_ms = pipeline_is_forbidden(x->pipeline) ? 0 : left;
    return refuse(&x->refusal, CODE_QUARANTINED, "%s", x->pipeline->reason);
}

static size_t total_bytes(const struct submission *x)
{
    size_t n = x->header != NULL ? zmq_msg_size(x->header) : 0;
    for (size_t i = 0; i < x->n_body; i++)
        n += zmq_msg_size(&x->body[i]);
    return n;
}

static int check_room(struct submission *x)
{
    char *tenant = tenant_of(x);
    int rc = x->is_reserved ? 0 : quota_check(x->c, x->owner, tenant, total_bytes(x), &x->refusal);
    free(tenant);
    return rc;
}

static int check_times(struct submission *x)
{
    if (x->s.deadline_ms == 0 || x->s.deadline_ms > clock_wall_ms())
        return 0;
    return refuse(&x->refusal, CODE_EXPIRED, "the deadline is already over");
}

static int check_durable(struct submission *x)
{
    const char *why;
    x->is_durable = x->s.has_durable ? x->s.durable : x->c->host->durable;
    if (!x->is_durable || journal_takes(x->c->journal, &why))
        return 0;
    x->refusal.retry_after_ms = STORAGE_RETRY_MS;
    return refuse(&x->refusal, CODE_STORAGE_UNAVAILABLE, "%s", why);
}

static int check_digests(struct submission *x)
{
    for (size_t i = 0; i < x->s.n_inputs; i++) {
        char expected[DIGEST_HEX], found[DIGEST_HEX];
        const struct submit_input *in = &x->s.inputs[i];
        if (in->sha256 == 0)
            continue;
        zmq_msg_t *m = &x->body[in->frame];
        struct json_span hex = json_at(x->s.doc, in->sha256);
        snprintf(expected, sizeof expected, "%.64s", hex.at + 1);
        digest_sha256(zmq_msg_data(m), zmq_msg_size(m), found);
        if (!digest_equal(expected, found))
            return refuse(&x->refusal, CODE_INTEGRITY_MISMATCH,
                          "input %zu: expected sha256 %s, found %s", i, expected, found);
    }
    return 0;
}

static int check_params(struct submission *x)
{
    return pipeline_check_params(x->pipeline, x->s.doc, x->s.params, &x->refusal);
}

/* Pipeline, params and inputs: what makes a task the same task. */
static void hash_content(const struct submission *x, uint64_t digest[2])
{
    struct json_span params =
        x->s.params != 0 ? json_at(x->s.doc, x->s.params) : (struct json_span){"{}", 2};
    for (int k = 0; k < 2; k++) {
        uint64_t h = table_hash(x->c->hash_seed[k], params.at, params.len);
        h = table_hash(h, pipeline_slug(x->pipeline), strlen(pipeline_slug(x->pipeline)));
        for (size_t i = 0; i < x->s.n_inputs; i++) {
            struct json_span name = json_at(x->s.doc, x->s.inputs[i].name);
            zmq_msg_t *m = &x->body[x->s.inputs[i].frame];
            h = table_hash(h, name.at, name.len);
            h = table_hash(h, zmq_msg_data(m), zmq_msg_size(m));
        }
        digest[k] = h;
    }
}

static int check_same(struct submission *x, const struct task *old, const char *what)
{
    uint64_t digest[2];
    hash_content(x, digest);
    if (digest[0] == old->digest[0] && digest[1] == old->digest[1])
        return 0;
    return refuse(&x->refusal, CODE_DUPLICATE, "a task with this %s has other content", what);
}

static int find_same(struct submission *x)
{
    char *id = x->s.task_id != 0 ? json_strdup(x->s.doc, x->s.task_id) : NULL;
    x->same = id != NULL ? task_find_id(x->c, x->owner, id) : NULL;
    free(id);
    return x->same != NULL ? check_same(x, x->same, "task_id") : 0;
}

static int check_key(struct submission *x)
{
    if (x->s.wants_content_key && content_key_make(&x->s, x->pipeline->info, x->body) < 0)
        return refuse(&x->refusal, CODE_OVERLOADED, "no memory for the task");
    char *given = x->s.key != 0 ? json_strdup(x->s.doc, x->s.key) : NULL;
    char *tenant = tenant_of(x);
    const struct task *old =
        given != NULL ? task_find_key(x->c, x->owner, tenant, x->pipeline, given) : NULL;
    free(given);
    free(tenant);
    /* A key made of the content says already that it is the same. */
    return old != NULL && task_may_answer(old) ? check_same(x, old, "idempotency_key") : 0;
}

/* In this order: the first that refuses is what the client is told. A task that is known already
 * needs no room. */
static int check(struct submission *x)
{
    static int (*const steps[])(struct submission *) = {
        check_provided,   check_phase,  check_version, check_times, check_durable,
        check_quarantine, check_params, check_room,    check_key,   check_digests};
    if (check_tenant(x) < 0 || find_pipeline(x) < 0 || find_same(x) < 0)
        return -1;
    x->is_reserved = reserve_covers(x->owner, pipeline_slug(x->pipeline), total_bytes(x));
    for (size_t i = 0; i < sizeof steps / sizeof *steps && x->same == NULL; i++) {
        if (steps[i](x) < 0)
            return -1;
    }
    return 0;
}

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
    struct late *answer; /* NULL: it waits for the RESULT only */
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
    p->ignored = ignored_text(x);
    return p;
}

/* Takes the promise. */
static void answer_accepted(struct core *c, struct promise *p, const struct task *t,
                            const char *state, bool is_attached)
{
    struct json_writer w;
    if (!t->is_answered_by_result) {
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
        hash_content(x, digest);
    struct promise *p = promise_new(x, peer);
    struct task *t =
        p != NULL ? task_new(x->c, x->owner, x->pipeline, &x->s, x->header, x->body, x->n_body)
                  : NULL;
    if (t != NULL)
        t->is_durable = x->is_durable;
    if (t == NULL || task_enter(x->c, t, digest) < 0) {
        if (p != NULL)
            promise_free(p);
        return refuse(&x->refusal, CODE_OVERLOADED, "no memory for the task");
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
    answer_accepted(c, p, t, task_state_name(t->state), true);
    if (t->state == TASK_FINISHED)
        kept_deliver(c, t);
}

/* The first SUBMIT of it has been answered by now. */
static void on_barrier(struct core *c, void *arg)
{
    struct promise *p = arg;
    struct task *t = task_find_uid(c, p->uid);
    if (t != NULL)
        answer_known(c, t, p);
    else
        answer_not_kept(c, p, CODE_STORAGE_UNAVAILABLE, "the task could not be made durable");
}

static int answer_same(struct submission *x, struct peer *peer)
{
    struct task *t = x->same;
    struct promise *p = promise_new(x, peer);
    if (p == NULL)
        return refuse(&x->refusal, CODE_OVERLOADED, "no memory for an answer");
    t->is_answered_by_result = x->s.wait;
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
        rc = check(&x);
    if (rc == 0 && x.same != NULL)
        rc = answer_same(&x, p);
    else if (rc == 0)
        rc = accept(&x, p);
    if (rc < 0)
        tell_refused(&x, p);
    refusal_clear(&x.refusal);
}
