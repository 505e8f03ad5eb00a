/* dup_id.c: TEST PLUGIN, broken on purpose: it is in order, but has the id of dup_a. */
#include "fine.h"

static const pen_pipeline fine = FINE_PIPELINE("dup_id");
static const pen_pipeline *const pipelines[] = {&fine, NULL};

const pen_plugin pen_plugin_entry = {PEN_PLUGIN_HEADER, .id = "org.penstock.test.dup_a",
                                     .version = "1.0.0", .pipelines = pipelines};
