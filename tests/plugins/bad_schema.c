/* bad_schema.c: TEST PLUGIN, broken on purpose: its params schema is not JSON. */
#include "fine.h"

static const pen_pipeline vague = {.size = sizeof vague,
                                   .slug = "bad_schema",
                                   .version = "1.0.0",
                                   .params_schema = "{type: object}",
                                   .run = fine_run};
static const pen_pipeline *const pipelines[] = {&vague, NULL};

const pen_plugin pen_plugin_entry = {PEN_PLUGIN_HEADER, .id = "org.penstock.test.bad_schema",
                                     .version = "1.0.0", .pipelines = pipelines};
