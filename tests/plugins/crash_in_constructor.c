/* crash_in_constructor.c: TEST PLUGIN, broken on purpose: it crashes while it is loaded, before
 * anybody can look at it. */
#include "fine.h"

static const pen_pipeline fine = FINE_PIPELINE("crash_in_constructor");
static const pen_pipeline *const pipelines[] = {&fine, NULL};

const pen_plugin pen_plugin_entry = {PEN_PLUGIN_HEADER,
                                     .id = "org.penstock.test.crash_in_constructor",
                                     .version = "1.0.0", .pipelines = pipelines};

__attribute__((constructor, no_sanitize("undefined"))) static void crash(void)
{
    *(volatile int *)16 = 1;
}
