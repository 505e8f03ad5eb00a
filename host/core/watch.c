/* watch.c: inotify on the plugin directories, and on the folders in them that a plugin may have for its
 * own. Runs in the core. */
#include "core/watch.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/log.h"
#include "core/reload.h"
#include "loop/loop.h"

/* A package manager writes one file after the other. */
enum { QUIET_MS = 500, EVENTS_BYTES = 4096 };

enum { EVENTS = IN_CREATE | IN_CLOSE_WRITE | IN_MOVE | IN_DELETE | IN_DELETE_SELF };

struct watch {
    struct core *core;
    int fd;
    struct loop_io *io;
    struct loop_timer *quiet;
};

static void on_quiet(void *arg)
{
    struct watch *w = arg;
    log_info("plugin directories have changed");
    reload_files(w->core);
}

/* What has happened does not matter: the scan looks at all of it. */
static void on_events(void *arg, uint32_t events)
{
    struct watch *w = arg;
    char bytes[EVENTS_BYTES];
    (void)events;
    while (read(w->fd, bytes, sizeof bytes) > 0)
        continue;
    loop_timer_after(w->quiet, QUIET_MS);
}

static void add(const struct watch *w, const char *path)
{
    if (inotify_add_watch(w->fd, path, EVENTS | IN_ONLYDIR) < 0 && errno != ENOTDIR)
        log_warn("plugin directory cannot be watched", LS("dir", path), LE(errno));
}

static void add_folders(const struct watch *w, const char *dir)
{
    char path[PATH_MAX];
    DIR *d = opendir(dir);
    add(w, dir);
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        const bool may_be_folder = e->d_type == DT_DIR || e->d_type == DT_UNKNOWN;
        if (may_be_folder && e->d_name[0] != '.' &&
            (size_t)snprintf(path, sizeof path, "%s/%s", dir, e->d_name) < sizeof path)
            add(w, path);
    }
    if (d != NULL)
        closedir(d);
}

static struct watch *watch_new(struct core *c)
{
    struct watch *w = calloc(1, sizeof *w);
    if (w == NULL)
        return NULL;
    c->watch = w;
    *w = (struct watch){.core = c, .fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
    w->quiet = loop_timer_new(c->loop, on_quiet, w);
    w->io = w->fd >= 0 ? loop_io_add(c->loop, w->fd, EPOLLIN, on_events, w) : NULL;
    return w->quiet != NULL && w->io != NULL ? w : NULL;
}

void watch_begin(struct core *c, const struct conf *conf)
{
    const struct conf_list *dirs = &conf_host(conf)->plugin_dirs;
    watch_clear(c);
    if (!conf_host(conf)->watch_plugins)
        return;
    const struct watch *w = watch_new(c);
    if (w == NULL) {
        log_warn("plugin directories cannot be watched", LE(errno));
        watch_clear(c);
        return;
    }
    for (size_t i = 0; i < dirs->n; i++)
        add_folders(w, dirs->items[i]);
}

void watch_clear(struct core *c)
{
    struct watch *w = c->watch;
    if (w == NULL)
        return;
    loop_io_del(w->io);
    fd_close(&w->fd);
    loop_timer_free(w->quiet);
    free(w);
    c->watch = NULL;
}
