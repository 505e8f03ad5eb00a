/* hang_in_constructor.c: TEST PLUGIN, broken on purpose: it never ends being loaded. */
#include <unistd.h>

#include "fine.h"

static const pen_pipeline fine = FINE_PIPELINE("hang_in_constructor");
static const pen_pipeline *const pipelines[] = {&fine, NULL};

const pen_plugin pen_plugin_entry = {PEN_PLUGIN_HEADER,
                                     .id = "org.penstock.test.hang_in_constructor",
                                     .version = "1.0.0", .pipelines = pipelines};

__attribute__((constructor)) static void hang(void)
{
    for (;;)
        pause();
}
