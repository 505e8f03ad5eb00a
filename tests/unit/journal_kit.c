/* journal_kit.c: see journal_kit.h. */
#include "journal_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { TURN_MS = 10000 };

int kit_setup(void **state)
{
    static int n; /* journals of this test program */
    struct kit *k = calloc(1, sizeof *k);
    if (k == NULL)
        return -1;
    snprintf(k->dir, sizeof k->dir, "%s/journal-%d", getenv("TMPDIR"), n++);
    k->options = (struct journal_options){.dir = k->dir, .spool_above = 4096};
    k->loop = loop_new();
    *state = k;
    return k->loop != NULL ? 0 : -1;
}

int kit_teardown(void **state)
{
    struct kit *k = *state;
    journal_close(k->journal);
    journal_rows_free(k->rows);
    loop_free(k->loop);
    free(k);
    return 0;
}

void kit_open(struct kit *k, const struct journal_replay *replay)
{
    k->journal = journal_open(&k->options, k->why);
    if (k->journal == NULL)
        fail_msg("%s", k->why);
    if (replay != NULL && journal_replay(k->journal, replay, k->why) < 0)
        fail_msg("%s", k->why);
    assert_int_equal(journal_start(k->journal, k->loop), 0);
}

size_t kit_close(struct kit *k)
{
    size_t lost = journal_close(k->journal);
    k->journal = NULL;
    return lost;
}

static void on_done(struct journal_op *op, enum code code, const char *why)
{
    struct kit_op *o = (struct kit_op *)op;
    o->is_done = true;
    o->code = code;
    o->order = ++o->kit->n_done;
    snprintf(o->why, sizeof o->why, "%s", why != NULL ? why : "");
}

struct kit_op *kit_op(struct kit *k, enum journal_kind kind)
{
    struct kit_op *o = test_calloc(1, sizeof *o);
    o->kit = k;
    o->op.kind = kind;
    o->op.done = on_done;
    return o;
}

struct kit_op *kit_accept(struct kit *k, uint64_t seq, const char *task_id, const char *header)
{
    struct kit_op *o = kit_op(k, JOURNAL_ACCEPT);
    o->op.is_refusable = true;
    o->op.u.task = (struct journal_task){.seq = seq,
                                         .owner = 1,
                                         .uid = task_id,
                                         .task_id = task_id,
                                         .pipeline = "echo",
                                         .priority = 5,
                                         .submitted_ms = 1000 + (int64_t)seq,
                                         .header = kit_bytes(header)};
    return o;
}

struct kit_op *kit_finish(struct kit *k, uint64_t seq, const char *data)
{
    struct kit_op *o = kit_op(k, JOURNAL_FINISH);
    o->op.u.task_end.seq = seq;
    o->op.u.task_end.attempt = 1;
    o->op.u.task_end.result = (struct journal_result){.status = "ok",
                                                      .code = "OK",
                                                      .data = kit_bytes(data),
                                                      .started_ms = 2000,
                                                      .finished_ms = 3000 + (int64_t)seq,
                                                      .run_ms = 7};
    return o;
}

struct kit_op *kit_seq(struct kit *k, enum journal_kind kind, uint64_t seq)
{
    struct kit_op *o = kit_op(k, kind);
    o->op.u.task_end.seq = seq;
    return o;
}

void kit_wait(struct kit *k, const bool *flag)
{
    while (!*flag)
        assert_int_equal(loop_turn(k->loop, TURN_MS), 0);
}

void kit_put(struct kit *k, struct kit_op *op)
{
    journal_put(k->journal, &op->op);
}

enum code kit_do(struct kit *k, struct kit_op *op)
{
    kit_put(k, op);
    journal_flush(k->journal);
    kit_wait(k, &op->is_done);
    enum code code = op->code;
    snprintf(k->why, sizeof k->why, "%s", op->why);
    test_free(op);
    return code;
}

static void on_rows(void *arg, enum code code, const char *why, struct journal_rows *rows)
{
    struct kit *k = arg;
    snprintf(k->why, sizeof k->why, "%s", why != NULL ? why : "");
    k->rows = rows;
    k->read_code = code;
    k->is_read = true;
}

struct journal_rows *kit_read(struct kit *k, const struct journal_query *q)
{
    journal_rows_free(k->rows);
    k->rows = NULL;
    k->is_read = false;
    assert_int_equal(journal_read(k->journal, q, on_rows, k), 0);
    kit_wait(k, &k->is_read);
    return k->rows;
}

const struct journal_row *kit_row(struct kit *k, uint64_t seq)
{
    const struct journal_query q = {
        .seq = seq, .want = JOURNAL_WANT_INPUTS | JOURNAL_WANT_RESULT | JOURNAL_WANT_NOTES};
    const struct journal_rows *rows = kit_read(k, &q);
    if (rows == NULL)
        fail_msg("%s", k->why);
    return rows != NULL && rows->n == 1 ? &rows->items[0] : NULL;
}

struct journal_bytes kit_bytes(const char *s)
{
    return (struct journal_bytes){.data = s, .len = s != NULL ? strlen(s) : 0};
}
