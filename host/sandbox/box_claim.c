/* box_claim.c: gathers what a worker says about its task. Runs in the core. Every word is a claim
 * by code that a plugin influences: names, counts, sizes and JSON are checked here, whatever the
 * worker may have checked. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <penstock/plugin.h>

#include "base/text.h"
#include "sandbox/box_internal.h"

enum {
    KEPT_MAX = 256 * 1024, /* bytes of a buffer that is kept for the next task */
    NAME_MAX_LEN = 63,
    MEDIA_MAX_LEN = 127,
    LOG_LEAST = 64 * 1024 /* bytes of log lines a task may send at least */
};

static void free_outputs(struct claim *c)
{
    for (size_t i = 0; i < c->n_outputs; i++) {
        free(c->outputs[i].name);
        free(c->outputs[i].media_type);
        buf_clear(&c->outputs[i].bytes);
    }
    c->n_outputs = 0;
}

static void free_children(struct claim *c)
{
    for (size_t i = 0; i < c->n_children; i++) {
        free(c->children[i].pipeline);
        free(c->children[i].step);
        buf_clear(&c->children[i].params);
    }
    c->n_children = 0;
}

void claim_reset(struct claim *c)
{
    free_outputs(c);
    free_children(c);
    buf_reset(&c->fail_text);
    buf_reset(&c->data);
    if (c->data.cap > KEPT_MAX)
        buf_clear(&c->data);
    c->has_any = c->has_result = c->has_fail = c->is_done = false;
    c->is_broken = c->is_too_big = c->is_doubled = false;
    c->fail_status = c->run_status = 0;
    c->cpu_us = c->outputs_bytes = c->children_bytes = c->log_bytes = 0;
    c->status[0] = c->why[0] = '\0';
}

void claim_clear(struct claim *c)
{
    claim_reset(c);
    buf_clear(&c->fail_text);
    buf_clear(&c->data);
    free(c->outputs);
    free(c->children);
    *c = (struct claim){.has_any = false};
}

/* ---- complaints
 * ----------------------------------------------------------------------------------- */

void claim_break(struct slot *s, const char *format, ...)
{
    va_list ap;
    if (!s->claim.is_broken && !s->claim.is_too_big) {
        va_start(ap, format);
        vsnprintf(s->claim.why, sizeof s->claim.why, format, ap);
        va_end(ap);
    }
    s->claim.is_broken = true;
    s->is_deaf = true;
    slot_kill(s, KILL_PROTOCOL);
}

void claim_too_big(struct slot *s, const char *why)
{
    if (!s->claim.is_broken && !s->claim.is_too_big)
        snprintf(s->claim.why, sizeof s->claim.why, "%s", why);
    s->claim.is_too_big = true;
    s->is_deaf = true;
    slot_kill(s, KILL_TOO_BIG);
}

/* ---- pieces
 * --------------------------------------------------------------------------------------- */

/* A copy with a NUL; NULL: no memory. */
static char *copy_text(const char *s, size_t n)
{
    return strndup(s, n);
}

static bool is_name(const char *s, uint32_t n)
{
    char name[NAME_MAX_LEN + 1];
    if (n > NAME_MAX_LEN)
        return false;
    memcpy(name, s, n);
    name[n] = '\0';
    return strlen(name) == n && text_is_name(name);
}

static bool is_media_type(const char *s, uint32_t n)
{
    for (uint32_t i = 0; i < n && i < MEDIA_MAX_LEN; i++) {
        if (s[i] < ' ' || s[i] > '~')
            return false;
    }
    return n <= MEDIA_MAX_LEN;
}

/* Takes the body as a buffer of its own: by moving where it was gathered, by copying where it was
 * small. */
static int take_body(const struct data_frame *f, struct buf *to)
{
    if (f->owned != NULL) {
        buf_clear(to);
        *to = *f->owned;
        buf_init(f->owned, 0);
        return 0;
    }
    to->max = SIZE_MAX / 2;
    return buf_append(to, f->body, f->body_len);
}

static bool is_json(struct slot *s, const char *what, const struct buf *text)
{
    struct json_doc *doc = &s->box->launcher->doc;
    struct json_fault fault;
    int rc = json_scan(doc, (const char *)text->data, text->len, &fault);
    if (text->len > KEPT_MAX)
        json_doc_clear(doc);
    if (rc == 0)
        return true;
    claim_break(s, "%s is not JSON: %s at byte %zu", what, fault.what, fault.offset);
    return false;
}

/* Room for one more of an array. */
static void *grow(void *array, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return array;
    size_t more = *cap > 0 ? *cap * 2 : 4;
    void *grown = realloc(array, more * size);
    if (grown != NULL)
        *cap = more;
    return grown;
}

/* ---- frames
 * --------------------------------------------------------------------------------------- */

/* In the form that lines of open have in the output. */
static void keep_log(struct slot *s, const struct data_frame *f)
{
    static const char *const levels[] = {"error", "warn", "info", "debug"};
    char line[DATA_TEXT_MAX + 16];
    snprintf(line, sizeof line, "[%s] %.*s", levels[f->word], (int)f->body_len,
             (const char *)f->body);
    tail_put(&s->last_log, line, strlen(line));
}

static void take_log(struct slot *s, const struct data_frame *f)
{
    struct box *b = s->box;
    const uint64_t limit = b->limits.log_bytes > LOG_LEAST ? b->limits.log_bytes : LOG_LEAST;
    if (f->word > PEN_LOG_DEBUG) {
        claim_break(s, "a log line of level %u", f->word);
        return;
    }
    s->claim.log_bytes += f->body_len + 1;
    keep_log(s, f);
    if (s->claim.log_bytes <= limit && b->events.on_log != NULL)
        b->events.on_log(b->arg, b, s->user, BOX_LOG_PLUGIN, (int)f->word, (const char *)f->body,
                         f->body_len);
}

static void take_progress(struct slot *s, const struct data_frame *f)
{
    struct box *b = s->box;
    double fraction;
    memcpy(&fraction, &f->long_word, sizeof fraction);
    fraction = fraction < 0 ? 0 : fraction > 1 ? 1 : fraction;
    if (b->events.on_progress != NULL)
        b->events.on_progress(b->arg, b, s->user, fraction, (const char *)f->body, f->body_len);
}

static bool is_output_known(const struct claim *c, const char *name, uint32_t n)
{
    for (size_t i = 0; i < c->n_outputs; i++) {
        if (strlen(c->outputs[i].name) == n && memcmp(c->outputs[i].name, name, n) == 0)
            return true;
    }
    return false;
}

static int add_output(struct claim *c, const struct data_frame *f)
{
    struct box_output *grown = grow(c->outputs, c->n_outputs, &c->cap_outputs, sizeof *grown);
    if (grown == NULL)
        return -1;
    c->outputs = grown;
    struct box_output *o = &c->outputs[c->n_outputs++];
    *o = (struct box_output){.name = copy_text(f->name[0], f->name_len[0])};
    if (f->name_len[1] > 0)
        o->media_type = copy_text(f->name[1], f->name_len[1]);
    if (o->name == NULL || (f->name_len[1] > 0 && o->media_type == NULL))
        return -1;
    return take_body(f, &o->bytes);
}

static void take_output(struct slot *s, const struct data_frame *f)
{
    struct claim *c = &s->claim;
    if (!is_name(f->name[0], f->name_len[0]) || !is_media_type(f->name[1], f->name_len[1]))
        claim_break(s, "an output's name or media type is none");
    else if (is_output_known(c, f->name[0], f->name_len[0]))
        claim_break(s, "two outputs of one name");
    else if (c->n_outputs == DATA_OUTPUTS_MAX)
        claim_break(s, "more than %d outputs", DATA_OUTPUTS_MAX);
    else if (add_output(c, f) < 0)
        claim_too_big(s, "there is no memory for an output");
    c->outputs_bytes += f->body_len;
    s->in.max[DATA_OUTPUT] = s->box->outputs_max - c->outputs_bytes;
}

static void take_result(struct slot *s, const struct data_frame *f)
{
    struct claim *c = &s->claim;
    if (c->has_result) {
        c->is_doubled = true;
        return;
    }
    if (!is_name(f->name[0], f->name_len[0])) {
        claim_break(s, "the result's status is no name");
        return;
    }
    memcpy(c->status, f->name[0], f->name_len[0]);
    c->status[f->name_len[0]] = '\0';
    if (take_body(f, &c->data) < 0)
        claim_too_big(s, "there is no memory for it");
    else
        c->has_result = f->body_len == 0 || is_json(s, "the result", &c->data);
}

static void take_fail(struct slot *s, const struct data_frame *f)
{
    struct claim *c = &s->claim;
    if (c->has_fail) {
        c->is_doubled = true;
        return;
    }
    c->has_fail = true;
    memcpy(&c->fail_status, &f->word, sizeof c->fail_status);
    c->fail_text.max = DATA_TEXT_MAX;
    /* Without memory for the words the failure goes without. */
    (void)take_body(f, &c->fail_text);
}

static int add_child(struct claim *c, const struct data_frame *f)
{
    struct box_child *grown = grow(c->children, c->n_children, &c->cap_children, sizeof *grown);
    if (grown == NULL)
        return -1;
    c->children = grown;
    struct box_child *child = &c->children[c->n_children++];
    *child = (struct box_child){.pipeline = copy_text(f->name[0], f->name_len[0]),
                                .step = copy_text(f->name[1], f->name_len[1])};
    if (child->pipeline == NULL || child->step == NULL)
        return -1;
    return take_body(f, &child->params);
}

static void take_child(struct slot *s, const struct data_frame *f)
{
    struct claim *c = &s->claim;
    if (!is_name(f->name[0], f->name_len[0]) || !is_name(f->name[1], f->name_len[1]))
        claim_break(s, "a child's pipeline or step is no name");
    else if (c->n_children == DATA_CHILDREN_MAX)
        claim_break(s, "more than %d children", DATA_CHILDREN_MAX);
    else if (add_child(c, f) < 0)
        claim_too_big(s, "there is no memory for a child");
    else if (f->body_len > 0)
        is_json(s, "the params of a child", &c->children[c->n_children - 1].params);
    c->children_bytes += f->body_len;
    s->in.max[DATA_CHILD] = s->box->result_max - c->children_bytes;
}

static void take_done(struct slot *s, const struct data_frame *f)
{
    s->claim.is_done = true;
    s->claim.cpu_us = f->long_word;
    memcpy(&s->claim.run_status, &f->word, sizeof s->claim.run_status);
}

void claim_take(struct slot *s, const struct data_frame *f)
{
    static void (*const takers[])(struct slot *, const struct data_frame *) = {
        [DATA_LOG] = take_log,       [DATA_PROGRESS] = take_progress, [DATA_OUTPUT] = take_output,
        [DATA_RESULT] = take_result, [DATA_FAIL] = take_fail,         [DATA_CHILD] = take_child,
        [DATA_DONE] = take_done,
    };
    s->claim.has_any = true;
    if (s->claim.is_done)
        claim_break(s, "a frame behind the last one");
    else
        takers[f->type](s, f);
}
