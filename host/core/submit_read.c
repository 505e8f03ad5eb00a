/* submit_read.c: the header of a SUBMIT, member by member, as a table. Runs in the core. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/content_key.h"
#include "core/peers.h"
#include "core/submit.h"
#include "core/tasks.h"
#include "task/retry.h"

enum { NAME_MAX_BYTES = 128, SHA256_HEX = 64 };

/* No time that is meant is later; sums of two of them cannot overflow. */
#define INTEGER_MAX (INT64_C(1) << 53)

struct reader {
    struct submit *s;
    const struct json_doc *doc;
    struct refusal *refusal;
    size_t n_body;
};

static const char *const kind_names[] = {
    [JSON_OBJECT] = "an object", [JSON_ARRAY] = "an array", [JSON_STRING] = "a string",
    [JSON_NUMBER] = "a number",  [JSON_TRUE] = "true",      [JSON_FALSE] = "false",
    [JSON_NULL] = "null",
};

static int expect(struct reader *r, uint32_t token, const char *pointer, enum json_kind kind)
{
    enum json_kind found = json_kind(r->doc, token);
    if (found == kind)
        return 0;
    return refuse_at(r->refusal, pointer, "expected %s, found %s", kind_names[kind],
                     kind_names[found]);
}

/* A string of 1 to max bytes. Escaped ones are longer as a token than they are. */
static int take_name(struct reader *r, uint32_t token, const char *pointer, uint32_t *to)
{
    if (expect(r, token, pointer, JSON_STRING) < 0)
        return -1;
    uint32_t len = r->doc->tokens[token].len - 2;
    if (len == 0 || len > NAME_MAX_BYTES)
        return refuse_at(r->refusal, pointer, "expected 1 to %d bytes, found %u", NAME_MAX_BYTES,
                         len);
    *to = token;
    return 0;
}

static int take_int(struct reader *r, uint32_t token, const char *pointer, int64_t min, int64_t *to)
{
    if (expect(r, token, pointer, JSON_NUMBER) < 0)
        return -1;
    if (json_i64(r->doc, token, to) < 0 || *to < min || *to > INTEGER_MAX)
        return refuse_at(r->refusal, pointer, "expected an integer from %lld to 2^53",
                         (long long)min);
    return 0;
}

static int take_bool(struct reader *r, uint32_t token, const char *pointer, bool *to)
{
    enum json_kind kind = json_kind(r->doc, token);
    if (kind != JSON_TRUE && kind != JSON_FALSE)
        return refuse_at(r->refusal, pointer, "expected true or false, found %s", kind_names[kind]);
    *to = kind == JSON_TRUE;
    return 0;
}

static int read_pipeline(struct reader *r, uint32_t t)
{
    return take_name(r, t, "/pipeline", &r->s->pipeline);
}

static int read_version(struct reader *r, uint32_t t)
{
    return take_name(r, t, "/pipeline_version", &r->s->version);
}

static int read_task_id(struct reader *r, uint32_t t)
{
    return take_name(r, t, "/task_id", &r->s->task_id);
}

static int read_job_id(struct reader *r, uint32_t t)
{
    return take_name(r, t, "/job_id", &r->s->job_id);
}

static int read_tenant(struct reader *r, uint32_t t)
{
    return take_name(r, t, "/tenant", &r->s->tenant);
}

static int read_key(struct reader *r, uint32_t t)
{
    return take_name(r, t, "/idempotency_key", &r->s->key);
}

static int read_content_key(struct reader *r, uint32_t t)
{
    return take_bool(r, t, "/content_key", &r->s->wants_content_key);
}

static int read_params(struct reader *r, uint32_t t)
{
    r->s->params = t;
    return expect(r, t, "/params", JSON_OBJECT);
}

static int read_metadata(struct reader *r, uint32_t t)
{
    r->s->metadata = t;
    return expect(r, t, "/metadata", JSON_OBJECT);
}

static int read_trace(struct reader *r, uint32_t t)
{
    r->s->trace = t;
    return expect(r, t, "/trace", JSON_OBJECT);
}

static int read_priority(struct reader *r, uint32_t t)
{
    if (expect(r, t, "/priority", JSON_NUMBER) < 0)
        return -1;
    if (json_f64(r->doc, t, &r->s->priority) < 0 || r->s->priority < 0 || r->s->priority > 9)
        return refuse_at(r->refusal, "/priority", "expected a number from 0 to 9");
    return 0;
}

static int read_timeout(struct reader *r, uint32_t t)
{
    return take_int(r, t, "/timeout_ms", 1, &r->s->timeout_ms);
}

static int read_deadline(struct reader *r, uint32_t t)
{
    return take_int(r, t, "/deadline", 1, &r->s->deadline_ms);
}

static int read_ttl(struct reader *r, uint32_t t)
{
    return take_int(r, t, "/ttl_ms", 1, &r->s->ttl_ms);
}

static int read_attempts(struct reader *r, uint32_t t)
{
    if (take_int(r, t, "/max_attempts", 1, &r->s->max_attempts) < 0)
        return -1;
    return r->s->max_attempts <= RETRY_ATTEMPTS_MAX
               ? 0
               : refuse_at(r->refusal, "/max_attempts", "expected an integer from 1 to %d",
                           RETRY_ATTEMPTS_MAX);
}

static int read_wait(struct reader *r, uint32_t t)
{
    return take_bool(r, t, "/wait", &r->s->wait);
}

static int read_durable(struct reader *r, uint32_t t)
{
    r->s->has_durable = true;
    return take_bool(r, t, "/durable", &r->s->durable);
}

static int read_outputs(struct reader *r, uint32_t t)
{
    if (expect(r, t, "/outputs", JSON_OBJECT) < 0)
        return -1;
    uint32_t digest = json_find(r->doc, t, "digest");
    return digest != 0 ? take_bool(r, digest, "/outputs/digest", &r->s->digest) : 0;
}

static int read_children(struct reader *r, uint32_t t)
{
    r->s->no_children = json_string_is(r->doc, t, "none");
    if (!r->s->no_children && !json_string_is(r->doc, t, "report"))
        return refuse_at(r->refusal, "/children", "expected \"report\" or \"none\"");
    return 0;
}

static int read_events(struct reader *r, uint32_t t)
{
    if (expect(r, t, "/events", JSON_ARRAY) < 0)
        return -1;
    return events_read(r->doc, t, &r->s->events) == 0
               ? 0
               : refuse_at(r->refusal, "/events", "expected only \"state\", \"progress\", \"log\"");
}

int events_read(const struct json_doc *doc, uint32_t array, unsigned *events)
{
    static const struct {
        const char *name;
        unsigned bit;
    } names[] = {{"state", EVENT_STATE}, {"progress", EVENT_PROGRESS}, {"log", EVENT_LOG}};
    *events = 0;
    uint32_t t = json_first(array);
    for (uint32_t n = doc->tokens[array].count; n > 0; n--, t = json_next(doc, t)) {
        unsigned bit = 0;
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            bit |= json_string_is(doc, t, names[i].name) ? names[i].bit : 0;
        if (bit == 0)
            return -1;
        *events |= bit;
    }
    return 0;
}

static bool same_string(const struct json_doc *doc, uint32_t a, uint32_t b)
{
    return json_equal(doc, a, doc, b);
}

static int check_input(struct reader *r, uint32_t name, uint32_t frame)
{
    for (size_t i = 0; i < r->s->n_inputs; i++) {
        if (same_string(r->doc, r->s->inputs[i].name, name))
            return refuse_at(r->refusal, "/inputs", "two inputs have the same name");
        if (r->s->inputs[i].frame == frame)
            return refuse_at(r->refusal, "/inputs", "two inputs name the same frame");
    }
    return 0;
}

static int read_input(struct reader *r, uint32_t t)
{
    struct submit_input in = {.name = 0};
    int64_t frame = 0;
    if (expect(r, t, "/inputs/*", JSON_OBJECT) < 0)
        return -1;
    uint32_t name = json_find(r->doc, t, "name"), at = json_find(r->doc, t, "frame");
    uint32_t media = json_find(r->doc, t, "media_type"), sha = json_find(r->doc, t, "sha256");
    if (json_find(r->doc, t, "uri") != 0)
        return refuse(r->refusal, CODE_DEPENDENCY_MISSING,
                      "/inputs: this host fetches nothing by uri; send the bytes as a frame");
    if (name == 0 || at == 0)
        return refuse_at(r->refusal, "/inputs", "each input needs \"name\" and \"frame\"");
    if (take_name(r, name, "/inputs/*/name", &in.name) < 0 ||
        take_int(r, at, "/inputs/*/frame", 0, &frame) < 0)
        return -1;
    if (frame >= (int64_t)r->n_body)
        return refuse_at(r->refusal, "/inputs/*/frame",
                         "frame %lld is not there: the message has %zu body frames",
                         (long long)frame, r->n_body);
    if (media != 0 && take_name(r, media, "/inputs/*/media_type", &in.media_type) < 0)
        return -1;
    if (sha != 0 && take_name(r, sha, "/inputs/*/sha256", &in.sha256) < 0)
        return -1;
    if (sha != 0 && r->doc->tokens[sha].len - 2 != SHA256_HEX)
        return refuse_at(r->refusal, "/inputs/*/sha256", "expected 64 hex digits");
    if (check_input(r, name, (uint32_t)frame) < 0)
        return -1;
    in.frame = (uint32_t)frame;
    r->s->inputs[r->s->n_inputs++] = in;
    return 0;
}

static int read_inputs(struct reader *r, uint32_t t)
{
    if (expect(r, t, "/inputs", JSON_ARRAY) < 0)
        return -1;
    uint32_t n = r->doc->tokens[t].count;
    if (n > SUBMIT_INPUTS_MAX)
        return refuse_at(r->refusal, "/inputs", "expected at most %d, found %u", SUBMIT_INPUTS_MAX,
                         n);
    for (uint32_t i = json_first(t); n > 0; n--, i = json_next(r->doc, i)) {
        if (read_input(r, i) < 0)
            return -1;
    }
    return 0;
}

/* "request" is read by whoever answers. */
static int read_nothing(struct reader *r, uint32_t t)
{
    (void)r;
    (void)t;
    return 0;
}

static const struct member {
    const char *name;
    int (*read)(struct reader *r, uint32_t token);
} members[] = {
    {"pipeline", read_pipeline},
    {"params", read_params},
    {"inputs", read_inputs},
    {"task_id", read_task_id},
    {"job_id", read_job_id},
    {"wait", read_wait},
    {"priority", read_priority},
    {"timeout_ms", read_timeout},
    {"deadline", read_deadline},
    {"ttl_ms", read_ttl},
    {"max_attempts", read_attempts},
    {"idempotency_key", read_key},
    {"content_key", read_content_key},
    {"events", read_events},
    {"outputs", read_outputs},
    {"children", read_children},
    {"durable", read_durable},
    {"metadata", read_metadata},
    {"trace", read_trace},
    {"tenant", read_tenant},
    {"pipeline_version", read_version},
    {"request", read_nothing},
};

static const struct member *find_member(const struct json_doc *doc, uint32_t key)
{
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        if (json_string_is(doc, key, members[i].name))
            return &members[i];
    }
    return NULL;
}

/* Who asks for a key made of the content gets that one, and nobody else gets one that looks so. */
static int check_key(struct reader *r)
{
    char *key = r->s->key != 0 ? json_strdup(r->doc, r->s->key) : NULL;
    bool is_content = key != NULL && content_key_is(key);
    free(key);
    if (r->s->key != 0 && r->s->wants_content_key)
        return refuse_at(r->refusal, "/content_key", "and an idempotency_key: only one of them");
    if (is_content)
        return refuse_at(r->refusal, "/idempotency_key",
                         "must not begin with \"" CONTENT_KEY_PREFIX "\": ask for content_key");
    return 0;
}

int submit_read(struct submit *s, const struct json_doc *doc, size_t n_body,
                struct refusal *refusal)
{
    struct reader r = {.s = s, .doc = doc, .refusal = refusal, .n_body = n_body};
    /* Not the whole struct: the room for inputs is large, and filled as they come. */
    memset(s, 0, offsetof(struct submit, inputs));
    s->doc = doc;
    s->priority = 5;
    uint32_t key = json_first(0);
    for (uint32_t n = doc->tokens[0].count; n > 0; n--, key = json_next(doc, json_next(doc, key))) {
        const struct member *m = find_member(doc, key);
        if (m == NULL && s->n_ignored < SUBMIT_IGNORED_MAX)
            s->ignored[s->n_ignored++] = key;
        if (m != NULL && m->read(&r, json_next(doc, key)) < 0)
            return -1;
    }
    if (s->pipeline == 0)
        return refuse_at(refusal, "/pipeline", "is required");
    return check_key(&r);
}
