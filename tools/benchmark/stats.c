/* stats.c: round trips as numbers. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench.h"

int64_t bench_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int bench_result_init(struct bench_result *r, long messages)
{
    *r = (struct bench_result){.latencies_ns = calloc((size_t)messages, sizeof(int64_t))};
    return r->latencies_ns != NULL ? 0 : -1;
}

void bench_result_clear(struct bench_result *r)
{
    free(r->latencies_ns);
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double quantile_us(const struct bench_result *r, double q)
{
    return r->n > 0 ? (double)r->latencies_ns[(long)(q * (double)(r->n - 1))] / 1000 : 0;
}

void bench_print(struct bench_result *r)
{
    qsort(r->latencies_ns, (size_t)r->n, sizeof(int64_t), by_size);
    printf("{\"per_second\":%.0f,\"p50_us\":%.1f,\"p99_us\":%.1f,\"failures\":%ld}\n",
           (double)r->n / r->seconds, quantile_us(r, 0.5), quantile_us(r, 0.99), r->failures);
}
