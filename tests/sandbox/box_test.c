/*
 * box_test.c: real boxes: launcher, warden, zygote, tasks, with plugins that misbehave on purpose.
 * Each verdict is provoked by a plugin that does it, and after each the box takes its next task.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmocka_all.h"

#include "base/clock.h"
#include "base/fdutil.h"
#include "inner_host.h"
#include "sandbox/zygote.h"

#define MISBEHAVE "tests/plugins/misbehave"
#define INNER     "tests/plugins/inner_plugin"

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
    /* Nobody of the launcher's is left: as subreaper we would have to bury them. */
    assert_int_equal(waitpid(-1, NULL, 0), -1);
    assert_int_equal(errno, ECHILD);
    free(h);
    return 0;
}

/* ---- verdicts
 * ------------------------------------------------------------------------------------- */

struct verdict_case {
    const char *plugin, *slug, *params;
    enum code code;
    const char *said; /* found in message, details or data */
    uint32_t timeout_ms, cpu_ms;
    bool is_fork_only; /* in warm mode it is something else, or takes the box down */
};

static const struct verdict_case cases[] = {
    {MISBEHAVE, "crash", "{}", CODE_CRASH, "killed by signal 11 (SIGSEGV) at address 0x10", 0, 0,
     0},
    {MISBEHAVE, "crash", "{\"signal\":8}", CODE_CRASH, "SIGFPE", 0, 0, 0},
    {MISBEHAVE, "crash", "{\"signal\":4}", CODE_CRASH, "SIGILL", 0, 0, 0},
    {MISBEHAVE, "crash", "{\"signal\":7}", CODE_CRASH, "SIGBUS", 0, 0, 0},
    {MISBEHAVE, "crash", "{\"signal\":15}", CODE_CRASH, "SIGTERM", 0, 0, 0},
    {MISBEHAVE, "crash", "{\"signal\":9}", CODE_KILLED, "not by this host", 0, 0, 0},
    {MISBEHAVE, "crash", "{\"signal\":24}", CODE_CPU_LIMIT, "SIGXCPU", 0, 0, 0},
    {MISBEHAVE, "crash", "{\"signal\":25}", CODE_DISK_LIMIT, "SIGXFSZ", 0, 0, 0},
    {MISBEHAVE, "crash", "{\"signal\":31}", CODE_SANDBOX_VIOLATION, "SIGSYS", 0, 0, 0},
    {MISBEHAVE, "crash", "{\"signal\":19}", CODE_TIMEOUT, "150 ms", 150, 0, 0},
    {MISBEHAVE, "abort", "{}", CODE_CRASH, "killed by signal 6 (SIGABRT)", 0, 0, 0},
    {MISBEHAVE, "loop", "{}", CODE_TIMEOUT, "ran longer than its limit of 150 ms", 150, 0, 0},
    {MISBEHAVE, "loop", "{}", CODE_CPU_LIMIT, "limit 100 ms", 10000, 100, 0},
    {MISBEHAVE, "sleep", "{}", CODE_TIMEOUT, "150 ms", 150, 0, 0},
    {MISBEHAVE, "sleep", "{\"deaf\":1}", CODE_TIMEOUT, "150 ms", 150, 0, 0},
    {MISBEHAVE, "sleep", "{\"ms\":1}", CODE_OK, "{\"slept\":1}", 10000, 0, 0},
    {MISBEHAVE, "exit3", "{}", CODE_PLUGIN_EXIT, "status 3", 0, 0, 0},
    {MISBEHAVE, "exit3", "{\"result\":1}", CODE_PLUGIN_EXIT, "\"exit_status\":3", 0, 0, 0},
    {MISBEHAVE, "exit3", "{\"status\":0}", CODE_NO_RESULT, "before run returned", 0, 0, 0},
    {MISBEHAVE, "exit3", "{\"status\":0,\"result\":1}", CODE_NO_RESULT, "before run returned", 0, 0,
     0},
    {MISBEHAVE, "leak", "{}", CODE_TRANSIENT, "out of memory", 0, 0, 1},
    {MISBEHAVE, "leak", "{\"crash\":1}", CODE_OOM, "\"limit_bytes\":268435456", 0, 0, 0},
    {MISBEHAVE, "noresult", "{}", CODE_NO_RESULT, "gave no result", 0, 0, 0},
    {MISBEHAVE, "twice", "{}", CODE_CONTRACT_VIOLATION, "second", 0, 0, 0},
    {MISBEHAVE, "bigresult", "{\"mb\":2}", CODE_RESULT_TOO_BIG, "longer than", 0, 0, 0},
    {MISBEHAVE, "bigresult", "{\"mb\":64}", CODE_RESULT_TOO_BIG, "longer than", 0, 0, 0},
    {MISBEHAVE, "badjson", "{}", CODE_BAD_RESULT, "not JSON", 0, 0, 0},
    {MISBEHAVE, "status", "{}", CODE_OK, "{\"half\":true}", 0, 0, 0},
    {MISBEHAVE, "status", "{\"unknown\":1}", CODE_CONTRACT_VIOLATION, "sideways", 0, 0, 0},
    {MISBEHAVE, "fail_input", "{}", CODE_INVALID_INPUT, "not to my liking", 0, 0, 0},
    {MISBEHAVE, "fail_retry", "{}", CODE_TRANSIENT, "not now", 0, 0, 0},
    {MISBEHAVE, "fail_retry", "{\"until\":1}", CODE_OK, "{\"attempt\":1}", 0, 0, 0},
    {MISBEHAVE, "fail_permanent", "{}", CODE_PERMANENT, "never", 0, 0, 0},
    {MISBEHAVE, "outputs", "{\"kb\":900,\"n\":3}", CODE_RESULT_TOO_BIG, "longer than", 0, 0, 0},
    {MISBEHAVE, "bad_output", "{}", CODE_CONTRACT_VIOLATION, "../../etc/passwd", 0, 0, 0},
    {MISBEHAVE, "fork", "{}", CODE_OK, "{\"errno\":1}", 0, 0, 0},
    {MISBEHAVE, "socket", "{}", CODE_OK, "{\"errno\":1}", 0, 0, 0},
    {MISBEHAVE, "ptrace", "{}", CODE_SANDBOX_VIOLATION, "called ptrace", 0, 0, 0},
    {MISBEHAVE, "threads", "{\"n\":8}", CODE_OK, "{\"errno\":0}", 0, 0, 0},
    {MISBEHAVE, "spin_ms", "{\"ms\":30}", CODE_OK, "{\"ms\":30}", 0, 0, 0},
    {INNER, "noise", "{}", CODE_BAD_RESULT, "magic", 0, 0, 0},
    {INNER, "forged", "{}", CODE_BAD_RESULT, "not at work here", 0, 0, 0},
    {INNER, "closes", "{}", CODE_NO_RESULT, "before run returned", 0, 0, 0},
    {INNER, "overflow", "{}", CODE_CRASH, "SIGSEGV", 0, 0, 0},
    {INNER, "garbage_jump", "{}", CODE_CRASH, "killed by signal 11 (SIGSEGV) at", 0, 0, 0},
    {INNER, "handler", "{}", CODE_TIMEOUT, "150 ms", 150, 0, 0},
    {INNER, "catches", "{}", CODE_OK, "caught", 0, 0, 0},
    {INNER, "blocked", "{}", CODE_SANDBOX_VIOLATION, "SIGSYS", 0, 0, 0},
    {INNER, "ids", "{}", CODE_OK, "[1,1]", 0, 0, 0},
    {INNER, "config", "{}", CODE_OK, "{}", 0, 0, 0},
    {INNER, "big_file", "{}", CODE_DISK_LIMIT, "SIGXFSZ", 0, 0, 0},
    {INNER, "leaves", "{}", CODE_OK, "\"new\"", 0, 0, 0},
};

static void assert_verdict(const struct host *h, const struct verdict_case *c, const char *mode)
{
    const struct host_outcome *o = &h->last;
    if (h->n_done == 0)
        fail_msg("%s %s %s: no outcome; %s: %s", mode, c->slug, c->params, code_name(h->ended_code),
                 h->ended_text);
    if (o->code != c->code)
        fail_msg("%s %s %s: %s, expected %s (%s, %s)", mode, c->slug, c->params, code_name(o->code),
                 code_name(c->code), o->message, o->details);
    if (strstr(o->message, c->said) == NULL && strstr(o->details, c->said) == NULL &&
        strstr(o->data, c->said) == NULL)
        fail_msg("%s %s %s: said \"%s\", %s, %s", mode, c->slug, c->params, o->message, o->details,
                 o->data);
    if (!o->was_started)
        fail_msg("%s %s %s: was not started", mode, c->slug, c->params);
}

/* Each in a box that lives on: two tasks of it, so that the slot is seen to recover. */
static void provoke(struct host *h, const struct verdict_case *c, enum box_mode mode)
{
    const char *name = mode == BOX_FORK ? "fork" : "warm";
    host_spec(h, c->plugin, c->slug, mode, 1);
    if (c->cpu_ms > 0)
        h->spec.limits.cpu_ms = c->cpu_ms;
    host_box(h);
    for (int i = 1; i <= 2; i++) {
        host_params(h, c->params, c->timeout_ms);
        assert_int_equal(h->n_done, i);
        assert_verdict(h, c, name);
    }
    host_wait_free(h);
    assert_non_null(h->box);
    host_end_box(h);
    if (h->ended_code != CODE_OK)
        fail_msg("%s %s: the box ended as %s: %s", name, c->slug, code_name(h->ended_code),
                 h->ended_text);
}

static void verdicts_of_forked_tasks(void **state)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        provoke(*state, &cases[i], BOX_FORK);
}

static void verdicts_of_warm_tasks(void **state)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (!cases[i].is_fork_only)
            provoke(*state, &cases[i], BOX_WARM);
    }
}

/* The same verdicts where the whole box is for one task, and ends with it. */
static void provoke_once(struct host *h, const struct verdict_case *c)
{
    host_spec(h, c->plugin, c->slug, BOX_EXEC, 1);
    if (c->cpu_ms > 0)
        h->spec.limits.cpu_ms = c->cpu_ms;
    host_box(h);
    assert_int_equal(h->mode, BOX_EXEC);
    host_params(h, c->params, c->timeout_ms);
    assert_int_equal(h->n_done, 1);
    assert_verdict(h, c, "exec");
    while (h->box != NULL)
        loop_turn(h->loop, 1000);
    if (h->ended_code != CODE_OK)
        fail_msg("exec %s: the box ended as %s: %s", c->slug, code_name(h->ended_code),
                 h->ended_text);
}

static void verdicts_of_tasks_in_boxes_of_their_own(void **state)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        provoke_once(*state, &cases[i]);
}

/* ---- what works
 * ----------------------------------------------------------------------------------- */

static void start(struct host *h, const char *plugin, const char *slug, enum box_mode mode)
{
    host_spec(h, plugin, slug, mode, 1);
    host_box(h);
    if (h->box == NULL)
        fail_msg("%s: %s: %s", slug, code_name(h->ended_code), h->ended_text);
}

static void assert_ok(const struct host *h)
{
    if (h->last.code != CODE_OK)
        fail_msg("%s: %s", code_name(h->last.code), h->last.message);
}

static void state_of_a_plugin(void **state)
{
    struct host *h = *state;
    start(h, MISBEHAVE, "echo_warm", BOX_FORK);
    for (int i = 0; i < 3; i++) {
        host_params(h, "{}", 5000);
        assert_ok(h);
        assert_string_equal(h->last.data, "{\"calls\":1}");
        assert_true(h->last.max_rss_bytes > 0);
    }
    host_end_box(h);
    start(h, MISBEHAVE, "echo_warm", BOX_WARM);
    for (int i = 1; i <= 3; i++) {
        char expected[32];
        snprintf(expected, sizeof expected, "{\"calls\":%d}", i);
        host_params(h, "{}", 5000);
        assert_ok(h);
        assert_string_equal(h->last.data, expected);
    }
    host_end_box(h);
}

/* A recycled worker begins anew, and no task is lost over it. */
static void recycled(void **state)
{
    struct host *h = *state;
    host_spec(h, MISBEHAVE, "echo_warm", BOX_WARM, 1);
    h->spec.limits.recycle_after = 2;
    host_box(h);
    for (int i = 0; i < 6; i++) {
        host_params(h, "{}", 5000);
        assert_ok(h);
        assert_string_equal(h->last.data, i % 2 == 0 ? "{\"calls\":1}" : "{\"calls\":2}");
    }
    host_end_box(h);
    assert_int_equal(h->ended_code, CODE_OK);
}

static void progress_and_logs(void **state)
{
    struct host *h = *state;
    for (enum box_mode mode = BOX_FORK; mode <= BOX_WARM; mode++) {
        start(h, MISBEHAVE, "progress", mode);
        host_params(h, "{\"n\":5,\"ms\":2}", 5000);
        assert_ok(h);
        assert_string_equal(h->last.data, "{\"steps\":5}");
        assert_true(h->n_progress >= 2);
        assert_int_equal(h->n_logs, 5);
        assert_string_equal(h->log, "step 5 of 5");
        assert_int_equal(h->log_stream, BOX_LOG_PLUGIN);
        host_end_box(h);
    }
}

static void children(void **state)
{
    struct host *h = *state;
    start(h, MISBEHAVE, "next", BOX_FORK);
    host_params(h, "{\"n\":3}", 5000);
    assert_ok(h);
    assert_int_equal(h->last.n_children, 3);
    assert_string_equal(h->last.child, "spin_ms spin");
    host_params(h, "{\"n\":3,\"fail\":1}", 5000);
    assert_int_equal(h->last.code, CODE_PERMANENT);
    assert_int_equal(h->last.n_children, 0);
    host_params(h, "{\"n\":1001}", 5000);
    assert_int_equal(h->last.code, CODE_CONTRACT_VIOLATION);
    host_end_box(h);
}

/* Output of a task is kept up to its limit, and a flood of it stops nobody. */
static void standard_output(void **state)
{
    struct host *h = *state;
    start(h, MISBEHAVE, "stdout", BOX_FORK);
    host_params(h, "{\"kb\":1}", 5000);
    assert_ok(h);
    host_wait_free(h);
    assert_int_equal(h->log_bytes, 2048);
    assert_int_equal(h->log_stream, BOX_LOG_OUTPUT);
    h->log_bytes = 0;
    host_params(h, "{\"kb\":4096}", 20000);
    assert_ok(h);
    host_wait_free(h);
    assert_true(h->log_bytes >= h->spec.limits.log_bytes);
    assert_true(h->log_bytes <= 2 * h->spec.limits.log_bytes);
    host_end_box(h);
}

static void files(void **state)
{
    struct host *h = *state;
    const struct box_input input = {"note.txt", "text/plain", "twelve bytes", 12};
    struct box_task task = {.id = "t", .inputs = &input, .n_inputs = 1, .timeout_ms = 5000};
    for (enum box_mode mode = BOX_FORK; mode <= BOX_WARM; mode++) {
        start(h, MISBEHAVE, "files", mode);
        for (int i = 0; i < 3; i++) {
            task.params = "{}";
            task.params_len = 2;
            host_task(h, &task);
            assert_ok(h);
            assert_string_equal(h->last.output, "twelve bytes");
            assert_string_equal(h->last.output_name, "copy");
            task.params = "{\"link\":1}";
            task.params_len = 10;
            host_task(h, &task);
            assert_int_equal(h->last.code, CODE_CONTRACT_VIOLATION);
        }
        host_end_box(h);
    }
}

static void many_tasks_in_a_row(void **state)
{
    struct host *h = *state;
    char params[300];
    const struct box_input input = {"in", NULL, "abc", 3};
    struct box_task task = {.id = "t", .inputs = &input, .n_inputs = 1, .timeout_ms = 10000};
    for (enum box_mode mode = BOX_FORK; mode <= BOX_WARM; mode++) {
        start(h, "plugins/echo", "echo", mode);
        for (int i = 0; i < 1000; i++) {
            task.params = params;
            task.params_len = (size_t)snprintf(params, sizeof params, "{\"n\":%d}", i);
            host_task(h, &task);
            assert_ok(h);
            assert_string_equal(h->last.data, params);
            assert_string_equal(h->last.output, "abc");
        }
        host_end_box(h);
        assert_int_equal(h->ended_code, CODE_OK);
    }
}

/* Large inputs and outputs, past every buffer on the way. */
static void large_bytes(void **state)
{
    struct host *h = *state;
    const size_t n = 20 << 20;
    char *bytes = malloc(n);
    memset(bytes, 'L', n);
    const struct box_input input = {"in", "a/b", bytes, n};
    const struct box_task task = {
        .id = "t", .inputs = &input, .n_inputs = 1, .params = "1", .params_len = 1};
    for (enum box_mode mode = BOX_FORK; mode <= BOX_WARM; mode++) {
        host_spec(h, "plugins/echo", "echo", mode, 1);
        h->spec.outputs_max = n;
        host_box(h);
        for (int i = 0; i < 2; i++) {
            host_task(h, &task);
            assert_ok(h);
            assert_int_equal(h->last.output_len, n);
        }
        host_end_box(h);
    }
    free(bytes);
}

/* ---- what a plugin finds and leaves
 * --------------------------------------------------------------- */

static void open_descriptors(void **state)
{
    struct host *h = *state;
    for (enum box_mode mode = BOX_FORK; mode <= BOX_WARM; mode++) {
        host_spec(h, INNER, "fds", mode, 4);
        host_box(h);
        host_params(h, "{}", 5000);
        assert_ok(h);
        /* The standard ones, the data channel, and the directory that a warm worker keeps clean. */
        int n = 1;
        for (const char *at = h->last.data; *at != '\0'; at++)
            n += *at == ',';
        if (n != (mode == BOX_FORK ? 4 : 5))
            fail_msg("open descriptors: %s", h->last.data);
        host_end_box(h);
    }
}

static void configuration(void **state)
{
    struct host *h = *state;
    host_spec(h, INNER, "config", BOX_FORK, 1);
    h->spec.config = "{\"model\":\"large\"}";
    host_box(h);
    assert_string_equal(h->log, "[warn] opening\n");
    host_params(h, "{}", 5000);
    assert_string_equal(h->last.data, "{\"model\":\"large\"}");
    host_end_box(h);
}

/* Two tasks out of one zygote must not draw the same random numbers. */
static void random_numbers(void **state)
{
    struct host *h = *state;
    char first[64];
    start(h, INNER, "random", BOX_FORK);
    host_params(h, "{}", 5000);
    assert_ok(h);
    snprintf(first, sizeof first, "%.60s", h->last.data);
    host_params(h, "{}", 5000);
    assert_ok(h);
    if (strcmp(first, "null") != 0)
        assert_string_not_equal(h->last.data, first);
    host_end_box(h);
}

/* OpenBLAS has a pool of threads and handlers of fork(); both ways of running it must come to the
 * right result. */
static void matrices(void **state)
{
    struct host *h = *state;
    bool is_there = true;
    for (uint32_t threads = 1; threads <= 16 && is_there; threads += 15) {
        host_spec(h, INNER, "blas", BOX_FORK, threads > 1 ? 1 : 2);
        h->spec.limits.threads = threads;
        h->spec.rights = threads > 1 ? BOX_MAY_PROC : 0;
        h->spec.limits.memory_bytes = 1 << 30;
        host_box(h);
        if (h->box == NULL)
            fail_msg("blas: %s: %s", code_name(h->ended_code), h->ended_text);
        for (int i = 0; i < 3; i++) {
            host_params(h, "{}", 10000);
            assert_ok(h);
            is_there = strcmp(h->last.data, "null") != 0;
            if (is_there)
                assert_string_equal(h->last.data, "true");
        }
        print_message("%u threads: %s\n", threads, h->mode == BOX_WARM ? "warm" : "fork");
        host_end_box(h);
    }
}

/* What a thread says after its task is nobody's, and harms nobody. */
static void a_thread_that_talks_on(void **state)
{
    struct host *h = *state;
    start(h, INNER, "talks_on", BOX_WARM);
    for (int i = 0; i < 10; i++) {
        host_params(h, "{}", 5000);
        assert_ok(h);
    }
    host_end_box(h);
    assert_int_equal(h->ended_code, CODE_OK);
}

/* ---- cancelling
 * ----------------------------------------------------------------------------------- */

static void run_and_cancel(struct host *h, const char *params, int64_t grace_ms)
{
    const struct box_task task = {.id = "t", .params = params, .params_len = strlen(params)};
    host_wait_free(h);
    h->n_done = 0;
    h->is_free[0] = false;
    assert_int_equal(box_run(h->box, 0, &task, h), 0);
    h->n_running++;
    /* Until it has begun, which its report shows. */
    box_cancel(h->box, 0, h, KILL_CANCEL, grace_ms);
    host_turn_until(h, &h->n_done, 1);
    assert_int_equal(h->n_done, 1);
}

static void cancelled(void **state)
{
    struct host *h = *state;
    for (enum box_mode mode = BOX_FORK; mode <= BOX_WARM; mode++) {
        start(h, MISBEHAVE, "sleep", mode);
        const int64_t begun = clock_mono_ms();
        run_and_cancel(h, "{}", 60000);
        assert_int_equal(h->last.code, CODE_CANCELLED);
        assert_true(clock_mono_ms() - begun < 30000);
        run_and_cancel(h, "{\"deaf\":1}", 20);
        assert_int_equal(h->last.code, CODE_CANCELLED);
        host_params(h, "{\"ms\":1}", 10000);
        assert_ok(h);
        host_end_box(h);
        assert_int_equal(h->ended_code, CODE_OK);
    }
}

static void box_killed_with_a_task_in_it(void **state)
{
    struct host *h = *state;
    const struct box_task task = {.id = "t", .params = "{\"deaf\":1}", .params_len = 10};
    for (enum box_mode mode = BOX_FORK; mode <= BOX_WARM; mode++) {
        start(h, MISBEHAVE, "sleep", mode);
        assert_int_equal(box_run(h->box, 0, &task, h), 0);
        box_kill(h->box);
        host_turn_until(h, &h->n_done, 1);
        while (h->box != NULL)
            loop_turn(h->loop, 1000);
        assert_int_equal(h->last.code, CODE_KILLED);
        assert_int_equal(h->ended_code, CODE_KILLED);
    }
}

/* ---- loading
 * -------------------------------------------------------------------------------------- */

struct load_case {
    const char *plugin, *slug;
    enum code code;
    const char *said;
};

static const struct load_case loads[] = {
    {"tests/plugins/misbehave", "nobody", CODE_PLUGIN_LOAD_FAILED, "no pipeline \"nobody\""},
    {"tests/plugins/no_symbol", "no_symbol", CODE_PLUGIN_LOAD_FAILED, "no symbol pen_plugin_entry"},
    {"tests/plugins/undefined_symbol", "undefined_symbol", CODE_PLUGIN_LOAD_FAILED,
     "none of its libraries has"},
    {"tests/plugins/wrong_magic", "wrong_magic", CODE_PLUGIN_LOAD_FAILED, "magic"},
    {"tests/plugins/wrong_major", "wrong_major", CODE_PLUGIN_LOAD_FAILED, "major"},
    {"tests/plugins/short_size", "short_size", CODE_PLUGIN_LOAD_FAILED, "size"},
    {"tests/plugins/lying_size", "lying_size", CODE_PLUGIN_LOAD_FAILED, "symbol has"},
    {"tests/plugins/missing_run", "missing_run", CODE_PLUGIN_LOAD_FAILED, "run is missing"},
    {"tests/plugins/unknown_need", "unknown_need", CODE_PLUGIN_LOAD_FAILED, "not known"},
    {"tests/plugins/crash_in_constructor", "crash_in_constructor", CODE_PLUGIN_LOAD_FAILED,
     "signal"},
    {"tests/plugins/exit_in_constructor", "exit_in_constructor", CODE_PLUGIN_LOAD_FAILED,
     "status 0"},
    {"tests/plugins/hang_in_constructor", "hang_in_constructor", CODE_PLUGIN_LOAD_TIMEOUT,
     "limit of 300 ms"},
    {"tests/plugins/badopen", "open_fails", CODE_PLUGIN_LOAD_FAILED, "the model is not there"},
    {"tests/plugins/badopen", "open_crashes", CODE_PLUGIN_LOAD_FAILED,
     "(SIGABRT) while it was loaded; it printed last: "},
    {"tests/plugins/badopen", "open_hangs", CODE_PLUGIN_LOAD_TIMEOUT, "limit of 300 ms"},
    {"tests/plugins/badopen", "open_exits", CODE_PLUGIN_LOAD_FAILED, "status 0"},
    {INNER, "wrong_open", CODE_PLUGIN_LOAD_FAILED, "open called result"},
    {"tests/plugins/there_is_none", "x", CODE_PLUGIN_LOAD_FAILED, ""},
};

static void failures_to_load(void **state)
{
    struct host *h = *state;
    for (size_t i = 0; i < sizeof loads / sizeof *loads; i++) {
        for (enum box_mode mode = BOX_FORK; mode <= BOX_WARM; mode++) {
            host_spec(h, loads[i].plugin, loads[i].slug, mode, 1);
            if (loads[i].code == CODE_PLUGIN_LOAD_TIMEOUT)
                h->spec.limits.load_timeout_ms = 300;
            host_box(h);
            assert_null(h->box);
            if (h->ended_code != loads[i].code || strstr(h->ended_text, loads[i].said) == NULL)
                fail_msg("%s %s: %s: %s", loads[i].plugin, loads[i].slug, code_name(h->ended_code),
                         h->ended_text);
        }
    }
}

/* A thread that open leaves behind makes forks unsafe; the box then works warm, and says so. */
static void threads_left_by_open(void **state)
{
    struct host *h = *state;
    host_spec(h, "tests/plugins/badopen", "open_threads", BOX_FORK, 2);
    host_box(h);
    assert_non_null(h->box);
    assert_int_equal(h->mode, BOX_WARM);
    for (int i = 0; i < 3; i++) {
        host_params(h, "{}", 5000);
        assert_ok(h);
    }
    host_end_box(h);
    assert_int_equal(h->ended_code, CODE_OK);
}

static void scan(struct host *h, const char *plugin)
{
    host_spec(h, plugin, NULL, BOX_SCAN, 1);
    h->spec.limits.load_timeout_ms = 1000;
    host_box(h);
    assert_null(h->box);
}

static void scans(void **state)
{
    struct host *h = *state;
    scan(h, "plugins/echo");
    assert_int_equal(h->ended_code, CODE_OK);
    assert_non_null(strstr(h->descriptor, "\"id\":\"org.example.echo\""));
    /* open is not called in a scan, so these are in order. */
    scan(h, "tests/plugins/badopen");
    assert_int_equal(h->ended_code, CODE_OK);
    assert_non_null(strstr(h->descriptor, "open_hangs"));
    for (size_t i = 0; i < sizeof loads / sizeof *loads; i++) {
        if (strstr(loads[i].plugin, "misbehave") || strstr(loads[i].plugin, "badopen") ||
            strstr(loads[i].plugin, "inner"))
            continue;
        scan(h, loads[i].plugin);
        if (h->ended_code != loads[i].code || h->descriptor[0] != '\0')
            fail_msg("scan of %s: %s: %s", loads[i].plugin, code_name(h->ended_code),
                     h->ended_text);
    }
}

/* ---- walls that do not stand
 * ---------------------------------------------------------------------- */

/* Never without the wall: the box ends, and nobody blames the plugin. */
static void expect_sandbox_error(const char *fault, enum box_mode mode, const char *said)
{
    struct host *h = NULL;
    setenv("PENSTOCK_FAULT", fault, 1);
    assert_int_equal(setup((void **)&h), 0);
    host_spec(h, "plugins/echo", "echo", mode, 1);
    host_box(h);
    while (h->box != NULL)
        loop_turn(h->loop, 1000);
    const enum code code = h->ended_code;
    char text[sizeof h->ended_text];
    memcpy(text, h->ended_text, sizeof text);
    /* First: a launcher that is left would have later tests wait for its end. */
    unsetenv("PENSTOCK_FAULT");
    assert_int_equal(teardown((void **)&h), 0);
    if (code != CODE_SANDBOX_ERROR || strstr(text, said) == NULL)
        fail_msg("%s: %s: %s", fault, code_name(code), text);
}

static void every_step_of_the_zygote_fails_closed(void **state)
{
    (void)state;
    for (size_t i = 0; zygote_step_name(i) != NULL; i++)
        expect_sandbox_error(zygote_step_name(i), i % 2 == 0 ? BOX_FORK : BOX_WARM,
                             zygote_step_name(i));
    expect_sandbox_error("warden.limits", BOX_FORK, "executing the zygote");
}

/* A step behind the readiness cannot be told any more: the worker ends before it has taken a task.
 */
static void every_step_of_a_warm_worker_fails_closed(void **state)
{
    bool is_ready = false;
    (void)state;
    for (size_t i = 0; zygote_warm_step_name(i) != NULL; i++) {
        const char *name = zygote_warm_step_name(i);
        expect_sandbox_error(name, BOX_WARM, is_ready ? "5 workers in a row" : name);
        is_ready = is_ready || strcmp(name, "readiness") == 0;
    }
}

static bool is_step_of_the_zygote(const char *name)
{
    size_t i = 0;
    while (zygote_step_name(i) != NULL && strcmp(zygote_step_name(i), name) != 0)
        i++;
    return zygote_step_name(i) != NULL;
}

static void every_step_of_a_task_fails_closed(void **state)
{
    (void)state;
    for (size_t i = 0; zygote_task_step_name(i) != NULL; i++) {
        const char *name = zygote_task_step_name(i);
        char fault[128];
        /* The first passage of a name that both have is the zygote's. */
        snprintf(fault, sizeof fault, "%s:%d", name, is_step_of_the_zygote(name) ? 2 : 1);
        expect_sandbox_error(fault, BOX_FORK, "5 workers in a row");
    }
}

/* ---- what is left behind
 * -------------------------------------------------------------------------- */

static void nothing_is_left(void **state)
{
    struct host *h = *state;
    int before = -1;
    for (int i = 0; i < 5; i++) {
        start(h, MISBEHAVE, "crash", i % 2 == 0 ? BOX_FORK : BOX_WARM);
        for (int j = 0; j < 5; j++)
            host_params(h, "{}", 5000);
        host_end_box(h);
        int count = fd_count();
        if (before >= 0)
            assert_int_equal(count, before);
        before = count;
    }
}

static void the_launcher_is_killed(void **state)
{
    struct host *h = *state;
    const struct box_task task = {.id = "t", .params = "{\"deaf\":1}", .params_len = 10};
    start(h, MISBEHAVE, "sleep", BOX_FORK);
    assert_int_equal(box_run(h->box, 0, &task, h), 0);
    kill(h->launcher_pid, SIGKILL);
    host_turn_until(h, &h->n_done, 1);
    while (!h->is_lost)
        loop_turn(h->loop, 1000);
    assert_int_equal(h->last.code, CODE_SANDBOX_ERROR);
    assert_int_equal(h->ended_code, CODE_SANDBOX_ERROR);
    /* The wardens end without it, and their boxes with them; we bury them. */
    while (waitpid(-1, NULL, 0) > 0)
        ;
    assert_int_equal(errno, ECHILD);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* Patterns of test names may be given. */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(verdicts_of_forked_tasks),
        TEST(verdicts_of_warm_tasks),
        TEST(verdicts_of_tasks_in_boxes_of_their_own),
        TEST(state_of_a_plugin),
        TEST(recycled),
        TEST(progress_and_logs),
        TEST(children),
        TEST(standard_output),
        TEST(files),
        TEST(many_tasks_in_a_row),
        TEST(large_bytes),
        TEST(open_descriptors),
        TEST(configuration),
        TEST(random_numbers),
        TEST(matrices),
        TEST(a_thread_that_talks_on),
        TEST(cancelled),
        TEST(box_killed_with_a_task_in_it),
        TEST(failures_to_load),
        TEST(threads_left_by_open),
        TEST(scans),
        cmocka_unit_test(every_step_of_the_zygote_fails_closed),
        cmocka_unit_test(every_step_of_a_warm_worker_fails_closed),
        cmocka_unit_test(every_step_of_a_task_fails_closed),
        TEST(nothing_is_left),
        TEST(the_launcher_is_killed),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
