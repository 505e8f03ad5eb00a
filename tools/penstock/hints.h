#ifndef PENSTOCK_HINTS_H
#define PENSTOCK_HINTS_H

/* hints.h: what can be done about a plugin that does not load. Pure. */

#include <stddef.h>

/* A sentence for the reason that the scan gave; "" if nothing is known. Returns out. */
const char *hint_for_reason(const char *reason, char *out, size_t size);

#endif
