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

/* One that is being made durable names its pipeline to the journal's writer: it follows when that is
 * done (task_admit). */
static bool can_follow(const struct task *t)
{
    return (t->state == TASK_QUEUED || t->state == TASK_ATTACHED || t->state == TASK_RETRY) &&
           !t->is_reserved;
}

void tasks_adopt(struct core *c)
{
    for (struct task *t = c->all.first; t != NULL; t = t->next) {
        if (can_follow(t))
            task_adopt(c, t);
    }
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
        rc = pipeline_check_params_text(t->pipeline, t->params, &r);
    snprintf(message, sizeof message,
             "the pipeline has changed since the task was accepted, and has version %s now: %s",
             version, r.message);
    struct result *end = rc < 0 ? result_of_code(r.code, message, NULL) : NULL;
    refusal_clear(&r);
    return end;
}
