#ifndef PENSTOCK_CORE_RETENTION_H
#define PENSTOCK_CORE_RETENTION_H

/* retention.h: finished tasks leave the journal when their time is over, or when they are too many. */

#include "core/core.h"

/* After the journal has been read. -1: no memory. */
int retention_init(struct core *c);
void retention_clear(struct core *c);

#endif
