#ifndef PENSTOCK_TESTHOST_H
#define PENSTOCK_TESTHOST_H

/*
 * penstock/testhost.h: a small host for a plugin's own tests, without sandbox and without limits,
 * in one process, so that a debugger, valgrind and the sanitizers work. Not part of the ABI; link
 * with -ldl on old systems. It is stricter than the real host nowhere and laxer in much: JSON and
 * schemas are not checked.
 *
 *     struct pen_testhost th;
 *     const pen_plugin *plugin = pen_testhost_load("./echo.so");
 *     pen_testhost_init(&th);
 *     pen_testhost_input(&th, "text", "text/plain", "hello", 5);
 *     status = pen_testhost_run(&th, plugin->pipelines[0], "{}", "{\"n\": 1}");
 *     ... th.result, th.outputs[0].bytes, th.why ...
 *     pen_testhost_clear(&th);
 *
 * The extensions pen.progress/1 and pen.next/1 are there and counted; pen.files/1 is not.
 */

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <penstock/ext/next.h>
#include <penstock/ext/progress.h>
#include <penstock/plugin.h>

#if defined(__GNUC__)
#define PEN_TESTHOST_FN static __attribute__((unused))
#else
#define PEN_TESTHOST_FN static
#endif

enum { PEN_TESTHOST_ITEMS = 16 };

struct pen_testhost_item {
    char *name;
    char *media_type;
    char *bytes; /* len bytes and a NUL */
    size_t len;
};

/* All of it may be read; strings are NULL until they are set. */
struct pen_testhost {
    pen_host host;
    int stop;           /* set it to 1: should_stop says so */
    char *status;       /* of the result */
    char *result;       /* JSON */
    pen_status failure; /* of fail, or PEN_OK */
    char *why;          /* of fail */
    int results, fails; /* how often each was called; more than once is an error of the plugin */
    int logs, reports;  /* lines logged, progress reports */
    double fraction;    /* of the last report */
    int children;       /* tasks added by pen.next/1 */
    struct pen_testhost_item outputs[PEN_TESTHOST_ITEMS];
    size_t n_outputs;
    struct pen_testhost_item inputs[PEN_TESTHOST_ITEMS];
    size_t n_inputs;
};

PEN_TESTHOST_FN char *pen_testhost_copy(const void *bytes, size_t len)
{
    char *copy = (char *)malloc(len + 1);
    if (copy == NULL)
        abort();
    if (len > 0)
        memcpy(copy, bytes, len);
    copy[len] = 0;
    return copy;
}

PEN_TESTHOST_FN char *pen_testhost_text(const char *text)
{
    return text == NULL ? NULL : pen_testhost_copy(text, strlen(text));
}

PEN_TESTHOST_FN struct pen_testhost *pen_testhost_of(const pen_host *host)
{
    return (struct pen_testhost *)host->ctx;
}

PEN_TESTHOST_FN void pen_testhost_log(const pen_host *host, int level, const char *text)
{
    static const char *const words[] = {"error", "warn", "info", "debug"};
    pen_testhost_of(host)->logs++;
    fprintf(stderr, "%s: %s\n", level >= 0 && level <= PEN_LOG_DEBUG ? words[level] : "?", text);
}

PEN_TESTHOST_FN int pen_testhost_should_stop(const pen_host *host)
{
    return pen_testhost_of(host)->stop;
}

PEN_TESTHOST_FN pen_status pen_testhost_result(const pen_host *host, const char *status,
                                               pen_bytes json)
{
    struct pen_testhost *th = pen_testhost_of(host);
    if (th->results++ > 0)
        return PEN_E_INTERNAL;
    th->status = pen_testhost_text(status == NULL ? "success" : status);
    th->result = pen_testhost_copy(json.data, json.len);
    return PEN_OK;
}

PEN_TESTHOST_FN pen_status pen_testhost_keep(struct pen_testhost_item *items, size_t *n,
                                             const char *name, const char *media_type,
                                             pen_bytes bytes)
{
    struct pen_testhost_item *item = &items[*n];
    if (*n == PEN_TESTHOST_ITEMS || name == NULL)
        return PEN_E_INTERNAL;
    item->name = pen_testhost_text(name);
    item->media_type = pen_testhost_text(media_type);
    item->bytes = pen_testhost_copy(bytes.data, bytes.len);
    item->len = bytes.len;
    ++*n;
    return PEN_OK;
}

PEN_TESTHOST_FN pen_status pen_testhost_output(const pen_host *host, const char *name,
                                               const char *media_type, pen_bytes bytes)
{
    struct pen_testhost *th = pen_testhost_of(host);
    return pen_testhost_keep(th->outputs, &th->n_outputs, name, media_type, bytes);
}

PEN_TESTHOST_FN pen_status pen_testhost_fail(const pen_host *host, pen_status status,
                                             const char *why)
{
    struct pen_testhost *th = pen_testhost_of(host);
    if (th->fails++ > 0)
        return status;
    th->failure = status;
    th->why = pen_testhost_text(why);
    return status;
}

PEN_TESTHOST_FN pen_status pen_testhost_report(const pen_host *host, double fraction,
                                               const char *message)
{
    struct pen_testhost *th = pen_testhost_of(host);
    (void)message;
    th->reports++;
    th->fraction = fraction;
    return th->stop ? PEN_E_CANCELLED : PEN_OK;
}

PEN_TESTHOST_FN pen_status pen_testhost_add(const pen_host *host, const char *pipeline,
                                            pen_bytes params, const char *step)
{
    (void)params;
    (void)step;
    if (pipeline == NULL)
        return PEN_E_INTERNAL;
    pen_testhost_of(host)->children++;
    return PEN_OK;
}

PEN_TESTHOST_FN const void *pen_testhost_extension(const pen_host *host, const char *id)
{
    static const pen_progress progress = {sizeof progress, pen_testhost_report};
    static const pen_next next = {sizeof next, pen_testhost_add};
    (void)host;
    if (strcmp(id, PEN_EXT_PROGRESS) == 0)
        return &progress;
    return strcmp(id, PEN_EXT_NEXT) == 0 ? &next : NULL;
}

PEN_TESTHOST_FN void pen_testhost_init(struct pen_testhost *th)
{
    memset(th, 0, sizeof *th);
    th->host.size = sizeof th->host;
    th->host.abi_major = PEN_ABI_MAJOR;
    th->host.abi_minor = PEN_ABI_MINOR;
    th->host.ctx = th;
    th->host.log = pen_testhost_log;
    th->host.should_stop = pen_testhost_should_stop;
    th->host.result = pen_testhost_result;
    th->host.output = pen_testhost_output;
    th->host.fail = pen_testhost_fail;
    th->host.extension = pen_testhost_extension;
}

PEN_TESTHOST_FN void pen_testhost_drop(struct pen_testhost_item *items, size_t n)
{
    size_t i;
    for (i = 0; i < n; i++) {
        free(items[i].name);
        free(items[i].media_type);
        free(items[i].bytes);
    }
}

/* Frees all it holds; init makes it usable again. */
PEN_TESTHOST_FN void pen_testhost_clear(struct pen_testhost *th)
{
    free(th->status);
    free(th->result);
    free(th->why);
    pen_testhost_drop(th->outputs, th->n_outputs);
    pen_testhost_drop(th->inputs, th->n_inputs);
    memset(th, 0, sizeof *th);
}

/* Adds an input, copied, for the next run. */
PEN_TESTHOST_FN void pen_testhost_input(struct pen_testhost *th, const char *name,
                                        const char *media_type, const void *bytes, size_t len)
{
    pen_bytes b;
    b.data = bytes;
    b.len = len;
    if (pen_testhost_keep(th->inputs, &th->n_inputs, name, media_type, b) != PEN_OK)
        abort();
}

/* The plugin's descriptor, or NULL after saying why on stderr. The library stays loaded. */
PEN_TESTHOST_FN const pen_plugin *pen_testhost_load(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const pen_plugin *plugin =
        library == NULL ? NULL : (const pen_plugin *)dlsym(library, "pen_plugin_entry");
    if (plugin == NULL)
        fprintf(stderr, "%s\n", dlerror());
    else if (plugin->magic != PEN_ABI_MAGIC || plugin->abi_major != PEN_ABI_MAJOR)
        fprintf(stderr, "%s: not a plugin of ABI %d\n", path, PEN_ABI_MAJOR);
    else
        return plugin;
    return NULL;
}

/* Runs an opened pipeline with the inputs added so far: what run returned, or what fail said if it
 * did. */
PEN_TESTHOST_FN pen_status pen_testhost_call(struct pen_testhost *th, const pen_pipeline *pipeline,
                                             void *self, const char *params)
{
    pen_input inputs[PEN_TESTHOST_ITEMS];
    const pen_input *list[PEN_TESTHOST_ITEMS];
    pen_task task;
    pen_status status;
    size_t i;

    memset(inputs, 0, sizeof inputs);
    memset(&task, 0, sizeof task);
    for (i = 0; i < th->n_inputs; i++) {
        inputs[i].size = sizeof inputs[i];
        inputs[i].name = th->inputs[i].name;
        inputs[i].media_type = th->inputs[i].media_type;
        inputs[i].bytes.data = th->inputs[i].bytes;
        inputs[i].bytes.len = th->inputs[i].len;
        list[i] = &inputs[i];
    }
    task.size = sizeof task;
    task.n_inputs = (uint32_t)th->n_inputs;
    task.inputs = th->n_inputs > 0 ? list : NULL;
    task.id = "test";
    task.tenant = "test";
    task.params.data = params;
    task.params.len = strlen(params);
    task.metadata.data = "{}";
    task.metadata.len = 2;
    task.attempt = 1;
    status = pipeline->run(self, &th->host, &task);
    return th->fails > 0 ? th->failure : status;
}

/* Opens a pipeline, runs it once, closes it. */
PEN_TESTHOST_FN pen_status pen_testhost_run(struct pen_testhost *th, const pen_pipeline *pipeline,
                                            const char *config, const char *params)
{
    void *self = NULL;
    pen_status status = pipeline->open == NULL ? PEN_OK : pipeline->open(&th->host, config, &self);
    if (status != PEN_OK)
        return status;
    status = pen_testhost_call(th, pipeline, self, params);
    if (pipeline->close != NULL)
        pipeline->close(self);
    return status;
}

#endif
