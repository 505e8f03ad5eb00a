/* submission.c: what a SUBMIT must be to become a task. Nothing is kept of one that is refused. Runs in
 * the core. */
#include "core/submission.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/table.h"
#include "core/content_key.h"
#include "core/keys.h"
#include "core/peers.h"
#include "core/pipelines.h"
#include "core/quota.h"
#include "core/reserve.h"
#include "core/tasks.h"
#include "journal/journal.h"

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

void submission_hash(const struct submission *x, uint64_t digest[2])
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
    submission_hash(x, digest);
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
int submission_check(struct submission *x)
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
