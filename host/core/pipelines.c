/* pipelines.c: pipelines: made, found, asked. Runs in the core. */
#include "core/pipelines_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/table.h"
#include "loop/loop.h"
#include "plugin/schema.h"
#include "task/sched.h"

const char *pipeline_slug(const struct pipeline *p)
{
    return p->slug;
}

const char *pipeline_version(const struct pipeline *p)
{
    return p->info != NULL ? p->info->version : "";
}

struct pipeline *pipeline_find_any(const struct core *c, const char *slug, size_t len)
{
    return table_get(c->pipelines, slug, len);
}

struct pipeline *pipeline_find(const struct core *c, const char *slug, size_t len)
{
    struct pipeline *p = pipeline_find_any(c, slug, len);
    return p != NULL && !pipeline_is_gone(p) ? p : NULL;
}

const char *pipeline_state_name(const struct pipeline *p)
{
    static const char *const names[] = {"idle",     "starting",    "ready",
                                        "stopping", "quarantined", "gone"};
    return pipeline_quarantine_ms(p) == 0 && p->state == PIPELINE_QUARANTINED ? "idle"
                                                                              : names[p->state];
}

bool pipeline_is_forbidden(const struct pipeline *p)
{
    return p->state == PIPELINE_QUARANTINED && p->quarantined_until_ms == INT64_MAX;
}

int64_t pipeline_quarantine_ms(const struct pipeline *p)
{
    int64_t left = p->quarantined_until_ms - loop_now_ms(p->core->loop);
    return p->state == PIPELINE_QUARANTINED && left > 0 ? left : 0;
}

/* ---- params and results
 * --------------------------------------------------------------------------- */

static void report_problem(void *arg, const char *pointer, const char *message)
{
    char path[512];
    snprintf(path, sizeof path, "/params%s", pointer);
    refuse_at(arg, path, "%s", message);
}

int pipeline_check_params_text(const struct pipeline *p, struct json_span params, struct refusal *r)
{
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault;
    if (p->info == NULL || p->info->params == NULL)
        return 0; /* one that is gone is asked again when it is back */
    int problems = json_scan(&doc, params.at, params.len, &fault) < 0
                       ? 1
                       : schema_check(p->info->params, &doc, 0, report_problem, r);
    json_doc_clear(&doc);
    return problems == 0 ? 0 : -1;
}

int pipeline_check_params(const struct pipeline *p, const struct json_doc *doc, uint32_t params,
                          struct refusal *r)
{
    if (params == 0)
        return pipeline_check_params_text(p, (struct json_span){"{}", 2}, r);
    if (p->info == NULL || p->info->params == NULL)
        return 0;
    return schema_check(p->info->params, doc, params, report_problem, r) == 0 ? 0 : -1;
}

/* ---- making them
 * ---------------------------------------------------------------------------------- */

static uint32_t clamp32(int64_t v)
{
    return v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

static struct sched_group *group_of(struct core *c, const char *task_type)
{
    struct sched_group *g = table_get(c->groups, task_type, strlen(task_type));
    if (g != NULL)
        return g;
    g = sched_group_new(c->sched, clamp32(conf_task_type_limit(c->conf, task_type)));
    if (g != NULL && table_put(c->groups, task_type, strlen(task_type), g) < 0)
        return NULL;
    return g;
}

int pipeline_settle_lane(struct pipeline *p)
{
    struct core *c = p->core;
    struct sched_group *g = group_of(c, p->info->task_type);
    if (g == NULL || sched_lane_move(c->sched, p->lane, g) < 0)
        return -1;
    sched_group_limit(c->sched, g, clamp32(conf_task_type_limit(c->conf, p->info->task_type)));
    sched_lane_limit(c->sched, p->lane, p->slots);
    return 0;
}

static struct sched_lane *lane_of(struct core *c, const char *slug, const char *task_type)
{
    struct sched_lane *l = table_get(c->lanes, slug, strlen(slug));
    struct sched_group *g = l == NULL ? group_of(c, task_type) : NULL;
    if (l != NULL || g == NULL)
        return l;
    l = sched_lane_new(c->sched, g);
    if (l != NULL && table_put(c->lanes, slug, strlen(slug), l) < 0)
        return NULL;
    return l;
}

static enum box_mode mode_of(const struct conf_pipeline *conf)
{
    static const enum box_mode modes[] = {
        [CONF_MODE_FORK] = BOX_FORK, [CONF_MODE_WARM] = BOX_WARM, [CONF_MODE_EXEC] = BOX_EXEC};
    return modes[conf->mode];
}

/* Without Landlock the tasks of a box could look into each other's directories; the launcher makes no
 * box of several slots there. */
static uint32_t slots_of(const struct core *c, const struct conf_pipeline *conf)
{
    const struct launch_report *r = launcher_report(c->launcher);
    const bool has_landlock = r == NULL || (r->walls & WALL_LANDLOCK) != 0;
    const bool is_open = conf->profile == CONF_PROFILE_OFF;
    const uint32_t wanted =
        conf->max_concurrent < BOX_SLOTS_MAX ? (uint32_t)conf->max_concurrent : BOX_SLOTS_MAX;
    return has_landlock || is_open || conf->mode == CONF_MODE_EXEC ? wanted : 1;
}

static void link_pipeline(struct pipeline *p)
{
    p->next = p->core->first_pipeline;
    if (p->next != NULL)
        p->next->prev = p;
    p->core->first_pipeline = p;
}

static void unlink_pipeline(struct pipeline *p)
{
    *(p->prev != NULL ? &p->prev->next : &p->core->first_pipeline) = p->next;
    if (p->next != NULL)
        p->next->prev = p->prev;
}

static void free_pipeline(struct pipeline *p)
{
    unlink_pipeline(p);
    pipeline_be_sated(p);
    loop_timer_free(p->idle);
    loop_timer_free(p->retry);
    loop_timer_free(p->age);
    catalog_unref(p->catalog);
    conf_free(p->whole_conf);
    free(p->failed);
    free(p->seats);
    free(p->slug);
    free(p);
}

struct pipeline *pipeline_ref(struct pipeline *p)
{
    p->n_refs++;
    return p;
}

void pipeline_unref(struct pipeline *p)
{
    if (--p->n_refs == 0)
        free_pipeline(p);
}

struct pipeline *pipeline_new(struct core *c, const char *slug, const char *task_type)
{
    struct pipeline *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    p->core = c;
    p->n_refs = 1;
    link_pipeline(p);
    p->slug = strdup(slug);
    p->lane = lane_of(c, slug, task_type);
    if (p->slug != NULL && p->lane != NULL)
        return p;
    pipeline_unref(p);
    return NULL;
}

struct pipeline *pipeline_new_provided(struct core *c, const struct catalog_pipeline *info)
{
    struct pipeline *p = pipeline_new(c, info->slug, info->task_type);
    if (p == NULL)
        return NULL;
    p->generation = ++c->generations;
    p->info = info;
    p->catalog = catalog_ref(c->catalog);
    p->whole_conf = conf_ref(c->conf);
    p->plugin_conf = conf_plugin(c->conf, info->plugin->id);
    p->conf = conf_pipeline(c->conf, info->plugin->id, info->slug);
    p->slots = slots_of(c, p->conf);
    p->mode = mode_of(p->conf);
    pipeline_forget_runs(p);
    p->seats = calloc(p->slots, sizeof *p->seats);
    p->idle = loop_timer_new(c->loop, pipeline_on_idle, p);
    p->retry = loop_timer_new(c->loop, pipeline_on_retry, p);
    p->age = loop_timer_new(c->loop, pipeline_on_age, p);
    if (p->seats != NULL && p->idle != NULL && p->retry != NULL && p->age != NULL)
        return p;
    pipeline_unref(p);
    return NULL;
}

/* Whoever named one is gone by now, and so is the launcher with all boxes. */
void pipelines_clear(struct core *c)
{
    for (struct pipeline *p = c->first_pipeline, *next; p != NULL; p = next) {
        next = p->next;
        free_pipeline(p);
    }
    table_free(c->pipelines);
    table_free(c->lanes);
    table_free(c->groups);
    c->pipelines = c->lanes = c->groups = NULL;
}
