/*
 * model_bench.c: what a fork of a process with a large model costs, by the way it holds the model:
 * tasks a second and the median latency, one slot, rounds of all ways in turn. A measurement, not a
 * test.
 *
 *     build/release/tests/model_bench [MiB [seconds]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "inner_host.h"

enum { SAMPLES_MAX = 1 << 18, ROUNDS = 3, MODEL_MIB = 1024, MEGABYTE = 1 << 20 };

struct way {
    const char *name, *plugin, *slug;
};

static const struct way ways[] = {
    {"no model", "plugins/echo", "echo"},
    {"model, shared file", "tests/plugins/model_plugin", "model_shared"},
    {"model, huge pages", "tests/plugins/model_plugin", "model_huge"},
    {"model, 4 KiB pages", "tests/plugins/model_plugin", "model_private"},
};
enum { WAYS = sizeof ways / sizeof *ways };

struct samples {
    uint32_t us[SAMPLES_MAX];
    size_t n;
    int64_t spent_us;
};

static int make_model(const char *path, size_t mib)
{
    static char megabyte[MEGABYTE];
    FILE *f = fopen(path, "w");
    size_t n = 0;
    memset(megabyte, 1, sizeof megabyte);
    while (f != NULL && n < mib && fwrite(megabyte, sizeof megabyte, 1, f) == 1)
        n++;
    return f != NULL && fclose(f) == 0 && n == mib && chmod(path, 0644) == 0 ? 0 : -1;
}

static void measure(struct host *h, const struct way *w, const char *const *path,
                    const char *config, double seconds, struct samples *s)
{
    host_spec(h, w->plugin, w->slug, BOX_FORK, 1);
    h->spec.limits.memory_bytes = 0;
    h->spec.config = config;
    h->spec.inputs = path;
    h->spec.n_inputs = 1;
    host_box(h);
    const int64_t begun = clock_mono_us();
    while (h->box != NULL && clock_mono_us() - begun < (int64_t)(seconds * 1e6)) {
        const int64_t at = clock_mono_us();
        host_params(h, "{}", 30000);
        if (s->n < SAMPLES_MAX)
            s->us[s->n++] = (uint32_t)(clock_mono_us() - at);
    }
    s->spent_us += clock_mono_us() - begun;
    if (h->box == NULL)
        printf("%s: %s\n", w->name, h->ended_text);
    else
        host_end_box(h);
}

static int by_value(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void print(const struct way *w, struct samples *s)
{
    qsort(s->us, s->n, sizeof s->us[0], by_value);
    if (s->n > 0)
        printf("%-20s %7.0f tasks/s   p50 %6u us\n", w->name,
               (double)s->n * 1e6 / (double)s->spent_us, s->us[s->n / 2]);
}

int main(int argc, char **argv)
{
    const size_t mib = argc > 1 ? strtoul(argv[1], NULL, 10) : MODEL_MIB;
    const double seconds = argc > 2 ? strtod(argv[2], NULL) : 6;
    struct samples *s = calloc(WAYS, sizeof *s);
    struct host h;
    char path[512], config[600];
    const char *const inputs[] = {path};
    snprintf(path, sizeof path, "%s/model-%d", getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp",
             getpid());
    snprintf(config, sizeof config, "{\"file\":\"%s\",\"mb\":%zu}", path, mib);
    if (s == NULL || make_model(path, mib) < 0 || host_start(&h) < 0) {
        perror(path);
        unlink(path);
        free(s);
        return EXIT_FAILURE;
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < WAYS; i++)
            measure(&h, &ways[i], inputs, config, seconds / ROUNDS, &s[i]);
    }
    for (int i = 0; i < WAYS; i++)
        print(&ways[i], &s[i]);
    host_stop(&h);
    unlink(path);
    free(s);
    return EXIT_SUCCESS;
}
