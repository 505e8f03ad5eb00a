/* journal_ops.c: what each operation leaves in the journal, and in which order completions come. */
#include "journal_kit.h"

#include <stdio.h>
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
    assert_int_equal(kit_do(k, kit_accept(k, 1, "one", "{}")), CODE_OK);
    struct kit_op *o = kit_finish(k, 1, "{\"n\":1}");
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
    assert_non_null(row->task.header.data); /* what it asks to have back is sent with each RESULT */
    assert_int_equal(row->n_notes, 1);
    assert_string_equal(row->notes[0].event, "finished");
    assert_int_equal(kit_do(k, kit_seq(k, JOURNAL_ACK, 1)), CODE_OK);
    row = kit_row(k, 1);
    assert_int_equal(row->phase, JOURNAL_CLOSED);
    assert_true(row->is_acknowledged);
    assert_int_equal(kit_do(k, kit_seq(k, JOURNAL_FORGET, 1)), CODE_OK);
    assert_null(kit_row(k, 1));
}

static void test_completions_in_order(void **state)
{
    struct kit *k = *state;
    struct kit_op *ops[50];
    char id[50][8];
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

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_accept_keeps_all),
                                       TEST(test_finish_then_acknowledge),
                                       TEST(test_completions_in_order), TEST(test_replay)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
