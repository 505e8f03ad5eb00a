#ifndef PENSTOCK_RUN_TASK_H
#define PENSTOCK_RUN_TASK_H

/* run_task.h: one task in a box of our own, from its start to the verdict. [loop] */

#include <stdint.h>

#include "inputs.h"

struct box_spec;
struct buf;
struct catalog_pipeline;
struct cli;
struct learn;
struct local;
struct outputs;

/* All borrowed. */
struct run_task {
    const struct cli *cli;
    struct local *local;
    const struct catalog_pipeline *pipeline;
    const struct box_spec *spec;
    const struct buf *params;
    const char *metadata; /* or NULL */
    const struct inputs *inputs;
    int64_t timeout_ms;
    struct learn *learn; /* NULL, or what watches a box in learn mode */
};

/* Returns an exit status; the result, or why there is none, is told. With learn CLI_OK whatever
 * became of the task, as long as there was a box; that is noted in it. */
int run_task(const struct run_task *t, struct outputs *outputs);

#endif
