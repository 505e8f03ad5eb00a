#ifndef PENSTOCK_TESTS_SANDBOX_WORKER_H
#define PENSTOCK_TESTS_SANDBOX_WORKER_H

/* sandbox_worker.h: the pipelines that sandbox_worker.c has its worker run. */

#include <penstock/plugin.h>

/* Where close writes that it was called; shared with the test. */
extern int *plugin_was_closed;

/* By the name of what run does; NULL: there is none. */
const pen_pipeline *plugin_pipeline(const char *name);

#endif
