/*
 * box_bench.c: what a task costs over box.h: echo tasks through two slots of a real box, as many at
 * work as there are slots. Prints tasks a second and the median latency. A measurement, not a test.
 *
 * With a model's size in MiB: the same of tasks forked out of a process that holds so much.
 *
 *     build/release/tests/box_bench [seconds [slots [fork|warm|model|... [MiB]]]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "inner_host.h"

enum { SAMPLES_MAX = 1 << 20 };

struct bench {
    struct host host;
    struct box_task task;
    struct box *box;
    enum box_mode mode;
    bool is_over;
    uint64_t n_done, n_bad, n_total;
    const char *only; /* part of the names to measure */
    int64_t begun_us[BOX_SLOTS_MAX];
    uint32_t n_samples, n_busy;
    uint32_t samples[SAMPLES_MAX]; /* microseconds */
};

static void on_ready(void *arg, struct box *b, uint32_t walls, uint32_t landlock_abi,
                     enum box_mode mode)
{
    char text[256];
    struct bench *k = arg;
    (void)b;
    k->mode = mode;
    box_walls_text(walls, landlock_abi, text);
    if (getenv("INNER_LOG") != NULL)
        printf("walls: %s\n", text);
}

static void on_slot_free(void *arg, struct box *b, uint32_t slot)
{
    struct bench *k = arg;
    if (k->is_over)
        return;
    k->begun_us[slot] = clock_mono_us();
    if (box_run(b, slot, &k->task, k) == 0)
        k->n_busy++;
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
}

static void on_ended(void *arg, struct box *b, enum code code, const char *message)
{
    struct bench *k = arg;
    (void)b;
    k->box = NULL;
    if (code != CODE_OK)
        printf("box: %s: %s\n", code_name(code), message);
}

static int by_value(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void print(struct bench *k, const char *name, int64_t us)
{
    qsort(k->samples, k->n_samples, sizeof k->samples[0], by_value);
    if (k->n_samples > 0)
        printf("%-24s %9.0f tasks/s   p50 %5u us   p99 %5u us   bad %llu\n", name,
               (double)k->n_done * 1e6 / (double)us, k->samples[k->n_samples / 2],
               k->samples[(uint64_t)k->n_samples * 99 / 100], (unsigned long long)k->n_bad);
}

static void measure_box(struct bench *k, const char *name, int64_t seconds)
{
    static const struct box_events events = {.on_ready = on_ready,
                                             .on_slot_free = on_slot_free,
                                             .on_done = on_done,
                                             .on_ended = on_ended};
    struct loop *loop = k->host.loop;
    k->is_over = false;
    k->n_done = k->n_bad = 0;
    k->n_samples = 0;
    k->box = box_start(k->host.launcher, &k->host.spec, &events, k);
    while (k->box != NULL && k->n_done == 0)
        loop_turn(loop, 1000);
    const int64_t begun = clock_mono_us();
    k->n_done = 0;
    while (k->box != NULL && clock_mono_us() - begun < seconds * 1000000)
        loop_turn(loop, 1000);
    print(k, name, clock_mono_us() - begun);
    k->is_over = true;
    while (k->box != NULL && k->n_busy > 0)
        loop_turn(loop, 1000);
    if (k->box != NULL)
        box_stop(k->box);
    while (k->box != NULL)
        loop_turn(loop, 1000);
}

static void measure(struct bench *k, const char *name, enum box_mode mode, uint32_t slots,
                    int64_t seconds)
{
    if (strstr(name, k->only) == NULL)
        return;
    host_spec(&k->host, "plugins/echo", "echo", mode, slots);
    measure_box(k, name, seconds);
}

static int make_model(const char *path, size_t mb)
{
    static char megabyte[1 << 20];
    FILE *f = fopen(path, "w");
    size_t n = 0;
    memset(megabyte, 1, sizeof megabyte);
    while (f != NULL && n < mb && fwrite(megabyte, sizeof megabyte, 1, f) == 1)
        n++;
    return f != NULL && fclose(f) == 0 && n == mb && chmod(path, 0644) == 0 ? 0 : -1;
}

static void measure_models(struct bench *k, size_t mb, uint32_t slots, int64_t seconds)
{
    static const char *const ways[][2] = {{"model, shared file", "model_shared"},
                                          {"model, huge pages", "model_huge"},
                                          {"model, 4 KiB pages", "model_private"}};
    char path[512], config[600];
    const char *const inputs[] = {path};
    snprintf(path, sizeof path, "%s/model-%d", getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp",
             getpid());
    snprintf(config, sizeof config, "{\"file\":\"%s\",\"mb\":%zu}", path, mb);
    if (make_model(path, mb) < 0)
        perror(path);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        if (strstr(ways[i][0], k->only) == NULL)
            continue;
        host_spec(&k->host, "tests/plugins/model_plugin", ways[i][1], BOX_FORK, slots);
        k->host.spec.limits.memory_bytes = 0;
        k->host.spec.config = config;
        k->host.spec.inputs = inputs;
        k->host.spec.n_inputs = 1;
        measure_box(k, ways[i][0], seconds);
    }
    unlink(path);
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

int main(int argc, char **argv)
{
    struct bench *k = calloc(1, sizeof *k);
    const int64_t seconds = argc > 1 ? strtol(argv[1], NULL, 10) : 2;
    const uint32_t slots = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 2;
    static char params[257], megabyte[1 << 20];
    struct box_input input = {"in", "application/octet-stream", "x", 1};
    if (k == NULL || host_start(&k->host) < 0)
        return 1;
    k->only = argc > 3 ? argv[3] : "";
    memset(params, 'p', 256);
    params[0] = params[255] = '"';
    k->task = (struct box_task){.id = "bench",
                                .params = params,
                                .params_len = 256,
                                .inputs = &input,
                                .n_inputs = 1,
                                .attempt = 1,
                                .timeout_ms = 30000};
    measure(k, "warm, 256 B", BOX_WARM, slots, seconds);
    measure(k, "fork, 256 B", BOX_FORK, slots, seconds);
    const struct box_input small = input;
    input = (struct box_input){"in", "application/octet-stream", megabyte, sizeof megabyte};
    measure(k, "warm, 1 MiB each way", BOX_WARM, slots, seconds);
    measure(k, "fork, 1 MiB each way", BOX_FORK, slots, seconds);
    input = small;
    if (argc > 4)
        measure_models(k, strtoul(argv[4], NULL, 10), slots, seconds);
    host_stop(&k->host);
    if (k->n_total > 0)
        printf("processor time of all processes, a task: %.0f us\n", cpu_us() / (double)k->n_total);
    free(k);
    return 0;
}
