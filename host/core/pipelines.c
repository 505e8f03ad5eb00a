/* pipelines.c: pipelines and their boxes. Runs in the core. */
#include "core/pipelines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/table.h"
#include "core/children.h"
#include "core/push.h"
#include "core/tasks.h"
#include "loop/loop.h"
#include "plugin/claim.h"
#include "plugin/schema.h"
#include "sandbox/spec.h"

/* A plugin that does not load is tried again after 1 s, 2 s, 4 s ... 5 min; an error of ours after
 * 0.2 s, 0.4 s ... One whose configuration does not allow it to run is not tried again: that is read
 * once. */
enum {
    QUARANTINE_FIRST_MS = 1000,
    QUARANTINE_MAX_MS = 300000,
    RETRY_FIRST_MS = 200,
    RETRIES_MAX = 3,
    SHIFT_MAX = 10
};

/* Only short, small tasks are given to a worker ahead: what waits behind a long one waits for
 * nothing. */
enum { DEPTH = 16, AHEAD_MAX_US = 1000, AHEAD_MAX_BYTES = 64 * 1024, MEAN_OF = 8 };

const char *pipeline_slug(const struct pipeline *p)
{
    return p->info->slug;
}

struct pipeline *pipeline_find(const struct core *c, const char *slug, size_t len)
{
    return table_get(c->pipelines, slug, len);
}

const char *pipeline_state_name(const struct pipeline *p)
{
    static const char *const names[] = {"idle", "starting", "ready", "stopping", "quarantined"};
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

int pipeline_check_params(const struct pipeline *p, const struct json_doc *doc, uint32_t params,
                          struct refusal *r)
{
    if (p->info->params == NULL)
        return 0;
    if (params != 0)
        return schema_check(p->info->params, doc, params, report_problem, r) == 0 ? 0 : -1;
    struct json_doc empty = JSON_DOC_INIT;
    struct json_fault fault;
    int problems = json_scan(&empty, "{}", 2, &fault) < 0
                       ? 1
                       : schema_check(p->info->params, &empty, 0, report_problem, r);
    json_doc_clear(&empty);
    return problems == 0 ? 0 : -1;
}

static void be_hungry(struct pipeline *p)
{
    if (p->is_hungry || p->mode != BOX_WARM)
        return;
    p->is_hungry = true;
    p->next_hungry = p->core->hungry;
    p->core->hungry = p;
}

/* ---- events of a box
 * ------------------------------------------------------------------------------ */

static void on_ready(void *arg, struct box *b, uint32_t walls, uint32_t landlock_abi,
                     enum box_mode mode)
{
    struct pipeline *p = arg;
    char text[256];
    (void)b;
    p->walls = walls;
    p->landlock_abi = landlock_abi;
    p->mode = mode;
    p->failures = 0;
    if (p->state == PIPELINE_STARTING)
        p->state = PIPELINE_READY;
    box_walls_text(walls, landlock_abi, text);
    log_info("box ready", LS("pipeline", p->info->slug),
             LS("mode", mode == BOX_WARM ? "warm" : "fork"), LI("slots", p->slots),
             LS("profile", conf_profile_name(p->conf->profile)), LS("walls", text));
    if (mode == BOX_WARM && p->conf->mode == CONF_MODE_FORK)
        log_warn("open left threads, which a fork does not copy: this pipeline runs in warm mode",
                 LS("pipeline", p->info->slug));
}

static void watch_idle(struct pipeline *p)
{
    if (p->conf->idle_stop_ms > 0 && sched_lane_running(p->lane) == 0 &&
        sched_lane_waiting(p->lane) == 0)
        loop_timer_after(p->idle, p->conf->idle_stop_ms);
}

static void on_slot_free(void *arg, struct box *b, uint32_t slot)
{
    struct pipeline *p = arg;
    (void)b;
    if (p->state == PIPELINE_STOPPING || (p->free_slots >> slot & 1) != 0)
        return;
    p->free_slots |= UINT64_C(1) << slot;
    sched_add_slot(p->core->sched, p->lane);
    watch_idle(p);
}

/* Output comes in chunks of many lines; the log has one event a line. */
static void log_lines(const struct pipeline *p, const struct task *t, enum box_stream stream,
                      int level, const char *text, size_t len)
{
    while (len > 0) {
        const char *end = memchr(text, '\n', len);
        size_t n = end != NULL ? (size_t)(end - text) : len;
        log_info(stream == BOX_LOG_OUTPUT ? "plugin output" : "plugin log",
                 LS("pipeline", p->info->slug), LS("task_id", t != NULL ? t->task_id : ""),
                 LS("plugin_level", plugin_level_name(level)), LB("text", text, n));
        n += end != NULL;
        text += n;
        len -= n;
    }
}

static void on_log(void *arg, struct box *b, void *task, enum box_stream stream, int level,
                   const char *text, size_t len)
{
    struct pipeline *p = arg;
    const struct task *t = task;
    (void)b;
    if (log_threshold() >= LOG_INFO)
        log_lines(p, t, stream, level, text, len);
    if (t != NULL)
        push_log(p->core, t, stream, level, text, len);
}

static void on_progress(void *arg, struct box *b, void *task, double fraction, const char *message,
                        size_t len)
{
    struct pipeline *p = arg;
    struct task *t = task;
    (void)b;
    t->progress = fraction;
    push_progress(p->core, t, fraction, message, len);
}

static struct result *judge(struct pipeline *p, struct task *t, struct box_outcome *o)
{
    char message[512];
    const char *data = (const char *)o->data.data;
    if (o->code == CODE_OK &&
        claim_check(p->info, o->status, data, o->data.len, message, sizeof message) < 0)
        return result_of_code(CODE_CONTRACT_VIOLATION, message, NULL);
    struct result *r = result_of_outcome(o);
    if (r == NULL || r->code != CODE_OK || o->n_children == 0)
        return r;
    enum code code = children_submit(p->core, t, o, r, message, sizeof message);
    if (code == CODE_OK)
        return r;
    result_unref(r);
    return result_of_code(code, message, NULL);
}

static void note_run(struct pipeline *p, int64_t run_us)
{
    const int64_t most = (int64_t)MEAN_OF * AHEAD_MAX_US;
    p->mean_run_us += ((run_us < most ? run_us : most) - p->mean_run_us) / MEAN_OF;
}

static void on_done(void *arg, struct box *b, uint32_t slot, void *task, struct box_outcome *o)
{
    struct pipeline *p = arg;
    struct task *t = task;
    (void)b;
    (void)slot;
    note_run(p, o->run_us);
    be_hungry(p);
    bool is_ours = o->code == CODE_SANDBOX_ERROR || o->code == CODE_KILLED;
    if (is_ours && !o->was_started)
        task_requeue(p->core, t, o->code, o->message);
    else
        task_finish(p->core, t, judge(p, t, o));
    watch_idle(p);
}

static uint32_t on_head(void *arg, struct box *b, void *task)
{
    struct pipeline *p = arg;
    (void)b;
    return task_is_head(p->core, task);
}

static void on_returned(void *arg, struct box *b, uint32_t slot, void *task)
{
    struct pipeline *p = arg;
    (void)b;
    (void)slot;
    task_returned(p->core, task);
}

static void fail_waiting(struct pipeline *p, enum code code, const char *message)
{
    struct sched_item *item;
    while ((item = sched_lane_first(p->lane)) != NULL)
        task_finish(p->core, (struct task *)item, result_of_code(code, message, NULL));
}

static int64_t doubled(int64_t first_ms, unsigned times, int64_t max_ms)
{
    int64_t ms = first_ms << (times < SHIFT_MAX ? times : SHIFT_MAX);
    return ms < max_ms ? ms : max_ms;
}

static void close_off(struct pipeline *p, int64_t until_ms, enum code code, const char *message)
{
    p->state = PIPELINE_QUARANTINED;
    p->quarantined_until_ms = until_ms;
    p->reason_code = code;
    snprintf(p->reason, sizeof p->reason, "%s", message);
    fail_waiting(p, code, message);
}

static void quarantine(struct pipeline *p, enum code code, const char *message)
{
    int64_t pause = doubled(QUARANTINE_FIRST_MS, p->failures, QUARANTINE_MAX_MS);
    p->failures++;
    log_error("pipeline does not load", LS("pipeline", p->info->slug),
              LS("file", p->info->plugin->path), LS("code", code_name(code)), LS("reason", message),
              LI("again_in_ms", pause));
    close_off(p, loop_now_ms(p->core->loop) + pause, code, message);
}

static void forbid(struct pipeline *p, const char *why)
{
    log_error("pipeline may not run as it is configured", LS("pipeline", p->info->slug),
              LS("file", p->info->plugin->path), LS("reason", why));
    close_off(p, INT64_MAX, CODE_PLUGIN_LOAD_FAILED, why);
}

/* Our own failure, or somebody killed the warden: the tasks wait for another box, a few times. */
static void try_again(struct pipeline *p, enum code code, const char *message)
{
    log_error("box was lost", LS("pipeline", p->info->slug), LS("code", code_name(code)),
              LS("reason", message));
    if (p->failures >= RETRIES_MAX) {
        quarantine(p, code, message);
        return;
    }
    loop_timer_after(p->retry, doubled(RETRY_FIRST_MS, p->failures, QUARANTINE_MAX_MS));
    p->failures++;
}

static void on_ended(void *arg, struct box *b, enum code code, const char *message)
{
    struct pipeline *p = arg;
    (void)b;
    p->box = NULL;
    p->free_slots = 0;
    p->state = PIPELINE_IDLE;
    sched_clear_slots(p->core->sched, p->lane);
    if (code == CODE_PLUGIN_LOAD_FAILED || code == CODE_PLUGIN_LOAD_TIMEOUT)
        quarantine(p, code, message);
    else if (code != CODE_OK)
        try_again(p, code, message);
    else if (sched_lane_waiting(p->lane) > 0)
        pipeline_wanted(p);
    core_check_idle(p->core);
}

/* ---- starting and stopping
 * ------------------------------------------------------------------------ */

static const struct box_events events = {
    .on_ready = on_ready,
    .on_slot_free = on_slot_free,
    .on_log = on_log,
    .on_progress = on_progress,
    .on_done = on_done,
    .on_head = on_head,
    .on_returned = on_returned,
    .on_ended = on_ended,
};

static uint32_t clamp32(int64_t v)
{
    return v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

static void start(struct pipeline *p)
{
    struct box_spec spec;
    char why[SPEC_WHY];
    if (spec_of(p->core->conf, p->info, &spec, why) < 0) {
        forbid(p, why);
        return;
    }
    if (spec_is_weak(&spec, why))
        log_warn("the configuration gives a box more than the profile default",
                 LS("pipeline", p->info->slug), LS("profile", conf_profile_name(p->conf->profile)),
                 LS("it_may", why));
    spec.slots = p->slots;
    spec.depth = DEPTH;
    p->state = PIPELINE_STARTING;
    p->mode = spec.mode;
    p->box = box_start(p->core->launcher, &spec, &events, p);
    if (p->box == NULL)
        on_ended(p, NULL, CODE_SANDBOX_ERROR, "the launcher does not answer");
}

void pipeline_wanted(struct pipeline *p)
{
    be_hungry(p);
    loop_timer_off(p->idle);
    bool is_startable = p->state == PIPELINE_IDLE ||
                        (p->state == PIPELINE_QUARANTINED && pipeline_quarantine_ms(p) == 0);
    if (is_startable && !loop_timer_is_set(p->retry))
        start(p);
}

static void on_retry(void *arg)
{
    struct pipeline *p = arg;
    if (sched_lane_waiting(p->lane) > 0)
        pipeline_wanted(p);
}

static void on_idle(void *arg)
{
    struct pipeline *p = arg;
    if (p->state != PIPELINE_READY || sched_lane_running(p->lane) > 0 ||
        sched_lane_waiting(p->lane) > 0)
        return;
    log_info("idle box stops", LS("pipeline", p->info->slug));
    p->state = PIPELINE_STOPPING;
    p->free_slots = 0;
    sched_clear_slots(p->core->sched, p->lane);
    box_stop(p->box);
}

int pipeline_run(struct pipeline *p, struct task *t)
{
    if (p->free_slots == 0)
        return -1;
    t->slot = (uint32_t)__builtin_ctzll(p->free_slots);
    p->free_slots &= p->free_slots - 1;
    loop_timer_off(p->idle);
    if (p->mode == BOX_WARM) {
        box_hold(p->box); /* until pipelines_write_ahead, which follows */
        be_hungry(p);
    }
    return box_run(p->box, t->slot, &t->box, t);
}

/* ---- writing ahead
 * -------------------------------------------------------------------------------- */

/* The slot with most room; false: none has any. */
static bool roomiest(const struct pipeline *p, uint32_t *slot)
{
    unsigned most = 0;
    for (uint32_t i = 0; i < p->slots; i++) {
        unsigned room = box_room(p->box, i);
        if (room > most)
            *slot = i;
        most = room > most ? room : most;
    }
    return most > 0;
}

static struct task *next_ahead(const struct pipeline *p)
{
    struct task *t = (struct task *)sched_lane_first(p->lane);
    return t != NULL && t->bytes <= AHEAD_MAX_BYTES ? t : NULL;
}

static void write_ahead(struct pipeline *p)
{
    uint32_t slot = 0;
    if (p->state != PIPELINE_READY || p->mode != BOX_WARM || p->mean_run_us >= AHEAD_MAX_US)
        return;
    box_hold(p->box);
    while (next_ahead(p) != NULL && roomiest(p, &slot)) {
        struct sched_item *item = sched_take_ahead(p->core->sched, p->lane);
        if (item == NULL)
            return;
        if (task_start_ahead(p->core, (struct task *)item, slot) < 0)
            return;
    }
}

void pipelines_write_ahead(struct core *c)
{
    struct pipeline *p = c->hungry, *next;
    c->hungry = NULL;
    for (; p != NULL; p = next) {
        next = p->next_hungry;
        p->is_hungry = false;
        write_ahead(p);
        if (p->box != NULL)
            box_release(p->box);
    }
}

/* ---- making them
 * ---------------------------------------------------------------------------------- */

static struct sched_group *group_of(struct core *c, struct table *groups, const char *task_type)
{
    struct sched_group *g = table_get(groups, task_type, strlen(task_type));
    if (g != NULL)
        return g;
    g = sched_group_new(c->sched, clamp32(conf_task_type_limit(c->conf, task_type)));
    if (g != NULL && table_put(groups, task_type, strlen(task_type), g) < 0)
        return NULL;
    return g;
}

static int add(struct core *c, struct table *groups, const struct catalog_pipeline *info)
{
    struct pipeline *p = calloc(1, sizeof *p);
    if (p == NULL)
        return -1;
    p->core = c;
    p->info = info;
    p->plugin_conf = conf_plugin(c->conf, info->plugin->id);
    p->conf = conf_pipeline(c->conf, info->plugin->id, info->slug);
    p->slots =
        p->conf->max_concurrent < BOX_SLOTS_MAX ? (uint32_t)p->conf->max_concurrent : BOX_SLOTS_MAX;
    p->mode = p->conf->mode == CONF_MODE_WARM ? BOX_WARM : BOX_FORK;
    p->mean_run_us = (int64_t)2 * AHEAD_MAX_US; /* until more is known */
    p->next = c->first_pipeline;
    c->first_pipeline = p;
    struct sched_group *g = group_of(c, groups, info->task_type);
    p->lane = g != NULL ? sched_lane_new(c->sched, g) : NULL;
    p->idle = loop_timer_new(c->loop, on_idle, p);
    p->retry = loop_timer_new(c->loop, on_retry, p);
    if (p->lane == NULL || p->idle == NULL || p->retry == NULL)
        return -1;
    return table_put(c->pipelines, info->slug, strlen(info->slug), p);
}

static int add_plugin(struct core *c, struct table *groups, const struct catalog_plugin *plugin)
{
    if (plugin->state != CATALOG_OK) {
        log_error("plugin is broken", LS("file", plugin->path), LS("reason", plugin->reason));
        return 0;
    }
    if (!conf_plugin(c->conf, plugin->id)->enabled) {
        log_info("plugin is switched off", LS("plugin", plugin->id));
        return 0;
    }
    log_info("plugin found", LS("plugin", plugin->id), LS("version", plugin->version),
             LS("file", plugin->path), LI("pipelines", plugin->n_pipelines));
    for (size_t i = 0; i < plugin->n_pipelines; i++) {
        if (add(c, groups, &plugin->pipelines[i]) < 0)
            return -1;
    }
    return 0;
}

static void start_eager(struct core *c)
{
    for (struct pipeline *p = c->first_pipeline; p != NULL; p = p->next) {
        if (p->conf->start == CONF_START_EAGER)
            pipeline_wanted(p);
    }
}

int pipelines_init(struct core *c)
{
    struct table *groups = table_new();
    int rc = groups != NULL ? 0 : -1;
    for (size_t i = 0; i < catalog_count(c->catalog) && rc == 0; i++)
        rc = add_plugin(c, groups, catalog_at(c->catalog, i));
    table_free(groups);
    if (rc < 0)
        log_error("no memory for the pipelines");
    else
        start_eager(c);
    return rc;
}

void pipelines_clear(struct core *c)
{
    for (struct pipeline *p = c->first_pipeline, *next; p != NULL; p = next) {
        next = p->next;
        loop_timer_free(p->idle);
        loop_timer_free(p->retry);
        free(p);
    }
    c->first_pipeline = c->hungry = NULL;
    table_free(c->pipelines);
    c->pipelines = NULL;
}
