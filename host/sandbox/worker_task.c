/* worker_task.c: a task as the plugin sees it. Runs in tasks and warm workers. */
#include "sandbox/worker_task.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct cursor {
    const unsigned char *begin, *at;
    size_t left;
};

static const void *take(struct cursor *c, uint64_t n)
{
    const void *at = c->at;
    if (n > c->left)
        return NULL;
    c->at += n;
    c->left -= (size_t)n;
    return at;
}

/* Bytes with a NUL behind them. */
static const char *take_text(struct cursor *c, uint64_t n)
{
    const char *text = n < UINT64_MAX ? take(c, n + 1) : NULL;
    return text != NULL && text[n] == '\0' ? text : NULL;
}

/* A text that may be absent: then *text is none. */
static int take_optional(struct cursor *c, uint32_t n, const char *none, const char **text)
{
    *text = n == UINT32_MAX ? none : take_text(c, n);
    return n == UINT32_MAX || *text != NULL ? 0 : -1;
}

static int take_json(struct cursor *c, uint64_t n, pen_bytes *json)
{
    *json = (pen_bytes){take_text(c, n), (size_t)n};
    if (json->data == NULL)
        return -1;
    if (n == 0)
        *json = (pen_bytes){"{}", 2};
    return 0;
}

static int take_head(struct cursor *c, const struct data_task *head, pen_task *task)
{
    *task = (pen_task){.size = sizeof *task,
                       .deadline_ms = head->deadline_ms,
                       .attempt = head->attempt,
                       .priority = head->priority};
    if (take_optional(c, head->id_len, "", &task->id) < 0 ||
        take_optional(c, head->job_id_len, NULL, &task->job_id) < 0 ||
        take_optional(c, head->tenant_len, "", &task->tenant) < 0)
        return -1;
    return take_json(c, head->params_len, &task->params) < 0 ||
                   take_json(c, head->metadata_len, &task->metadata) < 0
               ? -1
               : 0;
}

static int take_input(struct cursor *c, pen_input *input)
{
    struct data_input head;
    const void *bytes = take(c, sizeof head);
    if (bytes == NULL)
        return -1;
    memcpy(&head, bytes, sizeof head);
    *input = (pen_input){.size = sizeof *input};
    if (take_optional(c, head.name_len, "", &input->name) < 0 ||
        take_optional(c, head.media_type_len, NULL, &input->media_type) < 0)
        return -1;
    size_t over = (size_t)(c->at - c->begin) % DATA_ALIGN;
    if (over > 0 && take(c, DATA_ALIGN - over) == NULL)
        return -1;
    input->bytes = (pen_bytes){take(c, head.len), (size_t)head.len};
    return input->bytes.data != NULL ? 0 : -1;
}

static int make_room(struct worker_task *t, uint32_t n)
{
    t->inputs = t->few;
    t->pointers = t->few_pointers;
    if (n <= WORKER_FEW_INPUTS)
        return 0;
    t->inputs = calloc(n, sizeof *t->inputs);
    t->pointers = calloc(n, sizeof(const pen_input *));
    if (t->inputs != NULL && t->pointers != NULL)
        return 0;
    worker_task_clear(t);
    return -1;
}

static int take_inputs(struct cursor *c, struct worker_task *t, uint32_t n)
{
    if (n > c->left / sizeof(struct data_input)) {
        errno = EPROTO;
        return -1;
    }
    if (make_room(t, n) < 0)
        return -1;
    for (uint32_t i = 0; i < n; i++) {
        if (take_input(c, &t->inputs[i]) < 0) {
            worker_task_clear(t);
            errno = EPROTO;
            return -1;
        }
        t->pointers[i] = &t->inputs[i];
    }
    t->task.n_inputs = n;
    t->task.inputs = n > 0 ? t->pointers : NULL;
    return 0;
}

int worker_task_read(struct worker_task *t, const struct task_frame *frame)
{
    struct cursor c = {frame->payload, frame->payload, frame->len};
    struct data_task head;
    const void *bytes = take(&c, sizeof head);
    if (bytes != NULL)
        memcpy(&head, bytes, sizeof head);
    if (bytes == NULL || take_head(&c, &head, &t->task) < 0) {
        errno = EPROTO;
        return -1;
    }
    return take_inputs(&c, t, head.n_inputs);
}

void worker_task_clear(struct worker_task *t)
{
    if (t->inputs != t->few)
        free(t->inputs);
    if (t->pointers != t->few_pointers)
        free(t->pointers);
    t->inputs = NULL;
    t->pointers = NULL;
}
