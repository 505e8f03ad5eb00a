/* pipeline_box.c: the boxes of a pipeline: started, listened to, replaced, stopped. Runs in the core.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/changes.h"
#include "core/children.h"
#include "core/pipelines_internal.h"
#include "core/push.h"
#include "core/reload.h"
#include "core/retries.h"
#include "core/tasks.h"
#include "loop/loop.h"
#include "plugin/claim.h"
#include "sandbox/spec.h"

/* A box that we have lost is started again after 0.2 s, 0.4 s ...; a file that changes is looked at once
 * more after a second. */
enum { RETRY_FIRST_MS = 200, RETRY_MAX_MS = 300000, RETRIES_MAX = 3, OUTDATED_MS = 1000 };

/* How many tasks a tenant has in one turn where another one needs another worker. */
enum { WARM_TURN_TASKS = 8 };

/* ---- events of a box
 * ------------------------------------------------------------------------------ */

static bool has_other_file(const struct pipeline *p, struct file_identity *now)
{
    file_identity_read(now, p->info->plugin->path);
    return !file_identity_same(now, &p->info->plugin->identity);
}

/* It may have loaded what its file is now: nothing runs in it. */
static void give_up_box(struct pipeline *p, struct box *b)
{
    log_info("the plugin's file has changed while a box loaded it", LS("pipeline", p->slug),
             LS("file", p->info->plugin->path));
    if (p->is_candidate)
        changes_failed(p, "its file has changed once more");
    else
        box_stop(b);
}

static void on_ready(void *arg, struct box *b, uint32_t walls, uint32_t landlock_abi,
                     enum box_mode mode)
{
    struct pipeline *p = arg;
    struct file_identity now;
    char text[256];
    if (has_other_file(p, &now)) {
        give_up_box(p, b);
        return;
    }
    p->walls = walls;
    p->landlock_abi = landlock_abi;
    p->mode = mode;
    sched_lane_turn(p->lane, mode == BOX_WARM ? WARM_TURN_TASKS : 1);
    /* A box for one task has shown nothing by being there. */
    if (mode != BOX_EXEC)
        p->failures = 0;
    if (p->state == PIPELINE_STARTING)
        p->state = PIPELINE_READY;
    if (p->is_candidate)
        changes_ready(p);
    box_walls_text(walls, landlock_abi, text);
    LOG_AT(mode == BOX_EXEC ? LOG_DEBUG : LOG_INFO, "box ready", LS("pipeline", p->slug),
           LS("mode", box_mode_name(mode)), LI("slots", p->slots),
           LS("profile", conf_profile_name(p->conf->profile)), LS("walls", text));
    if (mode == BOX_WARM && p->conf->mode == CONF_MODE_FORK)
        log_warn("open left threads, which a fork does not copy: this pipeline runs in warm mode",
                 LS("pipeline", p->slug));
}

static void watch_idle(struct pipeline *p)
{
    if (p->conf->idle_stop_ms > 0 && sched_lane_running(p->lane) == 0 &&
        sched_lane_waiting(p->lane) == 0)
        loop_timer_after(p->idle, p->conf->idle_stop_ms);
}

/* NULL: none any more. */
static struct seat *seat_of(const struct pipeline *p, const struct box *b, uint32_t slot)
{
    for (uint32_t i = 0; i < p->slots; i++) {
        if (p->seats[i].box == b && p->seats[i].slot == slot)
            return &p->seats[i];
    }
    return NULL;
}

static void on_slot_free(void *arg, struct box *b, uint32_t slot)
{
    struct pipeline *p = arg;
    struct seat *s = seat_of(p, b, slot);
    if (p->state == PIPELINE_STOPPING || s == NULL || s->is_free)
        return;
    seat_is_free(p, s);
    watch_idle(p);
}

/* Output comes in chunks of many lines; the log has one event a line. */
static void log_lines(const struct pipeline *p, const struct task *t, enum box_stream stream,
                      int level, const char *text, size_t len)
{
    while (len > 0) {
        const char *end = memchr(text, '\n', len);
        size_t n = end != NULL ? (size_t)(end - text) : len;
        log_info(stream == BOX_LOG_OUTPUT ? "plugin output" : "plugin log", LS("pipeline", p->slug),
                 LS("task_id", t != NULL ? t->task_id : ""),
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

static struct result *check_claim(struct pipeline *p, struct task *t, struct box_outcome *o)
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

static struct result *judge(struct pipeline *p, struct task *t, struct box_outcome *o)
{
    struct result *r = check_claim(p, t, o);
    o->is_refused = r != NULL && r->code == CODE_CONTRACT_VIOLATION;
    return r;
}

static void on_done(void *arg, struct box *b, uint32_t slot, void *task, struct box_outcome *o)
{
    struct pipeline *p = arg;
    struct task *t = task;
    (void)b;
    (void)slot;
    pipeline_note_run(p, o->run_us);
    pipeline_be_hungry(p);
    if (p->mode == BOX_EXEC && o->was_started)
        p->failures = 0;
    task_attempt_over(p->core, t, judge(p, t, o), o->was_started);
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

/* Our own failure, or somebody killed the warden: the tasks wait for another box, a few times. */
static void try_again(struct pipeline *p, enum code code, const char *message)
{
    log_error("box was lost", LS("pipeline", p->slug), LS("code", code_name(code)),
              LS("reason", message));
    if (p->failures >= RETRIES_MAX) {
        pipeline_quarantine(p, code, message);
        return;
    }
    loop_timer_after(p->retry, doubled_ms(RETRY_FIRST_MS, p->failures, RETRY_MAX_MS));
    p->failures++;
}

static void start(struct pipeline *p);

/* The next box takes the place of one that has had its task. */
static void replace_box(struct pipeline *p)
{
    if (p->core->phase < CORE_STOPPING && !loop_timer_is_set(p->retry))
        start(p);
}

static void went_down(struct pipeline *p, enum code code, const char *message)
{
    const bool goes_on =
        p->mode == BOX_EXEC && p->state != PIPELINE_STOPPING && p->state != PIPELINE_QUARANTINED;
    if (p->n_boxes == 0 && p->state != PIPELINE_QUARANTINED)
        p->state = PIPELINE_IDLE;
    if (code == CODE_PLUGIN_LOAD_FAILED || code == CODE_PLUGIN_LOAD_TIMEOUT)
        pipeline_quarantine(p, code, message);
    else if (code != CODE_OK)
        try_again(p, code, message);
    else if (goes_on)
        replace_box(p);
    else if (p->n_boxes == 0 && sched_lane_waiting(p->lane) > 0)
        pipeline_wanted(p);
}

static void on_ended(void *arg, struct box *b, enum code code, const char *message)
{
    struct pipeline *p = arg;
    struct core *c = p->core;
    seats_lose(p, b);
    p->n_boxes -= b != NULL;
    if (p->is_candidate)
        changes_failed(p, message);
    else if (!p->is_retired)
        went_down(p, code, message);
    core_check_idle(c);
    if (b != NULL)
        pipeline_unref(p);
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

static int start_box(struct pipeline *p, const struct box_spec *spec, uint32_t first)
{
    struct box *b = box_start(p->core->launcher, spec, &events, p);
    if (b == NULL)
        return -1;
    for (uint32_t i = 0; i < spec->slots; i++)
        p->seats[first + i] = (struct seat){.box = b, .slot = i};
    p->n_boxes++;
    pipeline_ref(p);
    return 0;
}

/*
 * A box loads the file that was scanned, or none: another one may have other pipelines, other schemas.
 * What is known of it to be wrong is why this pipeline does not load; else it is scanned, and whoever
 * waits goes on with what comes out of that.
 */
static bool is_outdated(struct pipeline *p)
{
    struct file_identity now;
    if (!has_other_file(p, &now))
        return false;
    if (p->failed != NULL && file_identity_same(&now, &p->failed->identity)) {
        pipeline_put_aside(p, false, p->failed->reason);
        return true;
    }
    reload_files(p->core);
    if (p->is_candidate)
        changes_failed(p, "its file has changed once more");
    else
        loop_timer_after(p->retry, OUTDATED_MS);
    return true;
}

/* Every seat that has no box gets one. */
static void start(struct pipeline *p)
{
    struct box_spec spec;
    char why[SPEC_WHY];
    if (is_outdated(p))
        return;
    if (spec_of(p->whole_conf, p->info, &spec, why) < 0) {
        if (p->is_candidate)
            changes_failed(p, why);
        else
            pipeline_put_aside(p, true, why);
        return;
    }
    if (p->n_boxes == 0 && spec_is_weak(&spec, why))
        log_warn("the configuration gives a box more than the profile default",
                 LS("pipeline", p->slug), LS("profile", conf_profile_name(p->conf->profile)),
                 LS("it_may", why));
    spec.slots = spec.mode == BOX_EXEC ? 1 : p->slots;
    spec.depth = PIPELINE_DEPTH;
    p->mode = spec.mode;
    if (p->state != PIPELINE_READY)
        p->state = PIPELINE_STARTING;
    for (uint32_t i = 0; i < p->slots; i += spec.slots) {
        if (p->seats[i].box != NULL || start_box(p, &spec, i) == 0)
            continue;
        on_ended(p, NULL, CODE_SANDBOX_ERROR, "the launcher does not answer");
        return;
    }
}

static bool is_startable(const struct pipeline *p)
{
    switch (p->state) {
    case PIPELINE_IDLE:
        return true;
    case PIPELINE_QUARANTINED:
        return pipeline_quarantine_ms(p) == 0;
    case PIPELINE_STARTING:
    case PIPELINE_READY:
        return p->mode == BOX_EXEC && p->n_boxes < p->slots;
    default:
        return false;
    }
}

void pipeline_wanted(struct pipeline *p)
{
    if (pipeline_is_gone(p)) {
        pipeline_gone_wanted(p);
        return;
    }
    pipeline_be_hungry(p);
    loop_timer_off(p->idle);
    if (is_startable(p) && !loop_timer_is_set(p->retry))
        start(p);
}

void pipeline_on_retry(void *arg)
{
    struct pipeline *p = arg;
    if (pipeline_quarantine_ms(p) > 0)
        pipeline_fail_waiting(p, p->reason_code, p->reason);
    else if (sched_lane_waiting(p->lane) > 0 || p->n_boxes > 0)
        pipeline_wanted(p);
}

void pipeline_on_idle(void *arg)
{
    struct pipeline *p = arg;
    if (p->state != PIPELINE_READY || sched_lane_running(p->lane) > 0 ||
        sched_lane_waiting(p->lane) > 0)
        return;
    log_info("idle box stops", LS("pipeline", p->slug));
    p->state = PIPELINE_STOPPING;
    pipeline_stop_boxes(p);
}
