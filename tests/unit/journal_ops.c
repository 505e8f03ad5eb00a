/* journal_ops.c: what each operation leaves in the journal, and in which order completions come. */
#include "journal_kit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_accept_keeps_all(void **state)
{
    struct kit *k = *state;
    const struct journal_frame frames[] = {{"a", "text/plain", kit_bytes("first")},
                                           {"b", NULL, kit_bytes("")}};
    kit_open(k, NULL);
    struct kit_op *o = kit_accept(k, 1, "one", "{\"params\":{}}");
    struct journal_task *t = &o->op.u.task;
    t->uid = "uid-of-one";
    t->job_id = "job";
    t->tenant = "tenant";
    t->key = "key";
    t->parent = "parent";
    t->retry_of = "earlier";
    t->digest[0] = UINT64_MAX;
    t->digest[1] = 17;
    t->depth = 3;
    t->is_silent = true;
    t->expires_ms = 99;
    t->frames = frames;
    t->n_frames = 2;
    assert_int_equal(kit_do(k, o), CODE_OK);
    const struct journal_row *row = kit_row(k, 1);
    assert_non_null(row);
    assert_int_equal(row->phase, JOURNAL_OPEN);
    assert_string_equal(row->task.uid, "uid-of-one");
    assert_string_equal(row->task.task_id, "one");
    assert_string_equal(row->task.job_id, "job");
    assert_string_equal(row->task.tenant, "tenant");
    assert_string_equal(row->task.key, "key");
    assert_string_equal(row->task.parent, "parent");
    assert_string_equal(row->task.retry_of, "earlier");
    assert_string_equal(row->task.pipeline, "echo");
    assert_true(row->task.digest[0] == UINT64_MAX && row->task.digest[1] == 17);
    assert_int_equal(row->task.depth, 3);
    assert_true(row->task.is_silent);
    assert_int_equal(row->task.submitted_ms, 1001);
    assert_int_equal(row->task.expires_ms, 99);
    kit_assert_bytes(row->task.header, "{\"params\":{}}");
    assert_int_equal(row->task.n_frames, 2);
    assert_string_equal(row->task.frames[0].name, "a");
    assert_string_equal(row->task.frames[0].media_type, "text/plain");
    kit_assert_bytes(row->task.frames[0].bytes, "first");
    assert_null(row->task.frames[1].media_type);
    kit_assert_bytes(row->task.frames[1].bytes, "");
    assert_null(row->result.status);
}

static void test_finish_then_acknowledge(void **state)
{
    struct kit *k = *state;
    const struct journal_frame out[] = {{"picture", "image/png", kit_bytes("png")}};
    kit_open(k, NULL);
    struct kit_op *o = kit_accept(k, 1, "one", "{}");
    o->op.u.task.frames = out;
    o->op.u.task.n_frames = 1;
    assert_int_equal(kit_do(k, o), CODE_OK);
    o = kit_finish(k, 1, "{\"n\":1}");
    o->op.u.task_end.result.outputs = out;
    o->op.u.task_end.result.n_outputs = 1;
    o->op.u.task_end.result.details = kit_bytes("{\"why\":1}");
    o->op.u.task_end.result.children = kit_bytes("[\"one-a-0\"]");
    o->op.u.task_end.note = (struct journal_note){.at_ms = 5, .attempt = 1, .event = "finished"};
    assert_int_equal(kit_do(k, o), CODE_OK);
    const struct journal_row *row = kit_row(k, 1);
    assert_int_equal(row->phase, JOURNAL_UNACKNOWLEDGED);
    assert_string_equal(row->result.status, "ok");
    assert_string_equal(row->result.code, "OK");
    kit_assert_bytes(row->result.data, "{\"n\":1}");
    kit_assert_bytes(row->result.details, "{\"why\":1}");
    kit_assert_bytes(row->result.children, "[\"one-a-0\"]");
    assert_int_equal(row->result.n_outputs, 1);
    kit_assert_bytes(row->result.outputs[0].bytes, "png");
    kit_assert_bytes(row->task.header, "{}"); /* what is to be sent back lies in it */
    assert_int_equal(row->task.n_frames, 0);  /* inputs of what is no dead letter go */
    assert_int_equal(row->n_notes, 1);
    assert_string_equal(row->notes[0].event, "finished");
    assert_int_equal(kit_do(k, kit_seq(k, JOURNAL_ACK, 1)), CODE_OK);
    row = kit_row(k, 1);
    assert_int_equal(row->phase, JOURNAL_CLOSED);
    assert_true(row->is_acknowledged);
    assert_int_equal(kit_do(k, kit_seq(k, JOURNAL_FORGET, 1)), CODE_OK);
    assert_null(kit_row(k, 1));
}

static void finish_dead(struct kit *k, uint64_t seq)
{
    struct kit_op *o = kit_finish(k, seq, NULL);
    o->op.u.task_end.result.status = "failed";
    o->op.u.task_end.result.code = "CRASH";
    o->op.u.task_end.result.is_dead = true;
    assert_int_equal(kit_do(k, o), CODE_OK);
}

static void test_dead_letter_keeps_inputs(void **state)
{
    struct kit *k = *state;
    const struct journal_frame in[] = {{NULL, NULL, kit_bytes("frame")}};
    kit_open(k, NULL);
    struct kit_op *o = kit_accept(k, 1, "one", "{}");
    o->op.u.task.frames = in;
    o->op.u.task.n_frames = 1;
    assert_int_equal(kit_do(k, o), CODE_OK);
    o = kit_seq(k, JOURNAL_NOTE, 1);
    o->op.u.task_end.attempt = 2;
    o->op.u.task_end.not_before_ms = 77;
    o->op.u.task_end.note = (struct journal_note){.at_ms = 1,
                                                  .attempt = 1,
                                                  .event = "failed",
                                                  .code = "CRASH",
                                                  .message = "signal 11",
                                                  .details = kit_bytes("{}"),
                                                  .run_ms = 3,
                                                  .cpu_ms = 2,
                                                  .max_rss_bytes = 4096};
    assert_int_equal(kit_do(k, o), CODE_OK);
    const struct journal_row *row = kit_row(k, 1);
    assert_int_equal(row->attempt, 2);
    assert_int_equal(row->not_before_ms, 77);
    assert_int_equal(row->n_notes, 1);
    assert_string_equal(row->notes[0].message, "signal 11");
    assert_int_equal(row->notes[0].max_rss_bytes, 4096);
    finish_dead(k, 1);
    assert_int_equal(kit_do(k, kit_seq(k, JOURNAL_DELIVERED, 1)), CODE_OK);
    row = kit_row(k, 1);
    assert_int_equal(row->phase, JOURNAL_DEAD);
    assert_true(row->result.is_delivered && row->result.is_dead && !row->is_acknowledged);
    kit_assert_bytes(row->task.frames[0].bytes, "frame");
    assert_null(row->task.frames[0].name);
}

/* An operation on a task that is not there changes nothing, and a seq that is there already can
 * never be kept; what was put beside it is. */
static void test_operations_that_cannot_be(void **state)
{
    struct kit *k = *state;
    kit_open(k, NULL);
    assert_int_equal(kit_do(k, kit_finish(k, 9, "{}")), CODE_OK);
    assert_int_equal(kit_do(k, kit_seq(k, JOURNAL_ACK, 9)), CODE_OK);
    assert_int_equal(kit_do(k, kit_seq(k, JOURNAL_NOTE, 9)), CODE_OK);
    assert_int_equal(kit_do(k, kit_seq(k, JOURNAL_FORGET, 9)), CODE_OK);
    assert_int_equal(kit_do(k, kit_accept(k, 1, "one", "{}")), CODE_OK);
    struct kit_op *twice = kit_accept(k, 1, "again", "{}");
    kit_put(k, twice);
    assert_int_equal(kit_do(k, kit_accept(k, 2, "two", "{}")), CODE_OK);
    assert_true(twice->is_done);
    assert_int_equal(twice->code, CODE_INTERNAL);
    assert_string_equal(kit_row(k, 1)->task.task_id, "one");
    assert_non_null(kit_row(k, 2));
    assert_int_equal(kit_do(k, kit_seq(k, JOURNAL_ACK, 1)), CODE_OK); /* before its end */
    assert_int_equal(kit_row(k, 1)->phase, JOURNAL_OPEN);
    test_free(twice);
}

/* Nobody waits for an operation without done: the journal frees it. */
static void test_operation_without_done(void **state)
{
    struct kit *k = *state;
    kit_open(k, NULL);
    struct journal_op *op = calloc(1, sizeof *op);
    assert_non_null(op);
    op->kind = JOURNAL_OWNER;
    op->u.owner = (struct journal_owner){.number = 3, .client = "c"};
    journal_put(k->journal, op);
    assert_int_equal(kit_do(k, kit_op(k, JOURNAL_BARRIER)), CODE_OK);
    struct kit_op *gone = kit_op(k, JOURNAL_OWNER_GONE);
    gone->op.u.owner.number = 3;
    assert_int_equal(kit_do(k, gone), CODE_OK);
}

static void test_queries(void **state)
{
    struct kit *k = *state;
    kit_open(k, NULL);
    struct kit_op *o = kit_op(k, JOURNAL_OWNER);
    o->op.u.owner = (struct journal_owner){.number = 1, .client = "c1"};
    assert_int_equal(kit_do(k, o), CODE_OK);
    char id[10][16];
    for (unsigned i = 1; i < 10; i++) {
        snprintf(id[i], sizeof id[i], "t%u", i);
        o = kit_accept(k, i, id[i], "{}");
        o->op.u.task.owner = 1 + i % 2;
        o->op.u.task.job_id = i < 4 ? "job" : NULL;
        o->op.u.task.key = i == 5 ? "key" : NULL;
        o->op.u.task.tenant = i == 6 ? "tenant" : NULL;
        o->op.u.task.uid = i == 7 ? "uid-7" : id[i];
        o->op.u.task.pipeline = i == 8 ? "other" : "echo";
        assert_int_equal(kit_do(k, o), CODE_OK);
    }
    assert_int_equal(kit_do(k, kit_finish(k, 1, "{}")), CODE_OK);
    finish_dead(k, 2);
    const struct {
        struct journal_query q;
        const char *seqs;
    } cases[] = {
        {{.owner = 2}, "9 7 5 3 1 "},
        {{.owner = 2, .limit = 2}, "9 7 + "},
        {{.before_seq = 4}, "3 2 1 "},
        {{.task_id = "t3"}, "3 "},
        {{.task_id = "t3", .owner = 1}, ""},
        {{.uid = "uid-7"}, "7 "},
        {{.uid = "t7"}, ""},
        {{.uid = "t3"}, "3 "},
        {{.job_id = "job"}, "3 2 1 "},
        {{.key = "key"}, "5 "},
        {{.tenant = "tenant"}, "6 "},
        {{.pipeline = "other"}, "8 "},
        {{.client = "c1"}, "8 6 4 2 "},
        {{.client = "c2"}, ""},
        {{.code = "CRASH"}, "2 "},
        {{.phases = 1U << JOURNAL_DEAD}, "2 "},
        {{.phases = 1U << JOURNAL_DEAD | 1U << JOURNAL_UNACKNOWLEDGED}, "2 1 "},
        {{.finished_before_ms = 3002}, "1 "},
        {{.finished_after_ms = 3001}, "2 "},
        {{.task_id = "' OR 1 --"}, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char seqs[64] = "";
        const struct journal_rows *rows = kit_read(k, &cases[i].q);
        assert_non_null(rows);
        for (size_t n = 0; n < rows->n; n++)
            snprintf(seqs + strlen(seqs), sizeof seqs - strlen(seqs), "%u ",
                     (unsigned)rows->items[n].task.seq);
        strcat(seqs, rows->has_more ? "+ " : "");
        assert_string_equal(seqs, cases[i].seqs);
    }
}

static void nothing_read(void *arg, enum code code, const char *why, struct journal_rows *rows)
{
    (void)code;
    (void)why;
    (*(int *)arg)++;
    journal_rows_free(rows);
}

static void test_too_many_reads(void **state)
{
    struct kit *k = *state;
    const struct journal_query q = {.limit = 1};
    int n_asked = 0, n_answers = 0;
    kit_open(k, NULL);
    while (journal_read(k->journal, &q, nothing_read, &n_answers) == 0)
        n_asked++;
    assert_int_equal(errno, EAGAIN);
    while (n_answers < n_asked)
        assert_int_equal(loop_turn(k->loop, 10000), 0);
    assert_int_equal(journal_read(k->journal, &q, nothing_read, &n_answers), 0);
    /* the one that still waits goes with the journal */
}

static struct journal_sweep sweep(struct kit *k, struct journal_sweep w)
{
    struct kit_op *o = kit_op(k, JOURNAL_SWEEP);
    o->op.u.sweep = w;
    kit_put(k, o);
    journal_flush(k->journal);
    kit_wait(k, &o->is_done);
    assert_int_equal(o->code, CODE_OK);
    w = o->op.u.sweep;
    test_free(o);
    return w;
}

static void test_sweep(void **state)
{
    struct kit *k = *state;
    char id[8][16];
    kit_open(k, NULL);
    for (unsigned i = 1; i < 8; i++) { /* finished at 3000 + i */
        snprintf(id[i], sizeof id[i], "t%u", i);
        assert_int_equal(kit_do(k, kit_accept(k, i, id[i], "{}")), CODE_OK);
        if (i == 4 || i == 5)
            finish_dead(k, i);
        else if (i != 7)
            assert_int_equal(kit_do(k, kit_finish(k, i, "{}")), CODE_OK);
        if (i <= 3)
            assert_int_equal(kit_do(k, kit_seq(k, JOURNAL_ACK, i)), CODE_OK);
    } /* 1 2 3 closed, 4 5 dead, 6 unacknowledged, 7 open */
    assert_int_equal(sweep(k, (struct journal_sweep){.finished_max = 3, .dead_max = 2}).n_gone, 0);
    struct journal_sweep w = sweep(k, (struct journal_sweep){.finished_before_ms = 3002});
    assert_int_equal(w.n_gone, 1);
    assert_false(w.has_more);
    assert_null(kit_row(k, 1));
    assert_int_equal(sweep(k, (struct journal_sweep){.finished_max = 1}).n_gone, 1);
    assert_null(kit_row(k, 2));
    assert_non_null(kit_row(k, 3));
    assert_int_equal(sweep(k, (struct journal_sweep){.dead_before_ms = 3005}).n_gone, 1);
    assert_null(kit_row(k, 4));
    assert_non_null(kit_row(k, 5));
    assert_int_equal(sweep(k, (struct journal_sweep){.unacknowledged_before_ms = 3006}).n_gone, 0);
    assert_int_equal(sweep(k, (struct journal_sweep){.unacknowledged_before_ms = 9999}).n_gone, 1);
    assert_null(kit_row(k, 6));
    assert_non_null(kit_row(k, 7)); /* what is open never goes */
}

/* A bounded number a pass. */
static void test_sweep_in_passes(void **state)
{
    enum { MANY = 1200 };
    static char id[MANY][16];
    struct kit_op *ops[2 * MANY];
    struct kit *k = *state;
    kit_open(k, NULL);
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(id[i], sizeof id[i], "t%u", i);
        kit_put(k, ops[2 * i] = kit_accept(k, i + 1, id[i], "{}"));
        ops[2 * i + 1] = kit_finish(k, i + 1, "{}");
        ops[2 * i + 1]->op.u.task_end.result.is_delivered = true;
        kit_put(k, ops[2 * i + 1]);
    }
    journal_flush(k->journal);
    kit_wait(k, &ops[2 * MANY - 1]->is_done);
    for (unsigned i = 0; i < 2 * MANY; i++)
        test_free(ops[i]);
    const struct journal_sweep all = {.finished_before_ms = INT64_MAX};
    struct journal_sweep w = sweep(k, all);
    assert_true(w.has_more && w.n_gone < MANY);
    size_t n = w.n_gone;
    while (w.has_more) {
        w = sweep(k, all);
        n += w.n_gone;
    }
    assert_int_equal(n, MANY);
}

static void test_completions_in_order(void **state)
{
    struct kit *k = *state;
    struct kit_op *ops[50];
    char id[50][16];
    kit_open(k, NULL);
    for (unsigned i = 0; i < 50; i++) {
        snprintf(id[i], sizeof id[i], "t%u", i);
        ops[i] = i % 7 == 0 ? kit_op(k, JOURNAL_BARRIER) : kit_accept(k, i + 1, id[i], "{}");
        kit_put(k, ops[i]);
        if (i % 3 == 0)
            journal_flush(k->journal);
    }
    journal_flush(k->journal);
    kit_wait(k, &ops[49]->is_done);
    for (unsigned i = 0; i < 50; i++) {
        assert_int_equal(ops[i]->code, CODE_OK);
        assert_int_equal(ops[i]->order, i + 1);
        test_free(ops[i]);
    }
}

struct seen {
    char text[512];
};

static int see_owner(void *arg, const struct journal_owner *o)
{
    struct seen *s = arg;
    size_t n = strlen(s->text);
    snprintf(s->text + n, sizeof s->text - n, "owner %llu %s;", (unsigned long long)o->number,
             o->client);
    return 0;
}

static int see_task(void *arg, const struct journal_row *row)
{
    struct seen *s = arg;
    size_t n = strlen(s->text);
    snprintf(s->text + n, sizeof s->text - n, "%s %d %.*s;", row->task.task_id, (int)row->phase,
             (int)row->task.header.len, (const char *)row->task.header.data);
    return 0;
}

static void test_replay(void **state)
{
    struct kit *k = *state;
    struct seen seen = {""};
    const struct journal_replay replay = {see_owner, see_task, &seen};
    kit_open(k, &replay);
    assert_string_equal(seen.text, "");
    struct kit_op *o = kit_op(k, JOURNAL_OWNER);
    o->op.u.owner = (struct journal_owner){.number = 1, .client = "c1", .resume_hash = "00"};
    assert_int_equal(kit_do(k, o), CODE_OK);
    assert_int_equal(kit_do(k, kit_accept(k, 1, "open", "{1}")), CODE_OK);
    assert_int_equal(kit_do(k, kit_accept(k, 2, "acknowledged", "{2}")), CODE_OK);
    assert_int_equal(kit_do(k, kit_accept(k, 3, "waits", "{3}")), CODE_OK);
    assert_int_equal(kit_do(k, kit_finish(k, 2, "{}")), CODE_OK);
    assert_int_equal(kit_do(k, kit_finish(k, 3, "{}")), CODE_OK);
    assert_int_equal(kit_do(k, kit_seq(k, JOURNAL_ACK, 2)), CODE_OK);
    assert_int_equal(kit_close(k), 0);
    kit_open(k, &replay);
    assert_string_equal(seen.text, "owner 1 c1;open 0 {1};waits 1 {3};");
    assert_true(journal_next_seq(k->journal) > 3);
    assert_true(journal_next_owner(k->journal) > 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)

/* Whoever waits when the journal is closed is told. */
static void test_completions_at_close(void **state)
{
    struct kit *k = *state;
    kit_open(k, NULL);
    struct kit_op *one = kit_accept(k, 1, "one", "{}"), *two = kit_finish(k, 1, "{}");
    kit_put(k, one);
    journal_flush(k->journal);
    kit_put(k, two); /* and not even flushed */
    assert_int_equal(kit_close(k), 0);
    assert_true(one->is_done && two->is_done);
    assert_int_equal(one->code, CODE_OK);
    assert_int_equal(two->code, CODE_OK);
    kit_open(k, NULL);
    assert_int_equal(kit_row(k, 1)->phase, JOURNAL_UNACKNOWLEDGED);
    test_free(one);
    test_free(two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_accept_keeps_all),         TEST(test_finish_then_acknowledge),
        TEST(test_completions_in_order),     TEST(test_replay),
        TEST(test_dead_letter_keeps_inputs), TEST(test_operations_that_cannot_be),
        TEST(test_operation_without_done),   TEST(test_queries),
        TEST(test_too_many_reads),           TEST(test_sweep),
        TEST(test_sweep_in_passes),          TEST(test_completions_at_close)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
