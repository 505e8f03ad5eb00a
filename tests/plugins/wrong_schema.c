/* wrong_schema.c: TEST PLUGIN, broken on purpose: its params schema is JSON, but not a schema. */
#include "fine.h"

static const pen_pipeline vague = {.size = sizeof vague,
                                   .slug = "wrong_schema",
                                   .version = "1.0.0",
                                   .params_schema = "{\"type\": \"objekt\"}",
                                   .run = fine_run};
static const pen_pipeline *const pipelines[] = {&vague, NULL};

const pen_plugin pen_plugin_entry = {PEN_PLUGIN_HEADER, .id = "org.penstock.test.wrong_schema",
                                     .version = "1.0.0", .pipelines = pipelines};
