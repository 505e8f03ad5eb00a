#ifndef PENSTOCK_PLUGIN_CLAIM_H
#define PENSTOCK_PLUGIN_CLAIM_H

/* claim.h: holds what a task gave against what its own plugin promises: declared statuses and the
 * result schema. */

#include <stddef.h>

struct catalog_pipeline;

/* data: the result's JSON; len 0: it gave none. 0, or -1: message (size bytes) says which promise
 * was broken and how. */
int claim_check(const struct catalog_pipeline *p, const char *status, const char *data, size_t len,
                char *message, size_t size);

#endif
