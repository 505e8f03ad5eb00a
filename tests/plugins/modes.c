/*
 * modes.c: TEST PLUGIN: remembers, so that tests see which tasks shared a process, and makes the
 * mistakes that params {"do": "..."} name. Its configuration {"open_ms": n, "spin_ms": n,
 * "threads": 1, "model": path} makes open slow, costly, leave a thread behind, and map a file.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <penstock/plugin.h>

struct memory {
    long long born_ns;
    long calls;
    char before[160];  /* the tenant of the last task */
    const char *model; /* MODEL_BYTES of it, shared with all processes that map it; or NULL */
    char *unpacked;    /* what was made of it, in huge pages */
};

static long number(const char *json, const char *key)
{
    const char *at = strstr(json, key);
    return at != NULL ? strtol(at + strlen(key) + strspn(at + strlen(key), "\": "), NULL, 10) : 0;
}

static void *idle(void *arg)
{
    for (;;)
        pause();
    return arg;
}

static void spin(long ms)
{
    struct timespec t;
    do
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    while (t.tv_sec * 1000 + t.tv_nsec / 1000000 < ms);
}

enum { MODEL_BYTES = 4 << 20 };

/* As a plugin with large weights does it. */
static int load_model(struct memory *m, const char *config)
{
    static const char key[] = "\"model\": \"";
    char path[256];
    const char *at = strstr(config, key);
    if (at == NULL)
        return 0;
    snprintf(path, sizeof path, "%.*s", (int)strcspn(at + strlen(key), "\""), at + strlen(key));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    m->model = mmap(NULL, MODEL_BYTES, PROT_READ, MAP_SHARED, fd, 0);
    m->unpacked =
        mmap(NULL, MODEL_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    close(fd);
    if (m->model == MAP_FAILED || m->unpacked == MAP_FAILED)
        return -1;
    /* EINVAL where the kernel has none: then pages are small. */
    if (madvise(m->unpacked, MODEL_BYTES, MADV_HUGEPAGE) < 0 && errno != EINVAL)
        return -1;
    memcpy(m->unpacked, m->model, MODEL_BYTES);
    return 0;
}

static pen_status open_memory(const pen_host *host, const char *config, void **self)
{
    struct timespec now;
    struct memory *m = calloc(1, sizeof *m);
    if (m == NULL)
        return host->fail(host, PEN_E_RETRY, "out of memory");
    usleep((useconds_t)number(config, "open_ms") * 1000);
    spin(number(config, "spin_ms"));
    if (load_model(m, config) < 0)
        return host->fail(host, PEN_E_PERMANENT, strerror(errno));
    pthread_t thread;
    if (number(config, "threads") > 0 && pthread_create(&thread, NULL, idle, NULL) != 0)
        return host->fail(host, PEN_E_RETRY, "no thread");
    clock_gettime(CLOCK_MONOTONIC, &now);
    m->born_ns = (long long)now.tv_sec * 1000000000 + now.tv_nsec;
    *self = m;
    return PEN_OK;
}

static void close_memory(void *self)
{
    free(self);
    puts("closed in good order");
    fflush(stdout);
}

static pen_status answer(const pen_host *host, struct memory *m, const pen_task *task)
{
    char json[512];
    const int is_whole = m->model != NULL && memcmp(m->model, m->unpacked, MODEL_BYTES) == 0;
    int n =
        snprintf(json, sizeof json, "{\"calls\":%ld,\"born\":%lld,\"before\":\"%s\",\"model\":%d}",
                 m->calls, m->born_ns, m->before, is_whole ? m->model[MODEL_BYTES - 1] : 0);
    snprintf(m->before, sizeof m->before, "%s", task->tenant);
    return host->result(host, NULL, (pen_bytes){json, (size_t)n});
}

static void grow(void)
{
    const size_t n = (size_t)16 << 20;
    char *room = malloc(n);
    if (room != NULL)
        memset(room, 1, n);
}

static pen_status do_work(const pen_host *host, const pen_task *task, struct memory *m)
{
    usleep((useconds_t)number(task->params.data, "ms") * 1000);
    return answer(host, m, task);
}

static pen_status do_grow(const pen_host *host, const pen_task *task, struct memory *m)
{
    grow();
    return answer(host, m, task);
}

static pen_status do_internal(const pen_host *host, const pen_task *task, struct memory *m)
{
    (void)task;
    (void)m;
    return host->fail(host, PEN_E_INTERNAL, "my mistake");
}

static pen_status do_input(const pen_host *host, const pen_task *task, struct memory *m)
{
    (void)task;
    (void)m;
    return host->fail(host, PEN_E_INPUT, "your mistake");
}

static pen_status do_nothing(const pen_host *host, const pen_task *task, struct memory *m)
{
    (void)host;
    (void)task;
    (void)m;
    return PEN_OK;
}

static pen_status do_twice(const pen_host *host, const pen_task *task, struct memory *m)
{
    answer(host, m, task);
    answer(host, m, task);
    return PEN_OK;
}

static pen_status do_name(const pen_host *host, const pen_task *task, struct memory *m)
{
    host->output(host, "../x", NULL, (pen_bytes){"x", 1});
    return answer(host, m, task);
}

/* Good JSON, but not what result_schema promises: only the core sees it. */
static pen_status do_schema(const pen_host *host, const pen_task *task, struct memory *m)
{
    (void)task;
    (void)m;
    return host->result(host, NULL, (pen_bytes){"[]", 2});
}

static pen_status do_crash(const pen_host *host, const pen_task *task, struct memory *m)
{
    (void)host;
    (void)task;
    (void)m;
    abort();
}

static const struct {
    const char *word;
    pen_status (*fn)(const pen_host *host, const pen_task *task, struct memory *m);
} acts[] = {
    {"\"grow\"", do_grow},       {"\"internal\"", do_internal}, {"\"input\"", do_input},
    {"\"nothing\"", do_nothing}, {"\"twice\"", do_twice},       {"\"name\"", do_name},
    {"\"schema\"", do_schema},   {"\"crash\"", do_crash},
};

static pen_status run_memory(void *self, const pen_host *host, const pen_task *task)
{
    struct memory *m = self;
    m->calls++;
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        if (strstr(task->params.data, acts[i].word) != NULL)
            return acts[i].fn(host, task, m);
    }
    return do_work(host, task, m);
}

static const pen_pipeline memory = {.size = sizeof memory,
                                    .slug = "memory",
                                    .version = "1",
                                    .result_schema = "{\"type\": \"object\"}",
                                    .open = open_memory,
                                    .run = run_memory,
                                    .close = close_memory};
static const pen_pipeline *const pipelines[] = {&memory, NULL};

const pen_plugin pen_plugin_entry = {PEN_PLUGIN_HEADER, .id = "org.penstock.test.modes",
                                     .version = "1.0.0", .pipelines = pipelines};
