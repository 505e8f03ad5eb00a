/* rows.c: reads tasks out of rows of the journal. A header is read as it was when it came. Runs in the
 * core. */
#include "core/rows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/submit.h"
#include "core/tasks.h"
#include "wire/message.h"

int row_take_bytes(zmq_msg_t *to, struct journal_bytes from)
{
    if (zmq_msg_init_size(to, from.len) < 0)
        return -1;
    if (from.len > 0)
        memcpy(zmq_msg_data(to), from.data, from.len);
    return 0;
}

static void free_frames(zmq_msg_t *frames, size_t n)
{
    for (size_t i = 0; i < n; i++)
        zmq_msg_close(&frames[i]);
    free(frames);
}

/* The header, then the frames. NULL: no memory. */
static zmq_msg_t *frames_of(const struct journal_task *from)
{
    zmq_msg_t *frames = calloc(from->n_frames + 1, sizeof *frames);
    for (size_t i = 0; frames != NULL && i <= from->n_frames; i++) {
        if (row_take_bytes(&frames[i], i == 0 ? from->header : from->frames[i - 1].bytes) == 0)
            continue;
        free_frames(frames, i);
        return NULL;
    }
    return frames;
}

/* A key that was made of the content stays what it was, whatever version the pipeline has now. */
static void apply(struct submit *s, const struct journal_row *row, const struct row_reading *how)
{
    if (s->wants_content_key && row->task.key != NULL)
        snprintf(s->content, sizeof s->content, "%s", row->task.key);
    s->key_tenant = row->task.tenant; /* of the key that it came in with, if it names none */
    if (!how->has_inputs)
        s->n_inputs = 0;
    if (how->has_no_deadline)
        s->deadline_ms = 0;
    /* Without a name of its own it is called by its uid. */
    if (strcmp(how->task_id, row->task.uid) != 0)
        s->given_id = how->task_id;
}

static int read_header(struct submit *s, struct json_doc *doc, zmq_msg_t *header, size_t n_body)
{
    struct json_fault fault;
    struct refusal refusal = REFUSAL_INIT;
    int rc = json_scan(doc, zmq_msg_data(header), zmq_msg_size(header), &fault);
    if (rc == 0 && json_kind(doc, 0) == JSON_OBJECT)
        rc = submit_read(s, doc, n_body, &refusal);
    else
        rc = -1;
    refusal_clear(&refusal);
    return rc;
}

struct task *task_of_row(struct core *c, const struct journal_row *row, struct owner *o,
                         struct pipeline *p, const struct row_reading *how)
{
    struct json_doc doc = JSON_DOC_INIT;
    struct submit s;
    struct task *t = NULL;
    const size_t n = row->task.n_frames;
    zmq_msg_t *frames = frames_of(&row->task);
    errno = ENOMEM;
    if (frames == NULL)
        return NULL;
    if (read_header(&s, &doc, &frames[0], how->has_inputs ? n : WIRE_FRAMES_HARD_MAX) == 0) {
        apply(&s, row, how);
        t = task_new(c, o, p, &s, &frames[0], &frames[1], n);
    } else {
        errno = EBADMSG;
    }
    const int kept = errno;
    json_doc_clear(&doc);
    free_frames(frames, n + 1);
    errno = kept;
    return t;
}
