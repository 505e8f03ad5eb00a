/* tree.c: empties and measures a directory that a plugin has filled. Runs in the warden's children,
 * the launcher, and the plugin's process before the plugin's code. */
#include "sandbox/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdutil.h"

static int open_dir(int at, const char *name)
{
    return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int tree_open(int at, const char *name)
{
    int fd = open_dir(at, name);
    if (fd < 0 && errno == EACCES && fchmodat(at, name, 0700, 0) == 0)
        fd = open_dir(at, name);
    if (fd >= 0 && fchmod(fd, 0700) < 0)
        fd_close(&fd);
    return fd;
}

static int is_dot(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

int tree_is_empty(int dir_fd)
{
    /* Holds at least one entry beside the two dots, whatever their order. */
    _Alignas(struct dirent64) char list[2 * sizeof(struct dirent64)];
    if (lseek(dir_fd, 0, SEEK_SET) < 0)
        return 0;
    ssize_t n = getdents64(dir_fd, list, sizeof list);
    for (ssize_t at = 0; at < n;) {
        const struct dirent64 *e = (const void *)(list + at);
        if (!is_dot(e->d_name))
            return 0;
        at += e->d_reclen;
    }
    return n > 0;
}

/* Removes one entry. 1: it is a directory with something in it. */
static int remove_entry(int dir, const char *name)
{
    if (unlinkat(dir, name, 0) == 0)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -1;
    if (unlinkat(dir, name, AT_REMOVEDIR) == 0)
        return 0;
    return errno == ENOTEMPTY ? 1 : -1;
}

/*
 * Removes what can be removed from dir. *child: a directory that has to be emptied first, opened;
 * or -1 when dir is empty.
 */
static int sweep(int dir, int *child)
{
    int rc = 0;
    int copy = open_dir(dir, ".");
    DIR *list = copy >= 0 ? fdopendir(copy) : NULL;
    *child = -1;
    if (list == NULL) {
        fd_close(&copy);
        return -1;
    }
    for (struct dirent *e; rc == 0 && (e = readdir(list)) != NULL;) {
        if (is_dot(e->d_name))
            continue;
        rc = remove_entry(dir, e->d_name);
        if (rc == 1)
            *child = tree_open(dir, e->d_name);
        if (rc == 1 && *child < 0)
            rc = -1;
    }
    int saved = errno;
    closedir(list);
    errno = saved;
    return rc < 0 ? -1 : 0;
}

/* The way down: each directory that was left for one in it. */
struct way {
    struct level {
        dev_t dev;
        ino_t ino;
    } * levels;
    size_t n, cap;
};

static int push(struct way *w, int dir)
{
    struct stat st;
    if (fstat(dir, &st) < 0)
        return -1;
    if (w->n == w->cap) {
        const size_t cap = w->cap > 0 ? 2 * w->cap : 16;
        void *grown = realloc(w->levels, cap * sizeof *w->levels);
        if (grown == NULL)
            return -1;
        w->levels = grown;
        w->cap = cap;
    }
    w->levels[w->n++] = (struct level){st.st_dev, st.st_ino};
    return 0;
}

/* A directory that was moved while we were in it leads up to another one: maybe out of ours. */
static int pop(struct way *w, int dir)
{
    struct stat st;
    if (fstat(dir, &st) < 0)
        return -1;
    const struct level *l = &w->levels[--w->n];
    errno = EBUSY;
    return st.st_dev == l->dev && st.st_ino == l->ino ? 0 : -1;
}

/* One step down into child, or up again out of an empty directory. Closes what it leaves. */
static int step(struct way *w, int *at, int child)
{
    int next = child >= 0 ? child : open_dir(*at, "..");
    const int rc = next < 0 ? -1 : child >= 0 ? push(w, *at) : pop(w, next);
    fd_close(at);
    *at = next;
    return rc;
}

int tree_empty(int dir_fd)
{
    struct way way = {.n = 0};
    int child, rc;
    int at = open_dir(dir_fd, ".");
    if (at < 0)
        return -1;
    do {
        rc = sweep(at, &child);
        if (rc == 0 && (child >= 0 || way.n > 0))
            rc = step(&way, &at, child);
        else if (rc == 0)
            break;
    } while (rc == 0);
    const int saved = errno;
    fd_close(&at);
    free(way.levels);
    errno = saved;
    return rc;
}

/* ---- how much there is ---- */

struct measure {
    uint64_t bytes, files;         /* so far */
    uint64_t max_bytes, max_files; /* 0: any number */
};

static int walk(struct measure *m, int dir, int depth);

static int is_within(const struct measure *m)
{
    return (m->max_bytes == 0 || m->bytes <= m->max_bytes) &&
           (m->max_files == 0 || m->files <= m->max_files);
}

/* What is gone again, or has become something else, is not there. */
static int has_vanished(void)
{
    return errno == ENOENT || errno == ENOTDIR || errno == ELOOP;
}

static int walk_below(struct measure *m, int at, const char *name, int depth)
{
    int dir = open_dir(at, name);
    if (dir < 0 && has_vanished())
        return 1;
    if (dir < 0 && errno != EACCES)
        return -1;
    const int rc = dir >= 0 && depth < TREE_DEPTH ? walk(m, dir, depth + 1) : 0;
    fd_close(&dir);
    return rc;
}

/* Blocks, because a file with holes is not as large as it looks; shared by its names. */
static int count(struct measure *m, int at, const char *name, int depth)
{
    enum { BLOCK = 512 };
    struct stat st;
    if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return has_vanished() ? 1 : -1;
    m->files++;
    m->bytes +=
        (uint64_t)st.st_blocks * BLOCK / (S_ISDIR(st.st_mode) ? 1 : st.st_nlink + !st.st_nlink);
    if (!is_within(m))
        return 0;
    return S_ISDIR(st.st_mode) ? walk_below(m, at, name, depth) : 1;
}

static int walk(struct measure *m, int dir, int depth)
{
    int rc = 1;
    int copy = open_dir(dir, ".");
    DIR *list = copy >= 0 ? fdopendir(copy) : NULL;
    if (list == NULL) {
        fd_close(&copy);
        return errno == EACCES ? 0 : -1;
    }
    for (struct dirent *e; rc == 1 && (e = readdir(list)) != NULL;) {
        if (!is_dot(e->d_name))
            rc = count(m, dir, e->d_name, depth);
    }
    const int saved = errno;
    closedir(list);
    errno = saved;
    return rc;
}

int tree_fits(int dir_fd, uint64_t bytes, uint64_t files)
{
    struct measure m = {.max_bytes = bytes, .max_files = files};
    return walk(&m, dir_fd, 0);
}
