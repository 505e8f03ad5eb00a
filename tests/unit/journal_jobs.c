/* journal_jobs.c: what the journal counts of a job, and dead letters that are none any more. */
#include "journal_kit.h"

#include <stdio.h>
#include <string.h>

#include <sqlite3.h>

static void on_job(void *arg, enum code code, const char *why, const struct journal_job *job)
{
    struct {
        struct journal_job job;
        bool is_there;
    } *to = arg;
    (void)why;
    assert_int_equal(code, CODE_OK);
    to->job = *job;
    to->is_there = true;
}

/* "tasks open succeeded failed cancelled finished dead" */
static void assert_job(struct kit *k, uint64_t owner, const char *job_id, const char *expected)
{
    struct {
        struct journal_job job;
        bool is_there;
    } x = {.is_there = false};
    char found[128];
    assert_int_equal(journal_read_job(k->journal, owner, job_id, on_job, &x), 0);
    kit_wait(k, &x.is_there);
    snprintf(found, sizeof found, "%d %d %d %d %d %d %d", (int)x.job.tasks, (int)x.job.open,
             (int)x.job.succeeded, (int)x.job.failed, (int)x.job.cancelled, (int)x.job.finished_ms,
             (int)x.job.dead);
    assert_string_equal(found, expected);
}

static void accept(struct kit *k, uint64_t seq, uint64_t owner, const char *job_id)
{
    struct kit_op *o = kit_accept(k, seq, "t", "{}");
    o->op.u.task.owner = owner;
    o->op.u.task.job_id = job_id;
    assert_int_equal(kit_do(k, o), CODE_OK);
}

static void finish(struct kit *k, uint64_t seq, const char *code, int64_t at_ms, bool is_dead)
{
    struct kit_op *o = kit_finish(k, seq, "{}");
    o->op.u.task_end.result.code = code;
    o->op.u.task_end.result.finished_ms = at_ms;
    o->op.u.task_end.result.is_dead = is_dead;
    assert_int_equal(kit_do(k, o), CODE_OK);
}

static void each_end_is_counted_once(void **state)
{
    struct kit *k = *state;
    kit_open(k, NULL);
    assert_job(k, 1, "j", "0 0 0 0 0 0 0");
    accept(k, 1, 1, "j");
    accept(k, 2, 1, "j");
    accept(k, 3, 1, "j");
    accept(k, 4, 2, "j");
    accept(k, 5, 1, "other");
    accept(k, 6, 1, NULL);
    assert_job(k, 1, "j", "3 3 0 0 0 0 0");
    finish(k, 1, "OK", 50, false);
    finish(k, 1, "OK", 50, false);
    finish(k, 2, "CRASH", 40, true);
    finish(k, 3, "CANCELLED", 30, false);
    finish(k, 6, "OK", 99, false);
    assert_job(k, 1, "j", "3 0 1 1 1 50 1");
    assert_job(k, 2, "j", "1 1 0 0 0 0 0");
    assert_job(k, 0, "j", "4 1 1 1 1 50 1");
    assert_job(k, 0, NULL, "0 0 0 0 0 0 1");
    assert_int_equal(kit_do(k, kit_seq(k, JOURNAL_FORGET, 1)), CODE_OK); /* it was counted */
    assert_int_equal(kit_do(k, kit_seq(k, JOURNAL_FORGET, 4)), CODE_OK); /* it never ends */
    assert_job(k, 0, "j", "3 0 1 1 1 50 1");
    assert_int_equal(kit_close(k), 0);
    kit_open(k, NULL);
    assert_job(k, 1, "j", "3 0 1 1 1 50 1");
}

static void dead_letters_are_revived(void **state)
{
    static const struct journal_frame frame = {"a", NULL, {"input", 5}};
    struct kit *k = *state;
    kit_open(k, NULL);
    struct kit_op *o = kit_accept(k, 1, "t", "{}");
    o->op.u.task.job_id = "j";
    o->op.u.task.owner = 1;
    o->op.u.task.frames = &frame;
    o->op.u.task.n_frames = 1;
    assert_int_equal(kit_do(k, o), CODE_OK);
    finish(k, 1, "CRASH", 40, true);
    assert_int_equal(kit_row(k, 1)->phase, JOURNAL_DEAD);
    assert_int_equal(kit_row(k, 1)->task.n_frames, 1);
    for (int i = 0; i < 2; i++) { /* the second time it is none any more */
        o = kit_seq(k, JOURNAL_REVIVED, 1);
        o->op.u.task_end.note =
            (struct journal_note){.at_ms = 5, .event = "repeated", .message = "another"};
        assert_int_equal(kit_do(k, o), CODE_OK);
        assert_int_equal(kit_row(k, 1)->phase, JOURNAL_UNACKNOWLEDGED);
        assert_int_equal(kit_row(k, 1)->task.n_frames, 0);
        assert_int_equal(kit_row(k, 1)->n_notes, 1);
        assert_string_equal(kit_row(k, 1)->result.code, "CRASH");
        assert_job(k, 1, "j", "0 0 0 0 0 40 0");
    }
    assert_int_equal(kit_do(k, kit_seq(k, JOURNAL_ACK, 1)), CODE_OK);
    assert_int_equal(kit_row(k, 1)->phase, JOURNAL_CLOSED);
}

static void an_acknowledged_one_closes(void **state)
{
    struct kit *k = *state;
    kit_open(k, NULL);
    accept(k, 1, 1, "j");
    finish(k, 1, "OOM", 40, true);
    assert_int_equal(kit_do(k, kit_seq(k, JOURNAL_ACK, 1)), CODE_OK);
    assert_int_equal(kit_row(k, 1)->phase, JOURNAL_DEAD);
    assert_int_equal(kit_do(k, kit_seq(k, JOURNAL_REVIVED, 1)), CODE_OK); /* thrown away */
    assert_int_equal(kit_row(k, 1)->phase, JOURNAL_CLOSED);
    assert_job(k, 1, "j", "1 0 0 1 0 40 0");
}

static void old_jobs_go(void **state)
{
    struct kit *k = *state;
    kit_open(k, NULL);
    accept(k, 1, 1, "ended");
    accept(k, 2, 1, "open");
    finish(k, 1, "OK", 50, false);
    struct kit_op *o = kit_op(k, JOURNAL_SWEEP);
    o->op.u.sweep.finished_before_ms = 50;
    assert_int_equal(kit_do(k, o), CODE_OK);
    assert_job(k, 1, "ended", "1 0 1 0 0 50 0");
    o = kit_op(k, JOURNAL_SWEEP);
    o->op.u.sweep.finished_before_ms = 51;
    assert_int_equal(kit_do(k, o), CODE_OK);
    assert_job(k, 1, "ended", "0 0 0 0 0 0 0");
    assert_job(k, 1, "open", "1 1 0 0 0 0 0");
}

/* A journal of before there were jobs. */
static void older_tasks_are_counted(void **state)
{
    struct kit *k = *state;
    char path[512];
    sqlite3 *db = NULL;
    kit_open(k, NULL);
    accept(k, 1, 1, "j");
    accept(k, 2, 1, "j");
    accept(k, 3, 2, "j");
    accept(k, 4, 1, "j");
    finish(k, 1, "OK", 50, false);
    finish(k, 2, "OOM", 60, true);
    finish(k, 4, "CANCELLED", 40, false);
    assert_int_equal(kit_close(k), 0);
    snprintf(path, sizeof path, "%s/journal.db", k->dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "DROP TABLE job; PRAGMA user_version = 2", NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    kit_open(k, NULL);
    assert_job(k, 1, "j", "3 0 1 1 1 60 1");
    assert_job(k, 2, "j", "1 1 0 0 0 0 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_end_is_counted_once, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(dead_letters_are_revived, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(an_acknowledged_one_closes, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(older_tasks_are_counted, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(old_jobs_go, kit_setup, kit_teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
