/* wrong_magic.c: TEST PLUGIN, broken on purpose: its magic is another. */
#include "fine.h"

static const pen_pipeline fine = FINE_PIPELINE("wrong_magic");
static const pen_pipeline *const pipelines[] = {&fine, NULL};

const pen_plugin pen_plugin_entry = {
    .size = sizeof(pen_plugin),
    .magic = 0xdecafbadu,
    .abi_major = PEN_ABI_MAJOR,
    .abi_minor = PEN_ABI_MINOR,
    .id = "org.penstock.test.wrong_magic",
    .version = "1.0.0",
    .pipelines = pipelines,
};
