#ifndef TEST_PLUGIN_FINE_H
#define TEST_PLUGIN_FINE_H

/* fine.h: a pipeline that is in order, so that each test plugin here has one thing wrong with it.
 */

#include <penstock/plugin.h>

static pen_status fine_run(void *self, const pen_host *host, const pen_task *task)
{
    (void)self;
    return host->result(host, "success", task->params);
}

#define FINE_PIPELINE(name)                                                                        \
    {                                                                                              \
        .size = sizeof(pen_pipeline), .slug = (name), .version = "1.0.0", .run = fine_run          \
    }

#endif
