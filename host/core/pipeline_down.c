/* pipeline_down.c: pipelines that stop: retired, in quarantine, not allowed to run. Runs in the core. */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/pipelines_internal.h"
#include "core/reload.h"
#include "core/retries.h"
#include "core/tasks.h"
#include "loop/loop.h"
#include "task/retry.h"

/* A plugin that does not load is tried again after 1 s, 2 s, 4 s ... 5 min, or when its file has
 * changed. One whose configuration does not allow it to run is not tried again: that takes another
 * one. */
enum { QUARANTINE_FIRST_MS = 1000, QUARANTINE_MAX_MS = 300000, SHIFT_MAX = 10 };

/* Of what is our own fault they wait for the end. */
void pipeline_fail_waiting(struct pipeline *p, enum code code, const char *message)
{
    struct sched_item *item;
    while ((item = sched_lane_any(p->lane)) != NULL) {
        struct task *t = (struct task *)item;
        if (retry_is_ours(code, false))
            task_not_started(p->core, t, code, message);
        else
            task_finish(p->core, t, result_of_code(code, message, NULL));
    }
}

int64_t doubled_ms(int64_t first_ms, unsigned times, int64_t max_ms)
{
    int64_t ms = first_ms << (times < SHIFT_MAX ? times : SHIFT_MAX);
    return ms < max_ms ? ms : max_ms;
}

/* Those that have a task finish it. */
void pipeline_stop_boxes(struct pipeline *p)
{
    seats_close(p);
    for (uint32_t i = 0; i < p->slots; i++) {
        if (p->seats[i].box != NULL)
            box_stop(p->seats[i].box);
    }
}

void pipeline_retire(struct pipeline *p)
{
    p->is_retired = true;
    loop_timer_off(p->retry);
    if (!pipeline_is_gone(p)) {
        loop_timer_off(p->idle);
        loop_timer_off(p->age);
        p->state = PIPELINE_STOPPING;
    }
    pipeline_be_sated(p);
    seats_unreserve(p);
    pipeline_stop_boxes(p);
    pipeline_unref(p);
}

static void close_off(struct pipeline *p, int64_t until_ms, enum code code, const char *message)
{
    p->state = PIPELINE_QUARANTINED;
    p->quarantined_until_ms = until_ms;
    p->quarantined_ms = clock_wall_ms();
    reload_watch_broken(p->core);
    p->reason_code = code;
    snprintf(p->reason, sizeof p->reason, "%s", message);
    pipeline_stop_boxes(p);
}

static int64_t next_pause(struct pipeline *p)
{
    return doubled_ms(QUARANTINE_FIRST_MS, p->failures++, QUARANTINE_MAX_MS);
}

void pipeline_quarantine(struct pipeline *p, enum code code, const char *message)
{
    if (pipeline_quarantine_ms(p) > 0)
        return; /* another box of it has been here */
    const int64_t pause = next_pause(p);
    log_error("pipeline does not load", LS("pipeline", p->slug), LS("file", p->info->plugin->path),
              LS("code", code_name(code)), LS("reason", message), LI("again_in_ms", pause));
    close_off(p, loop_now_ms(p->core->loop) + pause, code, message);
    pipeline_fail_waiting(p, code, message);
}

/* We are called while a task is still being accepted; its RESULT comes behind ACCEPTED
 * (pipeline_on_retry). */
void pipeline_put_aside(struct pipeline *p, bool is_for_good, const char *why)
{
    const int64_t until_ms = is_for_good ? INT64_MAX : loop_now_ms(p->core->loop) + next_pause(p);
    log_error("pipeline may not run", LS("pipeline", p->slug), LS("file", p->info->plugin->path),
              LS("reason", why));
    close_off(p, until_ms, CODE_PLUGIN_LOAD_FAILED, why);
    loop_timer_after(p->retry, 0);
}
