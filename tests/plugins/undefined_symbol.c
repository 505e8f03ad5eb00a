/* undefined_symbol.c: TEST PLUGIN, broken on purpose: it needs a symbol that no library has. */
#include <penstock/plugin.h>

int function_that_nobody_has(void);

static pen_status run(void *self, const pen_host *host, const pen_task *task)
{
    (void)self;
    (void)task;
    return host->fail(host, PEN_E_INTERNAL, function_that_nobody_has() ? "a" : "b");
}

static const pen_pipeline lost = {
    .size = sizeof lost, .slug = "undefined_symbol", .version = "1.0.0", .run = run};
static const pen_pipeline *const pipelines[] = {&lost, NULL};

const pen_plugin pen_plugin_entry = {PEN_PLUGIN_HEADER, .id = "org.penstock.test.undefined_symbol",
                                     .version = "1.0.0", .pipelines = pipelines};
