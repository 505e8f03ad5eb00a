#ifndef PENSTOCK_PLUGIN_CATALOG_INTERNAL_H
#define PENSTOCK_PLUGIN_CATALOG_INTERNAL_H

/* catalog_internal.h: between catalog.c and catalog_read.c. */

#include "plugin/catalog.h"

enum { CATALOG_WHY = 1024 };

/* Fills p from p->report. -1: EINVAL with why (CATALOG_WHY bytes), or ENOMEM; what was read so far
 * stays in p. */
int catalog_read(struct catalog_plugin *p, char *why);
/* Frees all that p holds, and p. NULL is fine. */
void catalog_plugin_free(struct catalog_plugin *p);

#endif
