#ifndef PENSTOCK_BENCHMARK_BENCH_H
#define PENSTOCK_BENCHMARK_BENCH_H

/* bench.h: load for tools/bench: one DEALER that keeps a window of messages in flight and notes
 * each round trip. */

#include <stddef.h>
#include <stdint.h>

struct bench_options {
    const char *endpoint; /* of the host; NULL in raw mode */
    const char *pipeline;
    int is_tcp;    /* raw mode: tcp on a loopback port; else ipc */
    long messages; /* counted ones; a tenth more before them is not */
    int window;
    size_t size; /* bytes of payload */
    int is_durable;
};

struct bench_result {
    double seconds;
    int64_t *latencies_ns; /* one a message; sorted by bench_print */
    long n;
    long failures; /* answers that were no success */
};

/* An echo of nothing but libzmq: ROUTER in a thread, DEALER here. -1: told on stderr. */
int bench_raw(const struct bench_options *o, struct bench_result *r);
/* Tasks of a pipeline that returns its input. -1: told on stderr. */
int bench_host(const struct bench_options *o, struct bench_result *r);

int bench_result_init(struct bench_result *r, long messages);
void bench_result_clear(struct bench_result *r);
int64_t bench_now_ns(void);
/* One JSON object: per_second, p50_us, p99_us, failures. */
void bench_print(struct bench_result *r);

#endif
