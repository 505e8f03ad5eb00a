/* sandbox_recycle.c: warm workers that are replaced, and boxes for one task, from the core's side;
 * launcher, warden and worker are played by the test. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <penstock/plugin.h>

#include "base/fdutil.h"
#include "sandbox/box_internal.h"

#include "sandbox_kit.h"

static void run_small(struct kit *k, uint32_t slot)
{
    struct kit_task t;
    assert_int_equal(box_run(k->box, slot, &kit_small_task, k), 0);
    kit_read_task(k, slot, &t);
    buf_clear(&t.payload);
}

static void assert_killed_for(struct kit *k, enum kill_reason reason)
{
    struct control_kill kill;
    assert_int_equal(kit_told(k, &kill, sizeof kill), CONTROL_KILL);
    assert_int_equal(kill.reason, reason);
    assert_true(kill.generation == k->generation[kill.slot]);
}

static void assert_told_nothing(struct kit *k)
{
    struct control_kill kill;
    assert_int_equal(kit_told(k, &kill, sizeof kill), 0);
}

/* More often than useless workers are put up with. */
static void an_idle_worker_is_replaced(void **state)
{
    struct kit *k = *state;
    kit_start(k, BOX_WARM, 1);
    for (int i = 1; i <= 10; i++) {
        assert_true(box_is_fresh(k->box, 0));
        run_small(k, 0);
        kit_result(k, 0, "1");
        kit_done(k, 0, PEN_OK);
        assert_int_equal(k->done.code, CODE_OK);
        assert_false(box_is_fresh(k->box, 0));
        assert_int_equal(box_recycle(k->box, 0), 0);
        assert_killed_for(k, KILL_RECYCLE);
        assert_int_equal(box_run(k->box, 0, &kit_small_task, k), -1);
        kit_exit(k, 0, SIGKILL, KILL_RECYCLE);
        kit_worker(k, 0);
        assert_int_equal(k->n_free, 3 * i);
        /* One that has served nobody too. */
        assert_int_equal(box_recycle(k->box, 0), 0);
        assert_killed_for(k, KILL_RECYCLE);
        kit_exit(k, 0, SIGKILL, KILL_RECYCLE);
        kit_worker(k, 0);
    }
    assert_int_equal(k->n_ended, 0);
}

static void assert_not_recycled(struct kit *k, uint32_t slot)
{
    assert_int_equal(box_recycle(k->box, slot), -1);
    assert_int_equal(errno, EBUSY);
    assert_told_nothing(k);
}

static void only_idle_warm_workers_are_replaced(void **state)
{
    struct kit *k = *state;
    kit_start(k, BOX_WARM, 2);
    run_small(k, 0);
    assert_not_recycled(k, 0);
    assert_not_recycled(k, 9);
    assert_int_equal(box_recycle(k->box, 1), 0);
    assert_killed_for(k, KILL_RECYCLE);
    assert_not_recycled(k, 1);
}

static void a_forked_worker_is_not_recycled(void **state)
{
    struct kit *k = *state;
    kit_start(k, BOX_FORK, 1);
    assert_not_recycled(k, 0);
}

/* It has ended by itself before the kill came. */
static void the_worker_was_quicker(void **state)
{
    struct kit *k = *state;
    kit_start(k, BOX_WARM, 1);
    assert_int_equal(box_recycle(k->box, 0), 0);
    kit_exit(k, 0, 0, KILL_NONE);
    kit_worker(k, 0);
    run_small(k, 0);
    kit_result(k, 0, "1");
    kit_done(k, 0, PEN_OK);
    assert_int_equal(k->done.code, CODE_OK);
}

/* ---- faults
 * --------------------------------------------------------------------------------------- */

struct end_case {
    int32_t fail; /* 0: none */
    int32_t status;
    int n_results;
    bool is_refused;
    enum code code;
    bool is_replaced;
};

static const struct end_case ends[] = {
    {0, PEN_OK, 1, false, CODE_OK, false},
    {0, PEN_OK, 1, true, CODE_OK, true},
    {0, PEN_OK, 0, false, CODE_NO_RESULT, true},
    {0, PEN_OK, 2, false, CODE_CONTRACT_VIOLATION, true},
    {0, PEN_E_INTERNAL, 0, false, CODE_PERMANENT, true},
    {PEN_E_INTERNAL, PEN_OK, 0, false, CODE_PERMANENT, true},
    {DATA_FAIL_CONTRACT, PEN_E_INTERNAL, 0, false, CODE_CONTRACT_VIOLATION, true},
    {PEN_E_INPUT, PEN_E_INPUT, 0, false, CODE_INVALID_INPUT, false},
    {PEN_E_PERMANENT, PEN_E_PERMANENT, 0, false, CODE_PERMANENT, false},
    {0, PEN_E_RETRY, 0, false, CODE_TRANSIENT, false},
};

static void end_task(struct kit *k, const struct end_case *e)
{
    k->refuse_in_done = e->is_refused;
    for (int i = 0; i < e->n_results; i++)
        kit_result(k, 0, "1");
    if (e->fail != 0)
        kit_frame(k, 0, DATA_FAIL, kit_nonce(k, 0), &e->fail, 4, "why", 3);
    kit_done(k, 0, e->status);
    assert_int_equal(k->done.code, e->code);
}

/* The next task goes to another worker after a fault, and to the same one otherwise. */
static void faults(void **state)
{
    struct kit *k = *state;
    kit_start(k, BOX_WARM, 1);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        const int n_free = k->n_free;
        run_small(k, 0);
        end_task(k, &ends[i]);
        if (ends[i].is_replaced) {
            assert_int_equal(k->n_free, n_free);
            assert_killed_for(k, KILL_RECYCLE);
            kit_exit(k, 0, SIGKILL, KILL_RECYCLE);
            kit_worker(k, 0);
        }
        assert_told_nothing(k);
        assert_int_equal(k->n_free, n_free + 1);
    }
}

/* One that says itself that it goes is waited for: its plugin is closed meanwhile. */
static void a_worker_that_takes_its_leave(void **state)
{
    struct kit *k = *state;
    kit_start(k, BOX_WARM, 1);
    run_small(k, 0);
    kit_result(k, 0, "1");
    atomic_store(&k->page[0]->leaving, k->generation[0]);
    kit_done(k, 0, PEN_OK);
    assert_int_equal(k->n_done, 1);
    assert_int_equal(k->n_free, 1);
    assert_told_nothing(k);
    kit_exit(k, 0, 0, KILL_NONE);
    kit_worker(k, 0);
    /* What the last one said does not hold for this one. */
    for (int i = 2; i <= 3; i++) {
        assert_int_equal(k->n_free, i);
        run_small(k, 0);
        kit_result(k, 0, "1");
        kit_done(k, 0, PEN_OK);
        assert_int_equal(k->n_done, i);
    }
}

/* ---- tasks written ahead
 * --------------------------------------------------------------------------- */

static void start_with_three(struct kit *k, int *users)
{
    k->spec.depth = 4;
    kit_start(k, BOX_WARM, 1);
    run_small(k, 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(box_run(k->box, 0, &kit_small_task, &users[i]), 0);
}

/* In their order, untouched, and none while the worker might still take one behind it: only the
 * task at work, which no worker of ours takes, is left. */
static void assert_given_back(struct kit *k, int *users, int first)
{
    assert_int_equal(k->n_returned, 2 - first);
    for (int i = 0; i < k->n_returned; i++)
        assert_ptr_equal(k->returned[i], &users[first + i]);
    assert_int_equal(k->cells_left, 1);
}

static void those_behind_a_leave_go_back(void **state)
{
    struct kit *k = *state;
    int users[2];
    start_with_three(k, users);
    atomic_store(&k->page[0]->leaving, k->generation[0]);
    assert_int_equal(box_room(k->box, 0), 0);
    kit_result(k, 0, "1");
    kit_done(k, 0, PEN_OK);
    assert_int_equal(k->n_done, 1);
    assert_given_back(k, users, 0);
    assert_told_nothing(k);
    kit_exit(k, 0, 0, KILL_NONE);
    assert_int_equal(k->n_done, 1);
}

static void those_behind_a_fault_go_back(void **state)
{
    struct kit *k = *state;
    int users[2];
    start_with_three(k, users);
    kit_done(k, 0, PEN_E_INTERNAL);
    assert_int_equal(k->n_done, 1);
    assert_given_back(k, users, 0);
    assert_killed_for(k, KILL_RECYCLE);
}

/* The worker is at the second one already when the first is refused: that one ends first. */
static void one_that_was_begun_ends(void **state)
{
    struct kit *k = *state;
    int users[2];
    start_with_three(k, users);
    const uint64_t second = atomic_exchange(&k->page[0]->cells[1], 0);
    const uint64_t cpu_us = 1;
    const int32_t status = PEN_E_RETRY;
    kit_done(k, 0, PEN_E_INTERNAL);
    assert_given_back(k, users, 1);
    assert_told_nothing(k);
    kit_frame(k, 0, DATA_DONE, second, &status, 4, &cpu_us, 8);
    assert_int_equal(k->n_done, 2);
    assert_int_equal(k->done.code, CODE_TRANSIENT);
    assert_killed_for(k, KILL_RECYCLE);
}

/* A worker that has only gathered what it says, as far as it came. */
static void gather(struct kit *k, uint64_t nonce)
{
    struct slot_unsent *u = &k->page[0]->unsent;
    const struct data_head head = {DATA_MAGIC, DATA_LOG, nonce, 7};
    const uint32_t level = PEN_LOG_INFO;
    memcpy(u->bytes, &head, sizeof head);
    memcpy(u->bytes + sizeof head, &level, sizeof level);
    memcpy(u->bytes + sizeof head + sizeof level, "old", 3);
    atomic_store(&u->len, sizeof head + 7);
}

/* Slow to begin, so that the page is looked at before it is his. */
static void the_next_worker_is_not_taken_for_a_dead_one(void **state)
{
    struct kit *k = *state;
    int users[1];
    k->spec.depth = 4;
    kit_start(k, BOX_WARM, 1);
    run_small(k, 0);
    gather(k, kit_nonce(k, 0));
    kit_exit(k, 0, SIGSEGV, KILL_NONE);
    assert_int_equal(k->done.code, CODE_CRASH);
    assert_string_equal(k->log, "old");
    gather(k, 4711);
    kit_worker(k, 0);
    run_small(k, 0);
    assert_int_equal(box_run(k->box, 0, &kit_small_task, &users[0]), 0);
    kit_until(k, &k->n_returned, 1);
    assert_told_nothing(k);
    kit_result(k, 0, "1");
    kit_done(k, 0, PEN_OK);
    assert_int_equal(k->n_done, 2);
    assert_int_equal(k->done.code, CODE_OK);
}

/* ---- a box for one task
 * ---------------------------------------------------------------------------- */

static void exec_waits_for_the_end_of_the_worker(void **state)
{
    struct kit *k = *state;
    kit_start(k, BOX_EXEC, 1);
    run_small(k, 0);
    kit_result(k, 0, "1");
    kit_done(k, 0, PEN_OK);
    assert_int_equal(k->n_done, 0);
    kit_exit(k, 0, 0, KILL_NONE);
    assert_int_equal(k->n_done, 1);
    assert_int_equal(k->done.code, CODE_OK);
    assert_int_equal(k->done.cpu_ms, 7);
    kit_ended(k, 0);
    assert_int_equal(k->n_ended, 1);
    assert_int_equal(k->ended_code, CODE_OK);
    assert_int_equal(k->n_free, 1);
}

/* What the kernel says comes before what the worker has claimed. */
static void exec_dies_behind_its_claim(void **state)
{
    struct kit *k = *state;
    kit_start(k, BOX_EXEC, 1);
    run_small(k, 0);
    kit_result(k, 0, "1");
    kit_done(k, 0, PEN_OK);
    kit_exit(k, 0, SIGSEGV, KILL_NONE);
    assert_int_equal(k->done.code, CODE_CRASH);
    kit_ended(k, 0);
    assert_int_equal(k->ended_code, CODE_OK);
}

static const struct control_exit only_exit = {
    .head = {CHAN_MAGIC, CHAN_VERSION, CONTROL_EXIT}, .generation = 1, .wait_status = 0};

/* The box has ended, with an order unread, before we read what it said last. */
static void exec_is_gone_with_an_order_unread(void **state)
{
    struct kit *k = *state;
    kit_start(k, BOX_EXEC, 1);
    run_small(k, 0);
    kit_frame(k, 0, DATA_DONE, 4711, "not a frame", 12, NULL, 0);
    assert_int_equal(k->n_done, 0);
    assert_int_equal(send(k->control, &only_exit, sizeof only_exit, 0), sizeof only_exit);
    fd_close(&k->control);
    kit_until(k, &k->n_done, 1);
    assert_int_equal(k->done.code, CODE_BAD_RESULT);
    kit_ended(k, 0);
    assert_int_equal(k->ended_code, CODE_OK);
}

/* Orders that find nobody any more: the first tells of the unread one before it (ECONNRESET), the
 * next that nobody reads (EPIPE). Neither is the end of the box, nor of the task. */
static void exec_is_gone_before_an_order(void **state)
{
    struct kit *k = *state;
    const struct control_stop stop = {{CHAN_MAGIC, CHAN_VERSION, CONTROL_STOP}};
    struct launch_kill asked;
    kit_start(k, BOX_EXEC, 1);
    run_small(k, 0);
    kit_result(k, 0, "1");
    kit_done(k, 0, PEN_OK);
    box_tell(k->box, &stop, sizeof stop);
    assert_int_equal(send(k->control, &only_exit, sizeof only_exit, 0), sizeof only_exit);
    fd_close(&k->control);
    box_tell(k->box, &stop, sizeof stop);
    box_tell(k->box, &stop, sizeof stop);
    assert_int_equal(kit_asked(k, &asked, sizeof asked), 0);
    kit_until(k, &k->n_done, 1);
    assert_int_equal(k->done.code, CODE_OK);
    kit_ended(k, 0);
    assert_int_equal(k->ended_code, CODE_OK);
}

static void exec_dies_before_its_task(void **state)
{
    struct kit *k = *state;
    kit_start(k, BOX_EXEC, 1);
    kit_exit(k, 0, SIGSEGV, KILL_NONE);
    kit_ended(k, 0);
    assert_int_equal(k->ended_code, CODE_SANDBOX_ERROR);
}

static void exec_is_stopped_without_a_task(void **state)
{
    struct kit *k = *state;
    kit_start(k, BOX_EXEC, 1);
    box_stop(k->box);
    kit_exit(k, 0, 0, KILL_NONE);
    kit_ended(k, 0);
    assert_int_equal(k->ended_code, CODE_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_idle_worker_is_replaced),
        TEST(only_idle_warm_workers_are_replaced),
        TEST(a_forked_worker_is_not_recycled),
        TEST(the_worker_was_quicker),
        TEST(faults),
        TEST(a_worker_that_takes_its_leave),
        TEST(those_behind_a_leave_go_back),
        TEST(those_behind_a_fault_go_back),
        TEST(one_that_was_begun_ends),
        TEST(the_next_worker_is_not_taken_for_a_dead_one),
        TEST(exec_waits_for_the_end_of_the_worker),
        TEST(exec_dies_behind_its_claim),
        TEST(exec_is_gone_with_an_order_unread),
        TEST(exec_is_gone_before_an_order),
        TEST(exec_dies_before_its_task),
        TEST(exec_is_stopped_without_a_task),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
