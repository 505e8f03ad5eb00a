#ifndef PENSTOCK_SANDBOX_GUARANTEE_H
#define PENSTOCK_SANDBOX_GUARANTEE_H

/* guarantee.h: names of the guarantees that boxes give, and of their levels; their form in JSON.
 * Pure. */

#include <stdint.h>

#include "sandbox/chan.h"

struct json_writer;

/* "fs"; "?" for a number that is none. */
const char *guarantee_name(uint32_t guarantee);
/* "none", "weak", "strong". */
const char *guarantee_level_name(uint32_t level);
/* "fs,net" to bits; "" is none. -1: a name is not known. */
int guarantees_parse(const char *text, uint32_t *bits);
/* {"fs": {"level": "strong", "by": "...", "reason": "...", "remedy": "..."}, ...}; what is empty is
 * left out. */
void guarantees_write(const struct guarantee_state *states, struct json_writer *w);

#endif
