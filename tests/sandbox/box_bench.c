/*
 * box_bench.c: what a task costs over box.h: echo tasks through a real box, so many at work at once
 * (width). Rounds of all rows alternate, so that ratios hold on a machine whose speed changes.
 * Prints medians of the rounds, and ratios. A measurement, not a test.
 *
 *     build/release/tests/box_bench [seconds [width [part of the rows' names]]]
 *     taskset -c 0 build/release/tests/box_bench ...         pinned
 *
 * The row "bare fork" is what a task in fork mode cannot be without: fork, a filter that was built
 * before, five resource limits, exit, wait. A row "without" has the same box without seccomp and
 * without limits, where the launcher knows PENSTOCK_WITHOUT.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "inner_host.h"
#include "sandbox/filter.h"

enum { SAMPLES_MAX = 1 << 20, ROUNDS = 15 };

struct row {
    const char *name;
    enum box_mode mode; /* 0: bare forks */
    bool is_without;    /* in the other launcher's boxes */
    uint32_t spares;    /* slots beyond those at work */
    size_t input;
};

static const struct row rows[] = {
    {"warm, 256 B", BOX_WARM, false, 0, 1},
    {"warm, without", BOX_WARM, true, 0, 1},
    {"bare fork", 0, false, 0, 0},
    {"fork, 256 B", BOX_FORK, false, 0, 1},
    {"fork, one spare", BOX_FORK, false, 1, 1},
    {"fork, two spares", BOX_FORK, false, 2, 1},
    {"exec, 256 B", BOX_EXEC, false, 0, 1},
    {"warm, 1 MiB each way", BOX_WARM, false, 0, 1 << 20},
    {"fork, 1 MiB each way", BOX_FORK, false, 0, 1 << 20},
};
enum { ROWS = sizeof rows / sizeof *rows };

struct ratio {
    const char *what;
    int of, to; /* rows */
};

static const struct ratio ratios[] = {
    {"warm with seccomp and limits / without", 0, 1},
    {"fork a task / bare fork, filter, limits", 3, 2},
    {"fork with one spare / without", 4, 3},
    {"fork with two spares / without", 5, 3},
};

/* Medians are taken over rounds. */
struct figures {
    int n;
    double per_second[ROUNDS], p50[ROUNDS], p99[ROUNDS];
};

struct bench {
    struct host host, other; /* other: without seccomp and limits */
    bool has_other;
    struct box_task task;
    struct box *box;
    uint32_t walls;
    bool is_over;
    uint32_t width, n_busy;
    uint64_t n_done, n_bad, n_total;
    const char *only; /* part of the names to measure */
    uint32_t free[BOX_SLOTS_MAX], n_free;
    int64_t begun_us[BOX_SLOTS_MAX];
    struct sock_fprog filter;
    struct figures figures[ROWS];
    uint32_t n_samples;
    uint32_t *samples; /* SAMPLES_MAX of them, in microseconds */
};

/* ---- tasks in a box
 * -------------------------------------------------------------------------------- */

static void on_ready(void *arg, struct box *b, uint32_t walls, uint32_t landlock_abi,
                     enum box_mode mode)
{
    struct bench *k = arg;
    (void)b;
    (void)landlock_abi;
    (void)mode;
    k->walls = walls;
}

static void give(struct bench *k)
{
    while (!k->is_over && k->n_busy < k->width && k->n_free > 0) {
        const uint32_t slot = k->free[--k->n_free];
        k->begun_us[slot] = clock_mono_us();
        if (box_run(k->box, slot, &k->task, k) == 0)
            k->n_busy++;
    }
}

static void on_slot_free(void *arg, struct box *b, uint32_t slot)
{
    struct bench *k = arg;
    (void)b;
    k->free[k->n_free++] = slot;
    give(k);
}

static void on_done(void *arg, struct box *b, uint32_t slot, void *task,
                    struct box_outcome *outcome)
{
    struct bench *k = arg;
    (void)b;
    (void)task;
    k->n_done++;
    k->n_total++;
    k->n_busy--;
    if (outcome->code != CODE_OK && k->n_bad++ == 0)
        printf("%s: %s\n", code_name(outcome->code), outcome->message);
    if (k->n_samples < SAMPLES_MAX)
        k->samples[k->n_samples++] = (uint32_t)(clock_mono_us() - k->begun_us[slot]);
    give(k);
}

static void on_ended(void *arg, struct box *b, enum code code, const char *message)
{
    struct bench *k = arg;
    (void)b;
    k->box = NULL;
    k->n_free = 0;
    if (code != CODE_OK)
        printf("box: %s: %s\n", code_name(code), message);
}

static const struct box_events events = {
    .on_ready = on_ready, .on_slot_free = on_slot_free, .on_done = on_done, .on_ended = on_ended};

static void begin(struct bench *k)
{
    k->is_over = false;
    k->n_done = k->n_bad = 0;
    k->n_samples = k->n_free = k->n_busy = 0;
}

static void run_box(struct bench *k, struct host *h, int64_t us)
{
    k->box = box_start(h->launcher, &h->spec, &events, k);
    while (k->box != NULL && k->n_done == 0)
        loop_turn(h->loop, 1000);
    const int64_t begun = clock_mono_us();
    k->n_done = 0;
    while (k->box != NULL && clock_mono_us() - begun < us)
        loop_turn(h->loop, 1000);
    k->is_over = true;
    while (k->box != NULL && k->n_busy > 0)
        loop_turn(h->loop, 1000);
    if (k->box != NULL)
        box_stop(k->box);
    while (k->box != NULL)
        loop_turn(h->loop, 1000);
}

/* One box after another, each for one task. */
static void run_boxes(struct bench *k, struct host *h, int64_t us)
{
    const int64_t end = clock_mono_us() + us;
    while (clock_mono_us() < end) {
        const int64_t begun = clock_mono_us();
        k->box = box_start(h->launcher, &h->spec, &events, k);
        while (k->box != NULL)
            loop_turn(h->loop, 1000);
        if (k->n_samples > 0)
            k->samples[k->n_samples - 1] = (uint32_t)(clock_mono_us() - begun);
    }
}

/* ---- bare forks
 * ------------------------------------------------------------------------------------ */

static int map_filter(struct bench *k)
{
    struct stat st;
    const struct filter_key key = {.kind = FILTER_ZYGOTE};
    int fd = filter_build(&key);
    if (fd < 0 || fstat(fd, &st) < 0)
        return -1;
    k->filter.len = (unsigned short)((size_t)st.st_size / sizeof *k->filter.filter);
    k->filter.filter = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    return k->filter.filter != MAP_FAILED ? 0 : -1;
}

static _Noreturn void be_bare(const struct bench *k)
{
    static const int limits[] = {RLIMIT_CORE, RLIMIT_FSIZE, RLIMIT_DATA, RLIMIT_NOFILE, RLIMIT_CPU};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        const struct rlimit l = {64 << 20, 64 << 20};
        if (setrlimit(limits[i], limits[i] == RLIMIT_NOFILE ? &(struct rlimit){64, 64} : &l) < 0)
            _exit(1);
    }
    prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L);
    _exit(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0L, &k->filter) < 0);
}

static void run_bare(struct bench *k, int64_t us)
{
    const int64_t end = clock_mono_us() + us;
    for (int64_t at = clock_mono_us(), next; at < end; at = next) {
        int status = 1;
        const pid_t pid = fork();
        if (pid == 0)
            be_bare(k);
        waitpid(pid, &status, 0);
        next = clock_mono_us();
        k->n_bad += status != 0;
        k->n_done++;
        if (k->n_samples < SAMPLES_MAX)
            k->samples[k->n_samples++] = (uint32_t)(next - at);
    }
}

/* ---- rows
 * ------------------------------------------------------------------------------------------ */

static int by_value(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(const double *values, int n)
{
    double sorted[ROUNDS];
    memcpy(sorted, values, (size_t)n * sizeof *values);
    qsort(sorted, (size_t)n, sizeof *sorted, by_size);
    return n > 0 ? sorted[n / 2] : 0;
}

static bool is_wanted(const struct bench *k, const struct row *r)
{
    return strstr(r->name, k->only) != NULL && (!r->is_without || k->has_other);
}

static void measure(struct bench *k, const struct row *r, int64_t us)
{
    static char bytes[1 << 20];
    const struct box_input input = {"in", "application/octet-stream", bytes, r->input};
    struct host *h = r->is_without ? &k->other : &k->host;
    struct figures *f = &k->figures[r - rows];
    begin(k);
    k->task.inputs = &input;
    k->task.n_inputs = 1;
    const int64_t begun = clock_mono_us();
    if (r->mode == 0) {
        run_bare(k, us);
    } else {
        const uint32_t slots = r->mode == BOX_EXEC ? 1 : k->width + r->spares;
        host_spec(h, "plugins/echo", "echo", r->mode, slots);
        if (r->mode == BOX_EXEC)
            run_boxes(k, h, us);
        else
            run_box(k, h, us);
    }
    const int64_t took = r->mode == 0 || r->mode == BOX_EXEC ? clock_mono_us() - begun : us;
    qsort(k->samples, k->n_samples, sizeof k->samples[0], by_value);
    if (k->n_samples == 0)
        return;
    f->per_second[f->n] = (double)k->n_done * 1e6 / (double)took;
    const uint32_t middle = k->n_samples / 2;
    const uint32_t high = (uint32_t)((uint64_t)k->n_samples * 99 / 100);
    f->p50[f->n] = k->samples[middle];
    f->p99[f->n++] = k->samples[high];
    if (k->n_bad > 0)
        printf("%s: %llu bad\n", r->name, (unsigned long long)k->n_bad);
}

static void print(const struct bench *k)
{
    for (int i = 0; i < ROWS; i++) {
        const struct figures *f = &k->figures[i];
        if (f->n > 0)
            printf("%-24s %9.0f tasks/s   p50 %6.0f us   p99 %6.0f us\n", rows[i].name,
                   median(f->per_second, f->n), median(f->p50, f->n), median(f->p99, f->n));
    }
    for (size_t i = 0; i < sizeof ratios / sizeof *ratios; i++) {
        const struct figures *of = &k->figures[ratios[i].of], *to = &k->figures[ratios[i].to];
        double each[ROUNDS];
        for (int j = 0; j < of->n && j < to->n; j++)
            each[j] = of->per_second[j] / to->per_second[j];
        if (of->n > 0 && of->n == to->n)
            printf("%-44s %.2f\n", ratios[i].what, median(each, of->n));
    }
}

/* A launcher that does not know the variable builds its boxes as ever, and there is nothing to
 * compare. */
static void start_other(struct bench *k)
{
    setenv("PENSTOCK_WITHOUT", "seccomp,rlimits", 1);
    if (host_start(&k->other) < 0)
        return;
    unsetenv("PENSTOCK_WITHOUT");
    begin(k);
    k->is_over = true;
    k->walls = WALL_SECCOMP;
    host_spec(&k->other, "plugins/echo", "echo", BOX_FORK, 1);
    k->box = box_start(k->other.launcher, &k->other.spec, &events, k);
    while (k->box != NULL && k->n_free == 0)
        loop_turn(k->other.loop, 1000);
    k->has_other = (k->walls & WALL_SECCOMP) == 0;
    if (k->box != NULL)
        box_stop(k->box);
    while (k->box != NULL)
        loop_turn(k->other.loop, 1000);
}

/* Of this process and all that the launcher has waited for. */
static double cpu_us(void)
{
    double us = 0;
    for (int i = 0; i < 2; i++) {
        struct rusage r;
        getrusage(i == 0 ? RUSAGE_SELF : RUSAGE_CHILDREN, &r);
        us += (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1e6 +
              (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec);
    }
    return us;
}

/* Shared memory is not copied by a fork: the bare one is to be that of a small process. */
static void *shared(size_t n)
{
    void *at = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return at != MAP_FAILED ? at : NULL;
}

int main(int argc, char **argv)
{
    static char params[257];
    struct bench *k = calloc(1, sizeof *k);
    const double seconds = argc > 1 ? strtod(argv[1], NULL) : 2;
    if (k == NULL || (k->samples = shared(SAMPLES_MAX * sizeof *k->samples)) == NULL ||
        host_start(&k->host) < 0 || map_filter(k) < 0) {
        perror("box_bench");
        free(k);
        return 1;
    }
    k->width = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 2;
    k->only = argc > 3 ? argv[3] : "";
    memset(params, 'p', 256);
    params[0] = params[255] = '"';
    k->task = (struct box_task){
        .id = "bench", .params = params, .params_len = 256, .attempt = 1, .timeout_ms = 30000};
    start_other(k);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < ROWS; i++) {
            if (is_wanted(k, &rows[i]))
                measure(k, &rows[i], (int64_t)(seconds * 1e6 / ROUNDS));
        }
    }
    print(k);
    host_stop(&k->host);
    host_stop(&k->other);
    if (k->n_total > 0)
        printf("processor time of all processes, a task: %.0f us\n", cpu_us() / (double)k->n_total);
    free(k);
    return 0;
}
