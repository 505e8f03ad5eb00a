/* openmp_plugin.c: TEST PLUGIN: a parallel region in open leaves a pool of threads behind, which a
 * fork would wait for for ever in its own first region. Configuration {"threads": n}: so many. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <penstock/plugin.h>

enum { N = 1000 };

static int threads = 1;

static long sum(void)
{
    long total = 0;
#pragma omp parallel for reduction(+ : total) num_threads(threads)
    for (int i = 0; i < N; i++)
        total += i;
    return total;
}

static pen_status open_sum(const pen_host *host, const char *config, void **self)
{
    const char *number = strpbrk(config, "0123456789");
    (void)self;
    threads = number != NULL ? (int)strtol(number, NULL, 10) : 1;
    return sum() == N * (N - 1) / 2 ? PEN_OK : host->fail(host, PEN_E_INTERNAL, "a wrong sum");
}

static pen_status run_sum(void *self, const pen_host *host, const pen_task *task)
{
    char json[32];
    int n = snprintf(json, sizeof json, "%ld", sum());
    (void)self;
    (void)task;
    return host->result(host, NULL, (pen_bytes){json, (size_t)n});
}

static const pen_pipeline openmp = {
    .size = sizeof openmp, .slug = "openmp", .version = "1", .open = open_sum, .run = run_sum};
static const pen_pipeline *const pipelines[] = {&openmp, NULL};

const pen_plugin pen_plugin_entry = {PEN_PLUGIN_HEADER, .id = "org.penstock.test.openmp",
                                     .version = "1.0.0", .pipelines = pipelines};
