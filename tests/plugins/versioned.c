/*
 * versioned.c: TEST PLUGIN: the same pipeline in several versions, each a file of its own, so that
 * tests see which of them a task ran in. VERSION is what it answers; STRICT asks for params that the
 * others do not know; OPEN_FAILS does not load.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <penstock/plugin.h>

#define TEXT_(x) #x
#define TEXT(x)  TEXT_(x)

#ifdef STRICT
#define SCHEMA "{\"type\": \"object\", \"required\": [\"colour\"]}"
#else
#define SCHEMA "{\"type\": \"object\"}"
#endif

static pen_status open_it(const pen_host *host, const char *config, void **self)
{
    (void)self;
#ifdef OPEN_FAILS
    return host->fail(host, PEN_E_PERMANENT, "the model of version " TEXT(VERSION) " is not there");
#endif
    if (strstr(config, "refuse") != NULL)
        return host->fail(host, PEN_E_PERMANENT, "the configuration says so");
    return PEN_OK;
}

/* params {"ms": n}: how long it takes. */
static pen_status run(void *self, const pen_host *host, const pen_task *task)
{
    static const char key[] = "\"ms\":";
    const char *at = strstr(task->params.data, key);
    (void)self;
    if (at != NULL)
        usleep((useconds_t)strtoul(at + strlen(key), NULL, 10) * 1000);
    static const char data[] = "{\"version\": " TEXT(VERSION) "}";
    return host->result(host, "success", (pen_bytes){data, sizeof data - 1});
}

static const pen_pipeline versioned = {.size = sizeof(pen_pipeline),
                                       .slug = "versioned",
                                       .version = TEXT(VERSION) ".0.0",
                                       .params_schema = SCHEMA,
                                       .open = open_it,
                                       .run = run};
static const pen_pipeline *const pipelines[] = {&versioned, NULL};

const pen_plugin pen_plugin_entry = {PEN_PLUGIN_HEADER, .id = "org.penstock.test.versioned",
                                     .version = TEXT(VERSION) ".0.0", .pipelines = pipelines};
