/* write.c: operations as SQL. Runs in the thread that writes. */
#include "journal/write.h"

#include "journal/bind.h"

enum { DELIVERED = 1, ACKNOWLEDGED = 2 }; /* task.settled */

/* ids of parts are seq * PLACES */
#define SEQ_MAX (UINT64_MAX / 4 / PLACES)

static int write_nothing(struct store *s, struct journal_op *op)
{
    (void)s;
    (void)op;
    return SQLITE_OK;
}

static int write_owner(struct store *s, struct journal_op *op)
{
    const struct journal_owner *o = &op->u.owner;
    int rc = store_use_number(s, STORE_OWNER, o->number);
    struct bind b = bind_begin(s->statements[STATEMENT_OWNER]);
    bind_int(&b, (int64_t)o->number);
    bind_text(&b, o->client);
    bind_text(&b, o->resume_hash);
    bind_text(&b, o->curve_key);
    bind_text(&b, o->name);
    bind_text(&b, o->kind);
    bind_int(&b, o->seen_ms);
    return rc == SQLITE_OK ? bind_run(&b) : rc;
}

static int write_owner_gone(struct store *s, struct journal_op *op)
{
    struct bind b = bind_begin(s->statements[STATEMENT_OWNER_GONE]);
    bind_int(&b, (int64_t)op->u.owner.number);
    return bind_run(&b);
}

static void bind_names(struct bind *b, const struct journal_task *t)
{
    bind_text(b, t->uid);
    bind_text(b, t->task_id);
    bind_text(b, t->job_id);
    bind_text(b, t->tenant);
    bind_text(b, t->key);
    bind_text(b, t->pipeline);
    bind_text(b, t->parent);
    bind_text(b, t->retry_of);
}

static int write_task_row(struct store *s, const struct journal_task *t)
{
    bool has_parts = t->n_frames > 0 || !bytes_are_in_row(t->header);
    struct bind b = bind_begin(s->statements[STATEMENT_ACCEPT]);
    bind_int(&b, (int64_t)t->seq);
    bind_int(&b, has_parts ? PARTS_INPUT : 0);
    bind_int(&b, (int64_t)t->owner);
    bind_names(&b, t);
    bind_int(&b, (int64_t)t->digest[0]);
    bind_int(&b, (int64_t)t->digest[1]);
    bind_double(&b, t->priority);
    bind_int(&b, t->depth);
    bind_int(&b, t->is_silent);
    bind_int(&b, t->submitted_ms);
    bind_int(&b, t->expires_ms);
    bind_blob(&b, bytes_in_row(t->header));
    return bind_run(&b);
}

static int write_accept(struct store *s, struct journal_op *op)
{
    const struct journal_task *t = &op->u.task;
    int rc = t->seq <= SEQ_MAX ? store_use_number(s, STORE_SEQ, t->seq) : SQLITE_TOOBIG;
    if (rc == SQLITE_OK)
        rc = store_use_number(s, STORE_OWNER, t->owner);
    if (rc == SQLITE_OK)
        rc = write_task_row(s, t);
    if (rc == SQLITE_OK)
        rc = job_accepted(s, t);
    if (rc == SQLITE_OK && !bytes_are_in_row(t->header))
        rc = bytes_write(s, t->seq, PLACE_HEADER, t->header);
    return rc == SQLITE_OK ? bytes_write_frames(s, t->seq, PLACE_INPUT, t->frames, t->n_frames)
                           : rc;
}

static int write_line(struct store *s, uint64_t seq, const struct journal_note *n)
{
    if (n->event == NULL)
        return SQLITE_OK;
    struct bind b = bind_begin(s->statements[STATEMENT_NOTE]);
    bind_int(&b, (int64_t)seq);
    bind_int(&b, n->at_ms);
    bind_int(&b, n->attempt);
    bind_text(&b, n->event);
    bind_text(&b, n->code);
    bind_text(&b, n->message);
    bind_blob(&b, n->details);
    bind_int(&b, n->run_ms);
    bind_int(&b, n->cpu_ms);
    bind_int(&b, n->max_rss_bytes);
    return bind_run(&b);
}

static int write_note(struct store *s, struct journal_op *op)
{
    struct bind b = bind_begin(s->statements[STATEMENT_ATTEMPT]);
    bind_int(&b, op->u.task_end.attempt);
    bind_int(&b, op->u.task_end.not_before_ms);
    bind_int(&b, (int64_t)op->u.task_end.seq);
    int rc = bind_run(&b);
    if (rc != SQLITE_OK || sqlite3_changes(s->db) == 0)
        return rc;
    return write_line(s, op->u.task_end.seq, &op->u.task_end.note);
}

/* SQLITE_ROW: it is there. */
static int read_parts(struct store *s, uint64_t seq, int *parts, bool *is_open_in_job)
{
    struct bind b = bind_begin(s->statements[STATEMENT_PARTS]);
    bind_int(&b, (int64_t)seq);
    int rc = bind_step(&b);
    if (rc == SQLITE_ROW)
        *parts = sqlite3_column_int(b.statement, 0);
    *is_open_in_job = rc == SQLITE_ROW && sqlite3_column_int(b.statement, 1) != 0;
    bind_end(&b);
    return rc;
}

static bool has_parts(const struct journal_result *r)
{
    return r->n_outputs > 0 || r->details.data != NULL || r->children.data != NULL ||
           !bytes_are_in_row(r->data);
}

static void bind_result(struct bind *b, const struct journal_result *r)
{
    bind_text(b, r->status);
    bind_text(b, r->code);
    bind_text(b, r->message);
    bind_text(b, r->version);
    bind_int(b, r->started_ms);
    bind_int(b, r->finished_ms);
    bind_int(b, r->run_ms);
    bind_int(b, r->cpu_ms);
    bind_int(b, r->max_rss_bytes);
    bind_int(b, r->is_cached);
    bind_blob(b, bytes_in_row(r->data));
}

static enum journal_phase phase_of(const struct journal_result *r)
{
    if (r->is_dead)
        return JOURNAL_DEAD;
    return r->is_delivered ? JOURNAL_CLOSED : JOURNAL_UNACKNOWLEDGED;
}

static int write_result_row(struct store *s, const struct journal_op *op, int parts)
{
    const struct journal_result *r = &op->u.task_end.result;
    struct bind b = bind_begin(s->statements[STATEMENT_FINISH]);
    bind_int(&b, phase_of(r));
    bind_int(&b, r->is_delivered ? DELIVERED : 0);
    bind_int(&b, (parts & PARTS_INPUT) | (has_parts(r) ? PARTS_RESULT : 0));
    bind_int(&b, op->u.task_end.attempt);
    bind_result(&b, r);
    bind_int(&b, (int64_t)op->u.task_end.seq);
    return bind_run(&b);
}

static int write_result_parts(struct store *s, uint64_t seq, const struct journal_result *r)
{
    int rc = SQLITE_OK;
    if (!bytes_are_in_row(r->data))
        rc = bytes_write(s, seq, PLACE_DATA, r->data);
    if (rc == SQLITE_OK)
        rc = bytes_write(s, seq, PLACE_DETAILS, r->details);
    if (rc == SQLITE_OK)
        rc = bytes_write(s, seq, PLACE_CHILDREN, r->children);
    return rc == SQLITE_OK ? bytes_write_frames(s, seq, PLACE_OUTPUT, r->outputs, r->n_outputs)
                           : rc;
}

static int write_finish(struct store *s, struct journal_op *op)
{
    uint64_t seq = op->u.task_end.seq;
    const struct journal_result *r = &op->u.task_end.result;
    bool is_open_in_job;
    int parts = 0, rc = read_parts(s, seq, &parts, &is_open_in_job);
    if (rc != SQLITE_ROW)
        return rc == SQLITE_DONE ? SQLITE_OK : rc;
    rc = is_open_in_job ? job_finished(s, seq, r) : SQLITE_OK;
    if (rc == SQLITE_OK)
        rc = write_result_row(s, op, parts);
    if (rc == SQLITE_OK && (parts & PARTS_RESULT))
        rc = bytes_gone(s, seq, PLACE_RESULT, PLACES);
    /* The header stays: what it asks to have back is sent with each RESULT. */
    if (rc == SQLITE_OK && (parts & PARTS_INPUT) && !r->is_dead)
        rc = bytes_gone(s, seq, PLACE_INPUT, PLACE_RESULT);
    if (rc == SQLITE_OK)
        rc = write_result_parts(s, seq, r);
    return rc == SQLITE_OK ? write_line(s, seq, &op->u.task_end.note) : rc;
}

static int settle(struct store *s, uint64_t seq, int how)
{
    struct bind b = bind_begin(s->statements[STATEMENT_SETTLE]);
    bind_int(&b, how);
    bind_int(&b, (int64_t)seq);
    return bind_run(&b);
}

static int write_delivered(struct store *s, struct journal_op *op)
{
    return settle(s, op->u.task_end.seq, DELIVERED);
}

static int write_acknowledged(struct store *s, struct journal_op *op)
{
    return settle(s, op->u.task_end.seq, ACKNOWLEDGED);
}

int run_by_seq(struct store *s, enum statement which, uint64_t seq)
{
    struct bind b = bind_begin(s->statements[which]);
    bind_int(&b, (int64_t)seq);
    return bind_run(&b);
}

int write_gone(struct store *s, uint64_t seq)
{
    int rc = bytes_gone(s, seq, 0, PLACES);
    if (rc == SQLITE_OK)
        rc = run_by_seq(s, STATEMENT_FORGET_NOTES, seq);
    return rc == SQLITE_OK ? run_by_seq(s, STATEMENT_FORGET, seq) : rc;
}

static int write_forget(struct store *s, struct journal_op *op)
{
    const int rc = job_forgotten(s, op->u.task_end.seq);
    return rc == SQLITE_OK ? write_gone(s, op->u.task_end.seq) : rc;
}

/* Its inputs are of no use any more; the header goes with the row. In its job the task that repeats it
 * counts in its place; without one it stays what it was. */
static int write_revived(struct store *s, struct journal_op *op)
{
    const uint64_t seq = op->u.task_end.seq;
    int rc = op->u.task_end.note.message != NULL ? job_revived(s, seq) : SQLITE_OK;
    if (rc == SQLITE_OK)
        rc = run_by_seq(s, STATEMENT_REVIVE, seq);
    if (rc != SQLITE_OK || sqlite3_changes(s->db) == 0)
        return rc;
    rc = bytes_gone(s, seq, PLACE_INPUT, PLACE_RESULT);
    return rc == SQLITE_OK ? write_line(s, seq, &op->u.task_end.note) : rc;
}

static int (*const writers[])(struct store *s, struct journal_op *op) = {
    [JOURNAL_BARRIER] = write_nothing,
    [JOURNAL_OWNER] = write_owner,
    [JOURNAL_OWNER_GONE] = write_owner_gone,
    [JOURNAL_ACCEPT] = write_accept,
    [JOURNAL_NOTE] = write_note,
    [JOURNAL_FINISH] = write_finish,
    [JOURNAL_DELIVERED] = write_delivered,
    [JOURNAL_ACK] = write_acknowledged,
    [JOURNAL_FORGET] = write_forget,
    [JOURNAL_REVIVED] = write_revived,
    [JOURNAL_SWEEP] = write_sweep,
};

int write_op(struct store *s, struct journal_op *op)
{
    return writers[op->kind](s, op);
}
