#ifndef PENSTOCK_SANDBOX_LOAD_H
#define PENSTOCK_SANDBOX_LOAD_H

/* load.h: loads a plugin's library and opens a pipeline. Runs in the zygote only, behind all its
 * walls: from load_library on there is the plugin's code in this process. */

#include <stddef.h>

#include "plugin/abi.h"

struct loaded {
    struct abi_plugin abi;
    const pen_pipeline *pipeline;
    void *self;
};

/* dlopen and the checks of the descriptor. -1: why (size bytes) says what was expected and found.
 */
int load_library(struct loaded *l, const char *path, char *why, size_t size);
/* Finds the pipeline and calls its open, if it has one. -1: why. */
int load_open(struct loaded *l, const char *slug, const char *config, char *why, size_t size);

#endif
