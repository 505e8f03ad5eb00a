/* sandbox_worker_plugin.c: pipelines for the test of the worker. Runs in the worker's process. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <penstock/ext/files.h>
#include <penstock/ext/next.h>
#include <penstock/ext/progress.h>

#include "sandbox_worker.h"

int *plugin_was_closed;

static pen_status say(const pen_host *host, const char *json)
{
    return host->result(host, NULL, (pen_bytes){json, strlen(json)});
}

/* Tells what it sees of its task, and where the inputs lie. */
static pen_status run_tell(void *self, const pen_host *host, const pen_task *task)
{
    char text[2048];
    int n = snprintf(text, sizeof text, "[\"%s\",\"%s\",\"%s\",%d,%s,%s,%u", task->id,
                     task->job_id != NULL ? task->job_id : "NULL", task->tenant, (int)task->attempt,
                     (const char *)task->params.data, (const char *)task->metadata.data,
                     task->n_inputs);
    for (uint32_t i = 0; i < task->n_inputs; i++) {
        const pen_input *in = task->inputs[i];
        n += snprintf(text + n, sizeof text - (size_t)n, ",\"%s %s %zu %d\"", in->name,
                      in->media_type != NULL ? in->media_type : "NULL", in->bytes.len,
                      (int)((uintptr_t)in->bytes.data % 16));
    }
    snprintf(text + n, sizeof text - (size_t)n, "]");
    (void)self;
    return say(host, text);
}

static pen_status run_copy(void *self, const pen_host *host, const pen_task *task)
{
    (void)self;
    host->output(host, "copy", task->inputs[0]->media_type, task->inputs[0]->bytes);
    return say(host, "true");
}

static void *talk(void *arg)
{
    const pen_host *host = arg;
    const pen_progress *progress = host->extension(host, PEN_EXT_PROGRESS);
    for (int i = 0; i < 100; i++) {
        host->log(host, PEN_LOG_INFO, "0123456789012345678901234567890123456789");
        progress->report(host, i / 100.0, "going");
    }
    return NULL;
}

/* Threads that talk while the result is given. */
static pen_status run_threads(void *self, const pen_host *host, const pen_task *task)
{
    static char block[100000];
    pthread_t threads[4];
    (void)self;
    (void)task;
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, talk, (void *)(uintptr_t)host);
    for (int i = 0; i < 20; i++) {
        char name[16];
        snprintf(name, sizeof name, "out-%d", i);
        host->output(host, name, NULL, (pen_bytes){block, sizeof block});
    }
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    return say(host, "4");
}

static pen_status run_progress(void *self, const pen_host *host, const pen_task *task)
{
    const pen_progress *progress = host->extension(host, PEN_EXT_PROGRESS);
    (void)self;
    (void)task;
    for (int i = 1; i <= 1000; i++)
        progress->report(host, i / 500.0, i == 1000 ? "last" : "on the way");
    return say(host, host->extension(host, PEN_EXT_NEXT) == NULL ? "1" : "2");
}

static pen_status run_logs(void *self, const pen_host *host, const pen_task *task)
{
    char text[6000];
    (void)self;
    (void)task;
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    text[4095] = (char)0xc3; /* a character of two bytes across the cut */
    text[4096] = (char)0xa4;
    host->log(host, 99, text);
    host->log(host, PEN_LOG_INFO, NULL);
    for (int i = 0; i < 1500; i++)
        host->log(host, PEN_LOG_DEBUG, "line");
    return say(host, "1");
}

/* Every call that is wrong; the first one is what the task fails of. */
static pen_status run_wrong(void *self, const pen_host *host, const pen_task *task)
{
    (void)self;
    (void)task;
    if (host->output(host, "a/b", NULL, (pen_bytes){"x", 1}) != PEN_E_INTERNAL ||
        host->output(host, "ok", "text\nplain", (pen_bytes){"x", 1}) != PEN_E_INTERNAL ||
        host->output(host, "ok", NULL, (pen_bytes){"x", 1}) != PEN_OK ||
        host->output(host, "ok", NULL, (pen_bytes){"x", 1}) != PEN_E_INTERNAL ||
        host->result(host, "sideways", (pen_bytes){"1", 1}) != PEN_E_INTERNAL ||
        host->extension(host, "pen.magic/9") != NULL || host->extension(host, NULL) != NULL)
        abort();
    return host->fail(host, PEN_E_PERMANENT, "not this");
}

static pen_status run_twice(void *self, const pen_host *host, const pen_task *task)
{
    (void)self;
    (void)task;
    if (host->result(host, "partial", (pen_bytes){"1", 1}) != PEN_OK ||
        say(host, "2") != PEN_E_INTERNAL)
        abort();
    host->fail(host, PEN_E_INPUT, "one");
    return host->fail(host, PEN_E_RETRY, "two");
}

static pen_status run_next(void *self, const pen_host *host, const pen_task *task)
{
    const pen_next *next = host->extension(host, PEN_EXT_NEXT);
    (void)self;
    (void)task;
    next->add(host, "other", (pen_bytes){"{}", 2}, NULL);
    for (int i = 1; i < 1000; i++)
        next->add(host, "other", (pen_bytes){"{}", 2}, "step");
    if (next->add(host, "other", (pen_bytes){"{}", 2}, "step") != PEN_E_INTERNAL)
        abort();
    return say(host, "1");
}

static pen_status run_stop(void *self, const pen_host *host, const pen_task *task)
{
    (void)self;
    (void)task;
    while (!host->should_stop(host))
        usleep(1000);
    return PEN_E_CANCELLED;
}

__attribute__((no_sanitize("undefined", "address"))) static pen_status
run_crash(void *self, const pen_host *host, const pen_task *task)
{
    (void)self;
    (void)host;
    *(volatile int *)(uintptr_t)strtoul((const char *)task->params.data, NULL, 10) = 1;
    return PEN_OK;
}

/* Blocks the signal of its params and raises it. */
static pen_status run_raise(void *self, const pen_host *host, const pen_task *task)
{
    (void)self;
    (void)host;
    raise((int)strtol((const char *)task->params.data, NULL, 10));
    return PEN_OK;
}

__attribute__((no_sanitize("undefined", "address"))) static pen_status
run_leak(void *self, const pen_host *host, const pen_task *task)
{
    (void)self;
    (void)host;
    (void)task;
    /* A limit that does not hold ends this, and fails the test. */
    for (int i = 0; i < 4096; i++) {
        char *p = malloc(1 << 20);
        *(volatile char *)p = 1;       /* NOLINT: NULL is the crash that is wanted */
        memset((void *)p, 1, 1 << 20); /* NOLINT */
    }
    return PEN_OK; /* NOLINT: it is a leak */
}

static int write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    return f != NULL && fputs(text, f) >= 0 && fclose(f) == 0;
}

static void build_path(char *path, const char *dir, const char *name)
{
    snprintf(path, 4096, "%s/%s", dir, name);
}

/* Everything that is right, then everything that is wrong. */
static pen_status run_files(void *self, const pen_host *host, const pen_task *task)
{
    const pen_files *files = host->extension(host, PEN_EXT_FILES);
    const char *dir = files->dir(host);
    char path[4096], line[64] = "";
    (void)self;
    const char *in = files->input_path(host, task->inputs[0]->name);
    FILE *f = in != NULL ? fopen(in, "r") : NULL;
    if (f == NULL || fgets(line, sizeof line, f) == NULL || strcmp(line, "hello") != 0 ||
        files->input_path(host, task->inputs[0]->name) != in ||
        files->input_path(host, "nobody") != NULL || access(in, W_OK) != 0)
        abort();
    fclose(f);
    build_path(path, dir, "deep");
    mkdir(path, 0700);
    build_path(path, dir, "deep/file");
    if (!write_file(path, "contents") ||
        files->output_file(host, "by-name", NULL, "deep/file") != PEN_OK ||
        files->output_file(host, "by-path", "text/plain", path) != PEN_OK)
        abort();
    return say(host, "1");
}

static pen_status run_bad_files(void *self, const pen_host *host, const pen_task *task)
{
    const pen_files *files = host->extension(host, PEN_EXT_FILES);
    const char *dir = files->dir(host);
    char path[4096];
    (void)self;
    (void)task;
    build_path(path, dir, "link");
    (void)!symlink("/etc/passwd", path);
    build_path(path, dir, "fifo");
    mkfifo(path, 0600);
    if (files->output_file(host, "a", NULL, "link") != PEN_E_INTERNAL ||
        files->output_file(host, "b", NULL, "fifo") != PEN_E_INTERNAL ||
        files->output_file(host, "c", NULL, "/etc/passwd") != PEN_E_INTERNAL ||
        files->output_file(host, "d", NULL, "../../../etc/passwd") != PEN_E_INTERNAL ||
        files->output_file(host, "e", NULL, ".") != PEN_E_INTERNAL ||
        files->output_file(host, "f", NULL, NULL) != PEN_E_INTERNAL)
        abort();
    /* What is left must go, whatever it is. */
    build_path(path, dir, "locked");
    mkdir(path, 0700);
    build_path(path, dir, "locked/in");
    mkdir(path, 0700);
    build_path(path, dir, "locked/in/file");
    write_file(path, "x");
    build_path(path, dir, "locked/in");
    chmod(path, 0);
    chmod(dir, 0);
    return say(host, "1");
}

/* Ten milliseconds, and a little more. */
static pen_status run_slow(void *self, const pen_host *host, const pen_task *task)
{
    (void)self;
    (void)task;
    usleep(10000);
    return say(host, "1");
}

/* Keeps 16 MiB. */
static pen_status run_grow(void *self, const pen_host *host, const pen_task *task)
{
    static char room[16 << 20];
    (void)self;
    memset(room, *(const char *)task->params.data, sizeof room);
    return say(host, room[sizeof room / 2] == '1' ? "1" : "2");
}

static pen_status run_nothing(void *self, const pen_host *host, const pen_task *task)
{
    (void)self;
    (void)host;
    (void)task;
    return PEN_OK;
}

static pen_status run_mistaken(void *self, const pen_host *host, const pen_task *task)
{
    (void)self;
    (void)task;
    return host->fail(host, PEN_E_INTERNAL, "my mistake");
}

static pen_status run_unhappy(void *self, const pen_host *host, const pen_task *task)
{
    (void)self;
    (void)task;
    return host->fail(host, PEN_E_INPUT, "not with these");
}

static void note_close(void *self)
{
    (void)self;
    *plugin_was_closed = 1;
}

static const char *const statuses[] = {"partial", NULL};
static const char *const all_needs[] = {PEN_EXT_FILES, PEN_EXT_PROGRESS, PEN_EXT_NEXT, NULL};
static const char *const needs_progress[] = {PEN_EXT_PROGRESS, NULL};

#define PIPELINE(name, ...)                                                                        \
    {                                                                                              \
        .size = sizeof(pen_pipeline), .slug = #name, .version = "1", .run = run_##name,            \
        .output_statuses = statuses, .close = note_close, __VA_ARGS__                              \
    }

static const pen_pipeline pipelines[] = {
    PIPELINE(tell),
    PIPELINE(copy),
    PIPELINE(threads, .needs = needs_progress),
    PIPELINE(progress, .needs = needs_progress),
    PIPELINE(logs),
    PIPELINE(wrong),
    PIPELINE(twice),
    PIPELINE(next, .needs = all_needs),
    PIPELINE(stop),
    PIPELINE(crash),
    PIPELINE(raise),
    PIPELINE(leak),
    PIPELINE(slow),
    PIPELINE(grow),
    PIPELINE(nothing),
    PIPELINE(mistaken),
    PIPELINE(unhappy),
    PIPELINE(files, .needs = all_needs),
    PIPELINE(bad_files, .needs = all_needs),
};

const pen_pipeline *plugin_pipeline(const char *name)
{
    for (size_t i = 0; i < sizeof pipelines / sizeof *pipelines; i++) {
        if (strcmp(pipelines[i].slug, name) == 0)
            return &pipelines[i];
    }
    return NULL;
}
