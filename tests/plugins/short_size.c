/* short_size.c: TEST PLUGIN, broken on purpose: its size ends before the list of pipelines. */
#include "fine.h"

static const pen_pipeline fine = FINE_PIPELINE("short_size");
static const pen_pipeline *const pipelines[] = {&fine, NULL};

const pen_plugin pen_plugin_entry = {
    .size = 24,
    .magic = PEN_ABI_MAGIC,
    .abi_major = PEN_ABI_MAJOR,
    .abi_minor = PEN_ABI_MINOR,
    .id = "org.penstock.test.short_size",
    .version = "1.0.0",
    .pipelines = pipelines,
};
