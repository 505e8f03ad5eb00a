/* pipelines_gone.c: pipelines that no plugin provides now, and that tasks wait for. Runs in the core.
 */
#include <string.h>

#include "base/log.h"
#include "base/table.h"
#include "core/pipelines_internal.h"
#include "loop/loop.h"
#include "task/sched.h"

bool pipeline_is_gone(const struct pipeline *p)
{
    return p->state == PIPELINE_GONE;
}

void pipeline_on_gone_ttl(void *arg)
{
    struct pipeline *p = arg;
    if (sched_lane_waiting(p->lane) > 0)
        log_warn("tasks wait no longer for a pipeline that no plugin provides",
                 LS("pipeline", p->slug), LI("tasks", sched_lane_waiting(p->lane)));
    pipeline_fail_waiting(p, CODE_UNKNOWN_PIPELINE,
                          "no plugin on this host provides the pipeline any more");
}

void pipeline_gone_wanted(struct pipeline *p)
{
    if (!loop_timer_is_set(p->retry))
        loop_timer_after(p->retry, 0);
}

/* The options of no section: nothing of it runs, but tasks ask what their limits would be. */
static struct pipeline *gone_new(struct core *c, const char *slug)
{
    struct pipeline *p = text_is_name(slug) ? pipeline_new(c, slug, slug) : NULL;
    if (p == NULL)
        return NULL;
    p->state = PIPELINE_GONE;
    p->whole_conf = conf_ref(c->conf);
    p->conf = conf_pipeline(c->conf, "", "");
    p->plugin_conf = conf_plugin(c->conf, "");
    p->retry = loop_timer_new(c->loop, pipeline_on_gone_ttl, p);
    if (p->retry == NULL || table_put(c->pipelines, p->slug, strlen(p->slug), p) < 0) {
        pipeline_unref(p);
        return NULL;
    }
    loop_timer_after(p->retry, c->host->gone_ttl_ms);
    return p;
}

struct pipeline *pipeline_find_or_gone(struct core *c, const char *slug)
{
    struct pipeline *p = pipeline_find_any(c, slug, strlen(slug));
    return p != NULL ? p : gone_new(c, slug);
}
