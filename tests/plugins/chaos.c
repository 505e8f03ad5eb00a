/*
 * chaos.c: TEST PLUGIN: a task's params say how it will end, so that who reads them knows the true
 * verdict without asking the host. {"fate": word, "n": number, ...}:
 *
 *   ok                  success; the first input comes back as the output "copy"
 *   slow     {"ms"}     success after so long
 *   fan      {"children"}  success, and so many children "ok" of n * 1000 + i
 *   flaky    {"until"}  TRANSIENT before that attempt, then success
 *   refuse, fail        INVALID_INPUT; PERMANENT
 *   crash, exit, none   CRASH; PLUGIN_EXIT; NO_RESULT
 *   loop                busy for ever: TIMEOUT, or CPU_LIMIT where the pipeline has one
 *   hog                 takes memory and writes to it: OOM
 *   wait                for ever, until it is told to stop: CANCELLED
 *
 * A success says {"n": n, "check": n * n % 1000003}. All pipelines are the same; they differ by
 * what the configuration gives them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <penstock/ext/next.h>
#include <penstock/plugin.h>

enum { CHECK_PRIME = 1000003, CHILD_FACTOR = 1000, TICK_MS = 2 };

/* Where its value begins, or NULL. */
static const char *member(const pen_task *task, const char *name)
{
    char key[32];
    snprintf(key, sizeof key, "\"%s\":", name);
    const char *at = strstr(task->params.data, key);
    return at != NULL ? at + strlen(key) + strspn(at + strlen(key), " ") : NULL;
}

static long long number(const pen_task *task, const char *name)
{
    const char *at = member(task, name);
    return at != NULL ? strtoll(at, NULL, 10) : 0;
}

static int is_fate(const char *at, const char *word)
{
    const size_t n = strlen(word);
    return at != NULL && at[0] == '"' && strncmp(at + 1, word, n) == 0 && at[n + 1] == '"';
}

static void wait_ms(long long ms)
{
    const struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

static pen_status succeed(const pen_host *host, const pen_task *task)
{
    char json[96];
    const long long n = number(task, "n"), rest = n % CHECK_PRIME;
    const int len =
        snprintf(json, sizeof json, "{\"n\":%lld,\"check\":%lld}", n, rest * rest % CHECK_PRIME);
    if (task->n_inputs > 0)
        host->output(host, "copy", NULL, task->inputs[0]->bytes);
    return host->result(host, "success", (pen_bytes){json, (size_t)len});
}

static pen_status run_slow(const pen_host *host, const pen_task *task)
{
    wait_ms(number(task, "ms"));
    return succeed(host, task);
}

static pen_status run_fan(const pen_host *host, const pen_task *task)
{
    const pen_next *next = host->extension(host, PEN_EXT_NEXT);
    const long long n = number(task, "n"), children = number(task, "children");
    for (long long i = 0; i < children; i++) {
        char json[96];
        const int len =
            snprintf(json, sizeof json, "{\"fate\":\"ok\",\"n\":%lld}", n * CHILD_FACTOR + i);
        const pen_status status =
            next->add(host, "chaos_warm", (pen_bytes){json, (size_t)len}, "child");
        if (status != PEN_OK)
            return status;
    }
    return succeed(host, task);
}

static pen_status run_flaky(const pen_host *host, const pen_task *task)
{
    if (task->attempt < number(task, "until"))
        return host->fail(host, PEN_E_RETRY, "not yet");
    return succeed(host, task);
}

static pen_status run_refuse(const pen_host *host, const pen_task *task)
{
    (void)task;
    return host->fail(host, PEN_E_INPUT, "refused by its fate");
}

static pen_status run_fail(const pen_host *host, const pen_task *task)
{
    (void)task;
    return host->fail(host, PEN_E_PERMANENT, "failed by its fate");
}

static pen_status run_crash(const pen_host *host, const pen_task *task)
{
    (void)host;
    (void)task;
    abort();
}

static pen_status run_exit(const pen_host *host, const pen_task *task)
{
    (void)host;
    (void)task;
    _exit(3);
}

static pen_status run_none(const pen_host *host, const pen_task *task)
{
    (void)host;
    (void)task;
    return PEN_OK;
}

static pen_status run_loop(const pen_host *host, const pen_task *task)
{
    volatile unsigned long turns = 0;
    (void)host;
    (void)task;
    for (;;)
        turns++;
    return PEN_OK;
}

/* UBSan would make another crash of what is one. */
#if defined(__GNUC__)
#define CHAOS_RAW __attribute__((no_sanitize("undefined")))
#else
#define CHAOS_RAW
#endif

CHAOS_RAW static pen_status run_hog(const pen_host *host, const pen_task *task)
{
    const size_t step = (size_t)1 << 20;
    (void)host;
    (void)task;
    for (;;) {
        char *chunk = malloc(step);
        memset(chunk, 1, step); /* NOLINT: the crash on NULL is how a task runs out of memory */
    }
    return PEN_OK;
}

static pen_status run_wait(const pen_host *host, const pen_task *task)
{
    (void)task;
    while (!host->should_stop(host))
        wait_ms(TICK_MS);
    return host->fail(host, PEN_E_CANCELLED, "told to stop");
}

static const struct {
    const char *fate;
    pen_status (*fn)(const pen_host *host, const pen_task *task);
} fates[] = {
    {"ok", succeed},        {"slow", run_slow}, {"fan", run_fan},     {"flaky", run_flaky},
    {"refuse", run_refuse}, {"fail", run_fail}, {"crash", run_crash}, {"exit", run_exit},
    {"none", run_none},     {"loop", run_loop}, {"hog", run_hog},     {"wait", run_wait},
};

static pen_status run(void *self, const pen_host *host, const pen_task *task)
{
    const char *fate = member(task, "fate");
    (void)self;
    for (size_t i = 0; i < sizeof fates / sizeof *fates; i++) {
        if (is_fate(fate, fates[i].fate))
            return fates[i].fn(host, task);
    }
    return host->fail(host, PEN_E_INPUT, "params name no fate");
}

static const char schema[] = "{\"type\": \"object\", \"required\": [\"fate\", \"n\"],"
                             " \"properties\": {\"n\": {\"type\": \"integer\"}}}";
static const char *const needs[] = {PEN_EXT_NEXT, NULL};

#define CHAOS(name)                                                                                \
    static const pen_pipeline name = {.size = sizeof(pen_pipeline),                                \
                                      .slug = #name,                                               \
                                      .version = "1",                                              \
                                      .params_schema = schema,                                     \
                                      .needs = needs,                                              \
                                      .run = run}

CHAOS(chaos_fork);
CHAOS(chaos_warm);
CHAOS(chaos_hard);
CHAOS(chaos_wait);
CHAOS(chaos_flaky);

static const pen_pipeline *const pipelines[] = {&chaos_fork, &chaos_warm,  &chaos_hard,
                                                &chaos_wait, &chaos_flaky, NULL};

const pen_plugin pen_plugin_entry = {PEN_PLUGIN_HEADER, .id = "org.penstock.test.chaos",
                                     .version = "1.0.0", .pipelines = pipelines};
