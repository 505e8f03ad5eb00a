#ifndef PENSTOCK_LISTING_H
#define PENSTOCK_LISTING_H

/* listing.h: what LIST answers, page by page, as a table or as one JSON document. */

#include <stdint.h>

#include "base/json.h"
#include "grid.h"

struct cli;

struct listing_spec {
    const struct grid_column *columns;
    size_t n_columns;
    /* Writes the filter of LIST: args is the spec's. 0, or an exit status that is told. */
    int (*put_filter)(const struct cli *cli, const void *args, struct json_writer *w);
    /* One task as a row of the table. -1: no memory. */
    int (*add_row)(struct grid *g, const struct json_doc *doc, uint32_t task);
    const char *none; /* to be said if there is none: "no tasks" */
};

/* limit 0: 50. An exit status. */
int listing_show(struct cli *cli, const struct listing_spec *spec, const void *args, int64_t limit);
/* --code CODE as a member of the filter, as below. */
int listing_put_code(const struct cli *cli, const char *code, struct json_writer *w);
/* --OPTION TEXT as a member of the filter; text NULL: none. 0, or an exit status that is told. */
int listing_put_time(const struct cli *cli, const char *option, const char *text,
                     const char *member, struct json_writer *w);

#endif
