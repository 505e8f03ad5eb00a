/*
 * fail.c: TEST LIBRARY: preloaded under a program, it knows each place that writes, syncs, sends or makes a process or
 * thread, and lets one call of one place fail when it is told to.
 *
 * Theory of operation: a site is the kind of call and its last callers, as offsets in their files, so that it has the same
 * number in each life of the program. All lives share one page of memory with the test (FAIL_FILE): a table of sites with
 * how often each was passed, and the site that is to fail next. Whoever passes that one takes the wish away, and fails: so
 * it happens once, whatever dies and starts again meanwhile.
 */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

enum {
    SITES_MAX = 1024,
    CALLERS = 4,
    OWN_FRAMES_MAX = 6,
    FRAMES = CALLERS + OWN_FRAMES_MAX,
    CALLERS_TEXT = 104
};
enum kind {
    K_WRITE = 1,
    K_PWRITE,
    K_SYNC,
    K_CUT,
    K_ALLOCATE,
    K_SEND,
    K_SENDMSG,
    K_THREAD,
    K_CLONE
};

/* As SITE in faults_test.py. */
struct site {
    _Atomic uint64_t id; /* 0: free */
    uint32_t kind;
    _Atomic uint32_t passed;
    char callers[CALLERS_TEXT];
};

static struct page {
    _Atomic uint64_t wanted; /* the site that fails next; 0: none */
    uint32_t error;
    _Atomic uint32_t fired;
    struct site sites[SITES_MAX];
} * page;

static __thread int is_inside;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("FAIL_FILE");
    void *frames[2];
    int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    unsetenv("LD_PRELOAD");
    backtrace(frames, 2); /* loads what it needs, before the first thread */
    if (fd < 0)
        return;
    void *at = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    page = at != MAP_FAILED ? at : NULL;
    close(fd);
}

/* ---- sites ---- */

static uint64_t mix(uint64_t h, uint64_t x)
{
    h ^= x;
    h *= 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

struct caller {
    const char *file;
    uintptr_t offset;
};

static struct caller caller_at(void *pc)
{
    struct dl_find_object found;
    if (_dl_find_object(pc, &found) != 0)
        return (struct caller){"", 0};
    const char *name = found.dlfo_link_map->l_name, *slash = strrchr(name, '/');
    return (struct caller){slash != NULL ? slash + 1 : name,
                           (uintptr_t)pc - found.dlfo_link_map->l_addr};
}

static struct site *site_of(uint64_t id)
{
    for (size_t i = 0; i < SITES_MAX; i++) {
        struct site *s = &page->sites[(id + i) % SITES_MAX];
        uint64_t none = 0;
        if (s->id == id || atomic_compare_exchange_strong(&s->id, &none, id) || none == id)
            return s;
    }
    return NULL;
}

static void describe(struct site *s, enum kind kind, void *const *frames, int n)
{
    char text[CALLERS_TEXT] = "";
    size_t len = 0;
    for (int i = 0; i < n && len < sizeof text; i++) {
        const struct caller c = caller_at(frames[i]);
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s+0x%lx", i > 0 ? " < " : "",
                                c.file[0] != '\0' ? c.file : "program", (unsigned long)c.offset);
    }
    s->kind = kind;
    memcpy(s->callers, text, sizeof text);
}

/* Ours, and a sanitizer's, which looks at backtraces too. */
static int own_frames(void *const *frames, int n)
{
    int own = 0;
    while (own < n && (strstr(caller_at(frames[own]).file, "chaos_fail") != NULL ||
                       strstr(caller_at(frames[own]).file, "libasan") != NULL))
        own++;
    return own;
}

/* What is to be answered instead: an errno, or 0. depth: how many callers tell one site from another. */
static int passes(enum kind kind, int depth)
{
    void *frames[FRAMES];
    if (page == NULL || is_inside)
        return 0;
    is_inside = 1;
    const int saved = errno;
    int all = backtrace(frames, FRAMES), own = own_frames(frames, all);
    const int n = all - own < depth ? all - own : depth;
    uint64_t id = mix(1, kind);
    for (int i = 0; i < n; i++) {
        const struct caller c = caller_at(frames[own + i]);
        id = mix(mix(id, c.offset), strlen(c.file));
    }
    struct site *s = site_of(id);
    if (s != NULL && atomic_fetch_add(&s->passed, 1) == 0)
        describe(s, kind, frames + own, n);
    uint64_t wanted = id;
    const int error =
        page->wanted == id && atomic_compare_exchange_strong(&page->wanted, &wanted, 0)
            ? (int)page->error
            : 0;
    if (error != 0)
        atomic_fetch_add(&page->fired, 1);
    errno = saved;
    is_inside = 0;
    return error;
}

static int fail(int error)
{
    errno = error;
    return -1;
}

#define REAL(name)                                                                                 \
    static __typeof__(name) *fn;                                                                   \
    if (fn == NULL)                                                                                \
    *(void **)&fn = dlsym(RTLD_NEXT, #name)

/* ---- the calls ---- */

EXPORT ssize_t write(int fd, const void *from, size_t n)
{
    REAL(write);
    const int error =
        passes(K_WRITE, fd == STDERR_FILENO ? 1 : CALLERS); /* all lines of the log are one */
    return error != 0 ? fail(error) : fn(fd, from, n);
}

EXPORT ssize_t pwrite64(int fd, const void *from, size_t n, off_t at)
{
    REAL(pwrite64);
    const int error = passes(K_PWRITE, CALLERS);
    return error != 0 ? fail(error) : fn(fd, from, n, at);
}

EXPORT ssize_t pwrite(int fd, const void *from, size_t n, off_t at)
{
    REAL(pwrite);
    const int error = passes(K_PWRITE, CALLERS);
    return error != 0 ? fail(error) : fn(fd, from, n, at);
}

EXPORT int fsync(int fd)
{
    REAL(fsync);
    const int error = passes(K_SYNC, CALLERS);
    return error != 0 ? fail(error) : fn(fd);
}

EXPORT int fdatasync(int fd)
{
    REAL(fdatasync);
    const int error = passes(K_SYNC, CALLERS);
    return error != 0 ? fail(error) : fn(fd);
}

EXPORT int ftruncate(int fd, off_t size)
{
    REAL(ftruncate);
    const int error = passes(K_CUT, CALLERS);
    return error != 0 ? fail(error) : fn(fd, size);
}

EXPORT int ftruncate64(int fd, off_t size)
{
    REAL(ftruncate64);
    const int error = passes(K_CUT, CALLERS);
    return error != 0 ? fail(error) : fn(fd, size);
}

EXPORT int posix_fallocate(int fd, off_t at, off_t n)
{
    REAL(posix_fallocate);
    const int error = passes(K_ALLOCATE, CALLERS);
    return error != 0 ? error : fn(fd, at, n);
}

EXPORT ssize_t send(int fd, const void *from, size_t n, int flags)
{
    REAL(send);
    const int error = passes(K_SEND, CALLERS);
    return error != 0 ? fail(error) : fn(fd, from, n, flags);
}

EXPORT ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
    REAL(sendmsg);
    const int error = passes(K_SENDMSG, CALLERS);
    return error != 0 ? fail(error) : fn(fd, m, flags);
}

EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *arg)
{
    REAL(pthread_create);
    const int error = passes(K_THREAD, CALLERS);
    return error != 0 ? error : fn(thread, attributes, run, arg);
}

EXPORT pid_t fork(void)
{
    REAL(fork);
    const int error = passes(K_CLONE, CALLERS);
    return error != 0 ? fail(error) : fn();
}

/* The launcher clones by its number, because libc's clone wants a stack. */
EXPORT long syscall(long number, ...)
{
    REAL(syscall);
    long a[6];
    va_list ap;
    va_start(ap, number);
    for (size_t i = 0; i < sizeof a / sizeof *a; i++)
        a[i] = va_arg(ap, long);
    va_end(ap);
    const int error = number == SYS_clone ? passes(K_CLONE, CALLERS) : 0;
    return error != 0 ? fail(error) : fn(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
