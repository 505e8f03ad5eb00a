/* journal_bench.c: how many tasks a second the journal takes, and what they cost its writer.
 *
 * usage: journal_bench DIR [TASKS [WINDOW [HEADER_BYTES [IDS]]]]
 *
 * Each task is accepted, finished and acknowledged, each step when the one before is durable;
 * WINDOW tasks are under way at a time. IDS 1: task ids other than uids. No test: it is read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "journal/journal.h"
#include "loop/loop.h"

struct bench;

struct task {
    struct journal_op op; /* first */
    struct bench *bench;
    uint64_t seq;
    char uid[ID_TEXT];
    char task_id[32];
};

struct bench {
    struct journal *journal;
    struct loop *loop;
    struct task *tasks;
    const char *header;
    size_t header_len;
    int has_ids;
    uint64_t n, started, finished;
};

static void on_acknowledged(struct journal_op *op, enum code code, const char *why);

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "journal_bench: %s: %s\n", what, why);
    exit(1);
}

static void start(struct task *t)
{
    struct bench *b = t->bench;
    t->seq = journal_next_seq(b->journal) + b->started++;
    id_new(t->uid);
    snprintf(t->task_id, sizeof t->task_id, "bench-%08llx",
             (unsigned long long)(t->seq * 2654435761U % UINT32_MAX));
    t->op.kind = JOURNAL_ACCEPT;
    t->op.is_refusable = true;
    t->op.u.task = (struct journal_task){.seq = t->seq,
                                         .owner = 1,
                                         .uid = t->uid,
                                         .task_id = b->has_ids ? t->task_id : t->uid,
                                         .pipeline = "echo",
                                         .priority = 5,
                                         .submitted_ms = clock_wall_ms(),
                                         .header = {b->header, b->header_len}};
    journal_put(b->journal, &t->op);
}

static void finish(struct task *t)
{
    t->op.kind = JOURNAL_FINISH;
    t->op.is_refusable = false;
    memset(&t->op.u, 0, sizeof t->op.u);
    t->op.u.task_end.seq = t->seq;
    t->op.u.task_end.attempt = 1;
    t->op.u.task_end.result = (struct journal_result){.status = "ok",
                                                      .code = "OK",
                                                      .version = "1.0.0",
                                                      .data = {t->bench->header, 64},
                                                      .started_ms = clock_wall_ms(),
                                                      .finished_ms = clock_wall_ms()};
    journal_put(t->bench->journal, &t->op);
}

static void on_step(struct journal_op *op, enum code code, const char *why)
{
    struct task *t = (struct task *)op;
    if (code != CODE_OK)
        fail("refused", why);
    if (op->kind == JOURNAL_ACCEPT) {
        finish(t);
        return;
    }
    op->kind = JOURNAL_ACK;
    op->done = on_acknowledged;
    journal_put(t->bench->journal, op);
}

static void on_acknowledged(struct journal_op *op, enum code code, const char *why)
{
    struct task *t = (struct task *)op;
    if (code != CODE_OK)
        fail("refused", why);
    op->done = on_step;
    if (++t->bench->finished == t->bench->n)
        loop_stop(t->bench->loop);
    if (t->bench->started < t->bench->n)
        start(t);
}

static int on_turn(void *arg)
{
    struct bench *b = arg;
    journal_flush(b->journal);
    return -1;
}

static double thread_seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void report(const struct bench *b, double seconds)
{
    struct journal_status s;
    journal_status(b->journal, &s);
    double own = thread_seconds(CLOCK_THREAD_CPUTIME_ID);
    double writer = thread_seconds(CLOCK_PROCESS_CPUTIME_ID) - own;
    double n = (double)b->n;
    printf("%.0f tasks/s, %.0f commits/s of %.0f operations, writer %.1f us/task CPU (%.0f%% of a "
           "core), loop %.1f us/task, file %.1f MiB\n",
           n / seconds, (double)s.commits / seconds, (double)s.operations / (double)s.commits,
           writer / n * 1e6, writer / seconds * 100, own / n * 1e6, (double)s.file_bytes / 1048576);
}

static long argument(int argc, char **argv, int i, long otherwise)
{
    return argc > i ? strtol(argv[i], NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
    char why[JOURNAL_WHY];
    long n = argument(argc, argv, 2, 200000), window = argument(argc, argv, 3, 1024);
    long size = argument(argc, argv, 4, 160);
    if (argc < 2 || n <= 0 || window <= 0 || size < 64)
        fail("usage", "journal_bench DIR [TASKS [WINDOW [HEADER_BYTES [IDS]]]]");
    struct journal_options o = {.dir = argv[1], .spool_above = 65536};
    struct bench b = {.n = (uint64_t)n, .has_ids = (int)argument(argc, argv, 5, 0)};
    char *header = calloc(1, (size_t)size);
    b.loop = loop_new();
    b.journal = journal_open(&o, why);
    b.tasks = calloc((size_t)window, sizeof *b.tasks);
    if (b.loop == NULL || b.tasks == NULL || header == NULL)
        fail("start", "no memory");
    if (b.journal == NULL || journal_start(b.journal, b.loop) < 0)
        fail("open", why);
    b.header = memset(header, 'x', (size_t)size);
    b.header_len = (size_t)size;
    loop_on_turn(b.loop, on_turn, &b);
    for (long i = 0; i < window && b.started < b.n; i++) {
        b.tasks[i].bench = &b;
        b.tasks[i].op.done = on_step;
        start(&b.tasks[i]);
    }
    int64_t begin = clock_mono_us();
    loop_run(b.loop);
    report(&b, (double)(clock_mono_us() - begin) / 1e6);
    journal_close(b.journal);
    loop_free(b.loop);
    free(b.tasks);
    free(header);
    return 0;
}
