/* unknown_need.c: TEST PLUGIN, broken on purpose: it needs what no host has. */
#include "fine.h"

static const char *const needs[] = {"pen.teleport/1", NULL};
static const pen_pipeline greedy = {.size = sizeof greedy,
                                    .slug = "unknown_need",
                                    .version = "1.0.0",
                                    .needs = needs,
                                    .run = fine_run};
static const pen_pipeline *const pipelines[] = {&greedy, NULL};

const pen_plugin pen_plugin_entry = {PEN_PLUGIN_HEADER, .id = "org.penstock.test.unknown_need",
                                     .version = "1.0.0", .pipelines = pipelines};
