/* main.c: penstock-bench: one measurement, printed as one JSON object. tools/bench runs it in
 * turns. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static const char usage[] =
    "usage: penstock-bench raw --transport tcp|ipc [--messages N] [--window N] [--size BYTES]\n"
    "       penstock-bench host --endpoint E --pipeline P [--messages N] [--window N] [--size "
    "BYTES] [--durable]\n";

static const struct option options[] = {
    {"endpoint", required_argument, NULL, 'e'}, {"pipeline", required_argument, NULL, 'p'},
    {"messages", required_argument, NULL, 'n'}, {"window", required_argument, NULL, 'w'},
    {"size", required_argument, NULL, 's'},     {"transport", required_argument, NULL, 't'},
    {"durable", no_argument, NULL, 'd'},        {NULL, 0, NULL, 0},
};

static int read_options(int argc, char **argv, struct bench_options *o)
{
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'e')
            o->endpoint = optarg;
        else if (c == 'p')
            o->pipeline = optarg;
        else if (c == 'n')
            o->messages = strtol(optarg, NULL, 10);
        else if (c == 'w')
            o->window = (int)strtol(optarg, NULL, 10);
        else if (c == 's')
            o->size = strtoul(optarg, NULL, 10);
        else if (c == 'd')
            o->is_durable = 1;
        else if (c == 't')
            o->is_tcp = strcmp(optarg, "tcp") == 0;
        else
            return -1;
    }
    return o->messages > 0 && o->window > 0 && o->size > 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
    struct bench_options o = {.messages = 100000, .window = 64, .size = 256};
    struct bench_result r;
    if (argc < 2 || read_options(argc - 1, argv + 1, &o) < 0) {
        fputs(usage, stderr);
        return 2;
    }
    int is_raw = strcmp(argv[1], "raw") == 0;
    if (!is_raw && (o.endpoint == NULL || o.pipeline == NULL)) {
        fputs(usage, stderr);
        return 2;
    }
    if (bench_result_init(&r, o.messages) < 0 || (is_raw ? bench_raw : bench_host)(&o, &r) < 0)
        return 1;
    bench_print(&r);
    bench_result_clear(&r);
    return 0;
}
