/*
 * plugin.c: TEST PLUGIN, bad on purpose: runs attacks from each place where plugin code runs.
 *
 *   a constructor    of a copy of this file named ctor-<attack>.so
 *   open             config {"open":"<attack>"}
 *   run              params {"do":"<attack>"}
 *   a left thread    config {"thread":"1"}, params {"do":"<attack>","in":"thread"}: the thread has
 *                    been there since open
 *   close            config {"close":"<attack>"}: what came of it goes to standard output
 *
 * params {"do":"fine"} is an ordinary task; {"do":"before"} says what came of an attack in a
 * constructor or open. "path" in config or params names a file for attacks that take one.
 */
#include "attack.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/worker_internal.h"

enum { WORD = 256, NAME = 64 };

static const struct attack *const themes[] = {
    attacks_on_processes,   attacks_on_memory,    attacks_on_files,
    attacks_on_the_network, attacks_with_threads, attacks_with_signals,
    attacks_by_dying,       attacks_on_results,   attacks_on_neighbours};

/* The one mutable global: a constructor has nowhere else to leave what it got. */
static struct {
    struct attack_memory memory;
    char before[NAME];
    char close[NAME], path[WORD];
} plugin = {.before = "nothing"};

/* What the thread that open left is asked to do. */
struct left_thread {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    const char *name; /* NULL: nothing to do */
    struct attack_call call;
    const char *got;
    bool is_done;
};

static struct left_thread left = {.lock = PTHREAD_MUTEX_INITIALIZER,
                                  .changed = PTHREAD_COND_INITIALIZER};

const char *attack_answer(long rc)
{
    const char *name = rc < 0 ? strerrorname_np(errno) : "done";
    return name != NULL ? name : "an error without a name";
}

const char *attack_own_path(const char *name)
{
    static char path[512];
    const char *dir = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/%s", dir != NULL ? dir : "/nowhere", name);
    return path;
}

/* The text behind "key":" in JSON that the suite has written. */
static void word_of(pen_bytes json, const char *key, char *out, size_t size)
{
    char quoted[NAME];
    const int n = snprintf(quoted, sizeof quoted, "\"%s\":\"", key);
    const char *at = memmem(json.data, json.len, quoted, (size_t)n);
    const char *end =
        at != NULL ? memchr(at + n, '"', json.len - (size_t)(at + n - (const char *)json.data))
                   : NULL;
    snprintf(out, size, "%.*s", end != NULL ? (int)(end - at - n) : 0, end != NULL ? at + n : "");
}

static const char *attack(const char *name, const struct attack_call *call)
{
    for (size_t i = 0; i < sizeof themes / sizeof *themes; i++) {
        for (const struct attack *a = themes[i]; a->name != NULL; a++) {
            if (strcmp(a->name, name) == 0) {
                struct attack_call own = *call;
                own.argument = a->argument;
                return a->act(&own);
            }
        }
    }
    const char *got = attack_by_call(name);
    return got != NULL ? got : "no such attack";
}

static const char *attack_outside_run(const char *name)
{
    const struct attack_call call = {.path = plugin.path, .memory = &plugin.memory};
    const char *got = attack(name, &call);
    return got != NULL ? got : "nothing";
}

__attribute__((constructor)) static void at_load(void)
{
    Dl_info info;
    char name[NAME];
    plugin.memory.zygote = getpid();
    if (dladdr((void *)(uintptr_t)at_load, &info) == 0 || strrchr(info.dli_fname, '/') == NULL ||
        sscanf(strrchr(info.dli_fname, '/'), "/ctor-%63[^.].so", name) != 1)
        return;
    snprintf(plugin.before, sizeof plugin.before, "%s", attack_outside_run(name));
}

/* ---- a thread that open leaves ---- */

static void *wait_for_orders(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&left.lock);
    for (;;) {
        while (left.name == NULL)
            pthread_cond_wait(&left.changed, &left.lock);
        left.got = attack(left.name, &left.call);
        left.name = NULL;
        left.is_done = true;
        pthread_cond_signal(&left.changed);
    }
    return NULL;
}

static const char *attack_from_the_thread(const char *name, const struct attack_call *call)
{
    pthread_mutex_lock(&left.lock);
    left.name = name;
    left.call = *call;
    left.is_done = false;
    pthread_cond_signal(&left.changed);
    while (!left.is_done)
        pthread_cond_wait(&left.changed, &left.lock);
    pthread_mutex_unlock(&left.lock);
    return left.got;
}

/* ---- the plugin's life ---- */

static pen_status attack_open(const pen_host *host, const char *config, void **self)
{
    const pen_bytes json = {config, strlen(config)};
    char name[NAME], thread[NAME];
    pthread_t id;
    (void)self;
    word_of(json, "path", plugin.path, sizeof plugin.path);
    word_of(json, "close", plugin.close, sizeof plugin.close);
    word_of(json, "open", name, sizeof name);
    word_of(json, "thread", thread, sizeof thread);
    if (name[0] != '\0')
        snprintf(plugin.before, sizeof plugin.before, "%s", attack_outside_run(name));
    if (thread[0] != '\0' && pthread_create(&id, NULL, wait_for_orders, NULL) != 0)
        return host->fail(host, PEN_E_RETRY, "no thread");
    return PEN_OK;
}

static pen_status say(const pen_host *host, const char *got)
{
    char json[NAME + 16];
    const int n = snprintf(json, sizeof json, "{\"got\":\"%s\"}", got);
    return host->result(host, NULL, (pen_bytes){json, (size_t)n});
}

static pen_status attack_run(void *self, const pen_host *host, const pen_task *task)
{
    char name[NAME], place[NAME], path[WORD];
    const struct attack_call call = {.host = host, .path = path, .memory = &plugin.memory};
    const char *got = "fine";
    (void)self;
    word_of(task->params, "do", name, sizeof name);
    word_of(task->params, "in", place, sizeof place);
    word_of(task->params, "path", path, sizeof path);
    if (strcmp(name, "before") == 0)
        got = plugin.before;
    else if (strcmp(name, "fine") != 0)
        got = strcmp(place, "thread") == 0 ? attack_from_the_thread(name, &call)
                                           : attack(name, &call);
    plugin.memory.old_nonce = worker_of(host)->nonce;
    return got != NULL ? say(host, got) : PEN_OK;
}

/* Nobody listens to a plugin any more, but for what it prints. */
static void attack_close(void *self)
{
    (void)self;
    if (plugin.close[0] == '\0')
        return;
    dprintf(STDOUT_FILENO, "close begins\n");
    dprintf(STDOUT_FILENO, "close got %s\n", attack_outside_run(plugin.close));
}

static const char *const needs[] = {"pen.files/1", NULL};

static const pen_pipeline attack_pipeline = {.size = sizeof(pen_pipeline),
                                             .slug = "attack",
                                             .version = "1",
                                             .needs = needs,
                                             .open = attack_open,
                                             .run = attack_run,
                                             .close = attack_close};

static const pen_pipeline *const pipelines[] = {&attack_pipeline, NULL};

const pen_plugin pen_plugin_entry = {PEN_PLUGIN_HEADER, .id = "org.penstock.test.attack",
                                     .version = "1.0.0", .pipelines = pipelines};
