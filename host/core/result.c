/* result.c: results as they are kept and written. Runs in the core. */
#include "core/result.h"

#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "sandbox/box.h"

static const char *status_of(enum code code, const char *claimed)
{
    if (code == CODE_OK)
        return claimed;
    return code == CODE_CANCELLED ? "cancelled" : "failure";
}

static void move_buf(struct buf *to, struct buf *from)
{
    *to = *from;
    from->data = NULL;
    from->len = from->cap = 0;
}

static void free_bytes(void *data, void *hint)
{
    (void)hint;
    free(data);
}

/* The message takes the bytes: they go to the peer without a copy. */
static int take_output(struct result_output *to, struct box_output *from)
{
    to->name = strdup(from->name);
    to->media_type = from->media_type != NULL ? strdup(from->media_type) : NULL;
    if (from->bytes.len == 0 || from->bytes.data == NULL) {
        zmq_msg_init(&to->bytes);
    } else if (zmq_msg_init_data(&to->bytes, from->bytes.data, from->bytes.len, free_bytes, NULL) <
               0) {
        zmq_msg_init(&to->bytes);
        return -1;
    } else {
        from->bytes.data = NULL;
        from->bytes.len = from->bytes.cap = 0;
    }
    return to->name != NULL && (to->media_type != NULL || from->media_type == NULL) ? 0 : -1;
}

static int take_outputs(struct result *r, struct box_outcome *o)
{
    if (o->code != CODE_OK || o->n_outputs == 0)
        return 0;
    r->outputs = calloc(o->n_outputs, sizeof *r->outputs);
    if (r->outputs == NULL)
        return -1;
    for (size_t i = 0; i < o->n_outputs; i++) {
        size_t len = o->outputs[i].bytes.len;
        r->n_outputs++;
        if (take_output(&r->outputs[i], &o->outputs[i]) < 0)
            return -1;
        r->bytes += len;
    }
    return 0;
}

struct result *result_of_outcome(struct box_outcome *o)
{
    struct result *r = result_of_code(o->code, o->code == CODE_OK ? NULL : o->message, NULL);
    if (r == NULL)
        return NULL;
    if (o->code == CODE_OK) {
        free(r->status);
        r->status = strdup(status_of(o->code, o->status));
        move_buf(&r->data, &o->data);
    }
    move_buf(&r->details, &o->details);
    r->run_ms = o->run_ms;
    r->cpu_ms = o->cpu_ms;
    r->max_rss_bytes = o->max_rss_bytes;
    r->bytes += r->data.cap + r->details.cap;
    if (r->status == NULL || take_outputs(r, o) < 0) {
        result_unref(r);
        return NULL;
    }
    return r;
}

struct result *result_of_code(enum code code, const char *message, const char *details_json)
{
    struct result *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->references = 1;
    r->code = code;
    r->status = strdup(status_of(code, "success"));
    r->message = message != NULL ? strdup(message) : NULL;
    buf_init(&r->details, SIZE_MAX / 2);
    buf_init(&r->data, SIZE_MAX / 2);
    buf_init(&r->children, SIZE_MAX / 2);
    r->bytes = sizeof *r;
    if (r->status == NULL || (message != NULL && r->message == NULL) ||
        (details_json != NULL && buf_append_str(&r->details, details_json) < 0)) {
        result_unref(r);
        return NULL;
    }
    return r;
}

struct result *result_summary(const struct result *r)
{
    struct result *s = result_of_code(r->code, r->message, NULL);
    char *status = strdup(r->status);
    if (s == NULL || status == NULL) {
        result_unref(s);
        free(status);
        return NULL;
    }
    free(s->status);
    s->status = status;
    s->run_ms = r->run_ms;
    s->cpu_ms = r->cpu_ms;
    s->max_rss_bytes = r->max_rss_bytes;
    return s;
}

struct result *result_ref(struct result *r)
{
    r->references++;
    return r;
}

void result_unref(struct result *r)
{
    if (r == NULL || --r->references > 0)
        return;
    for (size_t i = 0; i < r->n_outputs; i++) {
        free(r->outputs[i].name);
        free(r->outputs[i].media_type);
        zmq_msg_close(&r->outputs[i].bytes);
    }
    free(r->outputs);
    buf_clear(&r->details);
    buf_clear(&r->data);
    buf_clear(&r->children);
    free(r->status);
    free(r->message);
    free(r);
}

static void write_error(const struct result *r, struct json_writer *w)
{
    const struct code_info *info = code_info(r->code);
    json_key(w, "error");
    json_open(w, '{');
    json_member_str(w, "code", info->name);
    json_member_str(w, "message", r->message != NULL ? r->message : info->help);
    if (r->details.len > 0)
        json_member_raw(w, "details",
                        (struct json_span){(const char *)r->details.data, r->details.len});
    json_member_bool(w, "retryable", info->is_retryable);
    json_member_str(w, "fault", code_fault_name(r->code));
    json_close(w, '}');
}

static void write_outputs(const struct result *r, struct json_writer *w, bool with_digest)
{
    char hex[DIGEST_HEX];
    json_key(w, "outputs");
    json_open(w, '[');
    for (size_t i = 0; i < r->n_outputs; i++) {
        zmq_msg_t *m = &r->outputs[i].bytes;
        json_open(w, '{');
        json_member_str(w, "name", r->outputs[i].name);
        json_member_int(w, "frame", (int64_t)i);
        json_member_str(w, "media_type", r->outputs[i].media_type);
        json_member_int(w, "size", (int64_t)zmq_msg_size(m));
        if (with_digest) {
            digest_sha256(zmq_msg_data(m), zmq_msg_size(m), hex);
            json_member_str(w, "sha256", hex);
        }
        json_close(w, '}');
    }
    json_close(w, ']');
}

void result_write(const struct result *r, struct json_writer *w, int64_t queue_ms, bool with_digest)
{
    json_member_str(w, "status", r->status);
    if (r->data.len > 0)
        json_member_raw(w, "data", (struct json_span){(const char *)r->data.data, r->data.len});
    if (r->code != CODE_OK)
        write_error(r, w);
    if (r->n_outputs > 0)
        write_outputs(r, w, with_digest);
    if (r->children.len > 0)
        json_member_raw(w, "children",
                        (struct json_span){(const char *)r->children.data, r->children.len});
    json_key(w, "usage");
    json_open(w, '{');
    json_member_int(w, "queue_ms", queue_ms);
    json_member_int(w, "run_ms", r->run_ms);
    json_member_int(w, "cpu_ms", r->cpu_ms);
    if (r->max_rss_bytes > 0)
        json_member_int(w, "max_rss_bytes", r->max_rss_bytes);
    json_close(w, '}');
}
