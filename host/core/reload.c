/*
 * reload.c: reads the configuration and the plugins anew. Runs in the core.
 *
 * Order: load and check the configuration (wrong: refused, nothing has changed); keep the running
 * values of what takes a restart; scan the plugins under it; put it in force; settle the pipelines
 * (changes.c); answer when all candidates are decided.
 */
#include "core/reload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/table.h"
#include "conf/changes.h"
#include "core/answer.h"
#include "core/changes.h"
#include "core/keys.h"
#include "core/peers.h"
#include "core/pipelines.h"
#include "core/reload_internal.h"
#include "core/scan.h"
#include "core/verbs.h"
#include "core/watch.h"
#include "loop/loop.h"

enum { LOOK_MS = 1000 };

/* ---- the end of one
 * -------------------------------------------------------------------------------- */

/* The configuration is its affair too; of plugins it only has shims asked for them. */
static void tell_supervisor(const struct reload *r)
{
    if (r->refusal.code == CODE_OK)
        core_tell_status(r->core, r->reads_conf ? "reloaded\n" : "plugins\n");
    else if (r->reads_conf)
        core_tell_status(r->core, "refused\n");
}

static void finish(struct reload *r)
{
    struct core *c = r->core;
    tell_supervisor(r);
    reload_answer(r);
    refusal_clear(&r->refusal);
    r->refusal = (struct refusal)REFUSAL_INIT;
    conf_list_clear(&r->needs_restart);
    conf_list_clear(&r->changing);
    conf_free(r->conf);
    r->conf = NULL;
    r->report = NULL;
    r->is_running = false;
    reload_watch_broken(c);
    reload_begin_waiting(c);
}

static void give_up(struct reload *r, const char *why)
{
    log_error("reload failed", LS("reason", why));
    refuse(&r->refusal, CODE_INTERNAL, "%s", why);
    finish(r);
}

static void on_changed(void *arg, const struct changes_report *report)
{
    struct reload *r = arg;
    log_info("reloaded", LI("added", report->added.n), LI("changed", report->changed.n),
             LI("removed", report->removed.n), LI("failed", report->failed.n),
             LI("unchanged", report->n_unchanged));
    r->report = report;
    finish(r);
}

/* ---- the steps
 * ------------------------------------------------------------------------------------- */

static void log_changing(const struct conf_list *changing)
{
    for (size_t i = 0; i < changing->n; i++)
        log_warn("plugin file is still changing, and is left as it was",
                 LS("file", changing->items[i]));
}

static void on_scanned(void *arg, struct catalog *catalog, const struct conf_list *changing)
{
    struct reload *r = arg;
    struct core *c = r->core;
    if (c->phase == CORE_STOPPING || catalog == NULL) {
        catalog_unref(catalog);
        give_up(r, catalog == NULL ? "no memory for the plugins" : "the host stops");
        return;
    }
    log_changing(changing);
    for (size_t i = 0; i < changing->n; i++)
        conf_list_append(&r->changing, changing->items[i]);
    core_configure(c, r->conf);
    catalog_unref(c->catalog);
    c->catalog = catalog;
    if (changes_start(c, r->is_forced, on_changed, r) < 0)
        give_up(r, "no memory for the pipelines");
}

static void refuse_errors(struct reload *r, const struct conf_errors *errors)
{
    for (size_t i = 0; i < errors->n; i++) {
        log_error("configuration is wrong", LS("where", errors->items[i].where),
                  LS("what", errors->items[i].what));
        refuse_at(&r->refusal, errors->items[i].where, "%s", errors->items[i].what);
    }
    refuse(&r->refusal, CODE_INVALID_INPUT, "the configuration has %zu errors: it stays as it was",
           errors->n + errors->n_dropped);
    log_warn("reload refused: the configuration stays as it was");
}

static int read_conf(struct reload *r)
{
    struct core *c = r->core;
    struct conf_errors errors = {0};
    if (!r->reads_conf) {
        r->conf = conf_ref(c->conf);
        return 0;
    }
    if (keys_reload(c, &r->refusal) < 0)
        return -1;
    r->conf = reload_load(r, &errors);
    if (r->conf == NULL)
        refuse_errors(r, &errors);
    conf_errors_clear(&errors);
    if (r->conf == NULL || conf_keep_fixed(r->conf, c->conf, &r->needs_restart) < 0)
        return -1;
    for (size_t i = 0; i < r->needs_restart.n; i++)
        log_warn("option takes effect at the next start", LS("option", r->needs_restart.items[i]));
    return 0;
}

static void begin(struct reload *r)
{
    struct core *c = r->core;
    r->is_running = true;
    r->is_wanted = false;
    r->reads_conf = r->wants_conf;
    r->is_forced = r->wants_force;
    r->wants_conf = r->wants_force = false;
    r->waiters = r->next_waiters;
    r->next_waiters = NULL;
    if (read_conf(r) < 0) {
        if (r->refusal.code == CODE_OK)
            refuse(&r->refusal, CODE_INTERNAL, "no memory for the configuration");
        finish(r);
        return;
    }
    watch_begin(c, r->conf);
    const struct scan_options o = {
        .launcher = c->launcher, .conf = r->conf, .before = c->catalog, .is_forced = r->is_forced};
    if (scan_start(c->loop, &o, on_scanned, r) == NULL)
        give_up(r, "no memory to look for plugins");
}

static void on_begin(void *arg)
{
    struct reload *r = arg;
    const bool can_run = r->core->phase == CORE_SERVING || r->core->phase == CORE_DRAINING;
    const bool has_files = !r->wants_conf || r->n_asked == 0;
    if (can_run && r->is_wanted && !r->is_running && has_files)
        begin(r);
}

void reload_begin_waiting(struct core *c)
{
    if (c->reload->is_wanted)
        loop_timer_after(c->reload->begin, 0);
}

/* ---- who asks
 * -------------------------------------------------------------------------------------- */

static void ask(struct core *c, bool reads_conf, bool is_forced)
{
    struct reload *r = c->reload;
    r->is_wanted = true;
    r->wants_conf |= reads_conf;
    r->wants_force |= is_forced;
    reload_begin_waiting(c);
}

void reload_all(struct core *c)
{
    reload_fetch(c->reload);
    ask(c, true, false);
}

void reload_all_now(struct core *c)
{
    ask(c, true, false);
}

void reload_files(struct core *c)
{
    ask(c, false, false);
}

void verbs_reload(struct core *c, struct request *q)
{
    const uint32_t force = json_find(&c->doc, 0, "force");
    if (force != 0 && json_kind(&c->doc, force) != JSON_TRUE &&
        json_kind(&c->doc, force) != JSON_FALSE)
        answer_refused(c, q->peer, CODE_INVALID_INPUT, "/force: expected true or false");
    else if (c->phase == CORE_STOPPING)
        answer_refused(c, q->peer, CODE_DRAINING, "the host stops");
    else if (reload_add_waiter(c->reload, q->peer) < 0)
        answer_refused(c, q->peer, CODE_OVERLOADED, "no memory for the request");
    else {
        reload_fetch(c->reload);
        ask(c, true, verbs_is_true(c, "force"));
    }
}

/* ---- files of what is broken
 * ----------------------------------------------------------------------- */

static bool is_changed(const char *path, const struct file_identity *known)
{
    struct file_identity now;
    file_identity_read(&now, path);
    return !file_identity_same(&now, known);
}

struct look {
    bool is_needed, is_changed;
};

static void look_at_plugins(const struct core *c, struct look *l)
{
    for (size_t i = 0; i < catalog_count(c->catalog); i++) {
        const struct catalog_plugin *p = catalog_at(c->catalog, i);
        if (p->state == CATALOG_OK)
            continue;
        l->is_needed = true;
        l->is_changed = l->is_changed || is_changed(p->path, &p->identity);
    }
}

static void look_at_pipeline(void *value, void *arg)
{
    const struct pipeline *p = value;
    struct look *l = arg;
    if (pipeline_is_gone(p) || (p->state != PIPELINE_QUARANTINED && p->failed == NULL))
        return;
    const struct file_identity *known =
        p->failed != NULL ? &p->failed->identity : &p->info->plugin->identity;
    l->is_needed = true;
    l->is_changed = l->is_changed || is_changed(p->info->plugin->path, known);
}

static void on_look(void *arg)
{
    struct reload *r = arg;
    struct core *c = r->core;
    struct look l = {false, false};
    if (r->is_running) /* looks by itself when it is done */
        return;
    look_at_plugins(c, &l);
    table_each(c->pipelines, look_at_pipeline, &l);
    if (l.is_changed)
        reload_files(c);
    else if (l.is_needed)
        loop_timer_after(r->look, LOOK_MS);
}

void reload_watch_broken(struct core *c)
{
    if (!loop_timer_is_set(c->reload->look))
        loop_timer_after(c->reload->look, LOOK_MS);
}

/* ---- the whole
 * ------------------------------------------------------------------------------------- */

int reload_init(struct core *c)
{
    struct reload *r = calloc(1, sizeof *r);
    if (r == NULL)
        return -1;
    c->reload = r;
    *r = (struct reload){.core = c, .refusal = REFUSAL_INIT};
    r->begin = loop_timer_new(c->loop, on_begin, r);
    r->look = loop_timer_new(c->loop, on_look, r);
    return r->begin != NULL && r->look != NULL ? reload_listen(r) : -1;
}

void reload_clear(struct core *c)
{
    struct reload *r = c->reload;
    if (r == NULL)
        return;
    reload_unlisten(r);
    reload_forget_waiters(r);
    refusal_clear(&r->refusal);
    conf_list_clear(&r->needs_restart);
    conf_list_clear(&r->changing);
    conf_free(r->conf);
    loop_timer_free(r->begin);
    loop_timer_free(r->look);
    free(r);
    c->reload = NULL;
}
