/* sandbox_box.c: a box from the core's side, with launcher, warden and worker played by the test:
 * what goes well, and everything they can say wrongly, late or not at all. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <penstock/plugin.h>

#include "base/fdutil.h"
#include "sandbox_kit.h"

#define SIGNALLED(signo) (signo)

static void run_small(struct kit *k, uint32_t slot)
{
    assert_int_equal(box_run(k->box, slot, &kit_small_task, k), 0);
}

static void read_and_drop(struct kit *k, uint32_t slot)
{
    struct kit_task t;
    kit_read_task(k, slot, &t);
    buf_clear(&t.payload);
}

static void assert_done(const struct kit *k, int n, enum code code)
{
    assert_int_equal(k->n_done, n);
    if (k->done.code != code)
        fail_msg("%s, expected %s: %s", code_name(k->done.code), code_name(code), k->done.message);
}

/* ---- what goes well
 * ------------------------------------------------------------------------------- */

static void warm_tasks_one_after_another(void **state)
{
    struct kit *k = *state;
    kit_start(k, BOX_WARM, 1);
    for (int i = 1; i <= 3; i++) {
        run_small(k, 0);
        assert_int_equal(box_run(k->box, 0, &kit_small_task, k), -1);
        read_and_drop(k, 0);
        kit_result(k, 0, "{\"ok\":true}");
        assert_int_equal(k->n_done, i - 1);
        kit_done(k, 0, PEN_OK);
        assert_done(k, i, CODE_OK);
        assert_string_equal(k->done.status, "success");
        assert_int_equal(k->done.data.len, 11);
        assert_memory_equal(k->done.data.data, "{\"ok\":true}", 11);
        assert_true(k->done.was_started);
        assert_ptr_equal(k->done.user, k);
        assert_int_equal(k->done.cpu_ms, 3);
        assert_int_equal(k->n_free, i + 1);
    }
}

static void fork_waits_for_the_end_of_the_worker(void **state)
{
    struct kit *k = *state;
    kit_start(k, BOX_FORK, 2);
    run_small(k, 1);
    read_and_drop(k, 1);
    kit_result(k, 1, "[1]");
    kit_done(k, 1, PEN_OK);
    assert_int_equal(k->n_done, 0);
    kit_exit(k, 1, 0, KILL_NONE);
    assert_done(k, 1, CODE_OK);
    assert_int_equal(k->done.slot, 1);
    assert_int_equal(k->done.cpu_ms, 7);
    assert_int_equal(k->done.max_rss_bytes, 1 << 20);
    assert_int_equal(k->n_free, 2);
    kit_worker(k, 1);
    assert_int_equal(k->n_free, 3);
    assert_int_equal(k->free_slot, 1);
    run_small(k, 1);
}

static const void *find(const struct buf *b, const char *text)
{
    return memmem(b->data, b->len, text, strlen(text));
}

/* Everything a task can carry, in one frame, large inputs aligned. */
static void a_task_travels_whole(void **state)
{
    struct kit *k = *state;
    struct kit_task t;
    const size_t large = 3 << 20;
    char *bytes = malloc(large);
    memset(bytes, 'z', large);
    const struct box_input inputs[] = {{"one", "text/plain", "1", 1},
                                       {"two", NULL, bytes, large},
                                       {"three", "a/b", NULL, 0},
                                       {"four", NULL, "abc", 3}};
    const struct box_task task = {.id = "t",
                                  .job_id = "job",
                                  .params = "{}",
                                  .params_len = 2,
                                  .metadata = bytes,
                                  .metadata_len = 5000,
                                  .inputs = inputs,
                                  .n_inputs = 4,
                                  .attempt = 3,
                                  .deadline_ms = 99,
                                  .priority = 1.5};
    kit_start(k, BOX_WARM, 1);
    assert_int_equal(box_run(k->box, 0, &task, k), 0);
    kit_read_task(k, 0, &t);
    assert_int_equal(t.task.n_inputs, 4);
    assert_int_equal(t.task.attempt, 3);
    assert_int_equal(t.task.deadline_ms, 99);
    assert_true(t.task.priority == 1.5);
    assert_int_equal(t.task.id_len, 1);
    assert_int_equal(t.task.job_id_len, 3);
    assert_true(t.task.tenant_len == UINT32_MAX);
    assert_int_equal(t.task.metadata_len, 5000);
    const unsigned char *one = find(&t.payload, "text/plain");
    assert_non_null(one);
    size_t at = ((size_t)(one - t.payload.data) + 11 + 15) / 16 * 16;
    assert_int_equal(t.payload.data[at], '1');
    const unsigned char *two = find(&t.payload, "two");
    at = ((size_t)(two - t.payload.data) + 4 + 15) / 16 * 16;
    assert_memory_equal(t.payload.data + at, bytes, large);
    assert_memory_equal(t.payload.data + t.payload.len - 3, "abc", 3);
    buf_clear(&t.payload);
    free(bytes);
}

static void a_large_result_arrives_in_pieces(void **state)
{
    struct kit *k = *state;
    const size_t n = 5 << 20;
    char *json = malloc(n + 1);
    memset(json, 'x', n);
    json[0] = json[n - 1] = '"';
    json[n] = '\0';
    kit_start(k, BOX_WARM, 1);
    run_small(k, 0);
    read_and_drop(k, 0);
    kit_result(k, 0, json);
    kit_done(k, 0, PEN_OK);
    assert_done(k, 1, CODE_OK);
    assert_int_equal(k->done.data.len, n);
    assert_memory_equal(k->done.data.data, json, n);
    free(json);
}

static void put_two_names(struct kit *k, enum data_type type, const char *a, const char *b,
                          const void *bytes, size_t n)
{
    char names[300];
    const uint32_t lengths[] = {(uint32_t)strlen(a), (uint32_t)strlen(b)};
    memcpy(names, lengths, 8);
    memcpy(names + 8, a, lengths[0]);
    memcpy(names + 8 + lengths[0], b, lengths[1]);
    kit_frame(k, 0, type, kit_nonce(k, 0), names, 8 + lengths[0] + lengths[1], bytes, n);
}

static void begin_warm(struct kit *k)
{
    kit_start(k, BOX_WARM, 1);
    run_small(k, 0);
    read_and_drop(k, 0);
}

static void print_line(struct kit *k, uint32_t slot, uint64_t generation, const char *text)
{
    struct control_log m = {
        {CHAN_MAGIC, CHAN_VERSION, CONTROL_LOG}, slot, (uint32_t)strlen(text), generation, ""};
    memcpy(m.bytes, text, m.len);
    kit_control(k, &m, offsetof(struct control_log, bytes) + m.len);
}

/* A box that ends with its worker: the warden is gone with what it was told unread, and its last
 * word still counts. */
static void last_word_of_a_warden(void **state)
{
    struct kit *k = *state;
    const struct control_exit m = {.head = {CHAN_MAGIC, CHAN_VERSION, CONTROL_EXIT},
                                   .wait_status = SIGNALLED(SIGSEGV),
                                   .generation = 1};
    begin_warm(k);
    assert_int_equal(send(k->control, &m, sizeof m, 0), sizeof m);
    box_stop(k->box); /* unread */
    fd_close(&k->control);
    kit_settle(k);
    kit_ended(k, 0);
    assert_done(k, 1, CODE_CRASH);
}

/* A task that dies takes its last lines with it; the next one begins without them. */
static void last_lines(void **state)
{
    struct kit *k = *state;
    const uint32_t warn = PEN_LOG_WARN;
    begin_warm(k);
    print_line(k, CONTROL_LOG_ZYGOTE, 0, "of nobody\n");
    print_line(k, 0, 1, "step 1\nstep \"2\"\n");
    kit_frame(k, 0, DATA_LOG, kit_nonce(k, 0), &warn, 4, "careful", 7);
    kit_exit(k, 0, SIGNALLED(SIGSEGV), KILL_NONE);
    assert_done(k, 1, CODE_CRASH);
    assert_non_null(
        strstr(k->done.details, "\"last_log\":[\"step 1\",\"step \\\"2\\\"\",\"[warn] careful\"]"));
    kit_worker(k, 0);
    run_small(k, 0);
    read_and_drop(k, 0);
    kit_exit(k, 0, SIGNALLED(SIGSEGV), KILL_NONE);
    assert_done(k, 2, CODE_CRASH);
    assert_null(strstr(k->done.details, "last_log"));
}

static void outputs_children_logs_progress(void **state)
{
    struct kit *k = *state;
    const double half = 0.5;
    const uint32_t warn = PEN_LOG_WARN;
    begin_warm(k);
    kit_frame(k, 0, DATA_LOG, kit_nonce(k, 0), &warn, 4, "careful", 7);
    assert_int_equal(k->n_logs, 1);
    assert_int_equal(k->log_level, PEN_LOG_WARN);
    assert_int_equal(k->log_stream, BOX_LOG_PLUGIN);
    assert_ptr_equal(k->log_task, k);
    assert_string_equal(k->log, "careful");
    kit_frame(k, 0, DATA_PROGRESS, kit_nonce(k, 0), &half, 8, "half", 4);
    assert_int_equal(k->n_progress, 1);
    assert_true(k->fraction == 0.5);
    put_two_names(k, DATA_OUTPUT, "small", "", "abc", 3);
    char *large = calloc(1, 300000);
    put_two_names(k, DATA_OUTPUT, "large", "image/png", large, 300000);
    free(large);
    put_two_names(k, DATA_CHILD, "next", "step", "{\"n\":1}", 7);
    kit_result(k, 0, "");
    kit_done(k, 0, PEN_OK);
    assert_done(k, 1, CODE_OK);
    assert_int_equal(k->done.n_outputs, 2);
    assert_string_equal(k->done.output_name, "large");
    assert_string_equal(k->done.output_media, "image/png");
    assert_int_equal(k->done.output_len, 300000);
    assert_int_equal(k->done.n_children, 1);
    assert_string_equal(k->done.child, "next step {\"n\":1}");
    assert_int_equal(k->done.data.len, 0);
}

static void a_failure_drops_what_was_given(void **state)
{
    struct kit *k = *state;
    const int32_t status = PEN_E_INPUT;
    begin_warm(k);
    put_two_names(k, DATA_OUTPUT, "a", "", "abc", 3);
    kit_result(k, 0, "1");
    kit_frame(k, 0, DATA_FAIL, kit_nonce(k, 0), &status, 4, "no page 7", 9);
    kit_done(k, 0, status);
    assert_done(k, 1, CODE_INVALID_INPUT);
    assert_string_equal(k->done.message, "no page 7");
    assert_int_equal(k->done.n_outputs, 0);
    assert_int_equal(k->done.data.len, 0);
    assert_int_equal(k->n_free, 2);
}

/* The callback that hears of a free slot gives it the next task. */
static void work_is_given_from_inside_a_callback(void **state)
{
    struct kit *k = *state;
    begin_warm(k);
    k->run_when_free = &kit_small_task;
    for (int i = 1; i <= 3; i++) {
        kit_result(k, 0, "1");
        kit_done(k, 0, PEN_OK);
        assert_done(k, i, CODE_OK);
        read_and_drop(k, 0);
    }
}

/* ---- what a worker can say wrongly
 * ---------------------------------------------------------------- */

/* The task's worker is killed for it, and the verdict is the given one. */
static void assert_killed(struct kit *k, enum kill_reason reason, enum code code)
{
    struct control_kill kill;
    assert_int_equal(kit_told(k, &kill, sizeof kill), CONTROL_KILL);
    assert_int_equal(kill.reason, reason);
    assert_int_equal(kill.slot, 0);
    assert_true(kill.generation == k->generation[0]);
    assert_int_equal(k->n_done, 0);
    kit_exit(k, 0, SIGNALLED(SIGKILL), reason);
    assert_done(k, 1, code);
    assert_int_equal(k->n_free, 1);
    kit_worker(k, 0);
    assert_int_equal(k->n_free, 2);
}

static void send_raw(struct kit *k, const void *bytes, size_t n)
{
    assert_int_equal(send(k->data[0], bytes, n, MSG_NOSIGNAL), n);
    kit_settle(k);
}

static void garbage(void **state)
{
    struct kit *k = *state;
    begin_warm(k);
    send_raw(k, "GET / HTTP/1.1\r\nHost: nowhere\r\n\r\n", 34);
    send_raw(k, "and more of it", 14);
    assert_killed(k, KILL_PROTOCOL, CODE_BAD_RESULT);
    assert_non_null(strstr(k->done.message, "magic"));
}

static void a_nonce_that_is_not_ours(void **state)
{
    struct kit *k = *state;
    const uint32_t level = 1;
    begin_warm(k);
    kit_frame(k, 0, DATA_LOG, kit_nonce(k, 0) + 1, &level, 4, "x", 1);
    assert_killed(k, KILL_PROTOCOL, CODE_BAD_RESULT);
}

static void a_thread_of_the_last_task(void **state)
{
    struct kit *k = *state;
    const uint32_t level = 1;
    struct control_kill kill;
    begin_warm(k);
    uint64_t old = kit_nonce(k, 0);
    kit_result(k, 0, "1");
    kit_done(k, 0, PEN_OK);
    kit_frame(k, 0, DATA_LOG, old, &level, 4, "late", 4);
    run_small(k, 0);
    read_and_drop(k, 0);
    kit_frame(k, 0, DATA_LOG, old, &level, 4, "later", 5);
    assert_int_equal(k->n_logs, 0);
    kit_result(k, 0, "2");
    kit_done(k, 0, PEN_OK);
    assert_done(k, 2, CODE_OK);
    assert_int_equal(kit_told(k, &kill, sizeof kill), 0);
}

static void noise_from_idle_workers(void **state)
{
    struct kit *k = *state;
    struct control_kill kill;
    const uint32_t level = 1;
    kit_start(k, BOX_FORK, 1);
    for (int i = 0; i < 2; i++) {
        kit_frame(k, 0, DATA_LOG, 77, &level, 4, "x", 1);
        assert_int_equal(kit_told(k, &kill, sizeof kill), CONTROL_KILL);
        assert_int_equal(kill.reason, KILL_PROTOCOL);
        assert_true(kill.generation == k->generation[0]);
        kit_exit(k, 0, SIGNALLED(SIGKILL), KILL_PROTOCOL);
        assert_int_equal(k->n_done, 0);
        kit_worker(k, 0);
    }
    run_small(k, 0);
    read_and_drop(k, 0);
    kit_result(k, 0, "1");
    kit_done(k, 0, PEN_OK);
    kit_exit(k, 0, 0, KILL_NONE);
    assert_done(k, 1, CODE_OK);
}

static void frames_behind_the_last(void **state)
{
    struct kit *k = *state;
    kit_start(k, BOX_FORK, 1);
    run_small(k, 0);
    read_and_drop(k, 0);
    kit_result(k, 0, "1");
    kit_done(k, 0, PEN_OK);
    kit_done(k, 0, PEN_OK);
    assert_killed(k, KILL_PROTOCOL, CODE_BAD_RESULT);
}

static void not_json(void **state)
{
    struct kit *k = *state;
    begin_warm(k);
    kit_result(k, 0, "{\"a\":1,\"a\":2}");
    assert_killed(k, KILL_PROTOCOL, CODE_BAD_RESULT);
    assert_non_null(strstr(k->done.message, "not JSON"));
}

static void a_child_that_is_not_json(void **state)
{
    struct kit *k = *state;
    begin_warm(k);
    put_two_names(k, DATA_CHILD, "next", "step", "{", 1);
    assert_killed(k, KILL_PROTOCOL, CODE_BAD_RESULT);
}

static void an_output_that_is_no_name(void **state)
{
    struct kit *k = *state;
    begin_warm(k);
    put_two_names(k, DATA_OUTPUT, "../etc/passwd", "", "x", 1);
    assert_killed(k, KILL_PROTOCOL, CODE_BAD_RESULT);
}

static void two_outputs_of_one_name(void **state)
{
    struct kit *k = *state;
    begin_warm(k);
    put_two_names(k, DATA_OUTPUT, "a", "", "x", 1);
    put_two_names(k, DATA_OUTPUT, "a", "", "x", 1);
    assert_killed(k, KILL_PROTOCOL, CODE_BAD_RESULT);
}

static void a_log_line_of_no_level(void **state)
{
    struct kit *k = *state;
    const uint32_t level = 4;
    begin_warm(k);
    kit_frame(k, 0, DATA_LOG, kit_nonce(k, 0), &level, 4, "x", 1);
    assert_killed(k, KILL_PROTOCOL, CODE_BAD_RESULT);
}

static void two_results(void **state)
{
    struct kit *k = *state;
    begin_warm(k);
    kit_result(k, 0, "1");
    kit_result(k, 0, "2");
    kit_done(k, 0, PEN_OK);
    assert_done(k, 1, CODE_CONTRACT_VIOLATION);
    assert_int_equal(k->done.data.len, 0);
}

static void too_big_a_result(void **state)
{
    struct kit *k = *state;
    k->spec.result_max = 100;
    k->spec.outputs_max = 100;
    begin_warm(k);
    char json[102];
    memset(json, ' ', sizeof json);
    json[0] = '1';
    json[101] = '\0';
    kit_result(k, 0, json);
    assert_killed(k, KILL_TOO_BIG, CODE_RESULT_TOO_BIG);
}

/* All outputs together count. */
static void too_big_outputs(void **state)
{
    struct kit *k = *state;
    char bytes[60] = "";
    k->spec.result_max = 1000;
    k->spec.outputs_max = 100;
    begin_warm(k);
    put_two_names(k, DATA_OUTPUT, "a", "", bytes, 60);
    put_two_names(k, DATA_OUTPUT, "b", "", bytes, 41);
    assert_killed(k, KILL_TOO_BIG, CODE_RESULT_TOO_BIG);
}

/* A long length is refused by its head: nothing of it is read or allocated. */
static void a_result_of_an_exabyte(void **state)
{
    struct kit *k = *state;
    begin_warm(k);
    const struct data_head head = {DATA_MAGIC, DATA_RESULT, kit_nonce(k, 0), 1ull << 60};
    const uint32_t len = 1;
    char bytes[sizeof head + 5];
    memcpy(bytes, &head, sizeof head);
    memcpy(bytes + sizeof head, &len, 4);
    bytes[sizeof head + 4] = 's';
    send_raw(k, bytes, sizeof bytes);
    assert_killed(k, KILL_TOO_BIG, CODE_RESULT_TOO_BIG);
}

static void floods_of_log_lines_are_cut(void **state)
{
    struct kit *k = *state;
    const uint32_t level = 2;
    char line[4000];
    memset(line, 'l', sizeof line);
    begin_warm(k);
    for (int i = 0; i < 40; i++)
        kit_frame(k, 0, DATA_LOG, kit_nonce(k, 0), &level, 4, line, sizeof line);
    assert_true(k->n_logs > 5 && k->n_logs < 30);
    kit_result(k, 0, "1");
    kit_done(k, 0, PEN_OK);
    assert_done(k, 1, CODE_OK);
}

/* ---- the end of workers
 * --------------------------------------------------------------------------- */

/* What lies in the socket when the worker is dead is still its word. */
static void the_last_words_of_a_worker(void **state)
{
    struct kit *k = *state;
    const struct control_exit m = {.head = {CHAN_MAGIC, CHAN_VERSION, CONTROL_EXIT},
                                   .generation = 1};
    const uint32_t status_len = 1;
    const uint64_t zero = 0;
    char bytes[200], *at = bytes;
    kit_start(k, BOX_FORK, 1);
    run_small(k, 0);
    read_and_drop(k, 0);
    struct data_head head = {DATA_MAGIC, DATA_RESULT, kit_nonce(k, 0), 6};
    at = mempcpy(at, &head, sizeof head);
    at = mempcpy(at, &status_len, 4);
    at = mempcpy(at, "s1", 2);
    head.type = DATA_DONE;
    head.len = 12;
    at = mempcpy(at, &head, sizeof head);
    at = mempcpy(at, &zero, 4);
    at = mempcpy(at, &zero, 8);
    /* Both are there before the loop runs. */
    assert_int_equal(fd_send_message(k->control, &m, sizeof m, NULL, 0, 0), 0);
    assert_int_equal(send(k->data[0], bytes, (size_t)(at - bytes), 0), at - bytes);
    kit_settle(k);
    assert_done(k, 1, CODE_OK);
    assert_string_equal(k->done.status, "s");
}

/* Half a frame of one worker is not the beginning of the next one's. */
static void half_a_frame_dies_with_its_worker(void **state)
{
    struct kit *k = *state;
    kit_start(k, BOX_FORK, 1);
    run_small(k, 0);
    read_and_drop(k, 0);
    const struct data_head head = {DATA_MAGIC, DATA_RESULT, kit_nonce(k, 0), 1000};
    send_raw(k, &head, sizeof head);
    kit_exit(k, 0, SIGNALLED(SIGSEGV), KILL_NONE);
    assert_done(k, 1, CODE_CRASH);
    kit_worker(k, 0);
    run_small(k, 0);
    read_and_drop(k, 0);
    kit_result(k, 0, "2");
    kit_done(k, 0, PEN_OK);
    kit_exit(k, 0, 0, KILL_NONE);
    assert_done(k, 2, CODE_OK);
}

/* A worker that dies while a large task is still being written: the rest is not written to the next
 * one. */
static void the_rest_of_a_task_dies_with_its_worker(void **state)
{
    struct kit *k = *state;
    const size_t large = 8 << 20;
    char *bytes = calloc(1, large);
    const struct box_input input = {"in", NULL, bytes, large};
    struct box_task task = kit_small_task;
    struct kit_task t;
    char drop[65536];
    task.inputs = &input;
    task.n_inputs = 1;
    kit_start(k, BOX_FORK, 1);
    assert_int_equal(box_run(k->box, 0, &task, k), 0);
    kit_exit(k, 0, SIGNALLED(SIGKILL), KILL_NONE);
    assert_done(k, 1, CODE_SANDBOX_ERROR);
    assert_false(k->done.was_started);
    /* As the next worker does: throw away what is there before its own task comes. */
    while (recv(k->data[0], drop, sizeof drop, MSG_DONTWAIT) > 0)
        loop_turn(k->loop, 0);
    kit_worker(k, 0);
    run_small(k, 0);
    kit_read_task(k, 0, &t);
    buf_clear(&t.payload);
    free(bytes);
}

static void a_worker_that_dies_before_it_reads(void **state)
{
    struct kit *k = *state;
    kit_start(k, BOX_FORK, 1);
    run_small(k, 0);
    kit_exit(k, 0, 125 << 8, KILL_NONE);
    assert_done(k, 1, CODE_SANDBOX_ERROR);
    assert_false(k->done.was_started);
}

static void the_page_of_a_crash(void **state)
{
    struct kit *k = *state;
    kit_start(k, BOX_FORK, 1);
    run_small(k, 0);
    read_and_drop(k, 0);
    k->page[0]->crash = (struct crash_report){
        .is_set = 1, .signal = SIGSEGV, .code = 1, .address = 0x10, .syscall = -1};
    kit_exit(k, 0, SIGNALLED(SIGSEGV), KILL_NONE);
    assert_done(k, 1, CODE_CRASH);
    assert_non_null(strstr(k->done.message, "0x10"));
    assert_non_null(strstr(k->done.details, "SIGSEGV"));
    /* It does not speak for the next task. */
    kit_worker(k, 0);
    run_small(k, 0);
    assert_int_equal(k->page[0]->crash.is_set, 0);
}

static void a_warm_worker_dies_at_its_task(void **state)
{
    struct kit *k = *state;
    begin_warm(k);
    kit_result(k, 0, "1");
    kit_exit(k, 0, SIGNALLED(SIGABRT), KILL_NONE);
    assert_done(k, 1, CODE_CRASH);
    kit_worker(k, 0);
    assert_int_equal(k->n_free, 2);
}

static void a_warm_worker_is_recycled(void **state)
{
    struct kit *k = *state;
    k->spec.limits.recycle_after = 2;
    begin_warm(k);
    for (int i = 1; i <= 2; i++) {
        kit_result(k, 0, "1");
        kit_done(k, 0, PEN_OK);
        assert_done(k, i, CODE_OK);
        if (i == 1) {
            run_small(k, 0);
            read_and_drop(k, 0);
        }
    }
    assert_int_equal(k->n_free, 2);
    assert_int_equal(box_run(k->box, 0, &kit_small_task, k), -1);
    kit_exit(k, 0, 0, KILL_NONE);
    kit_worker(k, 0);
    assert_int_equal(k->n_free, 3);
}

static void workers_that_are_of_no_use(void **state)
{
    struct kit *k = *state;
    struct launch_kill kill;
    kit_start(k, BOX_FORK, 1);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(kit_asked(k, &kill, sizeof kill), 0);
        kit_exit(k, 0, 125 << 8, KILL_NONE);
        kit_worker(k, 0);
    }
    assert_int_equal(kit_asked(k, &kill, sizeof kill), LAUNCH_KILL);
    assert_true(kill.box == k->number);
    kit_ended(k, 9);
    assert_int_equal(k->ended_code, CODE_SANDBOX_ERROR);
    assert_non_null(strstr(k->ended_text, "5 workers"));
}

static void news_of_yesterday(void **state)
{
    struct kit *k = *state;
    kit_start(k, BOX_FORK, 1);
    kit_exit(k, 0, 0, KILL_NONE);
    kit_worker(k, 0);
    run_small(k, 0);
    k->generation[0] = 1;
    kit_exit(k, 0, SIGNALLED(SIGKILL), KILL_NONE);
    const struct control_exit nobody = {
        .head = {CHAN_MAGIC, CHAN_VERSION, CONTROL_EXIT}, .slot = 7, .generation = 2};
    kit_control(k, &nobody, sizeof nobody);
    assert_int_equal(k->n_done, 0);
}

/* ---- time
 * ----------------------------------------------------------------------------------------- */

static void the_time_is_up(void **state)
{
    struct kit *k = *state;
    struct box_task task = kit_small_task;
    struct control_kill kill;
    task.timeout_ms = 10;
    kit_start(k, BOX_WARM, 1);
    assert_int_equal(box_run(k->box, 0, &task, k), 0);
    read_and_drop(k, 0);
    assert_int_equal(kit_await_told(k, &kill, sizeof kill), CONTROL_KILL);
    assert_int_equal(kill.reason, KILL_WALL);
    assert_true(atomic_load(&k->page[0]->stop_nonce) == kit_nonce(k, 0));
    kit_exit(k, 0, SIGNALLED(SIGKILL), KILL_WALL);
    assert_done(k, 1, CODE_TIMEOUT);
    assert_non_null(strstr(k->done.message, "10 ms"));
}

static void turn_until_stop(struct kit *k)
{
    while (atomic_load(&k->page[0]->stop_nonce) != kit_nonce(k, 0))
        assert_int_equal(loop_turn(k->loop, 1000), 0);
}

/* The plugin heeds should_stop: no kill, and the worker lives on; but the time was up. */
static void the_time_is_up_and_the_plugin_stops(void **state)
{
    struct kit *k = *state;
    struct box_task task = kit_small_task;
    struct control_kill kill;
    task.timeout_ms = 10;
    kit_start(k, BOX_WARM, 1);
    assert_int_equal(box_run(k->box, 0, &task, k), 0);
    read_and_drop(k, 0);
    turn_until_stop(k);
    kit_result(k, 0, "1");
    kit_done(k, 0, PEN_OK);
    assert_done(k, 1, CODE_TIMEOUT);
    assert_int_equal(k->done.data.len, 0);
    assert_int_equal(kit_told(k, &kill, sizeof kill), 0);
    assert_int_equal(k->n_free, 2);
}

static void cancelled_and_heeded(void **state)
{
    struct kit *k = *state;
    const int32_t status = PEN_E_CANCELLED;
    begin_warm(k);
    box_cancel(k->box, 0, k, KILL_CANCEL, 60000);
    assert_true(atomic_load(&k->page[0]->stop_nonce) == kit_nonce(k, 0));
    kit_frame(k, 0, DATA_FAIL, kit_nonce(k, 0), &status, 4, "stopped", 7);
    kit_done(k, 0, status);
    assert_done(k, 1, CODE_CANCELLED);
    assert_int_equal(k->n_free, 2);
    /* Nothing of it is left for the next task. */
    run_small(k, 0);
    read_and_drop(k, 0);
    assert_true(atomic_load(&k->page[0]->stop_nonce) != kit_nonce(k, 0));
    kit_result(k, 0, "1");
    kit_done(k, 0, PEN_OK);
    assert_done(k, 2, CODE_OK);
}

static void cancelled_and_killed(void **state)
{
    struct kit *k = *state;
    struct control_kill kill;
    begin_warm(k);
    box_cancel(k->box, 0, k, KILL_STOP, 0);
    box_cancel(k->box, 0, k, KILL_CANCEL, 0);
    box_cancel(k->box, 9, k, KILL_CANCEL, 0);
    assert_int_equal(kit_await_told(k, &kill, sizeof kill), CONTROL_KILL);
    assert_int_equal(kill.reason, KILL_STOP);
    kit_exit(k, 0, SIGNALLED(SIGKILL), KILL_STOP);
    assert_done(k, 1, CODE_CANCELLED);
    assert_non_null(strstr(k->done.message, "stops"));
    box_cancel(k->box, 0, k, KILL_CANCEL, 0);
}

static void cancelled_too_late(void **state)
{
    struct kit *k = *state;
    begin_warm(k);
    box_cancel(k->box, 0, k, KILL_CANCEL, 60000);
    kit_result(k, 0, "1");
    kit_done(k, 0, PEN_OK);
    assert_done(k, 1, CODE_OK);
}

/* Processor time is watched for tasks that last, and no longer than they do. */
static void processor_time_is_watched(void **state)
{
    struct kit *k = *state;
    struct control_watch watch;
    struct box_task task = kit_small_task;
    task.cpu_ms = 1500;
    k->spec.limits.cpu_ms = 2000;
    kit_start(k, BOX_WARM, 1);
    assert_int_equal(box_run(k->box, 0, &task, k), 0);
    read_and_drop(k, 0);
    assert_int_equal(kit_await_told(k, &watch, sizeof watch), CONTROL_WATCH);
    assert_int_equal(watch.cpu_ms, 1500);
    assert_true(watch.generation == 1);
    kit_result(k, 0, "1");
    kit_done(k, 0, PEN_OK);
    assert_done(k, 1, CODE_OK);
    assert_int_equal(kit_told(k, &watch, sizeof watch), CONTROL_WATCH);
    assert_int_equal(watch.is_over, 1);
    /* A short one costs no message. */
    run_small(k, 0);
    read_and_drop(k, 0);
    kit_result(k, 0, "1");
    kit_done(k, 0, PEN_OK);
    assert_int_equal(kit_told(k, &watch, sizeof watch), 0);
}

/* Directories on the disk are the warden's to look at, those of a limited size nobody's. */
static void directories_are_watched(void **state)
{
    struct kit *k = *state;
    struct control_watch watch;
    k->spec.limits.dir_files = 100;
    kit_start(k, BOX_WARM, 1);
    run_small(k, 0);
    read_and_drop(k, 0);
    assert_int_equal(kit_await_told(k, &watch, sizeof watch), CONTROL_WATCH);
    assert_int_equal(watch.cpu_ms, 0);
    assert_int_equal(watch.is_over, 0);
    kit_result(k, 0, "1");
    kit_done(k, 0, PEN_OK);
    assert_done(k, 1, CODE_OK);
    assert_int_equal(kit_told(k, &watch, sizeof watch), CONTROL_WATCH);
    assert_int_equal(watch.is_over, 1);
    run_small(k, 0);
    read_and_drop(k, 0);
    kit_exit(k, 0, SIGNALLED(SIGKILL), KILL_DISK);
    assert_done(k, 2, CODE_DISK_LIMIT);
}

static void the_warden_kills_for_processor_time(void **state)
{
    struct kit *k = *state;
    k->spec.limits.cpu_ms = 5;
    kit_start(k, BOX_FORK, 1);
    run_small(k, 0);
    read_and_drop(k, 0);
    kit_exit(k, 0, SIGNALLED(SIGKILL), KILL_CPU);
    assert_done(k, 1, CODE_CPU_LIMIT);
    assert_non_null(strstr(k->done.message, "used 7 ms of processor time, limit 5 ms"));
}

/* ---- the end of boxes
 * ----------------------------------------------------------------------------- */

static void stopped(void **state)
{
    struct kit *k = *state;
    struct control_stop stop;
    char byte;
    kit_start(k, BOX_FORK, 2);
    run_small(k, 0);
    read_and_drop(k, 0);
    box_stop(k->box);
    box_stop(k->box);
    assert_int_equal(kit_told(k, &stop, sizeof stop), CONTROL_STOP);
    assert_int_equal(kit_told(k, &stop, sizeof stop), 0);
    /* The idle worker finds the end of its stream, the busy one behind its task. */
    assert_int_equal(recv(k->data[1], &byte, 1, MSG_DONTWAIT), 0);
    assert_int_equal(recv(k->data[0], &byte, 1, MSG_DONTWAIT), 0);
    assert_int_equal(box_run(k->box, 1, &kit_small_task, k), -1);
    kit_exit(k, 1, 0, KILL_NONE);
    kit_result(k, 0, "1");
    kit_done(k, 0, PEN_OK);
    kit_exit(k, 0, 0, KILL_NONE);
    assert_done(k, 1, CODE_OK);
    assert_int_equal(k->n_free, 2);
    kit_ended(k, 0);
    assert_int_equal(k->n_ended, 1);
    assert_int_equal(k->ended_code, CODE_OK);
}

static void stopped_before_it_started(void **state)
{
    struct kit *k = *state;
    struct control_stop stop;
    kit_ask(k, BOX_FORK, 1);
    box_stop(k->box);
    kit_started(k);
    assert_int_equal(kit_told(k, &stop, sizeof stop), CONTROL_STOP);
    kit_ended(k, 0);
    assert_int_equal(k->ended_code, CODE_OK);
}

static void stopped_from_inside_a_callback(void **state)
{
    struct kit *k = *state;
    begin_warm(k);
    k->stop_in_done = true;
    kit_result(k, 0, "1");
    kit_done(k, 0, PEN_OK);
    assert_done(k, 1, CODE_OK);
    assert_int_equal(k->n_free, 1);
    kit_ended(k, 0);
    assert_int_equal(k->ended_code, CODE_OK);
}

static void killed_with_a_task_in_it(void **state)
{
    struct kit *k = *state;
    struct launch_kill kill;
    begin_warm(k);
    box_kill(k->box);
    box_kill(k->box);
    assert_int_equal(k->n_done, 0);
    assert_int_equal(kit_asked(k, &kill, sizeof kill), LAUNCH_KILL);
    assert_int_equal(kit_asked(k, &kill, sizeof kill), 0);
    k->kill_in_done = true;
    kit_ended(k, SIGKILL);
    assert_done(k, 1, CODE_KILLED);
    assert_int_equal(k->n_ended, 1);
    assert_int_equal(k->ended_code, CODE_KILLED);
}

static void the_warden_dies(void **state)
{
    struct kit *k = *state;
    struct launch_kill kill;
    begin_warm(k);
    fd_close(&k->control);
    kit_settle(k);
    assert_int_equal(kit_asked(k, &kill, sizeof kill), LAUNCH_KILL);
    assert_int_equal(k->n_done, 0);
    kit_ended(k, SIGKILL);
    assert_done(k, 1, CODE_SANDBOX_ERROR);
    assert_int_equal(k->ended_code, CODE_SANDBOX_ERROR);
}

/* The last messages of a warden are heard, though the launcher was quicker. */
static void the_launcher_is_quicker_than_the_warden(void **state)
{
    struct kit *k = *state;
    const struct launch_ended ended = {{CHAN_MAGIC, CHAN_VERSION, LAUNCH_ENDED}, 1, 0};
    struct control_exit m = {
        .head = {CHAN_MAGIC, CHAN_VERSION, CONTROL_EXIT}, .wait_status = 3 << 8, .generation = 1};
    kit_start(k, BOX_FORK, 1);
    run_small(k, 0);
    read_and_drop(k, 0);
    assert_int_equal(fd_send_message(k->launch, &ended, sizeof ended, NULL, 0, 0), 0);
    assert_int_equal(fd_send_message(k->control, &m, sizeof m, NULL, 0, 0), 0);
    kit_settle(k);
    assert_done(k, 1, CODE_PLUGIN_EXIT);
    assert_int_equal(k->n_ended, 1);
}

static void the_launcher_dies(void **state)
{
    struct kit *k = *state;
    begin_warm(k);
    fd_close(&k->launch);
    kit_settle(k);
    assert_done(k, 1, CODE_SANDBOX_ERROR);
    assert_int_equal(k->n_ended, 1);
    assert_int_equal(k->n_lost, 1);
    assert_null(box_start(k->launcher, &k->spec, &(struct box_events){0}, k));
}

static void a_warden_that_talks_nonsense(void **state)
{
    struct kit *k = *state;
    struct launch_kill kill;
    begin_warm(k);
    kit_control(k, "what?", 5);
    assert_int_equal(kit_asked(k, &kill, sizeof kill), LAUNCH_KILL);
    kit_ended(k, SIGKILL);
    assert_done(k, 1, CODE_SANDBOX_ERROR);
    assert_string_equal(k->ended_text, "broken message from the warden");
}

static void no_box_at_all(void **state)
{
    struct kit *k = *state;
    struct launch_failed m = {
        {CHAN_MAGIC, CHAN_VERSION, LAUNCH_FAILED}, 0, 0, 1, "mode is 0666, expected 0644"};
    kit_ask(k, BOX_FORK, 1);
    m.box = k->number;
    assert_int_equal(fd_send_message(k->launch, &m, sizeof m, NULL, 0, 0), 0);
    kit_settle(k);
    assert_int_equal(k->ended_code, CODE_PLUGIN_LOAD_FAILED);
    assert_string_equal(k->ended_text, "mode is 0666, expected 0644");
    kit_ask(k, BOX_FORK, 1);
    m.box = k->number;
    m.is_plugin_fault = 0;
    m.error = EPERM;
    assert_int_equal(fd_send_message(k->launch, &m, sizeof m, NULL, 0, 0), 0);
    kit_settle(k);
    assert_int_equal(k->ended_code, CODE_SANDBOX_ERROR);
    assert_non_null(strstr(k->ended_text, "not permitted"));
}

static void note_report(void *arg, const struct launch_report *report)
{
    bool *is_refused = arg;
    *is_refused = report->is_refused != 0;
}

/* What the launcher says first is kept, and its texts have an end whatever it sent. */
static void the_launchers_report(void **state)
{
    struct kit *k = *state;
    struct launch_report m = {.head = {CHAN_MAGIC, CHAN_VERSION, LAUNCH_REPORT}, .is_refused = 1};
    bool is_refused = false;
    memset(m.why, 'w', sizeof m.why);
    memset(m.guarantees[GUARANTEE_DISK].remedy, 'r', sizeof m.guarantees[0].remedy);
    m.guarantees[GUARANTEE_FS].level = LEVEL_STRONG;
    launcher_on_report(k->launcher, note_report, &is_refused);
    assert_null(launcher_report(k->launcher));
    assert_int_equal(fd_send_message(k->launch, &m, sizeof m, NULL, 0, 0), 0);
    kit_settle(k);
    const struct launch_report *r = launcher_report(k->launcher);
    assert_non_null(r);
    assert_true(is_refused);
    assert_int_equal(r->guarantees[GUARANTEE_FS].level, LEVEL_STRONG);
    assert_int_equal(strlen(r->why), sizeof r->why - 1);
    assert_int_equal(strlen(r->guarantees[GUARANTEE_DISK].remedy),
                     sizeof m.guarantees[0].remedy - 1);
    /* Cut short it is a broken message. */
    assert_int_equal(fd_send_message(k->launch, &m, sizeof m - 1, NULL, 0, 0), 0);
    kit_settle(k);
    assert_int_equal(k->n_lost, 1);
}

static void too_few_descriptors(void **state)
{
    struct kit *k = *state;
    const struct launch_started m = {
        .head = {CHAN_MAGIC, CHAN_VERSION, LAUNCH_STARTED}, .box = 1, .warden_pid = 1};
    struct launch_kill kill;
    kit_ask(k, BOX_FORK, 1);
    assert_int_equal(fd_send_message(k->launch, &m, sizeof m, (int[]){0}, 1, 0), 0);
    kit_settle(k);
    assert_int_equal(kit_asked(k, &kill, sizeof kill), LAUNCH_KILL);
    kit_ended(k, SIGKILL);
    assert_int_equal(k->ended_code, CODE_SANDBOX_ERROR);
}

struct load_case {
    enum load_failure why;
    int wait_status;
    const char *text;
    enum code code;
    const char *said;
};

static void failures_to_load(void **state)
{
    static const struct load_case cases[] = {
        {LOAD_REFUSED, 0, "magic is 7", CODE_PLUGIN_LOAD_FAILED, "magic is 7"},
        {LOAD_EXITED, 5 << 8, "", CODE_PLUGIN_LOAD_FAILED, "exited with status 5"},
        {LOAD_KILLED_BY, SIGSEGV, "", CODE_PLUGIN_LOAD_FAILED, "signal 11 (SIGSEGV)"},
        {LOAD_TIMED_OUT, SIGKILL, "", CODE_PLUGIN_LOAD_TIMEOUT, "limit of 1234 ms"},
        {LOAD_LIED, 0, "", CODE_PLUGIN_LOAD_FAILED, "could not be loaded"},
    };
    struct kit *k = *state;
    k->spec.limits.load_timeout_ms = 1234;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct control_load_failed m = {{CHAN_MAGIC, CHAN_VERSION, CONTROL_LOAD_FAILED},
                                        cases[i].why,
                                        cases[i].wait_status,
                                        ""};
        snprintf(m.text, sizeof m.text, "%s", cases[i].text);
        kit_ask(k, BOX_FORK, 1);
        kit_started(k);
        print_line(k, CONTROL_LOG_ZYGOTE, 0, "no such model\nno use\n");
        kit_control(k, &m, sizeof m);
        kit_ended(k, 0);
        assert_int_equal(k->ended_code, cases[i].code);
        assert_non_null(strstr(k->ended_text, cases[i].said));
        assert_non_null(strstr(k->ended_text, "; it printed last: no such model | no use"));
        fd_close(&k->control);
        fd_close(&k->data[0]);
    }
}

static void a_wall_that_does_not_stand(void **state)
{
    struct kit *k = *state;
    struct control_error m = {{CHAN_MAGIC, CHAN_VERSION, CONTROL_ERROR}, EPERM, 0, "pivot_root"};
    kit_ask(k, BOX_FORK, 1);
    kit_started(k);
    kit_control(k, &m, sizeof m);
    kit_ended(k, 0);
    assert_int_equal(k->ended_code, CODE_SANDBOX_ERROR);
    assert_non_null(strstr(k->ended_text, "pivot_root: Operation not permitted"));
}

static void output_of_workers_and_zygote(void **state)
{
    struct kit *k = *state;
    begin_warm(k);
    print_line(k, CONTROL_LOG_ZYGOTE, 0, "hello");
    assert_string_equal(k->log, "hello");
    assert_int_equal(k->log_stream, BOX_LOG_OUTPUT);
    assert_null(k->log_task);
    print_line(k, 0, 1, "hello");
    assert_ptr_equal(k->log_task, k);
    assert_int_equal(k->n_logs, 2);
}

static void scanned(void **state)
{
    struct kit *k = *state;
    kit_ask(k, BOX_SCAN, 1);
    kit_started(k);
    kit_frame(k, 0, DATA_DESCRIPTOR, 0, "{\"id\":\"x\"}", 10, NULL, 0);
    assert_int_equal(k->n_descriptors, 1);
    assert_string_equal(k->descriptor, "{\"id\":\"x\"}");
    kit_ended(k, 0);
    assert_int_equal(k->ended_code, CODE_OK);
}

static void scanned_without_an_answer(void **state)
{
    struct kit *k = *state;
    kit_ask(k, BOX_SCAN, 1);
    kit_started(k);
    kit_ended(k, 0);
    assert_int_equal(k->n_descriptors, 0);
    assert_int_equal(k->ended_code, CODE_PLUGIN_LOAD_FAILED);
}

/* ---- the launcher's channel
 * ----------------------------------------------------------------------- */

static void box_that_cannot_be(void **state)
{
    struct kit *k = *state;
    const struct box_events none = {0};
    char config[BOX_CONFIG_MAX + 2];
    const struct box_spec good = {
        .plugin_path = "/a.so", .plugin_id = "a", .slug = "b", .mode = BOX_FORK, .slots = 1};
    struct box_spec bad[7];
    for (size_t i = 0; i < 7; i++)
        bad[i] = good;
    memset(config, ' ', sizeof config - 1);
    config[sizeof config - 1] = '\0';
    bad[0].plugin_path = "a.so";
    bad[1].slots = 0;
    bad[2].slots = BOX_SLOTS_MAX + 1;
    bad[3].slug = NULL;
    bad[4].mode = 0;
    bad[5].config = config;
    bad[6].slug = "a-slug-that-is-longer-than-sixty-three-bytes-and-so-does-not-fit-in";
    for (size_t i = 0; i < 7; i++) {
        assert_null(box_start(k->launcher, &bad[i], &none, k));
        assert_int_equal(errno, i < 5 ? EINVAL : ENAMETOOLONG);
    }
}

/* More starts than the socket holds: all arrive, in order, when the launcher reads. */
static void more_boxes_than_the_socket_holds(void **state)
{
    enum { BOXES = 300 };
    struct kit *k = *state;
    static const struct box_events none = {0};
    struct launch_start m;
    const struct box_spec spec = {
        .plugin_path = "/a.so", .plugin_id = "a", .slug = "b", .mode = BOX_FORK, .slots = 1};
    for (int i = 0; i < BOXES; i++)
        assert_non_null(box_start(k->launcher, &spec, &none, k));
    for (uint64_t i = 1; i <= BOXES;) {
        ssize_t n = recv(k->launch, &m, sizeof m, MSG_DONTWAIT);
        if (n < 0) {
            assert_int_equal(loop_turn(k->loop, 1000), 0);
            continue;
        }
        assert_int_equal(n, sizeof m);
        assert_true(m.box == i);
        i++;
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(warm_tasks_one_after_another),
        TEST(fork_waits_for_the_end_of_the_worker),
        TEST(a_task_travels_whole),
        TEST(a_large_result_arrives_in_pieces),
        TEST(last_word_of_a_warden),
        TEST(last_lines),
        TEST(outputs_children_logs_progress),
        TEST(a_failure_drops_what_was_given),
        TEST(work_is_given_from_inside_a_callback),
        TEST(garbage),
        TEST(a_nonce_that_is_not_ours),
        TEST(a_thread_of_the_last_task),
        TEST(noise_from_idle_workers),
        TEST(frames_behind_the_last),
        TEST(not_json),
        TEST(a_child_that_is_not_json),
        TEST(an_output_that_is_no_name),
        TEST(two_outputs_of_one_name),
        TEST(a_log_line_of_no_level),
        TEST(two_results),
        TEST(too_big_a_result),
        TEST(too_big_outputs),
        TEST(a_result_of_an_exabyte),
        TEST(floods_of_log_lines_are_cut),
        TEST(the_last_words_of_a_worker),
        TEST(half_a_frame_dies_with_its_worker),
        TEST(the_rest_of_a_task_dies_with_its_worker),
        TEST(a_worker_that_dies_before_it_reads),
        TEST(the_page_of_a_crash),
        TEST(a_warm_worker_dies_at_its_task),
        TEST(a_warm_worker_is_recycled),
        TEST(workers_that_are_of_no_use),
        TEST(news_of_yesterday),
        TEST(the_time_is_up),
        TEST(the_time_is_up_and_the_plugin_stops),
        TEST(cancelled_and_heeded),
        TEST(cancelled_and_killed),
        TEST(cancelled_too_late),
        TEST(processor_time_is_watched),
        TEST(directories_are_watched),
        TEST(the_warden_kills_for_processor_time),
        TEST(stopped),
        TEST(stopped_before_it_started),
        TEST(stopped_from_inside_a_callback),
        TEST(killed_with_a_task_in_it),
        TEST(the_warden_dies),
        TEST(the_launcher_is_quicker_than_the_warden),
        TEST(the_launcher_dies),
        TEST(a_warden_that_talks_nonsense),
        TEST(no_box_at_all),
        TEST(the_launchers_report),
        TEST(too_few_descriptors),
        TEST(failures_to_load),
        TEST(a_wall_that_does_not_stand),
        TEST(output_of_workers_and_zygote),
        TEST(scanned),
        TEST(scanned_without_an_answer),
        TEST(box_that_cannot_be),
        TEST(more_boxes_than_the_socket_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
