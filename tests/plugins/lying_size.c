/* lying_size.c: TEST PLUGIN, broken on purpose: its size is larger than its symbol. */
#include "fine.h"

static const pen_pipeline fine = FINE_PIPELINE("lying_size");
static const pen_pipeline *const pipelines[] = {&fine, NULL};

const pen_plugin pen_plugin_entry = {
    .size = sizeof(pen_plugin) + 4096,
    .magic = PEN_ABI_MAGIC,
    .abi_major = PEN_ABI_MAJOR,
    .abi_minor = PEN_ABI_MINOR,
    .id = "org.penstock.test.lying_size",
    .version = "1.0.0",
    .pipelines = pipelines,
};
