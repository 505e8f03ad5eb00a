/* changes.c: generations of pipelines. Runs in the core. */
#include "core/changes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/table.h"
#include "conf/changes.h"
#include "core/pipelines_internal.h"
#include "core/tasks.h"
#include "loop/loop.h"
#include "task/sched.h"

/* Loading a plugin may take much memory and all processors. */
enum { CANDIDATES_AT_ONCE = 4 };

struct changes {
    struct core *core;
    struct changes_report report;
    struct pipeline *candidates; /* that have not begun */
    unsigned n_tried;            /* that have, and are not decided */
    bool is_forced;
    struct loop_timer *turn;
    changes_done_fn done;
    void *arg;
};

/* ---- taking a place
 * -------------------------------------------------------------------------------- */

/* Takes p. -1: no memory, and p is freed. */
static int take_place(struct core *c, struct pipeline *p)
{
    struct pipeline *old = pipeline_find_any(c, p->slug, strlen(p->slug));
    if (pipeline_settle_lane(p) < 0 || table_put(c->pipelines, p->slug, strlen(p->slug), p) < 0) {
        pipeline_retire(p);
        return -1;
    }
    p->is_candidate = false;
    if (old != NULL)
        pipeline_retire(old);
    return 0;
}

static void leave_place(struct core *c, struct pipeline *p)
{
    log_info("pipeline is not provided any more", LS("pipeline", p->slug));
    table_take(c->pipelines, p->slug, strlen(p->slug));
    pipeline_retire(p);
}

/* ---- candidates
 * ------------------------------------------------------------------------------------ */

static void decided(struct core *c)
{
    c->changes->n_tried--;
    loop_timer_after(c->changes->turn, 0);
}

void changes_ready(struct pipeline *p)
{
    struct core *c = p->core;
    decided(c);
    if (take_place(c, p) < 0) {
        log_error("no memory for a new generation", LS("pipeline", p->slug));
        return;
    }
    log_info("new generation in service", LS("pipeline", p->slug), LS("version", p->info->version),
             LI("generation", p->generation));
    conf_list_append(&c->changes->report.changed, p->slug);
    tasks_adopt(c);
}

static void note_failed(struct core *c, struct pipeline *p, const char *why,
                        const struct file_identity *identity)
{
    if (p->failed == NULL)
        p->failed = calloc(1, sizeof *p->failed);
    if (p->failed != NULL) {
        snprintf(p->failed->reason, sizeof p->failed->reason, "%s", why);
        p->failed->since_ms = clock_wall_ms();
        p->failed->identity = *identity;
    }
    log_error("new generation does not load: the old one stays in service", LS("pipeline", p->slug),
              LS("version", p->info->version), LS("reason", why));
    if (c->changes != NULL && conf_list_append(&c->changes->report.failed, p->slug) == 0)
        conf_list_append(&c->changes->report.reasons, why);
}

void changes_failed(struct pipeline *p, const char *why)
{
    struct core *c = p->core;
    struct pipeline *old = pipeline_find_any(c, p->slug, strlen(p->slug));
    p->is_candidate = false;
    if (old != NULL)
        note_failed(c, old, why, &p->info->plugin->identity);
    decided(c);
    pipeline_retire(p);
}

static void finish(struct changes *x)
{
    struct core *c = x->core;
    x->done(x->arg, &x->report);
    changes_clear(c);
}

static void on_turn(void *arg)
{
    struct changes *x = arg;
    struct core *c = x->core;
    while (x->candidates != NULL && x->n_tried < CANDIDATES_AT_ONCE) {
        struct pipeline *p = x->candidates;
        x->candidates = p->next_candidate;
        x->n_tried++;
        pipeline_wanted(p);
    }
    if (x->n_tried == 0 && c->phase < CORE_STOPPING)
        finish(x);
}

/* ---- what becomes of each
 * -------------------------------------------------------------------------- */

static const struct catalog_pipeline *provided(const struct core *c, const char *slug)
{
    const struct catalog_pipeline *info = catalog_find(c->catalog, slug);
    return info != NULL && conf_plugin(c->conf, info->plugin->id)->enabled ? info : NULL;
}

static bool is_unchanged(const struct changes *x, const struct pipeline *p,
                         const struct catalog_pipeline *info)
{
    const struct catalog_plugin *a = p->info->plugin, *b = info->plugin;
    return !x->is_forced && strcmp(a->path, b->path) == 0 &&
           file_identity_same(&a->identity, &b->identity) &&
           conf_same_pipeline(p->whole_conf, x->core->conf, b->id, info->slug);
}

static bool has_box(const struct pipeline *p)
{
    return p->n_boxes > 0 && (p->state == PIPELINE_STARTING || p->state == PIPELINE_READY);
}

static int make_candidate(struct changes *x, const struct catalog_pipeline *info)
{
    struct pipeline *p = pipeline_new_provided(x->core, info);
    if (p == NULL)
        return -1;
    p->is_candidate = true;
    p->next_candidate = x->candidates;
    x->candidates = p;
    return 0;
}

static int replace_at_once(struct changes *x, const struct catalog_pipeline *info,
                           struct conf_list *names)
{
    struct pipeline *p = pipeline_new_provided(x->core, info);
    if (p == NULL || take_place(x->core, p) < 0)
        return -1;
    if (x->core->phase > CORE_STARTING)
        log_info("pipeline in service", LS("pipeline", p->slug), LS("version", info->version),
                 LI("generation", p->generation));
    return conf_list_append(names, info->slug);
}

static int keep_unchanged(struct changes *x, struct pipeline *p)
{
    x->report.n_unchanged++;
    free(p->failed);
    p->failed = NULL;
    return pipeline_settle_lane(p); /* the task type's limit may be another one */
}

static int settle_one(struct changes *x, const struct catalog_pipeline *info)
{
    struct pipeline *p = pipeline_find_any(x->core, info->slug, strlen(info->slug));
    if (p == NULL || pipeline_is_gone(p))
        return replace_at_once(x, info, &x->report.added);
    if (is_unchanged(x, p, info))
        return keep_unchanged(x, p);
    return has_box(p) ? make_candidate(x, info) : replace_at_once(x, info, &x->report.changed);
}

static int settle_plugin(struct changes *x, const struct catalog_plugin *plugin)
{
    int rc = 0;
    if (plugin->state != CATALOG_OK) {
        log_error("plugin is broken", LS("file", plugin->path), LS("reason", plugin->reason));
        return 0;
    }
    if (!conf_plugin(x->core->conf, plugin->id)->enabled) {
        log_info("plugin is switched off", LS("plugin", plugin->id));
        return 0;
    }
    LOG_AT(x->core->phase == CORE_STARTING ? LOG_INFO : LOG_DEBUG, "plugin found",
           LS("plugin", plugin->id), LS("version", plugin->version), LS("file", plugin->path),
           LI("pipelines", plugin->n_pipelines));
    for (size_t i = 0; i < plugin->n_pipelines && rc == 0; i++)
        rc = settle_one(x, &plugin->pipelines[i]);
    return rc;
}

/* By the configuration: it is switched off, or this very file has not the digest that it names. */
static bool is_forbidden(const struct core *c, const struct pipeline *p,
                         const struct catalog_plugin *file)
{
    const struct conf_plugin *conf = conf_plugin(c->conf, p->info->plugin->id);
    return !conf->enabled || (conf->sha256[0] != '\0' && strcmp(conf->sha256, file->sha256) != 0 &&
                              file_identity_same(&file->identity, &p->info->plugin->identity));
}

/* One whose file is there but broken stays as it is: the old one is better than none. */
static void settle_unprovided(struct changes *x, struct pipeline *p)
{
    struct core *c = x->core;
    const struct catalog_plugin *file = catalog_file(c->catalog, p->info->plugin->path);
    if (file != NULL && file->state == CATALOG_BROKEN && !is_forbidden(c, p, file)) {
        note_failed(c, p, file->reason, &file->identity);
        return;
    }
    conf_list_append(&x->report.removed, p->slug);
    leave_place(c, p);
}

static void settle_rest(struct changes *x)
{
    struct core *c = x->core;
    for (struct pipeline *p = c->first_pipeline, *next; p != NULL; p = next) {
        next = p->next;
        if (pipeline_find_any(c, p->slug, strlen(p->slug)) == p && !pipeline_is_gone(p) &&
            provided(c, p->slug) == NULL)
            settle_unprovided(x, p);
    }
}

static void start_wanted(struct core *c)
{
    for (struct pipeline *p = c->first_pipeline; p != NULL; p = p->next) {
        if (pipeline_find_any(c, p->slug, strlen(p->slug)) == p && !pipeline_is_gone(p) &&
            (p->conf->start == CONF_START_EAGER || sched_lane_waiting(p->lane) > 0))
            pipeline_wanted(p);
    }
}

static int settle_all(struct changes *x)
{
    struct core *c = x->core;
    int rc = 0;
    for (size_t i = 0; i < catalog_count(c->catalog) && rc == 0; i++)
        rc = settle_plugin(x, catalog_at(c->catalog, i));
    if (rc < 0) {
        log_error("no memory for the pipelines");
        return -1;
    }
    settle_rest(x);
    tasks_adopt(c);
    start_wanted(c);
    return 0;
}

/* ---- from outside
 * ---------------------------------------------------------------------------------- */

int changes_start(struct core *c, bool is_forced, changes_done_fn done, void *arg)
{
    struct changes *x = calloc(1, sizeof *x);
    if (x == NULL)
        return -1;
    *x = (struct changes){.core = c, .is_forced = is_forced, .done = done, .arg = arg};
    x->turn = loop_timer_new(c->loop, on_turn, x);
    c->changes = x;
    if (x->turn == NULL || settle_all(x) < 0) {
        changes_clear(c);
        return -1;
    }
    loop_timer_after(x->turn, 0);
    return 0;
}

static void clear_report(struct changes_report *r)
{
    conf_list_clear(&r->added);
    conf_list_clear(&r->changed);
    conf_list_clear(&r->removed);
    conf_list_clear(&r->failed);
    conf_list_clear(&r->reasons);
}

/* Nothing is in force yet, so there are no candidates to wait for. */
int changes_begin(struct core *c)
{
    struct changes x = {.core = c};
    c->changes = &x;
    int rc = settle_all(&x);
    clear_report(&x.report);
    c->changes = NULL;
    return rc;
}

void changes_clear(struct core *c)
{
    struct changes *x = c->changes;
    if (x == NULL)
        return;
    clear_report(&x->report);
    while (x->candidates != NULL) {
        struct pipeline *p = x->candidates;
        x->candidates = p->next_candidate;
        pipeline_unref(p);
    }
    loop_timer_free(x->turn);
    c->changes = NULL;
    free(x);
}
