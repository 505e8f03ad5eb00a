/* avtomatika_adopt.c: tasks that an earlier process of this shim took, and work that was issued
 * again. Runs in penstock-shim. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "shim/avtomatika.h"

/* What it takes to report a task is in the task: its ids. Token and signature are this process's. */
void *avt_adopt(void *self, struct bridge_task *at_core, const struct bridge_found *f)
{
    struct avt *a = self;
    if (f->job_id == NULL) {
        log_error("RESULT LOST: the core has a task of ours that belongs to no job",
                  LS("task_id", f->task_id));
        return NULL;
    }
    struct avt_order order = {.task_id = strdup(f->task_id),
                              .job_id = strdup(f->job_id),
                              .type = strdup(f->pipeline != NULL ? f->pipeline : "")};
    bool is_whole = order.task_id != NULL && order.job_id != NULL && order.type != NULL;
    struct avt_task *t = is_whole ? avt_task_new(a, &order) : NULL;
    if (t == NULL) {
        log_error("no memory for a task that the core has", LS("task_id", f->task_id));
        avt_order_clear(&order);
        return NULL;
    }
    log_info("task taken up again", LS("task_id", f->task_id), LS("job_id", f->job_id));
    t->phase = AVT_AT_CORE;
    t->at_core = at_core;
    avt_presence_changed(a);
    return t;
}

/* The server gives a job's only step ids that begin so; branches that run side by side have others. */
static bool is_only_step(const char *task_id)
{
    static const char start[] = "task-";
    return strncmp(task_id, start, sizeof start - 1) == 0;
}

bool avt_is_same_work(const struct avt_order *older, const struct avt_order *newer)
{
    return strcmp(older->job_id, newer->job_id) == 0 &&
           strcmp(older->task_id, newer->task_id) != 0 && is_only_step(older->task_id) &&
           is_only_step(newer->task_id);
}

void avt_supersede(struct avt_task *t)
{
    for (struct avt_task *old = t->avt->first, *next; old != NULL; old = next) {
        next = old->next;
        if (old != t && old->phase != AVT_READY && avt_is_same_work(&old->order, &t->order))
            avt_task_stop(old, "the orchestrator has issued its work again");
    }
}
