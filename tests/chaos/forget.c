/*
 * forget.c: TEST LIBRARY: preloaded under a program, it notes what of the files below a folder would
 * be lost if power failed now. undo.py puts that back when the program has been killed.
 *
 * Theory of operation: kill -9 keeps the page cache, so it says nothing about fsync. Before a write,
 * a cut, or the removal of a name, what was there goes into a log outside of the folder; an fsync is
 * noted when it has come back. What no later fsync covers, of the file or for names of their folder,
 * is what power loss takes. The log outlives the program and goes on with its next life, because what
 * a killed one left unsynced still is. When nothing is left unsynced the log is emptied. All is
 * stricter than most file systems are: a name is durable only once its folder was synced.
 *
 * Not noted: shared mappings (SQLite's -shm file, which it never trusts after a crash), dup, writev.
 *
 * FORGET_ROOT the folder; FORGET_LOG the log; FORGET_DEAF: each fsync answers 0 and does nothing (what
 * the proof must notice); FORGET_SYNC_US: how long an fsync takes at least.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

enum { MAGIC = 0x46524754, FDS_MAX = 65536, PENDING_MAX = 4096, BLOCK = 65536 };
enum kind { WRITE = 1, CUT, SYNC, NAME_NEW, NAME_GONE, SYNC_FOLDER };

/* As HEAD in undo.py. Behind it name_len bytes of a path, then stored bytes of what was there. */
struct record {
    uint32_t magic, kind;
    uint64_t inode, folder, offset, size; /* size: of the file before */
    uint32_t length, stored, mode, owner, name_len, unused;
};

static struct {
    pthread_mutex_t lock;
    const char *root;
    size_t root_len;
    int log;
    bool is_deaf, is_full; /* full: more is pending than can be counted: the log is not emptied */
    useconds_t sync_us;
    unsigned char is_ours[FDS_MAX];
    uint64_t pending[PENDING_MAX]; /* inodes of files and folders */
    size_t n_pending;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER, .log = -1};

/* ---- the real ones ---- */

static void *real(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

#define REAL(name, type)                                                                           \
    static type fn;                                                                                \
    if (fn == NULL)                                                                                \
    *(void **)&fn = real(name)

typedef int (*open_fn)(const char *, int, ...);
typedef int (*openat_fn)(int, const char *, int, ...);
typedef ssize_t (*write_fn)(int, const void *, size_t);
typedef ssize_t (*pwrite_fn)(int, const void *, size_t, off_t);
typedef int (*fd_fn)(int);
typedef int (*cut_fn)(int, off_t);
typedef int (*allocate_fn)(int, int, off_t, off_t);
typedef int (*posix_allocate_fn)(int, off_t, off_t);
typedef int (*path_fn)(const char *);
typedef int (*path_at_fn)(int, const char *, int);
typedef int (*mkdir_fn)(const char *, mode_t);
typedef int (*paths_fn)(const char *, const char *);
typedef int (*paths_at_fn)(int, const char *, int, const char *);
typedef int (*link_at_fn)(int, const char *, int, const char *, int);

static int plain_open(const char *path, int flags)
{
    REAL("open", open_fn);
    return fn(path, flags | O_CLOEXEC);
}

static void log_bytes(const void *from, size_t n)
{
    REAL("write", write_fn);
    if (n > 0 && fn(state.log, from, n) != (ssize_t)n) {
        static const char text[] = "forget: the log cannot be written\n";
        fn(2, text, sizeof text - 1);
        _exit(99);
    }
}

/* ---- what is pending ---- */

static void add_pending(uint64_t inode)
{
    for (size_t i = 0; i < state.n_pending; i++) {
        if (state.pending[i] == inode)
            return;
    }
    if (state.n_pending < PENDING_MAX)
        state.pending[state.n_pending++] = inode;
    else
        state.is_full = true;
}

static void take_pending(uint64_t inode)
{
    for (size_t i = 0; i < state.n_pending; i++) {
        if (state.pending[i] == inode)
            state.pending[i--] = state.pending[--state.n_pending];
    }
}

static void count(const struct record *r)
{
    if (r->kind == SYNC || r->kind == SYNC_FOLDER)
        take_pending(r->inode);
    else
        add_pending(r->kind == WRITE || r->kind == CUT ? r->inode : r->folder);
}

static void note(struct record *r, const char *name)
{
    r->magic = MAGIC;
    r->name_len = name != NULL ? (uint32_t)strlen(name) : 0;
    log_bytes(r, sizeof *r);
    log_bytes(name, r->name_len);
    count(r);
}

static void note_sync(uint64_t inode, enum kind kind)
{
    REAL("ftruncate", cut_fn);
    struct record r = {.kind = kind, .inode = inode};
    note(&r, NULL);
    if (state.n_pending == 0 && !state.is_full)
        fn(state.log, 0);
}

/* What an earlier life left unsynced. It may have been killed while it wrote a record: then it had not done yet what that
 * one announces. */
static void read_log(void)
{
    REAL("ftruncate", cut_fn);
    struct record r;
    struct stat st;
    off_t at = 0, next;
    while (fstat(state.log, &st) == 0 && pread(state.log, &r, sizeof r, at) == (ssize_t)sizeof r &&
           (next = at + (off_t)(sizeof r + r.name_len + r.stored)) <= st.st_size) {
        count(&r);
        at = next;
    }
    fn(state.log, at);
}

__attribute__((constructor)) static void begin(void)
{
    const char *log = getenv("FORGET_LOG"), *us = getenv("FORGET_SYNC_US");
    state.root = getenv("FORGET_ROOT");
    state.root_len = state.root != NULL ? strlen(state.root) : 0;
    state.is_deaf = getenv("FORGET_DEAF") != NULL;
    state.sync_us = us != NULL ? (useconds_t)strtoul(us, NULL, 10) : 0;
    unsetenv("LD_PRELOAD");
    if (state.root == NULL || log == NULL)
        return;
    REAL("open", open_fn);
    state.log = fn(log, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (state.log < 0) {
        perror("forget: FORGET_LOG");
        _exit(99);
    }
    read_log();
}

/* ---- files ---- */

static bool is_ours(int fd)
{
    return state.log >= 0 && fd >= 0 && fd < FDS_MAX && state.is_ours[fd];
}

/* What is there from offset on, at most n bytes of it. */
static void log_old(int fd, off_t offset, size_t n)
{
    static char block[BLOCK];
    while (n > 0) {
        const size_t wanted = n < BLOCK ? n : BLOCK;
        const ssize_t got = pread(fd, block, wanted, offset);
        memset(block + (got > 0 ? got : 0), 0, wanted - (got > 0 ? (size_t)got : 0));
        log_bytes(block, wanted);
        offset += (off_t)wanted;
        n -= wanted;
    }
}

/* A descriptor that reads the same file; to be closed. */
static int reader_of(int fd)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return plain_open(path, O_RDONLY);
}

static void note_change(int fd, enum kind kind, off_t offset, size_t length)
{
    REAL("close", fd_fn);
    struct stat st;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || length > UINT32_MAX)
        return;
    const size_t there = offset < st.st_size ? (size_t)(st.st_size - offset) : 0;
    struct record r = {.kind = kind,
                       .inode = st.st_ino,
                       .offset = (uint64_t)offset,
                       .size = (uint64_t)st.st_size,
                       .length = (uint32_t)length,
                       .stored = (uint32_t)(there < length ? there : length)};
    const int reader = reader_of(fd);
    note(&r, NULL);
    log_old(reader, offset, r.stored);
    fn(reader);
}

static void note_cut(int fd, off_t size)
{
    struct stat st;
    if (fstat(fd, &st) < 0 || size == st.st_size)
        return;
    if (size < st.st_size)
        note_change(fd, CUT, size, (size_t)(st.st_size - size));
    else
        note_change(fd, WRITE, st.st_size, (size_t)(size - st.st_size));
}

static off_t position(int fd)
{
    struct stat st;
    const int flags = fcntl(fd, F_GETFL);
    if (flags >= 0 && (flags & O_APPEND) != 0 && fstat(fd, &st) == 0)
        return st.st_size;
    return lseek(fd, 0, SEEK_CUR);
}

EXPORT ssize_t write(int fd, const void *from, size_t n)
{
    REAL("write", write_fn);
    if (!is_ours(fd))
        return fn(fd, from, n);
    pthread_mutex_lock(&state.lock);
    note_change(fd, WRITE, position(fd), n);
    const ssize_t rc = fn(fd, from, n);
    pthread_mutex_unlock(&state.lock);
    return rc;
}

EXPORT ssize_t pwrite64(int fd, const void *from, size_t n, off_t offset)
{
    REAL("pwrite64", pwrite_fn);
    if (!is_ours(fd))
        return fn(fd, from, n, offset);
    pthread_mutex_lock(&state.lock);
    note_change(fd, WRITE, offset, n);
    const ssize_t rc = fn(fd, from, n, offset);
    pthread_mutex_unlock(&state.lock);
    return rc;
}

EXPORT ssize_t pwrite(int fd, const void *from, size_t n, off_t offset)
{
    return pwrite64(fd, from, n, offset);
}

EXPORT int ftruncate64(int fd, off_t size)
{
    REAL("ftruncate64", cut_fn);
    if (!is_ours(fd))
        return fn(fd, size);
    pthread_mutex_lock(&state.lock);
    note_cut(fd, size);
    const int rc = fn(fd, size);
    pthread_mutex_unlock(&state.lock);
    return rc;
}

EXPORT int ftruncate(int fd, off_t size)
{
    return ftruncate64(fd, size);
}

/* Only what makes a file longer is noted. */
static void note_allocation(int fd, int mode, off_t end)
{
    struct stat st;
    if ((mode & FALLOC_FL_KEEP_SIZE) == 0 && fstat(fd, &st) == 0 && end > st.st_size)
        note_cut(fd, end);
}

EXPORT int fallocate64(int fd, int mode, off_t offset, off_t n)
{
    REAL("fallocate64", allocate_fn);
    if (!is_ours(fd))
        return fn(fd, mode, offset, n);
    pthread_mutex_lock(&state.lock);
    note_allocation(fd, mode, offset + n);
    const int rc = fn(fd, mode, offset, n);
    pthread_mutex_unlock(&state.lock);
    return rc;
}

EXPORT int fallocate(int fd, int mode, off_t offset, off_t n)
{
    return fallocate64(fd, mode, offset, n);
}

EXPORT int posix_fallocate64(int fd, off_t offset, off_t n)
{
    REAL("posix_fallocate64", posix_allocate_fn);
    if (!is_ours(fd))
        return fn(fd, offset, n);
    pthread_mutex_lock(&state.lock);
    note_allocation(fd, 0, offset + n);
    const int rc = fn(fd, offset, n);
    pthread_mutex_unlock(&state.lock);
    return rc;
}

EXPORT int posix_fallocate(int fd, off_t offset, off_t n)
{
    return posix_fallocate64(fd, offset, n);
}

static int sync_with(fd_fn fn, int fd)
{
    struct stat st;
    if (!is_ours(fd))
        return fn(fd);
    if (state.is_deaf)
        return 0;
    /* Held all the while: what is written meanwhile would else count as synced. */
    pthread_mutex_lock(&state.lock);
    if (state.sync_us > 0)
        usleep(state.sync_us);
    const int rc = fn(fd);
    if (rc == 0 && fstat(fd, &st) == 0)
        note_sync(st.st_ino, S_ISDIR(st.st_mode) ? SYNC_FOLDER : SYNC);
    pthread_mutex_unlock(&state.lock);
    return rc;
}

EXPORT int fsync(int fd)
{
    REAL("fsync", fd_fn);
    return sync_with(fn, fd);
}

EXPORT int fdatasync(int fd)
{
    REAL("fdatasync", fd_fn);
    return sync_with(fn, fd);
}

EXPORT int close(int fd)
{
    REAL("close", fd_fn);
    if (fd >= 0 && fd < FDS_MAX)
        state.is_ours[fd] = 0;
    return fn(fd);
}

/* ---- names ---- */

/* The whole path; false: it is not below the root, or not of a kind that is noted. */
static bool whole_path(int at, const char *path, char whole[PATH_MAX])
{
    static const char shared[] = "-shm";
    char link[32];
    ssize_t n = 0;
    if (state.log < 0)
        return false;
    if (path[0] != '/') {
        snprintf(link, sizeof link, at == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", at);
        n = readlink(link, whole, PATH_MAX - 1);
        if (n < 0)
            return false;
        whole[n++] = '/';
    }
    const size_t len = strlen(path);
    if ((size_t)n + len >= PATH_MAX)
        return false;
    memcpy(whole + n, path, len + 1);
    const size_t all = (size_t)n + len;
    return strncmp(whole, state.root, state.root_len) == 0 &&
           (whole[state.root_len] == '/' || whole[state.root_len] == '\0') &&
           strcmp(whole + all - (all < 4 ? all : 4), shared) != 0;
}

static uint64_t folder_of(const char *path)
{
    char folder[PATH_MAX];
    struct stat st;
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash != NULL)
        *slash = '\0';
    return stat(folder, &st) == 0 ? st.st_ino : 0;
}

static bool is_there(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static void note_new(const char *path)
{
    struct stat st;
    if (lstat(path, &st) < 0)
        return;
    struct record r = {.kind = NAME_NEW, .inode = st.st_ino, .folder = folder_of(path)};
    note(&r, path);
}

/* With all that is in it. */
static void note_gone(const char *path)
{
    REAL("close", fd_fn);
    struct stat st;
    if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
        return;
    struct record r = {.kind = NAME_GONE,
                       .inode = st.st_ino,
                       .folder = folder_of(path),
                       .size = (uint64_t)st.st_size,
                       .length = (uint32_t)st.st_size,
                       .stored = (uint32_t)st.st_size,
                       .mode = st.st_mode & 07777,
                       .owner = st.st_uid};
    const int fd = plain_open(path, O_RDONLY);
    note(&r, path);
    log_old(fd, 0, r.stored);
    if (fd >= 0)
        fn(fd);
}

static void note_emptied(const char *path)
{
    REAL("close", fd_fn);
    const int fd = plain_open(path, O_RDONLY);
    if (fd < 0)
        return;
    note_cut(fd, 0);
    fn(fd);
}

static int open_noted(openat_fn fn, int at, const char *path, int flags, mode_t mode)
{
    char whole[PATH_MAX];
    if (!whole_path(at, path, whole))
        return fn(at, path, flags, mode);
    pthread_mutex_lock(&state.lock);
    const bool is_new = (flags & O_CREAT) != 0 && !is_there(whole);
    if ((flags & O_TRUNC) != 0 && !is_new)
        note_emptied(whole);
    const int fd = fn(at, path, flags, mode);
    if (fd >= 0 && fd < FDS_MAX)
        state.is_ours[fd] = 1;
    if (fd >= 0 && is_new)
        note_new(whole);
    pthread_mutex_unlock(&state.lock);
    return fd;
}

static mode_t mode_in(int flags, va_list ap)
{
    return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(ap, mode_t) : 0;
}

EXPORT int openat64(int at, const char *path, int flags, ...)
{
    REAL("openat64", openat_fn);
    va_list ap;
    va_start(ap, flags);
    const mode_t mode = mode_in(flags, ap);
    va_end(ap);
    return open_noted(fn, at, path, flags, mode);
}

EXPORT int openat(int at, const char *path, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    const mode_t mode = mode_in(flags, ap);
    va_end(ap);
    return openat64(at, path, flags, mode);
}

EXPORT int open64(const char *path, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    const mode_t mode = mode_in(flags, ap);
    va_end(ap);
    return openat64(AT_FDCWD, path, flags, mode);
}

EXPORT int open(const char *path, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    const mode_t mode = mode_in(flags, ap);
    va_end(ap);
    return openat64(AT_FDCWD, path, flags, mode);
}

EXPORT int creat(const char *path, mode_t mode)
{
    return openat64(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}

EXPORT int unlinkat(int at, const char *path, int flags)
{
    REAL("unlinkat", path_at_fn);
    char whole[PATH_MAX];
    if (!whole_path(at, path, whole))
        return fn(at, path, flags);
    pthread_mutex_lock(&state.lock);
    note_gone(whole);
    const int rc = fn(at, path, flags);
    pthread_mutex_unlock(&state.lock);
    return rc;
}

EXPORT int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

EXPORT int renameat(int from_at, const char *from, int to_at, const char *to)
{
    REAL("renameat", paths_at_fn);
    char whole_from[PATH_MAX], whole_to[PATH_MAX];
    if (!whole_path(from_at, from, whole_from) || !whole_path(to_at, to, whole_to))
        return fn(from_at, from, to_at, to);
    pthread_mutex_lock(&state.lock);
    note_gone(whole_to);
    note_gone(whole_from);
    const int rc = fn(from_at, from, to_at, to);
    if (rc == 0)
        note_new(whole_to);
    pthread_mutex_unlock(&state.lock);
    return rc;
}

EXPORT int rename(const char *from, const char *to)
{
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

EXPORT int linkat(int from_at, const char *from, int to_at, const char *to, int flags)
{
    REAL("linkat", link_at_fn);
    char whole[PATH_MAX];
    if (!whole_path(to_at, to, whole))
        return fn(from_at, from, to_at, to, flags);
    pthread_mutex_lock(&state.lock);
    const int rc = fn(from_at, from, to_at, to, flags);
    if (rc == 0)
        note_new(whole);
    pthread_mutex_unlock(&state.lock);
    return rc;
}

EXPORT int link(const char *from, const char *to)
{
    return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

EXPORT int mkdir(const char *path, mode_t mode)
{
    REAL("mkdir", mkdir_fn);
    char whole[PATH_MAX];
    if (!whole_path(AT_FDCWD, path, whole))
        return fn(path, mode);
    pthread_mutex_lock(&state.lock);
    const int rc = fn(path, mode);
    if (rc == 0)
        note_new(whole);
    pthread_mutex_unlock(&state.lock);
    return rc;
}
