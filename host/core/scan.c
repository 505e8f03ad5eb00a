/* scan.c: describes plugins in confined children, a few at a time. Runs in the core. A plugin that
 * breaks its child is listed as broken with the reason, and everything else runs. */
#include "core/scan.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/settings.h"
#include "loop/loop.h"
#include "plugin/catalog.h"
#include "sandbox/box.h"

enum { SCANS_AT_ONCE = 4, FILES_MAX = 4096, SCAN_MEMORY = 1 << 30 };

struct scan_file {
    struct scan *scan;
    char *path;
    bool is_described;
};

struct scan {
    struct launcher *launcher;
    struct catalog *catalog;
    struct scan_file *files;
    size_t n, next, running;
    uint32_t timeout_ms;
    bool has_failed; /* no memory */
    struct loop_timer *turn;
    scan_done_fn done;
    void *arg;
};

static void scan_free(struct scan *s)
{
    for (size_t i = 0; s->files != NULL && i < s->n; i++)
        free(s->files[i].path);
    free(s->files);
    loop_timer_free(s->turn);
    catalog_unref(s->catalog);
    free(s);
}

static int add_file(struct scan *s, const char *dir, const char *sub, const char *name)
{
    if (s->n == FILES_MAX) {
        log_error("too many plugins; this one is left out", LS("file", name));
        return 0;
    }
    struct scan_file *f = &s->files[s->n];
    if (asprintf(&f->path, "%s/%s%s%s", dir, sub, sub[0] != '\0' ? "/" : "", name) < 0) {
        f->path = NULL;
        return -1;
    }
    f->scan = s;
    s->n++;
    return 0;
}

static bool is_library(const char *name)
{
    size_t n = strlen(name);
    return n > 3 && name[0] != '.' && strcmp(name + n - 3, ".so") == 0;
}

/* A plugin with libraries of its own lies with them in a directory of its name. */
static int add_from_folder(struct scan *s, const char *dir, const char *name)
{
    char file[NAME_MAX + 8], path[PATH_MAX];
    snprintf(file, sizeof file, "%s.so", name);
    if ((size_t)snprintf(path, sizeof path, "%s/%s/%s", dir, name, file) >= sizeof path ||
        access(path, F_OK) < 0)
        return 0;
    return add_file(s, dir, name, file);
}

static int list_dir(struct scan *s, const char *path)
{
    DIR *dir = opendir(path);
    int rc = 0;
    if (dir == NULL) {
        log_warn("plugin directory cannot be read", LS("dir", path), LE(errno));
        return 0;
    }
    for (struct dirent *e; rc == 0 && (e = readdir(dir)) != NULL;) {
        if (is_library(e->d_name))
            rc = add_file(s, path, "", e->d_name);
        else if (e->d_name[0] != '.')
            rc = add_from_folder(s, path, e->d_name);
    }
    closedir(dir);
    return rc;
}

static void on_descriptor(void *arg, struct box *b, const char *json, size_t len)
{
    struct scan_file *f = arg;
    (void)b;
    if (!f->is_described && catalog_add(f->scan->catalog, f->path, json, len) < 0 &&
        errno != EEXIST)
        f->scan->has_failed = true;
    f->is_described = true;
}

static void on_ended(void *arg, struct box *b, enum code code, const char *message)
{
    struct scan_file *f = arg;
    (void)b;
    (void)code;
    if (!f->is_described && catalog_add_broken(f->scan->catalog, f->path, message) < 0 &&
        errno != EEXIST)
        f->scan->has_failed = true;
    f->scan->running--;
    loop_timer_after(f->scan->turn, 0);
}

static const struct box_events events = {.on_descriptor = on_descriptor, .on_ended = on_ended};

static void start_one(struct scan *s, struct scan_file *f)
{
    struct box_spec spec = {
        .plugin_path = f->path,
        .mode = BOX_SCAN,
        .slots = 1,
        .limits = {.memory_bytes = SCAN_MEMORY,
                   .load_timeout_ms = s->timeout_ms,
                   .files = 64,
                   .threads = 64},
    };
    s->running++;
    if (box_start(s->launcher, &spec, &events, f) == NULL)
        on_ended(f, NULL, CODE_SANDBOX_ERROR, "the launcher does not answer");
}

static void finish(struct scan *s)
{
    struct catalog *catalog = s->catalog;
    if (s->has_failed || catalog_settle(catalog) < 0) {
        catalog_unref(catalog);
        catalog = NULL;
    }
    s->catalog = NULL;
    s->done(s->arg, catalog);
    scan_free(s);
}

static void on_turn(void *arg)
{
    struct scan *s = arg;
    while (s->next < s->n && s->running < SCANS_AT_ONCE)
        start_one(s, &s->files[s->next++]);
    if (s->running == 0 && s->next == s->n)
        finish(s);
}

struct scan *scan_start(struct loop *loop, struct launcher *l, const struct conf_list *dirs,
                        uint32_t timeout_ms, scan_done_fn done, void *arg)
{
    struct scan *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->launcher = l;
    s->timeout_ms = timeout_ms;
    s->done = done;
    s->arg = arg;
    s->files = calloc(FILES_MAX, sizeof *s->files);
    s->catalog = catalog_new();
    s->turn = loop_timer_new(loop, on_turn, s);
    int rc = s->files != NULL && s->catalog != NULL && s->turn != NULL ? 0 : -1;
    for (size_t i = 0; i < dirs->n && rc == 0; i++)
        rc = list_dir(s, dirs->items[i]);
    if (rc < 0) {
        scan_free(s);
        return NULL;
    }
    loop_timer_after(s->turn, 0);
    return s;
}
