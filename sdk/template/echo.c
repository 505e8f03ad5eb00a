#include <penstock/plugin.h>

static pen_status run(void *self, const pen_host *host, const pen_task *task)
{
    (void)self;
    if (task->n_inputs == 0)
        return host->fail(host, PEN_E_INPUT, "give one input");
    host->output(host, "copy", task->inputs[0]->media_type, task->inputs[0]->bytes);
    return host->result(host, "success", task->params);
}

static const pen_pipeline echo = {.size = sizeof echo,
                                  .slug = "echo",
                                  .version = "1.0.0",
                                  .summary = "returns what it is given",
                                  .run = run};
static const pen_pipeline *const pipelines[] = {&echo, NULL};

const pen_plugin pen_plugin_entry = {PEN_PLUGIN_HEADER, .id = "org.example.echo",
                                     .version = "1.0.0", .pipelines = pipelines};
