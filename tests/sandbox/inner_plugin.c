/*
 * inner_plugin.c: TEST PLUGIN, bad on purpose: what a plugin can do to the process that it is
 * loaded into, and to the channel that its answers take. Each pipeline stands at its function.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <penstock/plugin.h>

#if defined(__clang__) || __GNUC__ >= 8
#define RAW __attribute__((no_sanitize("undefined")))
#else
#define RAW
#endif

static pen_status say(const pen_host *host, const char *json)
{
    return host->result(host, NULL, (pen_bytes){json, strlen(json)});
}

/* The descriptors that a task finds open. */
static pen_status run_fds(void *self, const pen_host *host, const pen_task *task)
{
    char text[1024] = "[";
    size_t at = 1;
    (void)self;
    (void)task;
    for (int fd = 0; fd < 1024 && at < sizeof text - 16; fd++) {
        if (fcntl(fd, F_GETFD) >= 0)
            at += (size_t)snprintf(text + at, sizeof text - at, "%s%d", at > 1 ? "," : "", fd);
    }
    snprintf(text + at, sizeof text - at, "]");
    return say(host, text);
}

/* Writes bytes to every socket that it finds. */
static void write_to_sockets(const void *bytes, size_t n)
{
    for (int fd = 3; fd < 1024; fd++) {
        struct stat st;
        if (fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode))
            (void)!write(fd, bytes, n);
    }
}

/* Garbage on the data channel, and then a good answer. */
static pen_status run_noise(void *self, const pen_host *host, const pen_task *task)
{
    static const char noise[] = "this is no frame, however long one looks at it";
    (void)self;
    (void)task;
    write_to_sockets(noise, sizeof noise);
    return say(host, "1");
}

/* A frame as a worker sends it, with a nonce that is guessed. */
static pen_status run_forged(void *self, const pen_host *host, const pen_task *task)
{
    const struct {
        uint32_t magic, type;
        uint64_t nonce, len;
        char payload[12];
    } frame = {0x41544144u, 8, 1234567, 12, ""};
    (void)self;
    (void)task;
    write_to_sockets(&frame, 36);
    return say(host, "1");
}

/* Closes everything that is open, and then answers. */
static pen_status run_closes(void *self, const pen_host *host, const pen_task *task)
{
    (void)self;
    (void)task;
    for (int fd = 0; fd < 1024; fd++)
        close(fd);
    return say(host, "1");
}

RAW static int deep(volatile int n)
{
    volatile char room[4096];
    room[0] = (char)n;
    return n < 0 ? 0 : deep(n + 1) + room[0];
}

static pen_status run_overflow(void *self, const pen_host *host, const pen_task *task)
{
    (void)self;
    (void)task;
    return deep(1) == 42 ? PEN_OK : host->fail(host, PEN_E_INTERNAL, "the stack has no end");
}

/* Jumps to where there is nothing: no stack to unwind, and the handler must still come to an end.
 */
RAW static pen_status run_garbage_jump(void *self, const pen_host *host, const pen_task *task)
{
    (void)self;
    (void)host;
    (void)task;
#if defined(__x86_64__)
    __asm__ volatile("xorl %%ebp, %%ebp; movq $64, %%rsp; movq $4096, %%rax; jmp *%%rax" ::: "rax");
#else
    abort();
#endif
    return PEN_OK;
}

RAW static void swallow(int signo)
{
    (void)signo;
    for (;;)
        continue;
}

/* A handler of its own that never ends. */
RAW static pen_status run_handler(void *self, const pen_host *host, const pen_task *task)
{
    (void)self;
    (void)host;
    (void)task;
    signal(SIGSEGV, swallow);
    *(volatile int *)16 = 1;
    return PEN_OK;
}

static sigjmp_buf back;

static void jump_back(int signo)
{
    (void)signo;
    siglongjmp(back, 1);
}

/* A plugin that catches its own fault is allowed to. */
RAW static pen_status run_catches(void *self, const pen_host *host, const pen_task *task)
{
    (void)self;
    (void)task;
    signal(SIGSEGV, jump_back);
    if (sigsetjmp(back, 1) == 0)
        *(volatile int *)16 = 1;
    return say(host, "\"caught\"");
}

/* A forbidden call with all signals blocked and SIGSYS ignored. */
static pen_status run_blocked(void *self, const pen_host *host, const pen_task *task)
{
    sigset_t all;
    (void)self;
    (void)task;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    signal(SIGSYS, SIG_IGN);
    syscall(SYS_ptrace, 0L, 0L, 0L, 0L);
    return say(host, "1");
}

/* Whether libc's view of this thread is that of the kernel. */
static pen_status run_ids(void *self, const pen_host *host, const pen_task *task)
{
    pthread_mutexattr_t attr;
    pthread_mutex_t mutex;
    char text[64];
    (void)self;
    (void)task;
    /* An error-checking mutex knows its owner by the thread id that libc keeps. */
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&mutex, &attr);
    pthread_mutex_lock(&mutex);
    snprintf(text, sizeof text, "[%d,%d]", (int)gettid() == (mutex.__data.__owner),
             raise(0) == 0 && getpid() == gettid());
    return say(host, text);
}

/* The first bytes of OpenSSL's generator, which was used before the fork. "null": there is no
 * OpenSSL. */
typedef int random_fn(unsigned char *, int);

static pen_status open_random(const pen_host *host, const char *config, void **self)
{
    unsigned char bytes[16];
    void *library = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL);
    (void)config;
    *self = library != NULL ? dlsym(library, "RAND_bytes") : NULL;
    if (*self != NULL && ((random_fn *)(uintptr_t)*self)(bytes, sizeof bytes) != 1)
        return host->fail(host, PEN_E_INTERNAL, "RAND_bytes failed");
    return PEN_OK;
}

static pen_status run_random(void *self, const pen_host *host, const pen_task *task)
{
    unsigned char bytes[8];
    char text[32];
    (void)task;
    if (self == NULL)
        return say(host, "null");
    if (((random_fn *)(uintptr_t)self)(bytes, sizeof bytes) != 1)
        return host->fail(host, PEN_E_INTERNAL, "RAND_bytes failed");
    snprintf(text, sizeof text, "\"%02x%02x%02x%02x%02x%02x%02x%02x\"", bytes[0], bytes[1],
             bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]);
    return say(host, text);
}

/* A product of matrices by OpenBLAS, once in open and once in run. "null": there is no OpenBLAS. */
typedef void dgemm_fn(const char *, const char *, const int *, const int *, const int *,
                      const double *, const double *, const int *, const double *, const int *,
                      const double *, double *, const int *);

static double multiply(void *dgemm)
{
    enum { N = 300 };
    static double a[N * N], b[N * N], c[N * N];
    const int n = N;
    const double one = 1, zero = 0;
    for (int i = 0; i < N * N; i++)
        a[i] = b[i] = 1;
    ((dgemm_fn *)(uintptr_t)dgemm)("N", "N", &n, &n, &n, &one, a, &n, b, &n, &zero, c, &n);
    return c[0] + c[N * N - 1];
}

static pen_status open_blas(const pen_host *host, const char *config, void **self)
{
    void *library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
    (void)host;
    (void)config;
    *self = library != NULL ? dlsym(library, "dgemm_") : NULL;
    if (*self != NULL)
        multiply(*self);
    return PEN_OK;
}

static pen_status run_blas(void *self, const pen_host *host, const pen_task *task)
{
    (void)task;
    if (self == NULL)
        return say(host, "null");
    return say(host, multiply(self) == 600 ? "true" : "false");
}

/* Calls that only run may make. */
static pen_status open_wrong(const pen_host *host, const char *config, void **self)
{
    (void)config;
    (void)self;
    host->result(host, NULL, (pen_bytes){"1", 1});
    return PEN_OK;
}

/* Says something while it is opened, and what its configuration is. */
static pen_status open_config(const pen_host *host, const char *config, void **self)
{
    host->log(host, PEN_LOG_WARN, "opening");
    *self = strdup(config);
    return PEN_OK;
}

static pen_status run_config(void *self, const pen_host *host, const pen_task *task)
{
    (void)task;
    return say(host, self);
}

/* A file beyond the limit. */
static pen_status run_big_file(void *self, const pen_host *host, const pen_task *task)
{
    static char block[1 << 20];
    char path[512];
    const char *dir = getenv("TMPDIR");
    (void)self;
    (void)task;
    snprintf(path, sizeof path, "%s/big", dir != NULL ? dir : "/tmp");
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return host->fail(host, PEN_E_INTERNAL, "no file in TMPDIR");
    for (int i = 0; i < 4096; i++) {
        if (write(fd, block, sizeof block) != (ssize_t)sizeof block)
            return host->fail(host, PEN_E_RETRY, "no space");
    }
    return say(host, "1");
}

/* Leaves a file, and says whether it found the last one's. */
static pen_status run_leaves(void *self, const pen_host *host, const pen_task *task)
{
    char path[512];
    const char *dir = getenv("TMPDIR");
    (void)self;
    (void)task;
    snprintf(path, sizeof path, "%s/left", dir != NULL ? dir : "/tmp");
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return say(host, fd >= 0 ? "\"new\"" : "\"found\"");
}

static void *talk_on(void *arg)
{
    const pen_host *host = arg;
    for (;;) {
        host->log(host, PEN_LOG_INFO, "still here");
        usleep(100);
    }
    return NULL;
}

/* Breaks the rule: a thread that goes on talking when run has returned. */
static pen_status run_talks_on(void *self, const pen_host *host, const pen_task *task)
{
    pthread_t thread;
    (void)self;
    (void)task;
    if (pthread_create(&thread, NULL, talk_on, (void *)(uintptr_t)host) != 0)
        return host->fail(host, PEN_E_RETRY, "no thread");
    pthread_detach(thread);
    return say(host, "1");
}

/* Gives its params and its inputs back; "crash" and "wait" in them do so. */
static pen_status run_line(void *self, const pen_host *host, const pen_task *task)
{
    (void)self;
    if (memmem(task->params.data, task->params.len, "crash", 5) != NULL)
        raise(SIGSEGV);
    while (memmem(task->params.data, task->params.len, "wait", 4) != NULL) {
        if (host->should_stop(host))
            return host->fail(host, PEN_E_CANCELLED, "told to stop");
        usleep(200);
    }
    for (uint32_t i = 0; i < task->n_inputs; i++)
        host->output(host, task->inputs[i]->name, NULL, task->inputs[i]->bytes);
    return host->result(host, NULL, task->params);
}

#define PIPELINE(name, ...)                                                                        \
    static const pen_pipeline p_##name = {.size = sizeof(pen_pipeline),                            \
                                          .slug = #name,                                           \
                                          .version = "1",                                          \
                                          .run = run_##name,                                       \
                                          __VA_ARGS__}

PIPELINE(fds);
PIPELINE(noise);
PIPELINE(forged);
PIPELINE(closes);
PIPELINE(overflow);
PIPELINE(garbage_jump);
PIPELINE(handler);
PIPELINE(catches);
PIPELINE(blocked);
PIPELINE(ids);
PIPELINE(random, .open = open_random);
PIPELINE(blas, .open = open_blas);
PIPELINE(config, .open = open_config);
PIPELINE(big_file);
PIPELINE(leaves);
PIPELINE(talks_on);
PIPELINE(line);
static const pen_pipeline p_wrong_open = {.size = sizeof(pen_pipeline),
                                          .slug = "wrong_open",
                                          .version = "1",
                                          .run = run_fds,
                                          .open = open_wrong};

static const pen_pipeline *const pipelines[] = {
    &p_fds,     &p_noise,    &p_forged,     &p_closes, &p_overflow, &p_garbage_jump, &p_handler,
    &p_catches, &p_blocked,  &p_ids,        &p_random, &p_blas,     &p_config,       &p_big_file,
    &p_leaves,  &p_talks_on, &p_wrong_open, &p_line,   NULL};

const pen_plugin pen_plugin_entry = {PEN_PLUGIN_HEADER, .id = "org.penstock.test.inner",
                                     .version = "1.0.0", .pipelines = pipelines};
