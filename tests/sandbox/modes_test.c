/* modes_test.c: real boxes: warm workers that are replaced, boxes for one task, and plugins whose
 * threads make forks unsafe. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmocka_all.h"

#include "base/clock.h"
#include "inner_host.h"

#define MODES  "tests/plugins/modes"
#define OPENMP "tests/plugins/openmp_plugin"

static int setup(void **state)
{
    struct host *h = calloc(1, sizeof *h);
    assert_non_null(h);
    *state = h;
    return host_start(h);
}

static int teardown(void **state)
{
    struct host *h = *state;
    host_stop(h);
    assert_int_equal(waitpid(-1, NULL, 0), -1);
    assert_int_equal(errno, ECHILD);
    free(h);
    return 0;
}

/* How many tasks the worker of slot 0 has had. */
static long calls(struct host *h, const char *params)
{
    host_params(h, params, 5000);
    if (h->last.code != CODE_OK)
        fail_msg("%s: %s: %s", params, code_name(h->last.code), h->last.message);
    return strtol(h->last.data + strlen("{\"calls\":"), NULL, 10);
}

static void start(struct host *h)
{
    host_box(h);
    if (h->box == NULL)
        fail_msg("%s: %s", code_name(h->ended_code), h->ended_text);
}

/* ---- replaced workers
 * ------------------------------------------------------------------------------ */

static void on_request(void **state)
{
    struct host *h = *state;
    host_spec(h, MODES, "memory", BOX_WARM, 2);
    start(h);
    assert_int_equal(calls(h, "{}"), 1);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(calls(h, "{}"), i == 0 ? 2 : 1);
        host_wait_free(h);
        assert_false(box_is_fresh(h->box, 0));
        h->is_free[0] = false;
        assert_int_equal(box_recycle(h->box, 0), 0);
        assert_int_equal(box_recycle(h->box, 0), -1);
        host_wait_free(h);
        assert_true(box_is_fresh(h->box, 0));
        assert_true(box_is_fresh(h->box, 1));
    }
    host_end_box(h);
    assert_int_equal(h->ended_code, CODE_OK);
}

struct reason {
    const char *params; /* of the task after which it is replaced */
    enum code code;
    uint32_t recycle_ms;
    uint64_t growth_bytes;
    bool is_replaced;
};

static const struct reason reasons[] = {
    {"{}", CODE_OK, 0, 0, false},
    {"{\"ms\":20}", CODE_OK, 10, 0, true},
    {"{\"ms\":20}", CODE_OK, 600000, 0, false},
    {"{\"do\":\"grow\"}", CODE_OK, 0, 8 << 20, true},
    {"{\"do\":\"grow\"}", CODE_OK, 0, 128 << 20, false},
    {"{\"do\":\"internal\"}", CODE_PERMANENT, 0, 0, true},
    {"{\"do\":\"nothing\"}", CODE_NO_RESULT, 0, 0, true},
    {"{\"do\":\"twice\"}", CODE_CONTRACT_VIOLATION, 0, 0, true},
    {"{\"do\":\"name\"}", CODE_CONTRACT_VIOLATION, 0, 0, true},
    {"{\"do\":\"input\"}", CODE_INVALID_INPUT, 0, 0, false},
    {"{\"do\":\"crash\"}", CODE_CRASH, 0, 0, true},
};

static void for_a_reason(void **state)
{
    struct host *h = *state;
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        const struct reason *r = &reasons[i];
        host_spec(h, MODES, "memory", BOX_WARM, 1);
        h->spec.limits.recycle_ms = r->recycle_ms;
        h->spec.limits.recycle_growth_bytes = r->growth_bytes;
        start(h);
        for (int round = 0; round < 3; round++) {
            host_params(h, r->params, 5000);
            assert_int_equal(h->last.code, r->code);
            host_wait_free(h);
            if (box_is_fresh(h->box, 0) != r->is_replaced)
                fail_msg("%s: replaced: %d", r->params, !r->is_replaced);
        }
        host_end_box(h);
        assert_int_equal(h->ended_code, CODE_OK);
    }
}

/* ---- boxes for one task
 * ---------------------------------------------------------------------------- */

static void await_end(struct host *h)
{
    while (h->box != NULL)
        loop_turn(h->loop, 1000);
}

static void one_task_and_the_end(void **state)
{
    struct host *h = *state;
    for (int i = 0; i < 5; i++) {
        host_spec(h, MODES, "memory", BOX_EXEC, 1);
        start(h);
        assert_int_equal(h->mode, BOX_EXEC);
        assert_int_equal(calls(h, "{}"), 1);
        assert_true(h->last.max_rss_bytes > 0);
        await_end(h);
        assert_int_equal(h->ended_code, CODE_OK);
    }
}

/* What loading used is not the task's. */
static void processor_time_of_the_task_alone(void **state)
{
    struct host *h = *state;
    host_spec(h, MODES, "memory", BOX_EXEC, 1);
    h->spec.config = "{\"spin_ms\":300}";
    start(h);
    assert_int_equal(calls(h, "{}"), 1);
    assert_true(h->last.cpu_ms < 150);
    await_end(h);
}

static void ends_without_a_task(void **state)
{
    struct host *h = *state;
    host_spec(h, MODES, "memory", BOX_EXEC, 1);
    start(h);
    host_end_box(h);
    assert_int_equal(h->ended_code, CODE_OK);
    host_spec(h, "tests/plugins/badopen", "open_fails", BOX_EXEC, 1);
    host_box(h);
    assert_null(h->box);
    assert_int_equal(h->ended_code, CODE_PLUGIN_LOAD_FAILED);
}

static void a_wall_that_does_not_stand(void **state)
{
    struct host *h = NULL;
    (void)state;
    setenv("PENSTOCK_FAULT", "filter of the worker", 1);
    assert_int_equal(setup((void **)&h), 0);
    host_spec(h, MODES, "memory", BOX_EXEC, 1);
    host_box(h);
    await_end(h);
    assert_int_equal(h->ended_code, CODE_SANDBOX_ERROR);
    assert_non_null(strstr(h->ended_text, "before it had a task"));
    unsetenv("PENSTOCK_FAULT");
    assert_int_equal(teardown((void **)&h), 0);
}

/* ---- slots whose workers die
 * ----------------------------------------------------------------------- */

/* To every slot that is free, until so many are given. */
static void give(struct host *h, const struct box_task *task, int *left)
{
    for (uint32_t i = 0; i<h->spec.slots && * left> 0; i++) {
        if (!h->is_free[i])
            continue;
        h->is_free[i] = false;
        assert_int_equal(box_run(h->box, i, task, h), 0);
        h->n_running++;
        --*left;
    }
}

/* More tasks than slots, and each kills its worker: every slot has its next one without a pause. */
static void a_burst_of_crashes(void **state)
{
    struct host *h = *state;
    static const struct box_task task = {.id = "t",
                                         .tenant = "test",
                                         .params = "{\"do\":\"crash\"}",
                                         .params_len = 14,
                                         .attempt = 1,
                                         .timeout_ms = 5000};
    for (enum box_mode mode = BOX_FORK; mode <= BOX_WARM; mode++) {
        int left = 40;
        host_spec(h, MODES, "memory", mode, 2);
        start(h);
        while (h->box != NULL && h->n_done < 40) {
            give(h, &task, &left);
            loop_turn(h->loop, 1000);
            assert_true(h->n_done == 0 || h->last.code == CODE_CRASH);
        }
        assert_int_equal(calls(h, "{}"), 1);
        host_end_box(h);
        assert_int_equal(h->ended_code, CODE_OK);
    }
}

/* ---- threads
 * --------------------------------------------------------------------------------------- */

#ifdef HAS_OPENMP /* clang comes without it */
static void start_openmp(struct host *h, const char *config, uint32_t rights, uint32_t slots)
{
    host_spec(h, OPENMP, "openmp", BOX_FORK, slots);
    h->spec.config = config;
    h->spec.rights = rights;
    h->spec.limits.memory_bytes = 1 << 30;
    start(h);
}

static void assert_sum(struct host *h)
{
    host_params(h, "{}", 10000);
    if (h->last.code != CODE_OK)
        fail_msg("%s: %s", code_name(h->last.code), h->last.message);
    assert_string_equal(h->last.data, "499500");
}

/* With a second thread the box works warm, and parallel regions in run come to their end; without
 * one it forks. With and without /proc, where the zygote counts. */
static void a_pool_of_threads(void **state)
{
    struct host *h = *state;
    for (uint32_t i = 0; i < 4; i++) {
        const bool has_pool = (i & 1) != 0;
        start_openmp(h, has_pool ? "{\"threads\":2}" : "{}", i < 2 ? 0 : BOX_MAY_PROC, 2);
        assert_int_equal(h->mode, has_pool ? BOX_WARM : BOX_FORK);
        for (int j = 0; j < 3; j++)
            assert_sum(h);
        host_end_box(h);
        assert_int_equal(h->ended_code, CODE_OK);
    }
}

/* After the change the box is warm in every way: its workers can be replaced. */
static void the_warm_box_that_it_becomes(void **state)
{
    struct host *h = *state;
    start_openmp(h, "{\"threads\":2}", 0, 1);
    for (int i = 0; i < 3; i++) {
        assert_sum(h);
        host_wait_free(h);
        h->is_free[0] = false;
        assert_int_equal(box_recycle(h->box, 0), 0);
    }
    host_wait_free(h);
    host_end_box(h);
    assert_int_equal(h->ended_code, CODE_OK);
}
#endif

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(on_request),
        TEST(for_a_reason),
        TEST(one_task_and_the_end),
        TEST(processor_time_of_the_task_alone),
        TEST(ends_without_a_task),
        TEST(a_burst_of_crashes),
        cmocka_unit_test(a_wall_that_does_not_stand),
#ifdef HAS_OPENMP
        TEST(a_pool_of_threads),
        TEST(the_warm_box_that_it_becomes),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
