/* durable_notes.c: what the core writes into its journal without waiting for it: lines of history, and
 * what becomes of results and dead letters. Runs in the core. */
#include "core/durable.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "core/tasks.h"
#include "journal/journal.h"

struct note_operation {
    struct journal_op op; /* first */
    struct result *r;     /* or NULL */
};

static void on_noted(struct journal_op *op, enum code code, const char *why)
{
    struct note_operation *x = (struct note_operation *)op;
    (void)code;
    (void)why;
    result_unref(x->r);
    free(x);
}

static void fill_note(struct journal_note *n, const struct result *r)
{
    n->code = code_name(r->code);
    n->message = r->message;
    if (r->details.len > 0)
        n->details = (struct journal_bytes){r->details.data, r->details.len};
    n->run_ms = r->run_ms;
    n->cpu_ms = r->cpu_ms;
    n->max_rss_bytes = r->max_rss_bytes;
}

/* Lost for want of memory, it costs a line of history and at most an attempt more. */
void durable_note(struct core *c, const struct task *t, const char *event, uint32_t attempts,
                  int64_t not_before_ms, struct result *r)
{
    struct note_operation *x = t->is_durable ? calloc(1, sizeof *x) : NULL;
    if (x == NULL)
        return;
    x->r = r != NULL ? result_ref(r) : NULL;
    x->op.kind = JOURNAL_NOTE;
    x->op.done = on_noted;
    x->op.u.task_end.seq = t->seq;
    x->op.u.task_end.attempt = attempts;
    x->op.u.task_end.not_before_ms = not_before_ms;
    x->op.u.task_end.note = (struct journal_note){
        .at_ms = clock_wall_ms(), .attempt = (uint32_t)t->box.attempt, .event = event};
    if (r != NULL)
        fill_note(&x->op.u.task_end.note, r);
    journal_put(c->journal, &x->op);
}

/* Lost for want of memory, it costs a RESULT that is sent once more after a restart. */
static void note(struct core *c, const struct task *t, enum journal_kind kind)
{
    struct journal_op *op = t->is_durable ? calloc(1, sizeof *op) : NULL;
    if (op == NULL)
        return;
    op->kind = kind;
    op->u.task_end.seq = t->seq;
    op->u.task_end.note.at_ms = clock_wall_ms();
    journal_put(c->journal, op);
}

void durable_acknowledge(struct core *c, const struct task *t)
{
    note(c, t, JOURNAL_ACK);
}

void durable_delivered(struct core *c, const struct task *t)
{
    note(c, t, JOURNAL_DELIVERED);
}

struct row_operation {
    struct journal_op op; /* first */
    char text[ID_TEXT];
};

static struct row_operation *row_operation_new(enum journal_kind kind, uint64_t seq)
{
    struct row_operation *x = calloc(1, sizeof *x);
    if (x == NULL)
        return NULL;
    x->op.kind = kind;
    x->op.u.task_end.seq = seq;
    return x;
}

void durable_forget_row(struct core *c, uint64_t seq)
{
    struct row_operation *x = row_operation_new(JOURNAL_FORGET, seq);
    if (x != NULL)
        journal_put(c->journal, &x->op);
}

int durable_revived(struct core *c, uint64_t seq, const char *event, const char *new_uid)
{
    struct row_operation *x = row_operation_new(JOURNAL_REVIVED, seq);
    if (x == NULL)
        return -1;
    if (new_uid != NULL)
        snprintf(x->text, sizeof x->text, "%s", new_uid);
    x->op.u.task_end.note = (struct journal_note){
        .at_ms = clock_wall_ms(), .event = event, .message = new_uid != NULL ? x->text : NULL};
    journal_put(c->journal, &x->op);
    return 0;
}
