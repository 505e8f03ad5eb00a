/* sandbox_worker.c: a worker in a process of its own, without walls, serving pipelines of
 * sandbox_worker_plugin.c: what it sends for what a plugin does, what it makes of a stream with
 * yesterday's bytes in it, how it reports deaths. */
#include "sandbox_worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmocka_all.h"

#include "base/fdutil.h"
#include "sandbox/box_internal.h"
#include "sandbox/crash.h"
#include "sandbox/data_reader.h"
#include "sandbox/frames_in.h"
#include "sandbox/tree.h"
#include "sandbox/worker.h"

enum { SLOT = 3, GENERATION = 5, MEMORY = 64 << 20 };

struct fixture {
    int core, there; /* the ends of the data channel */
    struct slot_page *page;
    struct worker_setup setup;
    pid_t pid;
    int is_small; /* the worker gets a limit of memory */
    struct outgoing out;
    struct data_reader reader;
    char bytes[65536];
    char dir[200];
    uint64_t nonce;
    unsigned n_sent;
    /* of the last task */
    char status[32], result[4096], fail[600], log[5000], child[64], output[64], media[64];
    uint32_t log_level;
    int32_t fail_status, run_status;
    int n_reads, n_results, n_fails, n_logs, n_progress, n_outputs, n_children, n_done;
    double fraction;
    size_t output_len;
    uint64_t output_sum;
};

static void *shared(size_t n)
{
    return mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static int setup(void **state)
{
    int pair[2];
    struct fixture *f = calloc(1, sizeof *f);
    const char *tmp = getenv("TMPDIR");
    assert_non_null(f);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    f->core = pair[0];
    f->there = pair[1];
    f->page = shared(SLOT_PAGE_SIZE);
    plugin_was_closed = shared(sizeof *plugin_was_closed);
    data_reader_init(&f->reader, 16 << 20);
    snprintf(f->dir, sizeof f->dir, "%s/worker-XXXXXX", tmp != NULL ? tmp : "/tmp");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->bytes, sizeof f->bytes, "%s/%d", f->dir, SLOT);
    assert_int_equal(mkdir(f->bytes, 0700), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    int dir = open(f->dir, O_DIRECTORY | O_CLOEXEC);
    tree_empty(dir);
    close(dir);
    rmdir(f->dir);
    fd_close(&f->core);
    fd_close(&f->there);
    munmap(f->page, SLOT_PAGE_SIZE);
    munmap(plugin_was_closed, sizeof *plugin_was_closed);
    data_reader_clear(&f->reader);
    outgoing_clear(&f->out);
    free(f);
    return 0;
}

static _Noreturn void be_worker(struct fixture *f)
{
    const struct rlimit data = {MEMORY, MEMORY};
    signal(SIGPIPE, SIG_IGN);
    close(f->core);
    struct worker *w = worker_new();
    if (w == NULL || crash_setup(f->is_small ? MEMORY : 0) < 0 || worker_prepare(w, &f->setup) < 0)
        _exit(99);
    if (f->is_small)
        setrlimit(RLIMIT_DATA, &data);
    _exit(worker_serve(w));
}

static void start(struct fixture *f, const char *pipeline, enum box_mode mode)
{
    f->n_sent = 0;
    f->setup.pipeline = plugin_pipeline(pipeline);
    f->setup.mode = mode;
    f->setup.slot = SLOT;
    f->setup.generation = GENERATION;
    f->setup.data_fd = f->there;
    f->setup.page = f->page;
    f->setup.task_dir = f->dir;
    assert_non_null(f->setup.pipeline);
    f->pid = fork();
    assert_true(f->pid >= 0);
    if (f->pid == 0)
        be_worker(f);
    fd_close(&f->there);
}

/* The wait status. */
static int ended(struct fixture *f)
{
    int status;
    assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
    return status;
}

/* The worker reads in its own time. */
static int write_task(struct fixture *f)
{
    struct pollfd p = {f->core, POLLOUT, 0};
    int rc;
    while ((rc = outgoing_write(&f->out, f->core)) == 0)
        poll(&p, 1, -1);
    return rc;
}

/* As the core does before it sends a task to an idle worker. */
static void announce(struct fixture *f, uint64_t nonce)
{
    atomic_store(&f->page->cells[f->n_sent++ % SLOT_CELLS], nonce);
    atomic_store(&f->page->task_nonce, nonce);
    atomic_store(&f->page->generation, GENERATION);
}

static void send_task(struct fixture *f, const struct box_task *task)
{
    f->nonce += 1000;
    announce(f, f->nonce);
    f->page->crash.is_set = 0;
    assert_int_equal(outgoing_set(&f->out, task, f->nonce, GENERATION), 0);
    assert_int_equal(write_task(f), 1);
}

static void send_params(struct fixture *f, const char *params)
{
    const struct box_task task = {
        .id = "t", .params = params, .params_len = strlen(params), .attempt = 1};
    send_task(f, &task);
}

static void put(char *to, size_t size, const void *bytes, size_t n)
{
    snprintf(to, size, "%.*s", (int)n, (const char *)bytes);
}

static void note_output(struct fixture *f, const struct data_frame *d)
{
    f->n_outputs++;
    put(f->output, sizeof f->output, d->name[0], d->name_len[0]);
    put(f->media, sizeof f->media, d->name[1], d->name_len[1]);
    f->output_len = d->body_len;
    f->output_sum = 0;
    for (size_t i = 0; i < d->body_len; i++)
        f->output_sum += d->body[i] * (uint64_t)(i % 7 + 1);
}

static void note(struct fixture *f, const struct data_frame *d)
{
    assert_true(d->nonce == f->nonce);
    switch (d->type) {
    case DATA_LOG:
        f->n_logs++;
        f->log_level = d->word;
        if (d->body_len > strlen(f->log))
            put(f->log, sizeof f->log, d->body, d->body_len);
        break;
    case DATA_PROGRESS:
        f->n_progress++;
        memcpy(&f->fraction, &d->long_word, sizeof f->fraction);
        put(f->status, sizeof f->status, d->body, d->body_len);
        break;
    case DATA_OUTPUT:
        note_output(f, d);
        break;
    case DATA_RESULT:
        f->n_results++;
        put(f->status, sizeof f->status, d->name[0], d->name_len[0]);
        put(f->result, sizeof f->result, d->body, d->body_len);
        break;
    case DATA_FAIL:
        f->n_fails++;
        memcpy(&f->fail_status, &d->word, 4);
        put(f->fail, sizeof f->fail, d->body, d->body_len);
        break;
    case DATA_CHILD:
        f->n_children++;
        snprintf(f->child, sizeof f->child, "%.*s %.*s", (int)d->name_len[0], d->name[0],
                 (int)d->name_len[1], d->name[1]);
        break;
    case DATA_DONE:
        f->n_done++;
        memcpy(&f->run_status, &d->word, 4);
        break;
    default:
        fail_msg("frame of type %d", (int)d->type);
    }
}

/* Reads what the worker says until it is done or gone. */
static void listen_to(struct fixture *f)
{
    struct data_frame frame;
    int before = f->n_done;
    while (f->n_done == before) {
        ssize_t n = recv(f->core, f->bytes, sizeof f->bytes, 0);
        if (n <= 0)
            return;
        f->n_reads++;
        enum data_rc rc;
        data_reader_feed(&f->reader, f->bytes, (size_t)n);
        while ((rc = data_reader_next(&f->reader, &frame)) == DATA_FRAME)
            note(f, &frame);
        if (rc != DATA_MORE)
            fail_msg("the worker's stream: %s", f->reader.what);
    }
}

static void run_once(struct fixture *f, const char *pipeline, const char *params)
{
    start(f, pipeline, BOX_FORK);
    send_params(f, params);
    listen_to(f);
}

/* ---- tasks
 * ---------------------------------------------------------------------------------------- */

static void what_a_plugin_sees(void **state)
{
    struct fixture *f = *state;
    char big[70000];
    memset(big, 'b', sizeof big);
    const struct box_input inputs[] = {{"a", "text/plain", "1", 1},
                                       {"bb", NULL, big, sizeof big},
                                       {"c", NULL, NULL, 0},
                                       {"d", NULL, "123", 3},
                                       {"e", "x/y", "12345", 5}};
    struct box_task task = {.id = "task-1",
                            .job_id = "job",
                            .tenant = "me",
                            .params = "{\"p\":1}",
                            .params_len = 7,
                            .metadata = "{\"m\":2}",
                            .metadata_len = 7,
                            .attempt = 2};
    start(f, "tell", BOX_WARM);
    send_task(f, &task);
    listen_to(f);
    assert_string_equal(f->result, "[\"task-1\",\"job\",\"me\",2,{\"p\":1},{\"m\":2},0]");
    assert_string_equal(f->status, "success");
    task = (struct box_task){.id = "t", .inputs = inputs, .n_inputs = 5, .attempt = 1};
    send_task(f, &task);
    listen_to(f);
    assert_string_equal(f->result,
                        "[\"t\",\"NULL\",\"\",1,{},{},5,\"a text/plain 1 0\","
                        "\"bb NULL 70000 0\",\"c NULL 0 0\",\"d NULL 3 0\",\"e x/y 5 0\"]");
    /* Small inputs lie in the worker's own buffer, and are aligned there too. */
    task = (struct box_task){.id = "t", .inputs = inputs + 3, .n_inputs = 2, .attempt = 1};
    send_task(f, &task);
    listen_to(f);
    assert_string_equal(f->result, "[\"t\",\"NULL\",\"\",1,{},{},2,\"d NULL 3 0\",\"e x/y 5 0\"]");
    shutdown(f->core, SHUT_WR);
    assert_int_equal(ended(f), 0);
    assert_int_equal(*plugin_was_closed, 1);
}

static void a_small_task_is_one_write(void **state)
{
    struct fixture *f = *state;
    start(f, "tell", BOX_WARM);
    for (int i = 1; i <= 3; i++) {
        send_params(f, "{}");
        listen_to(f);
        assert_int_equal(f->n_reads, i);
        assert_int_equal(f->n_done, i);
    }
    shutdown(f->core, SHUT_WR);
    assert_int_equal(ended(f), 0);
}

static void a_forked_task_ends_its_process(void **state)
{
    struct fixture *f = *state;
    run_once(f, "tell", "1");
    assert_int_equal(f->n_done, 1);
    assert_int_equal(ended(f), 0);
    assert_int_equal(*plugin_was_closed, 0);
}

static void recycled(void **state)
{
    struct fixture *f = *state;
    f->setup.recycle_after = 2;
    start(f, "tell", BOX_WARM);
    for (int i = 0; i < 2; i++) {
        send_params(f, "1");
        listen_to(f);
    }
    assert_int_equal(f->n_done, 2);
    assert_int_equal(ended(f), 0);
    assert_int_equal(*plugin_was_closed, 1);
}

struct leave_case {
    const char *pipeline;
    uint32_t recycle_ms;
    uint64_t growth_bytes;
    bool leaves;
};

static void check_leave(const struct leave_case *c)
{
    struct fixture *f;
    setup((void **)&f);
    f->setup.recycle_ms = c->recycle_ms;
    f->setup.recycle_growth_bytes = c->growth_bytes;
    start(f, c->pipeline, BOX_WARM);
    send_params(f, "1");
    listen_to(f);
    assert_int_equal(f->n_done, 1);
    if ((atomic_load(&f->page->leaving) == GENERATION) != c->leaves)
        fail_msg("%s %u %llu: leaves: %d", c->pipeline, c->recycle_ms,
                 (unsigned long long)c->growth_bytes, !c->leaves);
    if (!c->leaves)
        shutdown(f->core, SHUT_WR);
    assert_int_equal(ended(f), 0);
    assert_int_equal(*plugin_was_closed, 1);
    teardown((void **)&f);
}

/* Old, grown, at fault: it says so before the end of its task, closes its plugin and ends. */
static void a_worker_takes_its_leave(void **state)
{
    static const struct leave_case cases[] = {
        {"tell", 0, 0, false},       {"tell", 600000, 0, false}, {"slow", 5, 0, true},
        {"grow", 0, 1 << 30, false}, {"grow", 0, 8 << 20, true}, {"wrong", 0, 0, true},
        {"twice", 0, 0, true},       {"nothing", 0, 0, true},    {"mistaken", 0, 0, true},
        {"unhappy", 0, 0, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_leave(&cases[i]);
}

static void large_bytes_both_ways(void **state)
{
    struct fixture *f = *state;
    const size_t n = 6 << 20;
    char *bytes = malloc(n);
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        bytes[i] = (char)(i * 31 >> 3);
        sum += (unsigned char)bytes[i] * (uint64_t)(i % 7 + 1);
    }
    const struct box_input input = {"in", "image/png", bytes, n};
    const struct box_task task = {.id = "t", .inputs = &input, .n_inputs = 1};
    start(f, "copy", BOX_WARM);
    for (int i = 1; i <= 2; i++) {
        send_task(f, &task);
        listen_to(f);
        assert_int_equal(f->n_outputs, i);
        assert_int_equal(f->output_len, n);
        assert_true(f->output_sum == sum);
        assert_string_equal(f->media, "image/png");
    }
    shutdown(f->core, SHUT_WR);
    assert_int_equal(ended(f), 0);
    free(bytes);
}

/* ---- yesterday's bytes
 * ---------------------------------------------------------------------------- */

static void send_bytes(struct fixture *f, const void *bytes, size_t n)
{
    assert_int_equal(fd_write_all(f->core, bytes, n), 0);
}

static void send_old(struct fixture *f, uint64_t generation, uint64_t nonce, size_t cut)
{
    struct outgoing old = {.n = 0};
    const struct box_task task = {.id = "old", .params = "\"old\"", .params_len = 5};
    assert_int_equal(outgoing_set(&old, &task, nonce, generation), 0);
    send_bytes(f, old.small.data, old.small.len - cut);
    outgoing_clear(&old);
}

static void bytes_of_an_earlier_task(void **state)
{
    struct fixture *f = *state;
    char noise[100000];
    uint32_t magic = DATA_MAGIC;
    memset(noise, 'n', sizeof noise);
    /* Beginnings of frames all over, one across the end of the worker's buffer. */
    for (size_t at = 5; at + 4 < sizeof noise; at += 997)
        memcpy(noise + at, &magic, sizeof magic);
    memcpy(noise + FRAMES_IN_ROOM - 2, &magic, sizeof magic);
    start(f, "tell", BOX_FORK);
    atomic_store(&f->page->task_nonce, 77);
    send_old(f, GENERATION - 1, 77, 0);
    send_old(f, GENERATION - 1, 77, 3);
    send_bytes(f, noise, sizeof noise);
    send_old(f, GENERATION, 76, 0);
    send_old(f, GENERATION, 77, 0); /* the page still speaks of the last worker */
    send_params(f, "\"new\"");
    listen_to(f);
    assert_string_equal(f->result, "[\"t\",\"NULL\",\"\",1,\"new\",{},0]");
    assert_int_equal(f->n_results, 1);
    assert_int_equal(ended(f), 0);
}

static void the_end_in_the_middle_of_a_task(void **state)
{
    struct fixture *f = *state;
    start(f, "tell", BOX_FORK);
    announce(f, 5);
    send_old(f, GENERATION, 5, 4);
    shutdown(f->core, SHUT_WR);
    assert_int_equal(ended(f), 0);
    assert_true(atomic_load(&f->page->started_nonce) == 0);
}

/* ---- what a plugin says
 * --------------------------------------------------------------------------- */

static void threads_that_talk(void **state)
{
    struct fixture *f = *state;
    run_once(f, "threads", "1");
    assert_int_equal(f->n_logs, 400);
    assert_int_equal(f->n_outputs, 20);
    assert_int_equal(f->output_len, 100000);
    assert_int_equal(f->n_results, 1);
    assert_int_equal(ended(f), 0);
}

static void progress_is_thinned(void **state)
{
    struct fixture *f = *state;
    run_once(f, "progress", "1");
    assert_true(f->n_progress >= 2 && f->n_progress < 200);
    assert_true(f->fraction == 1.0);
    /* It does not need pen.next/1, so it does not get it. */
    assert_string_equal(f->result, "1");
    assert_int_equal(ended(f), 0);
}

static void log_lines_are_cut_and_counted(void **state)
{
    struct fixture *f = *state;
    run_once(f, "logs", "1");
    assert_int_equal(strlen(f->log), 4095);
    assert_int_equal(f->n_logs, 1000);
    assert_int_equal(f->n_done, 1);
    assert_int_equal(ended(f), 0);
}

static void wrong_calls(void **state)
{
    struct fixture *f = *state;
    run_once(f, "wrong", "1");
    assert_int_equal(f->n_fails, 1);
    assert_int_equal(f->fail_status, DATA_FAIL_CONTRACT);
    assert_non_null(strstr(f->fail, "a/b"));
    assert_int_equal(f->n_outputs, 1);
    assert_int_equal(f->run_status, PEN_E_PERMANENT);
    assert_int_equal(ended(f), 0);
}

static void doubled_words_are_passed_on(void **state)
{
    struct fixture *f = *state;
    run_once(f, "twice", "1");
    assert_int_equal(f->n_results, 2);
    assert_int_equal(f->n_fails, 2);
    assert_int_equal(f->run_status, PEN_E_RETRY);
    assert_int_equal(ended(f), 0);
}

static void a_thousand_children(void **state)
{
    struct fixture *f = *state;
    run_once(f, "next", "1");
    assert_int_equal(f->n_children, 1000);
    assert_string_equal(f->child, "other step");
    assert_int_equal(f->n_fails, 1);
    assert_int_equal(f->fail_status, DATA_FAIL_CONTRACT);
    assert_int_equal(ended(f), 0);
}

static void asked_to_stop(void **state)
{
    struct fixture *f = *state;
    struct box_task task = {.id = "t", .deadline_ms = 1};
    start(f, "stop", BOX_WARM);
    send_params(f, "1");
    atomic_store(&f->page->stop_nonce, f->nonce);
    listen_to(f);
    assert_int_equal(f->run_status, PEN_E_CANCELLED);
    /* A deadline that has passed says the same. */
    send_task(f, &task);
    listen_to(f);
    assert_int_equal(f->n_done, 2);
    shutdown(f->core, SHUT_WR);
    assert_int_equal(ended(f), 0);
}

static int count_entries(const struct fixture *f, const char *sub)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%d/%s", f->dir, SLOT, sub);
    int fd = open(path, O_DIRECTORY | O_CLOEXEC);
    int is_empty = fd < 0 ? -1 : tree_is_empty(fd);
    fd_close(&fd);
    return is_empty;
}

static void files(void **state)
{
    struct fixture *f = *state;
    const struct box_input good = {"name", NULL, "hello", 5}, odd = {"../x", NULL, "hello", 5};
    struct box_task task = {.id = "t", .inputs = &good, .n_inputs = 1};
    start(f, "files", BOX_WARM);
    send_task(f, &task);
    listen_to(f);
    assert_string_equal(f->result, "1");
    assert_int_equal(f->n_outputs, 2);
    assert_string_equal(f->output, "by-path");
    assert_int_equal(f->output_len, 8);
    /* The next task finds nothing of the first; an input's name leads nowhere. */
    task.inputs = &odd;
    send_task(f, &task);
    listen_to(f);
    assert_int_equal(f->n_outputs, 4);
    assert_int_equal(f->n_done, 2);
    shutdown(f->core, SHUT_WR);
    assert_int_equal(ended(f), 0);
    assert_int_equal(count_entries(f, "in"), 1);
    assert_int_equal(count_entries(f, "out"), 1);
}

static void files_that_are_none(void **state)
{
    struct fixture *f = *state;
    start(f, "bad_files", BOX_WARM);
    send_params(f, "1");
    listen_to(f);
    assert_int_equal(f->n_done, 1);
    assert_int_equal(f->n_outputs, 0);
    assert_int_equal(f->fail_status, DATA_FAIL_CONTRACT);
    assert_non_null(strstr(f->fail, "output_file a"));
    /* A plugin that breaks a rule gets no second task in this process. */
    assert_int_equal(ended(f), 0);
    assert_int_equal(count_entries(f, "out"), 1);
}

/* ---- deaths
 * --------------------------------------------------------------------------------------- */

static void assert_death(struct fixture *f, int signo)
{
    const struct crash_report *c = &f->page->crash;
    int status = ended(f);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), signo);
    assert_int_equal(f->n_done, 0);
    assert_int_equal(c->is_set, 1);
    assert_int_equal(c->signal, signo);
    assert_true(c->n_frames >= 1);
    assert_true(atomic_load(&f->page->started_nonce) == f->nonce);
}

static void a_crash_is_written_down(void **state)
{
    struct fixture *f = *state;
    run_once(f, "crash", "16");
    assert_death(f, SIGSEGV);
    assert_true(f->page->crash.address == 16);
    assert_true(f->page->crash.code > 0);
    assert_int_equal(f->page->crash.is_out_of_memory, 0);
}

static void raised_signals(void **state)
{
    static const int signals[] = {SIGABRT, SIGFPE, SIGILL, SIGBUS, SIGTRAP, SIGSYS};
    struct fixture *f = *state;
    int pair[2];
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        char params[16];
        snprintf(params, sizeof params, "%d", signals[i]);
        if (i > 0) {
            fd_close(&f->core);
            assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
            f->core = pair[0];
            f->there = pair[1];
        }
        run_once(f, "raise", params);
        assert_death(f, signals[i]);
        assert_true(f->page->crash.code <= 0);
    }
}

/* Sanitizers cannot live under a limit of memory. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED 0
#endif

static void memory_runs_out(void **state)
{
    struct fixture *f = *state;
    if (IS_SANITIZED)
        skip();
    f->is_small = 1;
    run_once(f, "leak", "1");
    assert_death(f, SIGSEGV);
    assert_int_equal(f->page->crash.is_out_of_memory, 1);
}

/* A task that does not fit into the worker's memory is out of memory, and not ours to answer for.
 */
static void a_task_that_does_not_fit(void **state)
{
    struct fixture *f = *state;
    const size_t n = MEMORY + (1 << 20);
    if (IS_SANITIZED)
        skip();
    char *bytes = calloc(1, n);
    const struct box_input input = {"in", NULL, bytes, n};
    const struct box_task task = {.id = "t", .inputs = &input, .n_inputs = 1};
    f->is_small = 1;
    start(f, "tell", BOX_FORK);
    f->nonce = 9;
    announce(f, f->nonce);
    assert_int_equal(outgoing_set(&f->out, &task, f->nonce, GENERATION), 0);
    write_task(f);
    int status = ended(f);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_int_equal(f->page->crash.is_out_of_memory, 1);
    assert_true(atomic_load(&f->page->started_nonce) == f->nonce);
    free(bytes);
}

static void the_core_is_gone(void **state)
{
    struct fixture *f = *state;
    start(f, "logs", BOX_FORK);
    send_params(f, "1");
    fd_close(&f->core);
    assert_int_equal(ended(f), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_a_plugin_sees),
        TEST(a_small_task_is_one_write),
        TEST(a_forked_task_ends_its_process),
        TEST(recycled),
        cmocka_unit_test(a_worker_takes_its_leave),
        TEST(large_bytes_both_ways),
        TEST(bytes_of_an_earlier_task),
        TEST(the_end_in_the_middle_of_a_task),
        TEST(threads_that_talk),
        TEST(progress_is_thinned),
        TEST(log_lines_are_cut_and_counted),
        TEST(wrong_calls),
        TEST(doubled_words_are_passed_on),
        TEST(a_thousand_children),
        TEST(asked_to_stop),
        TEST(files),
        TEST(files_that_are_none),
        TEST(a_crash_is_written_down),
        TEST(raised_signals),
        TEST(memory_runs_out),
        TEST(a_task_that_does_not_fit),
        TEST(the_core_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
