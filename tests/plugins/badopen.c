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

/* clang-format off */
#define PIPELINE(name, fn)                                                                         \
    {.size = sizeof(pen_pipeline), .slug = (name), .version = "1.0.0", .open = (fn), .run = fine_run}
/* clang-format on */

static const pen_pipeline fails = PIPELINE("open_fails", open_fails);
static const pen_pipeline crashes = PIPELINE("open_crashes", open_crashes);
static const pen_pipeline hangs = PIPELINE("open_hangs", open_hangs);
static const pen_pipeline exits = PIPELINE("open_exits", open_exits);
static const pen_pipeline threads = PIPELINE("open_threads", open_threads);
static const pen_pipeline *const pipelines[] = {&fails, &crashes, &hangs, &exits, &threads, NULL};

const pen_plugin pen_plugin_entry = {PEN_PLUGIN_HEADER, .id = "org.penstock.test.badopen",
                                     .version = "1.0.0", .pipelines = pipelines};
