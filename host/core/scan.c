/* scan.c: describes plugins in confined children, a few at a time. Runs in the core. A plugin that
 * breaks its child is listed as broken with the reason, and everything else runs. */
#include "core/scan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "conf/conf.h"
#include "loop/loop.h"
#include "plugin/catalog.h"
#include "plugin/folder.h"
#include "plugin/rules.h"
#include "sandbox/box.h"
#include "sandbox/spec.h"

enum { SCANS_AT_ONCE = 4 };

struct scan_file {
    struct scan *scan;
    char *path;
    struct buf report; /* what the child said of it, or empty */
    char sha256[BOX_DIGEST_MAX];
    char *reason; /* why it said nothing, or NULL */
};

struct scan {
    struct launcher *launcher;
    const struct conf *conf;
    struct catalog *catalog;
    struct scan_file *files;
    size_t n, next, running;
    bool has_failed; /* no memory */
    struct loop_timer *turn;
    scan_done_fn done;
    void *arg;
};

static void scan_free(struct scan *s)
{
    for (size_t i = 0; s->files != NULL && i < s->n; i++) {
        free(s->files[i].path);
        free(s->files[i].reason);
        buf_clear(&s->files[i].report);
    }
    free(s->files);
    loop_timer_free(s->turn);
    catalog_unref(s->catalog);
    free(s);
}

static void on_unreadable(const char *dir, int error)
{
    log_warn("plugin directory cannot be read", LS("dir", dir), LE(error));
}

static int list_files(struct scan *s, const struct conf_list *dirs)
{
    struct folder_files found = {NULL, 0};
    int rc = folder_list(&found, dirs->items, dirs->n, on_unreadable);
    if (rc < 0 && errno == EMFILE) {
        log_error("too many plugins; the rest is left out", LI("most", FOLDER_FILES_MAX));
        rc = 0;
    }
    s->files = rc == 0 ? calloc(found.n + 1, sizeof *s->files) : NULL;
    for (size_t i = 0; s->files != NULL && i < found.n; i++) {
        s->files[s->n++] = (struct scan_file){
            .scan = s, .path = found.paths[i], .report = BUF_INIT(RULE_REPORT_MAX)};
        found.paths[i] = NULL; /* the path has moved */
    }
    folder_files_clear(&found);
    return s->files != NULL ? 0 : -1;
}

static void on_descriptor(void *arg, struct box *b, const char *json, size_t len)
{
    struct scan_file *f = arg;
    snprintf(f->sha256, sizeof f->sha256, "%s", box_sha256(b));
    buf_reset(&f->report);
    if (buf_append(&f->report, json, len) < 0)
        f->scan->has_failed = true;
}

static void on_ended(void *arg, struct box *b, enum code code, const char *message)
{
    struct scan_file *f = arg;
    (void)b;
    (void)code;
    f->reason = strdup(message);
    f->scan->running--;
    loop_timer_after(f->scan->turn, 0);
}

static const struct box_events events = {.on_descriptor = on_descriptor, .on_ended = on_ended};

static void start_one(struct scan *s, struct scan_file *f)
{
    const struct box_spec spec = spec_of_scan(s->conf, f->path);
    s->running++;
    if (box_start(s->launcher, &spec, &events, f) == NULL)
        on_ended(f, NULL, CODE_SANDBOX_ERROR, "the launcher does not answer");
}

/* In the order of the folders, whichever child was done first: of two plugins with one id the first one stays. */
static int fill(struct scan *s)
{
    int rc = s->has_failed ? -1 : 0;
    for (size_t i = 0; i < s->n && rc == 0; i++) {
        const struct scan_file *f = &s->files[i];
        rc = f->report.len > 0
                 ? catalog_add(s->catalog, f->path, (const char *)f->report.data, f->report.len)
                 : catalog_add_broken(s->catalog, f->path,
                                      f->reason != NULL ? f->reason : "no memory");
        if (rc < 0 && errno == EEXIST)
            rc = 0;
        if (rc == 0)
            rc = spec_check_scan(s->conf, s->catalog, f->path, f->sha256);
    }
    return rc == 0 ? catalog_settle(s->catalog) : -1;
}

static void finish(struct scan *s)
{
    struct catalog *catalog = s->catalog;
    if (fill(s) < 0) {
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

struct scan *scan_start(struct loop *loop, struct launcher *l, const struct conf *conf,
                        scan_done_fn done, void *arg)
{
    struct scan *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->launcher = l;
    s->conf = conf;
    s->done = done;
    s->arg = arg;
    s->catalog = catalog_new();
    s->turn = loop_timer_new(loop, on_turn, s);
    int rc =
        s->catalog != NULL && s->turn != NULL ? list_files(s, &conf_host(conf)->plugin_dirs) : -1;
    if (rc < 0) {
        scan_free(s);
        return NULL;
    }
    loop_timer_after(s->turn, 0);
    return s;
}
