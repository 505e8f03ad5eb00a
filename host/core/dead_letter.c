/* dead_letter.c: repeats or purges one dead letter. Runs in the core. */
#include "core/dead_letter.h"

#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "core/durable.h"
#include "core/peers.h"
#include "core/pipelines.h"
#include "core/rows.h"
#include "core/tasks.h"

static struct owner *owner_of(struct core *c, uint64_t number, struct owner **last)
{
    if (*last == NULL || (*last)->number != number) {
        struct owner *o = owner_find(c, number);
        *last = o != NULL ? o : owner_restore(c, number);
    }
    return *last;
}

/* Its old name if nobody has that, or the first free one behind it. */
static void choose_name(struct core *c, const struct owner *o, const char *old, char *name,
                        size_t size)
{
    snprintf(name, size, "%s", old);
    for (unsigned n = 1; task_find_id(c, o, name) != NULL; n++)
        snprintf(name, size, "%s-retry-%u", old, n);
}

static struct task *make(struct core *c, const struct journal_row *row, struct owner **last)
{
    char name[2 * TASK_ID_MAX + 64];
    const struct journal_task *from = &row->task;
    struct owner *o = owner_of(c, from->owner, last);
    struct pipeline *p = pipeline_find_or_gone(c, from->pipeline);
    errno = ENOMEM;
    if (o == NULL || p == NULL)
        return NULL;
    choose_name(c, o, from->task_id, name, sizeof name);
    const struct row_reading how = {.has_inputs = true, .has_no_deadline = true, .task_id = name};
    struct task *t = task_of_row(c, row, o, p, &how);
    if (t == NULL)
        return NULL;
    t->is_durable = true;
    t->is_answered_by_result = false;
    t->is_silent = from->is_silent;
    t->depth = from->depth;
    snprintf(t->parent, sizeof t->parent, "%s", from->parent != NULL ? from->parent : "");
    snprintf(t->retry_of, sizeof t->retry_of, "%s", from->uid);
    errno = ENOMEM;
    return task_enter(c, t, from->digest) == 0 ? t : NULL;
}

/* The journal keeps what somebody still waits for, and its history. */
static void revive(struct core *c, const struct journal_row *row, const char *event,
                   const char *new_uid)
{
    if (durable_revived(c, row->task.seq, event, new_uid) < 0)
        log_error("no memory: it stays a dead letter too", LS("uid", row->task.uid));
}

static void forget_in_memory(struct core *c, const struct journal_row *row)
{
    struct task *old = task_find_uid(c, row->task.uid);
    if (old != NULL)
        old->is_dead = false;
}

struct task *dead_letter_repeat(struct core *c, const struct journal_row *row, struct owner **last)
{
    struct task *t = make(c, row, last);
    if (t == NULL) {
        const int kept = errno;
        log_error("a dead letter cannot be run again", LS("task_id", row->task.task_id),
                  LS("uid", row->task.uid), LE(kept));
        if (*last != NULL)
            owner_release(c, *last); /* if it has nothing here */
        *last = NULL;
        errno = kept;
        return NULL;
    }
    if (durable_accept(c, t, true, task_accepted, NULL) < 0) {
        task_reject(c, t);
        errno = ENOMEM;
        return NULL;
    }
    revive(c, row, NOTE_REPEATED, t->uid);
    forget_in_memory(c, row);
    c->stats.accepted++;
    return t;
}

void dead_letter_purge(struct core *c, const struct journal_row *row)
{
    if (row->is_acknowledged || row->result.is_delivered)
        durable_forget_row(c, row->task.seq);
    else
        revive(c, row, NOTE_PURGED, NULL);
    forget_in_memory(c, row);
}
