#ifndef PENSTOCK_WHEN_H
#define PENSTOCK_WHEN_H

/* when.h: points in time as people write them: a duration such as 5m, or 2026-01-31T12:00:00Z. */

#include <stdint.h>

enum when_side { WHEN_AHEAD, WHEN_AGO }; /* which way a duration counts from now */

/* Milliseconds since the epoch, or -1. */
int64_t when_parse(const char *text, enum when_side side);

#endif
