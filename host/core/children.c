/* children.c: fan-out. A child is a task like any other: its header is written here and read as a
 * client's would be. Its owner is the parent's, its id <parent>-<step>-<n>. Runs in the core. */
#include "core/children.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/durable.h"
#include "core/pipelines.h"
#include "core/submit.h"
#include "core/tasks.h"

enum { DEPTH_MAX = 8, CHILD_HEADER_EXTRA = 4096 };

struct child {
    struct submit s;
    struct json_doc doc;
    struct buf header;
    struct pipeline *pipeline;
    struct task *task; /* once it is made */
    char id[2 * TASK_ID_MAX + 32];
};

static int write_header(struct child *x, const struct task *parent, const struct box_child *b,
                        size_t n)
{
    struct json_writer w;
    snprintf(x->id, sizeof x->id, "%s-%s-%zu", parent->task_id, b->step, n);
    buf_init(&x->header, b->params.len + CHILD_HEADER_EXTRA);
    json_begin(&w, &x->header);
    json_open(&w, '{');
    json_member_str(&w, "task_id", x->id);
    json_member_str(&w, "job_id", parent->job_id != NULL ? parent->job_id : parent->task_id);
    json_member_str(&w, "pipeline", b->pipeline);
    json_member_str(&w, "tenant", parent->tenant);
    json_member_double(&w, "priority", parent->item.priority);
    json_member_str(&w, "children", parent->wants_children ? "report" : "none");
    json_key(&w, "params");
    json_put_raw(&w, b->params.len > 0 ? (const char *)b->params.data : "{}",
                 b->params.len > 0 ? b->params.len : 2);
    json_close(&w, '}');
    return json_end(&w);
}

static int read_child(struct core *c, struct child *x, const struct task *parent,
                      const struct box_child *b, size_t n, struct refusal *r)
{
    struct json_fault fault;
    if (write_header(x, parent, b, n) < 0)
        return refuse(r, CODE_INTERNAL, "no memory");
    if (json_scan(&x->doc, (const char *)x->header.data, x->header.len, &fault) < 0)
        return refuse(r, CODE_INVALID_INPUT, "params: %s", fault.what);
    if (submit_read(&x->s, &x->doc, 0, r) < 0)
        return -1;
    if (task_find_id(c, parent->owner, x->id) != NULL)
        return refuse(r, CODE_DUPLICATE, "there is a task %.150s already", x->id);
    x->pipeline = pipeline_find(c, b->pipeline, strlen(b->pipeline));
    if (x->pipeline == NULL)
        return refuse(r, CODE_UNKNOWN_PIPELINE, "no plugin on this host provides it");
    return pipeline_check_params(x->pipeline, &x->doc, x->s.params, r);
}

/* It is put into the journal in the turn of its parent's verdict: both are there, or neither. */
static int accept(struct core *c, struct task *t)
{
    c->stats.accepted++;
    if (!t->is_durable)
        task_admit(c, t);
    else if (durable_accept(c, t, true, task_accepted, NULL) < 0)
        return -1;
    else if (t->is_job_cancelled)
        durable_note(c, t, NOTE_CANCEL, 0, 0, NULL);
    return 0;
}

static int make_child(struct core *c, struct child *x, const struct task *parent)
{
    static const uint64_t no_digest[2] = {0, 0};
    zmq_msg_t header;
    if (zmq_msg_init_size(&header, x->header.len) < 0)
        return -1;
    memcpy(zmq_msg_data(&header), x->header.data, x->header.len);
    struct task *t = task_new(c, parent->owner, x->pipeline, &x->s, &header, NULL, 0);
    zmq_msg_close(&header);
    if (t == NULL)
        return -1;
    t->depth = parent->depth + 1;
    t->is_silent = !parent->wants_children;
    t->is_durable = parent->is_durable;
    t->is_job_cancelled = parent->is_job_cancelled;
    t->cancelled_why = parent->is_job_cancelled ? "its job was cancelled" : NULL;
    memcpy(t->parent, parent->uid, sizeof t->parent);
    if (task_enter(c, t, no_digest) < 0)
        return -1;
    x->task = t;
    return 0;
}

/* All are made before the first is accepted: a parent has all of its children, or fails. */
static int start_all(struct core *c, struct child *all, size_t n, const struct task *parent,
                     struct json_writer *ids)
{
    size_t made = 0, accepted = 0;
    while (made < n && make_child(c, &all[made], parent) == 0)
        made++;
    while (made == n && accepted < n && accept(c, all[accepted].task) == 0)
        json_put_str(ids, all[accepted++].id);
    for (size_t i = accepted; i < made && accepted < n; i++)
        task_reject(c, all[i].task);
    return accepted == n ? 0 : -1;
}

static int read_all(struct core *c, struct child *all, const struct task *parent,
                    const struct box_outcome *o, char *message, size_t size)
{
    struct refusal r = REFUSAL_INIT;
    int rc = 0;
    for (size_t i = 0; i < o->n_children && rc == 0; i++) {
        rc = read_child(c, &all[i], parent, &o->children[i], i, &r);
        if (rc < 0)
            snprintf(message, size, "child %zu (pipeline %.64s): %.300s", i,
                     o->children[i].pipeline, r.message);
    }
    refusal_clear(&r);
    return rc;
}

static bool has_room(const struct core *c, const struct child *all, size_t n)
{
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++)
        bytes += all[i].header.len;
    return tasks_have_room(c, n, bytes);
}

static void clear_all(struct child *all, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        json_doc_clear(&all[i].doc);
        buf_clear(&all[i].header);
    }
    free(all);
}

enum code children_submit(struct core *c, struct task *parent, const struct box_outcome *o,
                          struct result *r, char *message, size_t size)
{
    struct json_writer ids;
    enum code code = CODE_OK;
    if (parent->depth >= DEPTH_MAX) {
        snprintf(message, size, "children of children are %d deep at most", DEPTH_MAX);
        return CODE_CONTRACT_VIOLATION;
    }
    struct child *all = calloc(o->n_children, sizeof *all);
    if (all == NULL || read_all(c, all, parent, o, message, size) < 0)
        code = all != NULL ? CODE_CONTRACT_VIOLATION : CODE_INTERNAL;
    if (code == CODE_OK && !has_room(c, all, o->n_children)) {
        snprintf(message, size, "the queue has no room for its %zu children", o->n_children);
        code = CODE_OVERLOADED;
    }
    json_begin(&ids, &r->children);
    json_open(&ids, '[');
    if (code == CODE_OK && start_all(c, all, o->n_children, parent, &ids) < 0) {
        snprintf(message, size, "no memory for its children");
        code = CODE_INTERNAL;
    }
    json_close(&ids, ']');
    if (all != NULL)
        clear_all(all, o->n_children);
    return code;
}
