/*
 * crash_plugin.c: TEST PLUGIN, bad on purpose: dies in all the ways that leave a report. {"how": name}
 * says which; each has a function of its own, so that the report can be held against nm.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <penstock/plugin.h>

#if defined(__clang__) || __GNUC__ >= 8
#define WAY __attribute__((noinline, no_sanitize("undefined"))) static void
#else
#define WAY __attribute__((noinline)) static void
#endif

/* What the compiler may not think about. */
static volatile int zero;
static void *volatile nowhere = (void *)16;

WAY die_segv(void)
{
    *(volatile int *)nowhere = 1;
}

/* What freed memory looks like when it is taken for a pointer. */
WAY die_wild(void)
{
    *(volatile int *)(uintptr_t)0x4141414141414141 = 1;
}

WAY die_abrt(void)
{
    abort();
}

WAY die_fpe(void)
{
    zero = 70 / zero;
}

WAY die_ill(void)
{
    __builtin_trap();
}

/* Beyond the end of a mapped file. */
WAY die_bus(void)
{
    char path[512];
    const char *dir = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/short", dir != NULL ? dir : "/tmp");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    volatile char *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    *at = 1;
}

WAY die_trap(void)
{
#if defined(__x86_64__)
    __asm__ volatile("int3");
#else
    raise(SIGTRAP);
#endif
}

__attribute__((noinline)) static long die_overflow(long depth)
{
    volatile char room[4096];
    room[0] = (char)depth;
    return zero == 0 ? die_overflow(depth + 1) + room[0] : 0;
}

WAY die_double_free(void)
{
    void *volatile chunk = malloc(100);
    free(chunk);
    free(chunk); /* NOLINT: the crash that was asked for */
}

WAY die_jump(void)
{
    void (*volatile function)(void) = (void (*)(void))(uintptr_t)nowhere;
    function();
    zero = 0; /* or it would be a jump, which leaves no trace */
}

static void *die_in_thread(void *arg)
{
    *(volatile int *)nowhere = 2;
    return arg;
}

WAY die_thread(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, die_in_thread, NULL) == 0)
        pthread_join(thread, NULL);
}

/* A library of the plugin's own that is opened only now. */
WAY die_library(void)
{
    void *library = dlopen("$ORIGIN/later.so", RTLD_NOW | RTLD_LOCAL);
    void (*volatile function)(void *) = NULL;
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return;
    }
    *(void **)&function = dlsym(library, "later_dies");
    function(nowhere);
    zero = 0;
}

/* One allocation far beyond the limit, and no look at what came of it. */
WAY die_memory(void)
{
    char *volatile chunk = malloc((size_t)10 << 30);
    memset(chunk, 1, 4096); /* NOLINT: NULL is the crash that was asked for */
} /* NOLINT: it does not come here */

WAY overflow(void)
{
    zero = (int)die_overflow(1);
}

static const struct {
    const char *name;
    void (*die)(void);
} ways[] = {
    {"segv", die_segv},        {"wild", die_wild}, {"abrt", die_abrt},     {"fpe", die_fpe},
    {"ill", die_ill},          {"bus", die_bus},   {"trap", die_trap},     {"overflow", overflow},
    {"free", die_double_free}, {"jump", die_jump}, {"thread", die_thread}, {"library", die_library},
    {"memory", die_memory},

};

static pen_status run(void *self, const pen_host *host, const pen_task *task)
{
    (void)self;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        char word[32];
        const int n = snprintf(word, sizeof word, "\"%s\"", ways[i].name);
        if (memmem(task->params.data, task->params.len, word, (size_t)n) != NULL)
            ways[i].die();
    }
    return host->fail(host, PEN_E_INTERNAL, "still alive");
}

/* The same in open: the plugin cannot be loaded. */
static pen_status open_memory(const pen_host *host, const char *config, void **self)
{
    (void)host;
    (void)config;
    (void)self;
    die_memory();
    return PEN_OK;
}

static pen_status open_call(const pen_host *host, const char *config, void **self)
{
    (void)host;
    (void)config;
    (void)self;
    syscall(SYS_ptrace, 0L, 0L, 0L, 0L);
    return PEN_OK;
}

static const pen_pipeline open_calls = {.size = sizeof(pen_pipeline),
                                        .slug = "open_calls",
                                        .version = "1",
                                        .open = open_call,
                                        .run = run};
static const pen_pipeline open_dies = {.size = sizeof(pen_pipeline),
                                       .slug = "open_dies",
                                       .version = "1",
                                       .open = open_memory,
                                       .run = run};
static const pen_pipeline crashes = {
    .size = sizeof(pen_pipeline), .slug = "crashes", .version = "1", .run = run};
static const pen_pipeline *const pipelines[] = {&crashes, &open_dies, &open_calls, NULL};

const pen_plugin pen_plugin_entry = {PEN_PLUGIN_HEADER, .id = "org.penstock.test.crashes",
                                     .version = "1.0.0", .pipelines = pipelines};
