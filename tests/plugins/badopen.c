/*
 * badopen.c: TEST PLUGIN, broken on purpose: each pipeline goes wrong in open. open_threads leaves
 * a thread behind and is otherwise in order: a host must not fork its process.
 */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "fine.h"

static pen_status open_fails(const pen_host *host, const char *config, void **self)
{
    (void)config;
    (void)self;
    return host->fail(host, PEN_E_PERMANENT, "the model is not there");
}

static pen_status open_crashes(const pen_host *host, const char *config, void **self)
{
    (void)host;
    (void)config;
    (void)self;
    abort();
}

static pen_status open_hangs(const pen_host *host, const char *config, void **self)
{
    (void)host;
    (void)config;
    (void)self;
    for (;;)
        pause();
    return PEN_OK;
}

static pen_status open_exits(const pen_host *host, const char *config, void **self)
{
    (void)host;
    (void)config;
    (void)self;
    _exit(0);
}

static void *idle(void *arg)
{
    for (;;)
        pause();
    return arg;
}

static pen_status open_threads(const pen_host *host, const char *config, void **self)
{
    pthread_t thread;
    (void)config;
    (void)self;
    if (pthread_create(&thread, NULL, idle, NULL) != 0)
        return host->fail(host, PEN_E_RETRY, "no thread");
    pthread_detach(thread);
    return PEN_OK;
}

#define PIPELINE(name)                                                                             \
    static const pen_pipeline name##_pipeline = {.size = sizeof(pen_pipeline),                     \
                                                 .slug = #name,                                    \
                                                 .version = "1.0.0",                               \
                                                 .open = name,                                     \
                                                 .run = fine_run}

PIPELINE(open_fails);
PIPELINE(open_crashes);
PIPELINE(open_hangs);
PIPELINE(open_exits);
PIPELINE(open_threads);

static const pen_pipeline *const pipelines[] = {&open_fails_pipeline,   &open_crashes_pipeline,
                                                &open_hangs_pipeline,   &open_exits_pipeline,
                                                &open_threads_pipeline, NULL};

const pen_plugin pen_plugin_entry = {PEN_PLUGIN_HEADER, .id = "org.penstock.test.badopen",
                                     .version = "1.0.0", .pipelines = pipelines};
