/* task_new.c: makes a task of a checked submission: one allocation holds all of it. Runs in the core.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "core/pipelines.h"
#include "core/submit.h"
#include "core/tasks_internal.h"

/* Everything a task points at lies behind it, in one allocation. */
struct arena {
    char *at;
};

static char *keep_string(struct arena *a, const struct json_doc *doc, uint32_t token)
{
    if (token == 0)
        return NULL;
    struct json_span s = json_at(doc, token);
    struct buf b = {.data = (unsigned char *)a->at, .cap = s.len + 1, .max = s.len};
    if (!doc->tokens[token].escaped)
        memcpy(b.data, s.at + 1, b.len = s.len - 2);
    else
        json_string(doc, token, &b); /* unescaped is never longer, so the buffer never grows */
    b.data[b.len] = '\0';
    a->at += b.len + 1;
    return (char *)b.data;
}

static char *keep_copy(struct arena *a, const char *text)
{
    if (text == NULL)
        return NULL;
    const size_t n = strlen(text) + 1;
    char *to = memcpy(a->at, text, n);
    a->at += n;
    return to;
}

static size_t string_room(const struct json_doc *doc, uint32_t token)
{
    return token != 0 ? json_at(doc, token).len + 1 : 0;
}

static size_t arena_room(const struct submit *s, size_t n_body)
{
    size_t n = n_body * sizeof(zmq_msg_t) + s->n_inputs * sizeof(struct box_input) +
               strlen(s->content) + 1 + (s->given_id != NULL ? strlen(s->given_id) + 1 : 0);
    const uint32_t tokens[] = {s->task_id, s->job_id, s->tenant, s->key, s->version};
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++)
        n += string_room(s->doc, tokens[i]);
    n += s->key_tenant != NULL ? strlen(s->key_tenant) + 1 : 0;
    for (size_t i = 0; i < s->n_inputs; i++)
        n += string_room(s->doc, s->inputs[i].name) + string_room(s->doc, s->inputs[i].media_type);
    return n;
}

/* Names are read while the header still lies where the scanner saw it: libzmq keeps small messages
 * inside zmq_msg_t, so that moving the message moves its bytes. */
static void keep_strings(struct task *t, struct box_input *inputs, struct arena *a,
                         const struct submit *s)
{
    if (s->given_id != NULL)
        t->task_id = keep_copy(a, s->given_id);
    else
        t->task_id = s->task_id != 0 ? keep_string(a, s->doc, s->task_id) : t->uid;
    t->job_id = keep_string(a, s->doc, s->job_id);
    t->tenant = s->tenant != 0 ? keep_string(a, s->doc, s->tenant) : keep_copy(a, s->key_tenant);
    t->key = s->content[0] != '\0' ? keep_copy(a, s->content) : keep_string(a, s->doc, s->key);
    t->wants_version = keep_string(a, s->doc, s->version);
    for (size_t i = 0; i < s->n_inputs; i++) {
        inputs[i].name = keep_string(a, s->doc, s->inputs[i].name);
        inputs[i].media_type = keep_string(a, s->doc, s->inputs[i].media_type);
    }
}

static void take_frame(struct task *t, zmq_msg_t *to, zmq_msg_t *from)
{
    zmq_msg_init(to);
    if (from != NULL)
        zmq_msg_move(to, from);
    t->bytes += zmq_msg_size(to);
}

static struct json_span span_in(const struct task *t, const struct json_doc *doc, uint32_t token)
{
    if (token == 0)
        return (struct json_span){NULL, 0};
    const char *text = zmq_msg_data((zmq_msg_t *)(size_t)&t->header);
    return (struct json_span){text + doc->tokens[token].at, doc->tokens[token].len};
}

static void keep_spans(struct task *t, const struct submit *s)
{
    t->params = s->params != 0 ? span_in(t, s->doc, s->params) : (struct json_span){"{}", 2};
    t->metadata = span_in(t, s->doc, s->metadata);
    t->trace = span_in(t, s->doc, s->trace);
}

/* Behind the task: frames, inputs, strings. */
static void keep_content(struct task *t, const struct submit *s, zmq_msg_t *header, zmq_msg_t *body,
                         size_t n_body)
{
    t->body = (zmq_msg_t *)(t + 1);
    struct box_input *inputs = (struct box_input *)(t->body + n_body);
    struct arena a = {.at = (char *)(inputs + s->n_inputs)};
    keep_strings(t, inputs, &a, s);
    take_frame(t, &t->header, header);
    for (size_t i = 0; i < n_body; i++)
        take_frame(t, &t->body[t->n_body++], &body[i]);
    for (size_t i = 0; i < s->n_inputs; i++) {
        inputs[i].bytes = zmq_msg_data(&t->body[s->inputs[i].frame]);
        inputs[i].len = zmq_msg_size(&t->body[s->inputs[i].frame]);
    }
    t->box.inputs = inputs;
    t->box.n_inputs = (uint32_t)s->n_inputs;
    keep_spans(t, s);
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a == 0 ? b : b == 0 || a < b ? a : b;
}

void task_set_timeout(struct task *t)
{
    const int64_t timeout = sooner(t->pipeline->conf->timeout_ms, t->asked_timeout_ms);
    t->box.timeout_ms = timeout > UINT32_MAX ? UINT32_MAX : (uint32_t)timeout;
}

static void keep_times(struct task *t, const struct submit *s)
{
    t->submitted_ms = clock_wall_ms();
    t->expires_ms = sooner(s->deadline_ms, s->ttl_ms > 0 ? t->submitted_ms + s->ttl_ms : 0);
    t->box.deadline_ms = s->deadline_ms;
    t->asked_timeout_ms = s->timeout_ms;
    task_set_timeout(t);
}

static void fill_box_task(struct task *t)
{
    t->box.id = t->task_id;
    t->box.job_id = t->job_id;
    t->box.tenant = t->tenant;
    t->box.params = t->params.at;
    t->box.params_len = t->params.len;
    t->box.metadata = t->metadata.at;
    t->box.metadata_len = t->metadata.len;
    t->box.attempt = 1;
    t->box.priority = t->item.priority;
}

/* With what the allocator, libzmq (for each frame) and the tables add. */
static size_t own_bytes(size_t size, size_t n_body)
{
    enum { TABLES_BYTES = 512, FRAME_BYTES = 64 };
    return size + TABLES_BYTES + (n_body + 1) * FRAME_BYTES;
}

struct task *task_new(struct core *c, struct owner *owner, struct pipeline *p,
                      const struct submit *s, zmq_msg_t *header, zmq_msg_t *body, size_t n_body)
{
    size_t size = sizeof(struct task) + arena_room(s, n_body);
    struct task *t = calloc(1, size);
    if (t == NULL)
        return NULL;
    c->own_bytes += t->own_bytes = own_bytes(size, n_body);
    id_new(t->uid);
    t->owner = owner;
    t->pipeline = pipeline_ref(p);
    t->checked = p->generation;
    t->seq = ++c->next_seq;
    t->item.priority = s->priority;
    t->events = s->events;
    t->is_answered_by_result = s->wait;
    t->wants_digest = s->digest;
    t->max_attempts = (uint32_t)s->max_attempts;
    t->wants_children = !s->no_children;
    t->progress = -1;
    keep_content(t, s, header, body, n_body);
    keep_times(t, s);
    fill_box_task(t);
    return t;
}
