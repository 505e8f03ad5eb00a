/* misbehave.c: TEST PLUGIN, bad on purpose: the descriptor and what its parts share. See
 * misbehave.h. */
#include "misbehave.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <penstock/ext/files.h>
#include <penstock/ext/next.h>
#include <penstock/ext/progress.h>

long param_int(const pen_task *task, const char *name, long instead)
{
    char key[64];
    char text[1024];
    size_t n = task->params.len < sizeof text - 1 ? task->params.len : sizeof text - 1;
    const char *at;

    if (n > 0)
        memcpy(text, task->params.data, n);
    text[n] = 0;
    snprintf(key, sizeof key, "\"%s\"", name);
    at = strstr(text, key);
    if (at == NULL)
        return instead;
    at += strlen(key);
    return strtol(at + strspn(at, " :"), NULL, 10);
}

pen_status give_int(const pen_host *host, const char *key, long value)
{
    char json[128];
    pen_bytes bytes = {json, 0};
    bytes.len = (size_t)snprintf(json, sizeof json, "{\"%s\":%ld}", key, value);
    return host->result(host, "success", bytes);
}

int wait_ms(const pen_host *host, long ms, int is_heeding)
{
    const struct timespec tick = {0, 5 * 1000 * 1000};
    struct timespec start, now;

    clock_gettime(CLOCK_MONOTONIC, &start);
    for (;;) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        if ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 >= ms)
            return 0;
        if (is_heeding && host->should_stop(host))
            return 1;
        nanosleep(&tick, NULL);
    }
}

static const char *const statuses[] = {"partial", "empty", NULL};
static const char *const needs_files[] = {PEN_EXT_FILES, NULL};
static const char *const needs_next[] = {PEN_EXT_NEXT, NULL};
static const char *const needs_progress[] = {PEN_EXT_PROGRESS, NULL};
static const char *const needs_threads[] = {"threads", NULL};

/* MIS(name): a pipeline of that slug which calls run_name. */
#define MIS(name, ...)                                                                             \
    static const pen_pipeline mis_##name = {.size = sizeof(pen_pipeline),                          \
                                            .slug = #name,                                         \
                                            .version = "1.0.0",                                    \
                                            .summary = "test: " #name,                             \
                                            .run = run_##name,                                     \
                                            __VA_ARGS__}

MIS(crash, .task_type = "deaths");
MIS(abort, .task_type = "deaths");
MIS(loop, .task_type = "deaths");
MIS(sleep, .task_type = "deaths");
MIS(exit3, .task_type = "deaths");
MIS(leak, .task_type = "deaths");
MIS(noresult, .task_type = "answers");
MIS(twice, .task_type = "answers");
MIS(bigresult, .task_type = "answers");
MIS(badjson, .task_type = "answers");
MIS(status, .task_type = "answers", .output_statuses = statuses);
MIS(fail_input, .task_type = "answers");
MIS(fail_retry, .task_type = "answers");
MIS(fail_permanent, .task_type = "answers");
MIS(outputs, .task_type = "answers");
MIS(bad_output, .task_type = "answers");
MIS(fork, .task_type = "walls");
MIS(exec, .task_type = "walls");
MIS(socket, .task_type = "walls");
MIS(write_etc, .task_type = "walls");
MIS(ptrace, .task_type = "walls");
MIS(threads, .task_type = "walls", .needs = needs_threads);
MIS(progress, .task_type = "works", .needs = needs_progress);
MIS(next, .task_type = "works", .needs = needs_next);
MIS(stdout, .task_type = "works");
MIS(spin_ms, .task_type = "works");
MIS(echo_warm, .task_type = "works", .open = open_echo_warm, .close = close_echo_warm);
MIS(files, .task_type = "works", .needs = needs_files);

static const pen_pipeline *const pipelines[] = {&mis_crash,
                                                &mis_abort,
                                                &mis_loop,
                                                &mis_sleep,
                                                &mis_exit3,
                                                &mis_leak,
                                                &mis_noresult,
                                                &mis_twice,
                                                &mis_bigresult,
                                                &mis_badjson,
                                                &mis_status,
                                                &mis_fail_input,
                                                &mis_fail_retry,
                                                &mis_fail_permanent,
                                                &mis_outputs,
                                                &mis_bad_output,
                                                &mis_fork,
                                                &mis_exec,
                                                &mis_socket,
                                                &mis_write_etc,
                                                &mis_ptrace,
                                                &mis_threads,
                                                &mis_progress,
                                                &mis_next,
                                                &mis_stdout,
                                                &mis_spin_ms,
                                                &mis_echo_warm,
                                                &mis_files,
                                                NULL};

const pen_plugin pen_plugin_entry = {
    PEN_PLUGIN_HEADER,       .id = "org.penstock.test.misbehave",
    .version = "1.0.0",      .vendor = "Penstock's tests",
    .license = "Apache-2.0", .pipelines = pipelines,
};
