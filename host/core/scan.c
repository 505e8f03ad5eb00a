/*
 * scan.c: describes plugins in confined children, a few at a time. Runs in the core. A plugin that
 * breaks its child is listed as broken with the reason, and everything else runs.
 *
 * While the host runs, a file that was not there before, or has changed, is first looked at until
 * it has been the same for a moment: whoever copies one there is not done yet. What was known of an
 * unchanged file is taken over; so is what was known of a file that goes on changing.
 */
#include "core/scan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "conf/changes.h"
#include "conf/conf.h"
#include "loop/loop.h"
#include "plugin/catalog.h"
#include "plugin/folder.h"
#include "plugin/rules.h"
#include "sandbox/box.h"
#include "sandbox/spec.h"

enum { SCANS_AT_ONCE = 4, SETTLE_MS = 500, LOOKS_MAX = 6, TRIES_MAX = 3, AGAIN_MS = 100 };

enum file_fate {
    FILE_SCAN,   /* it is described anew */
    FILE_KEEP,   /* unchanged: what is known holds */
    FILE_CHANGES /* it does not come to rest: what was known holds, if anything was */
};

struct scan_file {
    struct scan *scan;
    char *path;
    const struct catalog_plugin *before; /* in the catalogue until now; NULL: not there */
    struct file_identity identity;       /* at the last look */
    enum file_fate fate;
    struct buf report; /* what the child said of it, or empty */
    char sha256[BOX_DIGEST_MAX];
    char *reason; /* why it said nothing, or NULL */
    unsigned tries;
    bool is_due; /* its child could not be started, or was killed: not its fault, so once more */
};

struct scan {
    struct launcher *launcher;
    struct conf *conf;
    struct catalog *before; /* NULL: the host starts */
    struct catalog *catalog;
    struct scan_file *files;
    size_t n, running;
    unsigned looks;  /* at files that may still change */
    bool is_settled; /* all have been looked at long enough */
    bool is_forced;
    struct conf_list changing;
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
    catalog_unref(s->before);
    conf_list_clear(&s->changing);
    conf_free(s->conf);
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

/* ---- which files are to be described
 * -------------------------------------------------------------- */

/* A plugin that was broken is tried again: what it lacked may be there now. */
static bool is_known(const struct scan *s, const struct scan_file *f)
{
    return f->before != NULL && f->before->state == CATALOG_OK && f->before->report != NULL &&
           !s->is_forced && file_identity_same(&f->before->identity, &f->identity) &&
           (f->before->sha256[0] != '\0' || !conf_has_digests(s->conf));
}

static void first_look(struct scan *s, struct scan_file *f)
{
    file_identity_read(&f->identity, f->path);
    f->before = s->before != NULL ? catalog_file(s->before, f->path) : NULL;
    f->fate = is_known(s, f) ? FILE_KEEP : FILE_SCAN;
}

/* Whether it is as it was at the look before. */
static bool is_at_rest(struct scan_file *f)
{
    const struct file_identity before = f->identity;
    file_identity_read(&f->identity, f->path);
    return file_identity_same(&before, &f->identity);
}

static bool is_settled(const struct scan *s, struct scan_file *f)
{
    if (s->before == NULL || f->fate != FILE_SCAN)
        return true;
    const bool is_same = is_at_rest(f);
    return file_identity_age_ms(&f->identity, clock_wall_ms()) >= SETTLE_MS ||
           (s->looks > 0 && is_same);
}

/* Whether there is nothing to wait for any more. */
static bool look(struct scan *s)
{
    bool is_done = true;
    for (size_t i = 0; i < s->n; i++) {
        if (is_settled(s, &s->files[i]))
            continue;
        if (s->looks == LOOKS_MAX)
            s->files[i].fate = FILE_CHANGES;
        else
            is_done = false;
    }
    s->looks++;
    return is_done;
}

/* ---- the children
 * ---------------------------------------------------------------------------------- */

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
    free(f->reason);
    f->reason = strdup(message);
    f->is_due = code_info(code)->fault == FAULT_HOST && f->tries < TRIES_MAX;
    f->scan->running--;
    loop_timer_after(f->scan->turn, f->is_due ? AGAIN_MS : 0);
}

static const struct box_events events = {.on_descriptor = on_descriptor, .on_ended = on_ended};

static void start_one(struct scan *s, struct scan_file *f)
{
    const struct box_spec spec = spec_of_scan(s->conf, f->path);
    s->running++;
    f->tries++;
    f->is_due = false;
    if (box_start(s->launcher, &spec, &events, f) == NULL)
        on_ended(f, NULL, CODE_SANDBOX_ERROR, "the launcher does not answer");
}

/* It was another one by the time its child was done. */
static void look_back(struct scan *s, struct scan_file *f)
{
    if (s->before != NULL && f->fate == FILE_SCAN && !is_at_rest(f))
        f->fate = FILE_CHANGES;
}

static int add_described(struct scan *s, const struct scan_file *f)
{
    if (f->report.len > 0)
        return catalog_add(s->catalog, f->path, (const char *)f->report.data, f->report.len);
    return catalog_add_broken(s->catalog, f->path, f->reason != NULL ? f->reason : "no memory");
}

static int add_before(struct scan *s, const struct catalog_plugin *p)
{
    int rc = p->report != NULL ? catalog_add(s->catalog, p->path, p->report, p->report_len)
                               : catalog_add_broken(s->catalog, p->path, p->reason);
    if (rc == 0)
        catalog_note_file(s->catalog, p->path, &p->identity, p->sha256);
    return rc;
}

static int add_file(struct scan *s, struct scan_file *f)
{
    look_back(s, f);
    if (f->fate == FILE_CHANGES && conf_list_append(&s->changing, f->path) < 0)
        return -1;
    if (f->fate != FILE_SCAN)
        return f->before != NULL ? add_before(s, f->before) : 0;
    int rc = add_described(s, f);
    if (rc == 0)
        catalog_note_file(s->catalog, f->path, &f->identity, f->sha256);
    return rc;
}

/* In the order of the folders, whichever child was done first: of two plugins with one id the first one stays. */
static int fill(struct scan *s)
{
    int rc = s->has_failed ? -1 : 0;
    for (size_t i = 0; i < s->n && rc == 0; i++) {
        const struct scan_file *f = &s->files[i];
        rc = add_file(s, &s->files[i]);
        if (rc < 0 && errno == EEXIST)
            rc = 0;
        const struct catalog_plugin *p = catalog_file(s->catalog, f->path);
        if (rc == 0 && p != NULL)
            rc = spec_check_scan(s->conf, s->catalog, f->path, p->sha256);
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
    s->done(s->arg, catalog, &s->changing);
    scan_free(s);
}

static bool is_any_due(const struct scan *s)
{
    for (size_t i = 0; i < s->n; i++) {
        if (s->files[i].is_due)
            return true;
    }
    return false;
}

static void on_turn(void *arg)
{
    struct scan *s = arg;
    if (!s->is_settled && !look(s)) {
        loop_timer_after(s->turn, SETTLE_MS);
        return;
    }
    for (size_t i = 0; i < s->n && !s->is_settled; i++)
        s->files[i].is_due = s->files[i].fate == FILE_SCAN;
    s->is_settled = true;
    for (size_t i = 0; i < s->n && s->running < SCANS_AT_ONCE; i++) {
        if (s->files[i].is_due)
            start_one(s, &s->files[i]);
    }
    if (s->running == 0 && !is_any_due(s))
        finish(s);
}

struct scan *scan_start(struct loop *loop, const struct scan_options *o, scan_done_fn done,
                        void *arg)
{
    struct scan *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->launcher = o->launcher;
    s->conf = conf_ref(o->conf);
    s->before = o->before != NULL ? catalog_ref(o->before) : NULL;
    s->is_forced = o->is_forced;
    s->done = done;
    s->arg = arg;
    s->catalog = catalog_new();
    s->turn = loop_timer_new(loop, on_turn, s);
    int rc = s->catalog != NULL && s->turn != NULL ? list_files(s, &conf_host(s->conf)->plugin_dirs)
                                                   : -1;
    if (rc < 0) {
        scan_free(s);
        return NULL;
    }
    for (size_t i = 0; i < s->n; i++)
        first_look(s, &s->files[i]);
    loop_timer_after(s->turn, 0);
    return s;
}
