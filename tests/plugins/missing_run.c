/* missing_run.c: TEST PLUGIN, broken on purpose: its pipeline has no run. */
#include <penstock/plugin.h>

static const pen_pipeline idle = {.size = sizeof idle, .slug = "missing_run", .version = "1.0.0"};
static const pen_pipeline *const pipelines[] = {&idle, NULL};

const pen_plugin pen_plugin_entry = {PEN_PLUGIN_HEADER, .id = "org.penstock.test.missing_run",
                                     .version = "1.0.0", .pipelines = pipelines};
