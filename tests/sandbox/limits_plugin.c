/*
 * limits_plugin.c: TEST PLUGIN, greedy on purpose: each pipeline takes of one thing as much as its
 * params say (a number), or until it is refused, and tells how far it came.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <penstock/plugin.h>

enum { MB = 1 << 20, MEMFD_MB = 8, PRIVATE_MAX = 1000 };

static long wanted(const pen_task *task)
{
    return strtol((const char *)task->params.data, NULL, 10);
}

/* How far it came, why no further, and what lay in the directory before. */
static pen_status tell(const pen_host *host, long got, int error, int found)
{
    char text[96];
    const int n =
        snprintf(text, sizeof text, "{\"got\":%ld,\"errno\":%d,\"found\":%d}", got, error, found);
    return host->result(host, NULL, (pen_bytes){text, (size_t)n});
}

/* ---- memory ---- */

/* No memory is to be met as without sanitizers: by a fault, not by a trap before it. */
__attribute__((no_sanitize("undefined"))) static void touch(void *at)
{
    memset(at, 'x', MB);
}

static long take_shared(long mb)
{
    long got = 0;
    for (; got < mb; got++) {
        void *at = mmap(NULL, MB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (at == MAP_FAILED)
            break;
        touch(at);
    }
    return got;
}

static pen_status run_shared(void *self, const pen_host *host, const pen_task *task)
{
    (void)self;
    return tell(host, take_shared(wanted(task)), errno, 0);
}

/* Nobody looks whether there was any. */
static pen_status run_private(void *self, const pen_host *host, const pen_task *task)
{
    static void *kept[PRIVATE_MAX];
    (void)self;
    for (long i = 0; i < wanted(task) && i < PRIVATE_MAX; i++) {
        kept[i] = malloc(MB);
        touch(kept[i]);
    }
    return tell(host, wanted(task), 0, 0);
}

static int fill_memfd(void)
{
    static char block[MB];
    const int fd = memfd_create("balloon", MFD_CLOEXEC);
    for (int i = 0; fd >= 0 && i < MEMFD_MB; i++) {
        if (write(fd, block, MB) != MB)
            return -1;
    }
    return fd;
}

static pen_status run_memfd(void *self, const pen_host *host, const pen_task *task)
{
    long got = 0;
    (void)self;
    while (got < wanted(task) && fill_memfd() >= 0)
        got += MEMFD_MB;
    return tell(host, got, errno, 0);
}

static pen_status open_greedy(const pen_host *host, const char *config, void **self)
{
    (void)host;
    (void)self;
    take_shared(strtol(config, NULL, 10));
    return PEN_OK;
}

static pen_status run_greedy(void *self, const pen_host *host, const pen_task *task)
{
    (void)self;
    (void)task;
    return tell(host, 0, 0, 0);
}

/* ---- the directory ---- */

static const char *directory(void)
{
    return getenv("TMPDIR");
}

static int count_entries(void)
{
    int n = 0;
    DIR *d = opendir(directory());
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
        n += e->d_name[0] != '.';
    if (d != NULL)
        closedir(d);
    return n;
}

static int make_file(long number)
{
    char path[512];
    snprintf(path, sizeof path, "%s/file-%ld", directory(), number);
    return open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
}

static pen_status run_fill(void *self, const pen_host *host, const pen_task *task)
{
    static char block[MB];
    const int found = count_entries(), fd = make_file(0);
    long got = 0;
    (void)self;
    memset(block, 'x', sizeof block);
    errno = 0;
    while (got < wanted(task) && write(fd, block, MB) == MB)
        got++;
    const int error = errno;
    close(fd); /* in a warm worker it would keep its room for ever */
    return tell(host, got, error, found);
}

static pen_status run_many(void *self, const pen_host *host, const pen_task *task)
{
    const int found = count_entries();
    long got = 0;
    (void)self;
    errno = 0;
    for (int fd; got < wanted(task) && (fd = make_file(got)) >= 0; got++)
        close(fd);
    return tell(host, got, errno, found);
}

static void wait_for_end(const pen_host *host)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    while (!host->should_stop(host))
        nanosleep(&moment, NULL);
}

/* The same, and stays. */
static pen_status run_fill_and_stay(void *self, const pen_host *host, const pen_task *task)
{
    const pen_status status = run_fill(self, host, task);
    wait_for_end(host);
    return status;
}

static pen_status run_many_and_stay(void *self, const pen_host *host, const pen_task *task)
{
    const pen_status status = run_many(self, host, task);
    wait_for_end(host);
    return status;
}

/* What is measured must not lead out, nor hold up: a link to everything, a hole. */
static pen_status run_bait(void *self, const pen_host *host, const pen_task *task)
{
    char path[512];
    const int fd = make_file(0);
    (void)self;
    snprintf(path, sizeof path, "%s/link", directory());
    (void)!symlink("/usr", path);
    (void)!ftruncate(fd, MB * 8L);
    const struct timespec a_few_looks = {.tv_nsec = wanted(task) * 1000000};
    nanosleep(&a_few_looks, NULL);
    return tell(host, 0, 0, 0);
}

/* ---- the rest ---- */

static pen_status run_descriptors(void *self, const pen_host *host, const pen_task *task)
{
    long got = 0;
    (void)self;
    while (got < wanted(task) && open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0)
        got++;
    return tell(host, got, errno, 0);
}

static void *idle(void *arg)
{
    for (;;)
        pause();
    return arg;
}

static pen_status run_threads(void *self, const pen_host *host, const pen_task *task)
{
    pthread_t thread;
    long got = 0;
    int error = 0;
    (void)self;
    while (got < wanted(task) && (error = pthread_create(&thread, NULL, idle, NULL)) == 0)
        got++;
    return tell(host, got, error, 0);
}

static pen_status run_suicide(void *self, const pen_host *host, const pen_task *task)
{
    (void)self;
    (void)task;
    raise(SIGKILL);
    return tell(host, 0, 0, 0);
}

#define PIPELINE(name, ...)                                                                        \
    static const pen_pipeline p_##name = {.size = sizeof(pen_pipeline),                            \
                                          .slug = #name,                                           \
                                          .version = "1",                                          \
                                          .run = run_##name,                                       \
                                          __VA_ARGS__}

PIPELINE(shared);
PIPELINE(private);
PIPELINE(memfd);
PIPELINE(greedy, .open = open_greedy);
PIPELINE(fill);
PIPELINE(many);
PIPELINE(fill_and_stay);
PIPELINE(many_and_stay);
PIPELINE(bait);
PIPELINE(descriptors);
PIPELINE(threads);
PIPELINE(suicide);

static const pen_pipeline *const pipelines[] = {
    &p_shared,        &p_private, &p_memfd,       &p_greedy,  &p_fill,    &p_many, &p_fill_and_stay,
    &p_many_and_stay, &p_bait,    &p_descriptors, &p_threads, &p_suicide, NULL};

const pen_plugin pen_plugin_entry = {PEN_PLUGIN_HEADER, .id = "org.penstock.test.limits",
                                     .version = "1.0.0", .pipelines = pipelines};
