/* task_adopt.c: tasks whose pipeline has another generation by now. Runs in the core. */
#include <stdio.h>
#include <string.h>

#include "core/pipelines.h"
#include "core/refusal.h"
#include "core/tasks_internal.h"

void task_adopt(struct core *c, struct task *t)
{
    struct pipeline *old = t->pipeline;
    struct pipeline *p = pipeline_find_or_gone(c, pipeline_slug(old));
    if (p == NULL || p == old) /* without memory it waits for its ttl */
        return;
    t->pipeline = pipeline_ref(p);
    task_set_timeout(t);
    pipeline_unref(old);
}

static bool is_in_no_box(const struct task *t)
{
    return (t->state <= TASK_ATTACHED || t->state == TASK_RETRY) && !t->is_reserved;
}

void tasks_adopt(struct core *c)
{
    for (struct task *t = c->all.first; t != NULL; t = t->next) {
        if (is_in_no_box(t))
            task_adopt(c, t);
    }
}

static int check_params(const struct task *t, struct refusal *r)
{
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault;
    int rc = json_scan(&doc, t->params.at, t->params.len, &fault) < 0
                 ? refuse(r, CODE_INTERNAL, "params: %s", fault.what)
                 : pipeline_check_params(t->pipeline, &doc, 0, r);
    json_doc_clear(&doc);
    return rc;
}

struct result *task_objection(struct task *t)
{
    const char *version = pipeline_version(t->pipeline);
    struct refusal r = REFUSAL_INIT;
    char message[2 * REFUSAL_TEXT];
    int rc = 0;
    if (t->checked == t->pipeline->generation)
        return NULL;
    t->checked = t->pipeline->generation;
    if (t->wants_version != NULL && strcmp(t->wants_version, version) != 0)
        rc = refuse(&r, CODE_UNSUPPORTED_VERSION, "expected version %.64s", t->wants_version);
    else
        rc = check_params(t, &r);
    snprintf(message, sizeof message,
             "the pipeline has changed since the task was accepted, and has version %s now: %s",
             version, r.message);
    struct result *end = rc < 0 ? result_of_code(r.code, message, NULL) : NULL;
    refusal_clear(&r);
    return end;
}
