/*
 * ahead_test.c: real warm boxes whose workers are given tasks ahead: order, crashes, time limits
 * and cancelling in the middle. A task that comes back is given again, as the core does.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"

#include "inner_host.h"

#define INNER "tests/plugins/inner_plugin"

enum { TASKS_MAX = 1000 };

struct given {
    struct box_task task;
    char params[32];
    int n_done, n_returned;
    enum code code;
    size_t output_len;
    bool is_taken_back;
};

struct line {
    struct host host;
    struct box *box;
    bool is_free, is_ended;
    struct given given[TASKS_MAX];
    int n, next; /* next: to be given */
    int back[TASKS_MAX], n_back;
    int n_done, last_ok;
    bool is_in_order;
};

static void on_ready(void *arg, struct box *b, uint32_t walls, uint32_t abi, enum box_mode mode)
{
    (void)arg;
    (void)b;
    (void)walls;
    (void)abi;
    assert_int_equal(mode, BOX_WARM);
}

static void on_slot_free(void *arg, struct box *b, uint32_t slot)
{
    struct line *l = arg;
    (void)b;
    (void)slot;
    l->is_free = true;
}

static void on_done(void *arg, struct box *b, uint32_t slot, void *task, struct box_outcome *o)
{
    struct line *l = arg;
    struct given *g = task;
    int number = (int)(g - l->given);
    (void)b;
    (void)slot;
    g->n_done++;
    g->code = o->code;
    g->output_len = o->n_outputs > 0 ? o->outputs[0].bytes.len : 0;
    l->n_done++;
    if (o->code != CODE_OK)
        return;
    assert_int_equal(o->data.len, g->task.params_len);
    assert_memory_equal(o->data.data, g->task.params, o->data.len);
    l->is_in_order = l->is_in_order && number > l->last_ok;
    l->last_ok = number;
}

static void on_returned(void *arg, struct box *b, uint32_t slot, void *task)
{
    struct line *l = arg;
    struct given *g = task;
    (void)b;
    (void)slot;
    g->n_returned++;
    l->back[l->n_back++] = (int)(g - l->given);
}

static void on_ended(void *arg, struct box *b, enum code code, const char *message)
{
    struct line *l = arg;
    (void)b;
    (void)code;
    (void)message;
    l->is_ended = true;
}

static int setup(void **state)
{
    struct line *l = calloc(1, sizeof *l);
    assert_non_null(l);
    *state = l;
    return host_start(&l->host);
}

static int teardown(void **state)
{
    struct line *l = *state;
    box_stop(l->box);
    while (!l->is_ended)
        loop_turn(l->host.loop, 1000);
    host_stop(&l->host);
    free(l);
    return 0;
}

static void start(struct line *l, uint32_t depth, uint32_t recycle_after)
{
    static const struct box_events events = {.on_ready = on_ready,
                                             .on_slot_free = on_slot_free,
                                             .on_done = on_done,
                                             .on_returned = on_returned,
                                             .on_ended = on_ended};
    host_spec(&l->host, INNER, "line", BOX_WARM, 1);
    l->host.spec.depth = depth;
    l->host.spec.limits.recycle_after = recycle_after;
    l->is_in_order = true;
    l->last_ok = -1;
    l->box = box_start(l->host.launcher, &l->host.spec, &events, l);
    assert_non_null(l->box);
    while (!l->is_free && !l->is_ended)
        loop_turn(l->host.loop, 1000);
    assert_false(l->is_ended);
}

static void add(struct line *l, const char *what, uint32_t timeout_ms)
{
    struct given *g = &l->given[l->n];
    int n = snprintf(g->params, sizeof g->params, "[%d,\"%s\"]", l->n++, what);
    g->task = (struct box_task){.id = "t",
                                .params = g->params,
                                .params_len = (size_t)n,
                                .attempt = 1,
                                .timeout_ms = timeout_ms};
}

static int by_number(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* As many as the box takes: those that came back first. */
static void give(struct line *l)
{
    qsort(l->back, (size_t)l->n_back, sizeof *l->back, by_number);
    while ((l->n_back > 0 || l->next < l->n) && (l->is_free || box_room(l->box, 0) > 0)) {
        int number = l->n_back > 0 ? l->back[0] : l->next++;
        if (l->n_back > 0)
            memmove(l->back, l->back + 1, (size_t)--l->n_back * sizeof *l->back);
        l->is_free = false;
        assert_int_equal(box_run(l->box, 0, &l->given[number].task, &l->given[number]), 0);
    }
}

static void run_until(struct line *l, int n_done)
{
    while (l->n_done < n_done && !l->is_ended) {
        give(l);
        loop_turn(l->host.loop, 1000);
    }
    assert_int_equal(l->n_done, n_done);
}

static void assert_codes(const struct line *l, int odd, enum code code)
{
    for (int i = 0; i < l->n; i++) {
        assert_int_equal(l->given[i].n_done, l->given[i].is_taken_back ? 0 : 1);
        if (!l->given[i].is_taken_back)
            assert_int_equal(l->given[i].code, i == odd ? code : CODE_OK);
    }
}

static void order_is_kept(void **state)
{
    struct line *l = *state;
    start(l, 16, 0);
    for (int i = 0; i < TASKS_MAX; i++)
        add(l, "x", 5000);
    run_until(l, l->n);
    assert_codes(l, -1, CODE_OK);
    assert_true(l->is_in_order);
}

static void a_crash_in_the_middle(void **state)
{
    struct line *l = *state;
    start(l, 16, 0);
    for (int i = 0; i < 10; i++)
        add(l, i == 3 ? "crash" : "x", 5000);
    run_until(l, l->n);
    assert_codes(l, 3, CODE_CRASH);
    assert_true(l->is_in_order);
    /* Given before anything ran. More than once, if the worker was slow to begin. */
    assert_true(l->given[9].n_returned >= 1);
}

static void many_crashes(void **state)
{
    struct line *l = *state;
    start(l, 8, 0);
    for (int i = 0; i < 60; i++)
        add(l, i % 6 == 5 ? "crash" : "x", 5000);
    run_until(l, l->n);
    for (int i = 0; i < 60; i++)
        assert_int_equal(l->given[i].code, i % 6 == 5 ? CODE_CRASH : CODE_OK);
    assert_true(l->is_in_order);
}

static void a_task_that_takes_too_long(void **state)
{
    struct line *l = *state;
    start(l, 16, 0);
    for (int i = 0; i < 12; i++)
        add(l, i == 4 ? "wait" : "x", i == 4 ? 100 : 5000);
    run_until(l, l->n);
    assert_codes(l, 4, CODE_TIMEOUT);
    assert_true(l->is_in_order);
    /* Nobody waited behind it for long. */
    assert_true(l->given[11].n_returned >= 1);
}

static void cancelling(void **state)
{
    struct line *l = *state;
    start(l, 16, 0);
    for (int i = 0; i < 12; i++)
        add(l, i == 0 ? "wait" : "x", 60000);
    give(l);
    l->given[7].is_taken_back = box_cancel(l->box, 0, &l->given[7], KILL_CANCEL, 60000);
    assert_true(l->given[7].is_taken_back);
    assert_false(box_cancel(l->box, 0, &l->given[0], KILL_CANCEL, 60000));
    run_until(l, l->n - 1);
    assert_codes(l, 0, CODE_CANCELLED);
    assert_true(l->is_in_order);
}

static void recycled_workers(void **state)
{
    struct line *l = *state;
    start(l, 16, 7);
    for (int i = 0; i < 50; i++)
        add(l, "x", 5000);
    run_until(l, l->n);
    assert_codes(l, -1, CODE_OK);
    assert_true(l->is_in_order);
}

/* What does not fit into the socket is behind others, and others are behind it. */
static void large_inputs(void **state)
{
    struct line *l = *state;
    static char bytes[1900 * 1024];
    const struct box_input input = {"in", NULL, bytes, sizeof bytes};
    start(l, 16, 0);
    for (int i = 0; i < 24; i++) {
        add(l, i == 17 ? "crash" : "x", 5000);
        if (i % 3 != 0) {
            l->given[i].task.inputs = &input;
            l->given[i].task.n_inputs = 1;
        }
    }
    run_until(l, l->n);
    assert_codes(l, 17, CODE_CRASH);
    for (int i = 0; i < 17; i++)
        assert_int_equal(l->given[i].output_len, i % 3 != 0 ? sizeof bytes : 0);
    /* Not always in order: one that is half written cannot go back with those before it. */
}

/* Short answers do not wait for a long task that follows them. */
static void answers_are_not_held_back(void **state)
{
    struct line *l = *state;
    start(l, 16, 0);
    add(l, "x", 60000);
    add(l, "x", 60000);
    add(l, "wait", 60000);
    box_hold(l->box);
    give(l);
    box_release(l->box);
    run_until(l, 2);
    /* A worker that was slow to begin has lost what was behind its first task. */
    for (give(l); l->n_back > 0; give(l))
        loop_turn(l->host.loop, 1000);
    assert_false(box_cancel(l->box, 0, &l->given[2], KILL_CANCEL, 60000));
    run_until(l, 3);
    assert_codes(l, 2, CODE_CANCELLED);
}

static void held_tasks(void **state)
{
    struct line *l = *state;
    start(l, 16, 0);
    for (int i = 0; i < 400; i++)
        add(l, i == 203 ? "crash" : "x", 5000);
    while (l->n_done < l->n && !l->is_ended) {
        box_hold(l->box);
        give(l);
        box_release(l->box);
        loop_turn(l->host.loop, 1000);
    }
    assert_codes(l, 203, CODE_CRASH);
    assert_true(l->is_in_order);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(order_is_kept), TEST(a_crash_in_the_middle),
        TEST(many_crashes),  TEST(a_task_that_takes_too_long),
        TEST(cancelling),    TEST(recycled_workers),
        TEST(large_inputs),  TEST(answers_are_not_held_back),
        TEST(held_tasks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
