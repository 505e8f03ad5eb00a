/*
 * plugin_file.c: the way to a plugin's file, one directory at a time from the root, and the file
 * itself. Runs in the launcher.
 *
 * Each directory is opened by the one above it and looked at through its descriptor, so a rename on
 * the way changes nothing that was not looked at. Links among the directories are followed by hand:
 * the link must belong to root or to this user, and the directory it lies in has been looked at
 * already.
 */
#include "sandbox/plugin_file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fdutil.h"
#include "base/log.h"
#include "sandbox/plugin_walk.h"

enum { SUFFIX = 3 /* ".so" */, TEXT_CHUNK = 4096 };

bool plugin_name_is_good(const char *name)
{
    const size_t n = strlen(name);
    if (n <= SUFFIX || n > NAME_MAX || strcmp(name + n - SUFFIX, ".so") != 0 ||
        !isalnum((unsigned char)name[0]))
        return false;
    return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == n;
}

static int add_part(struct plugin_walk *w, struct plugin_source *s, const char *name, int fd,
                    const char *link)
{
    if (s->n == PLUGIN_PARTS_MAX) {
        errno = E2BIG;
        return plugin_walk_fail(w, "%s: expected at most %d libraries beside the plugin", w->at,
                                PLUGIN_PARTS_MAX - 1);
    }
    struct plugin_part *p = &s->parts[s->n++];
    p->fd = fd;
    snprintf(p->name, sizeof p->name, "%s", name);
    snprintf(p->link, sizeof p->link, "%s", link);
    return 0;
}

static bool is_library(const char *name)
{
    const char *so = strstr(name, ".so");
    return so != NULL && so != name && (so[SUFFIX] == '\0' || so[SUFFIX] == '.');
}

/* libx.so -> libx.so.1 and its like: a link to a name in the same directory. */
static int add_link(struct plugin_walk *w, struct plugin_source *s, const char *name)
{
    char target[NAME_MAX + 1];
    const ssize_t n = readlinkat(w->dir, name, target, sizeof target - 1);
    if (n < 0)
        return plugin_walk_fail(w, "%s/%s: %s", w->at, name, log_errno_text(errno));
    target[n] = '\0';
    if (strchr(target, '/') != NULL) {
        errno = ELOOP;
        return plugin_walk_fail(w, "%s/%s: expected a link within its directory, found one to %s",
                                w->at, name, target);
    }
    return add_part(w, s, name, -1, target);
}

/* x.so.sig of x.so: it speaks of the parts and is none. */
static bool is_signature_of(const char *name, const char *plugin)
{
    const size_t n = strlen(plugin);
    return strncmp(name, plugin, n) == 0 && strcmp(name + n, PLUGIN_SIGNATURE_SUFFIX) == 0;
}

static int add_library(struct plugin_walk *w, struct plugin_source *s, const char *name)
{
    struct stat st;
    const char *plugin = s->parts[0].name;
    if (strcmp(name, plugin) == 0 || is_signature_of(name, plugin) || !is_library(name))
        return 0;
    if (fstatat(w->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return plugin_walk_fail(w, "%s/%s: %s", w->at, name, log_errno_text(errno));
    if (S_ISLNK(st.st_mode))
        return add_link(w, s, name);
    int fd = plugin_walk_open(w, name);
    if (fd >= 0 && add_part(w, s, name, fd, "") == 0)
        return 0;
    fd_close(&fd);
    return -1;
}

static int add_libraries(struct plugin_walk *w, struct plugin_source *s)
{
    DIR *list = plugin_walk_list(w);
    int rc = list != NULL ? 0 : -1;
    for (struct dirent *e; rc == 0 && (e = readdir(list)) != NULL;)
        rc = add_library(w, s, e->d_name);
    if (list != NULL)
        closedir(list);
    return rc;
}

/* plugins/foo/foo.so: the directory is the plugin's own. */
static bool has_own_directory(const struct plugin_walk *w)
{
    const char *slash = strrchr(w->at, '/');
    const char *dir = slash != NULL ? slash + 1 : w->at;
    const size_t n = strlen(dir);
    return n > 0 && strlen(w->name) == n + SUFFIX && strncmp(dir, w->name, n) == 0;
}

static int check_name(struct plugin_walk *w)
{
    if (plugin_name_is_good(w->name))
        return 0;
    errno = EINVAL;
    return plugin_walk_object(w, "%s/%s: expected a name like [A-Za-z0-9][A-Za-z0-9._-]*.so", w->at,
                              w->name);
}

/* Reads a file of the directory that must be as much its owner's as the plugin. */
static int read_text(struct plugin_walk *w, const char *name, struct buf *out)
{
    int fd = plugin_walk_open(w, name);
    if (fd < 0)
        return -1;
    ssize_t n;
    do {
        n = buf_read(out, fd, TEXT_CHUNK);
    } while (n > 0);
    if (n < 0)
        plugin_walk_fail(w, "%s/%s: %s", w->at, name, log_errno_text(errno));
    fd_close(&fd);
    return n < 0 ? -1 : 0;
}

static int read_signature(struct plugin_walk *w, struct buf *out)
{
    char name[NAME_MAX + sizeof PLUGIN_SIGNATURE_SUFFIX];
    struct stat st;
    snprintf(name, sizeof name, "%s%s", w->name, PLUGIN_SIGNATURE_SUFFIX);
    if (fstatat(w->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 &&
        (errno == ENOENT || errno == ENAMETOOLONG))
        return 0;
    return read_text(w, name, out);
}

static int add_parts(struct plugin_walk *w, struct plugin_source *s, struct buf *signature)
{
    int fd = plugin_walk_open(w, w->name);
    if (fd < 0)
        return -1;
    if (add_part(w, s, w->name, fd, "") < 0 || (has_own_directory(w) && add_libraries(w, s) < 0))
        return -1;
    return signature != NULL ? read_signature(w, signature) : 0;
}

int plugin_source_open(struct plugin_source *s, const char *path, bool is_lenient,
                       struct buf *signature, char *why)
{
    struct plugin_walk w;
    int rc = -1;
    s->n = 0;
    if (plugin_walk_begin(&w, path, is_lenient, why) == 0 && check_name(&w) == 0)
        rc = add_parts(&w, s, signature);
    const int saved = errno;
    plugin_walk_end(&w);
    if (rc < 0)
        plugin_source_close(s);
    errno = saved;
    return rc;
}

int plugin_text_read(const char *path, bool is_lenient, struct buf *out, char *why)
{
    struct plugin_walk w;
    const int rc =
        plugin_walk_begin(&w, path, is_lenient, why) == 0 ? read_text(&w, w.name, out) : -1;
    const int saved = errno;
    plugin_walk_end(&w);
    errno = saved;
    return rc;
}

void plugin_source_close(struct plugin_source *s)
{
    for (uint32_t i = 0; i < s->n; i++)
        fd_close(&s->parts[i].fd);
    s->n = 0;
}
