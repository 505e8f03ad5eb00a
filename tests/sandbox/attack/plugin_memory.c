/* plugin_memory.c: TEST PLUGIN, bad on purpose: more memory than allowed, and memory that is
 * written and then executed. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attack.h"

/* Boxes of these attacks have 64 MiB; whoever gets three times that has got through. */
enum { CHUNK = 1 << 20, CHUNKS = 192, PAGE = 4096 };

/* ---- too much ---- */

static const char *balloon_checked(const struct attack_call *call)
{
    void *chunks[CHUNKS];
    int n = 0;
    (void)call;
    while (n < CHUNKS && (chunks[n] = malloc(CHUNK)) != NULL)
        memset(chunks[n++], 1, CHUNK);
    for (int i = 0; i < n; i++)
        free(chunks[i]);
    return n == CHUNKS ? "done" : "ENOMEM";
}

ATTACK_RAW static const char *balloon_unchecked(const struct attack_call *call)
{
    (void)call;
    for (int i = 0; i < CHUNKS; i++) {
        volatile char *chunk = malloc(CHUNK);
        for (int at = 0; at < CHUNK; at += PAGE)
            chunk[at] = 1;
    }
    return "done";
}

static const char *fill(int flags, int fd)
{
    for (int i = 0; i < CHUNKS; i++) {
        char *chunk = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, flags, fd, (off_t)i * CHUNK);
        if (chunk == MAP_FAILED)
            return attack_answer(-1);
        memset(chunk, 1, CHUNK);
    }
    return "done";
}

static const char *balloon_shared(const struct attack_call *call)
{
    (void)call;
    return fill(MAP_SHARED | MAP_ANONYMOUS, -1);
}

static const char *balloon_private(const struct attack_call *call)
{
    (void)call;
    return fill(MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

/* Reserved without access, and opened up later. */
static const char *balloon_mprotect(const struct attack_call *call)
{
    const size_t size = (size_t)CHUNK * CHUNKS;
    void *all = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    (void)call;
    if (all == MAP_FAILED || mprotect(all, size, PROT_READ | PROT_WRITE) < 0)
        return attack_answer(-1);
    memset(all, 1, size);
    return "done";
}

static const char *balloon_memfd(const struct attack_call *call)
{
    static char chunk[CHUNK];
    int fd = -1;
    (void)call;
    for (int i = 0; i < CHUNKS; i++) {
        if (fd < 0 || write(fd, chunk, CHUNK) != CHUNK)
            fd = (int)syscall(SYS_memfd_create, "balloon", 0);
        if (fd < 0)
            return attack_answer(-1);
    }
    return "done";
}

/* ---- written and executed ---- */

static const unsigned char code[] = {
#if defined(__x86_64__)
    0x31, 0xc0, 0xc3 /* return 0 */
#else
    0
#endif
};

static const char *execute(void *at)
{
    const int got = ((int (*)(void))(uintptr_t)at)();
    return got == 0 ? "done" : "executed something else";
}

static const char *map_rwx(const struct attack_call *call)
{
    void *at =
        mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    (void)call;
    if (at == MAP_FAILED)
        return attack_answer(-1);
    memcpy(at, code, sizeof code);
    return execute(at);
}

static const char *protect_exec(const struct attack_call *call)
{
    void *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    (void)call;
    memcpy(at, code, sizeof code);
    if (mprotect(at, PAGE, PROT_READ | PROT_EXEC) < 0)
        return attack_answer(-1);
    return execute(at);
}

/* A page that already runs is made writable. */
static const char *protect_write(const struct attack_call *call)
{
    const uintptr_t own = (uintptr_t)execute & ~(uintptr_t)(PAGE - 1);
    (void)call;
    return attack_answer(mprotect((void *)own, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC));
}

/* One file, two mappings. */
static const char *map_twice(int fd)
{
    if (fd < 0 || ftruncate(fd, PAGE) < 0)
        return attack_answer(-1);
    void *write_at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    void *run_at = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    if (write_at == MAP_FAILED || run_at == MAP_FAILED)
        return attack_answer(-1);
    memcpy(write_at, code, sizeof code);
    return execute(run_at);
}

static const char *map_file_twice(const struct attack_call *call)
{
    (void)call;
    return map_twice(open(attack_own_path("code"), O_RDWR | O_CREAT | O_CLOEXEC, 0700));
}

static const char *map_memfd_twice(const struct attack_call *call)
{
    (void)call;
    return map_twice((int)syscall(SYS_memfd_create, "code", 0));
}

static const char *map_shm_exec(const struct attack_call *call)
{
    const int id = shmget(IPC_PRIVATE, PAGE, IPC_CREAT | 0700);
    void *at = id >= 0 ? shmat(id, NULL, SHM_EXEC) : (void *)-1;
    const char *got = attack_answer(at == (void *)-1 ? -1 : 0);
    (void)call;
    if (id >= 0)
        shmctl(id, IPC_RMID, NULL);
    return got;
}

/* The plugin's own file, copied to where it may write, as another library. */
static const char *load_dropped(const struct attack_call *call)
{
    char bytes[65536];
    Dl_info info;
    ssize_t n = -1;
    const char *path = attack_own_path("dropped.so");
    (void)call;
    const int to = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
    const int from = dladdr((void *)(uintptr_t)code, &info) != 0
                         ? open(info.dli_fname, O_RDONLY | O_CLOEXEC)
                         : -1;
    if (to < 0 || from < 0)
        return attack_answer(-1);
    while ((n = read(from, bytes, sizeof bytes)) > 0) {
        if (write(to, bytes, (size_t)n) != n)
            return attack_answer(-1);
    }
    return dlopen(path, RTLD_NOW | RTLD_LOCAL) != NULL ? "done" : "not mapped";
}

const struct attack attacks_on_memory[] = {
    {"balloon_checked", balloon_checked, NULL},
    {"balloon_unchecked", balloon_unchecked, NULL},
    {"balloon_private", balloon_private, NULL},
    {"balloon_mprotect", balloon_mprotect, NULL},
    {"balloon_shared", balloon_shared, NULL},
    {"balloon_memfd", balloon_memfd, NULL},
    {"map_rwx", map_rwx, NULL},
    {"protect_exec", protect_exec, NULL},
    {"protect_write", protect_write, NULL},
    {"map_file_twice", map_file_twice, NULL},
    {"map_memfd_twice", map_memfd_twice, NULL},
    {"map_shm_exec", map_shm_exec, NULL},
    {"load_dropped", load_dropped, NULL},
    {NULL, NULL, NULL},
};
