/* selftest.c: a plugin that does nothing: what `penstock doctor` puts into a box to look at its
 * walls. */
#include <penstock/plugin.h>

static pen_status run(void *self, const pen_host *host, const pen_task *task)
{
    (void)self;
    return host->result(host, NULL, task->params);
}

static const pen_pipeline selftest = {
    .size = sizeof selftest,
    .slug = "selftest",
    .version = "1.0.0",
    .summary = "returns its params",
    .run = run,
};
static const pen_pipeline *const pipelines[] = {&selftest, NULL};

const pen_plugin pen_plugin_entry = {
    PEN_PLUGIN_HEADER,
    .id = "penstock.selftest",
    .version = "1.0.0",
    .pipelines = pipelines,
};
