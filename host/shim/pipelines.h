#ifndef PENSTOCK_SHIM_PIPELINES_H
#define PENSTOCK_SHIM_PIPELINES_H

/* pipelines.h: what the core can do, as a shim offers it. Pure. */

#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

struct conf_list;

/* JSON texts are NULL where the plugin declares nothing. */
struct pipeline {
    char *slug, *version, *summary;
    char *params_schema, *result_schema, *events_schema, *output_statuses;
};

struct pipelines {
    struct pipeline *items; /* by slug */
    size_t n;
};

/* Reads an INFO to PLUGINS: pipelines that can take work and are among wanted (none: all). -1:
 * EINVAL it is no such INFO, ENOMEM; *to is empty then. */
int pipelines_read(const struct json_doc *info, const struct conf_list *wanted,
                   struct pipelines *to);
void pipelines_clear(struct pipelines *p);
/* Whether both lists say the same. */
int pipelines_equal(const struct pipelines *a, const struct pipelines *b);
const struct pipeline *pipelines_find(const struct pipelines *p, const char *slug);

#endif
