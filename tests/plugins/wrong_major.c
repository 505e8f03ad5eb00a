/* wrong_major.c: TEST PLUGIN, broken on purpose: it is built for another major version of the ABI.
 */
#include "fine.h"

static const pen_pipeline fine = FINE_PIPELINE("wrong_major");
static const pen_pipeline *const pipelines[] = {&fine, NULL};

const pen_plugin pen_plugin_entry = {
    .size = sizeof(pen_plugin),
    .magic = PEN_ABI_MAGIC,
    .abi_major = PEN_ABI_MAJOR + 1,
    .abi_minor = PEN_ABI_MINOR,
    .id = "org.penstock.test.wrong_major",
    .version = "1.0.0",
    .pipelines = pipelines,
};
