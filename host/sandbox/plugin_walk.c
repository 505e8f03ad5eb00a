/* plugin_walk.c: the directories on the way to a plugin's file. Runs in the launcher. */
#include "sandbox/plugin_walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/log.h"
#include "sandbox/plugin_file.h"

enum { LINKS_MAX = 16 };

int plugin_walk_fail(struct plugin_walk *w, const char *format, ...)
{
    const int saved = errno;
    va_list ap;
    va_start(ap, format);
    vsnprintf(w->why, PLUGIN_WHY, format, ap);
    va_end(ap);
    errno = saved;
    return -1;
}

int plugin_walk_object(struct plugin_walk *w, const char *format, ...)
{
    const int saved = errno;
    va_list ap;
    va_start(ap, format);
    vsnprintf(w->why, PLUGIN_WHY, format, ap);
    va_end(ap);
    if (w->is_lenient) {
        log_warn("plugin file accepted although it could be changed by others", LS("why", w->why));
        return 0;
    }
    errno = saved;
    return -1;
}

/* Root may change anything anyway, and this user could change what the launcher does. */
static bool is_owner_trusted(const struct stat *st)
{
    return st->st_uid == 0 || st->st_uid == geteuid();
}

static int check_owner(struct plugin_walk *w, const char *path, const char *name,
                       const struct stat *st)
{
    if (is_owner_trusted(st))
        return 0;
    errno = EACCES;
    const char *or_us = geteuid() != 0 ? " or our own" : "";
    return plugin_walk_object(w, "%s%s%s: expected owner 0%s, found %u", path,
                              *name != '\0' ? "/" : "", name, or_us, st->st_uid);
}

static int check_mode(struct plugin_walk *w, const char *path, const char *name,
                      const struct stat *st)
{
    if ((st->st_mode & (S_IWGRP | S_IWOTH)) == 0)
        return 0;
    /* In a sticky directory of root nobody can replace what belongs to another. */
    if (S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX) != 0 && st->st_uid == 0)
        return 0;
    errno = EACCES;
    return plugin_walk_object(w,
                              "%s%s%s: expected that only its owner may write it, found mode %04o",
                              path, *name != '\0' ? "/" : "", name, st->st_mode & 07777);
}

static int check_file(struct plugin_walk *w, const char *name, const struct stat *st)
{
    return check_owner(w, w->at, name, st) < 0 ? -1 : check_mode(w, w->at, name, st);
}

/* Goes to the directory fd, which it takes. path: its path. */
static int enter(struct plugin_walk *w, int fd, const char *path)
{
    struct stat st;
    fd_close(&w->dir);
    w->dir = fd;
    snprintf(w->at, sizeof w->at, "%s", path);
    if (fstat(fd, &st) < 0)
        return plugin_walk_fail(w, "%s: %s", w->at, log_errno_text(errno));
    const char *shown = *w->at != '\0' ? w->at : "/";
    return check_owner(w, shown, "", &st) < 0 ? -1 : check_mode(w, shown, "", &st);
}

static int enter_root(struct plugin_walk *w)
{
    const int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return plugin_walk_fail(w, "/: %s", log_errno_text(errno));
    return enter(w, fd, "");
}

static int too_long(struct plugin_walk *w)
{
    errno = ENAMETOOLONG;
    return plugin_walk_fail(w, "expected a path of at most %d bytes and few links", PATH_MAX - 1);
}

/* Puts the link's target before what is still to be walked. */
static int follow(struct plugin_walk *w, const char *name, const struct stat *st)
{
    char target[PATH_MAX], rest[PATH_MAX];
    const ssize_t n = readlinkat(w->dir, name, target, sizeof target - 1);
    if (n < 0)
        return plugin_walk_fail(w, "%s/%s: %s", w->at, name, log_errno_text(errno));
    target[n] = '\0';
    if (check_owner(w, w->at, name, st) < 0)
        return -1;
    if (++w->n_links > LINKS_MAX ||
        snprintf(rest, sizeof rest, "%s/%s", target, w->rest) >= (int)sizeof rest)
        return too_long(w);
    memcpy(w->rest, rest, sizeof rest);
    return target[0] == '/' ? enter_root(w) : 0;
}

static int descend(struct plugin_walk *w, const char *name)
{
    char path[PATH_MAX + NAME_MAX + 2];
    struct stat st;
    int fd = openat(w->dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0) {
        plugin_walk_fail(w, "%s/%s: %s", w->at, name, log_errno_text(errno));
        fd_close(&fd);
        return -1;
    }
    if (S_ISLNK(st.st_mode)) {
        fd_close(&fd);
        return follow(w, name, &st);
    }
    if (strcmp(name, "..") == 0) {
        snprintf(path, sizeof path, "%s", w->at);
        char *slash = strrchr(path, '/');
        *(slash != NULL ? slash : path) = '\0';
    } else if (snprintf(path, sizeof path, "%s/%s", w->at, name) >= PATH_MAX) {
        fd_close(&fd);
        return too_long(w);
    }
    return enter(w, fd, path);
}

/* Cuts the next component off rest. *is_last: nothing stands behind it. -1: there is none, or it is
 * too long. */
static int next_component(struct plugin_walk *w, char *name, bool *is_last)
{
    const char *at = w->rest + strspn(w->rest, "/");
    const size_t n = strcspn(at, "/");
    if (n == 0 || n > NAME_MAX)
        return -1;
    memcpy(name, at, n);
    name[n] = '\0';
    at += n;
    at += strspn(at, "/");
    *is_last = *at == '\0';
    memmove(w->rest, at, strlen(at) + 1);
    return 0;
}

/* Whether the last component is a link that a lenient walk follows. */
static bool is_followed(const struct plugin_walk *w, const char *name)
{
    struct stat st;
    return w->is_lenient && fstatat(w->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISLNK(st.st_mode);
}

static int walk(struct plugin_walk *w)
{
    char name[NAME_MAX + 1];
    bool is_last;
    while (next_component(w, name, &is_last) == 0) {
        if (strcmp(name, ".") == 0 && !is_last)
            continue;
        if (is_last && !is_followed(w, name)) {
            memcpy(w->name, name, sizeof name);
            return 0;
        }
        if (descend(w, name) < 0)
            return -1;
    }
    if (strspn(w->rest, "/") != strlen(w->rest))
        return too_long(w);
    errno = EINVAL;
    return plugin_walk_fail(w, "%s: expected the path of a file", w->at);
}

int plugin_walk_begin(struct plugin_walk *w, const char *path, bool is_lenient, char *why)
{
    *w = (struct plugin_walk){.is_lenient = is_lenient, .dir = -1};
    w->why = why;
    if (path[0] != '/') {
        errno = EINVAL;
        return plugin_walk_fail(w, "%s: expected an absolute path", path);
    }
    if (snprintf(w->rest, sizeof w->rest, "%s", path) >= (int)sizeof w->rest)
        return too_long(w);
    return enter_root(w) < 0 ? -1 : walk(w);
}

void plugin_walk_end(struct plugin_walk *w)
{
    fd_close(&w->dir);
}

DIR *plugin_walk_list(struct plugin_walk *w)
{
    int fd = openat(w->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fd >= 0 ? fdopendir(fd) : NULL;
    if (list == NULL) {
        plugin_walk_fail(w, "%s: %s", w->at, log_errno_text(errno));
        fd_close(&fd);
    }
    return list;
}

/* ---- the file in it ---- */

static const char *kind_of(mode_t mode)
{
    return S_ISDIR(mode)                    ? "a directory"
           : S_ISFIFO(mode)                 ? "a pipe"
           : S_ISSOCK(mode)                 ? "a socket"
           : S_ISLNK(mode)                  ? "a link"
           : S_ISCHR(mode) || S_ISBLK(mode) ? "a device"
                                            : "something else";
}

static int check_kind(struct plugin_walk *w, const char *name, const struct stat *st)
{
    if (S_ISREG(st->st_mode))
        return 0;
    errno = S_ISLNK(st->st_mode) ? ELOOP : EINVAL;
    return plugin_walk_fail(w, "%s/%s: expected a regular file, found %s", w->at, name,
                            kind_of(st->st_mode));
}

/* The path may name something else by now, so what was opened is looked at again. O_NONBLOCK: a
 * pipe must not hold the launcher. */
int plugin_walk_open(struct plugin_walk *w, const char *name)
{
    struct stat st;
    if (fstatat(w->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return plugin_walk_fail(w, "%s/%s: %s", w->at, name, log_errno_text(errno));
    if (check_kind(w, name, &st) < 0)
        return -1;
    int fd = openat(w->dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        plugin_walk_fail(w, "%s/%s: %s", w->at, name, log_errno_text(errno));
    else if (check_kind(w, name, &st) == 0 && check_file(w, name, &st) == 0)
        return fd;
    fd_close(&fd);
    return -1;
}
