#ifndef PENSTOCK_SANDBOX_GUARANTEE_H
#define PENSTOCK_SANDBOX_GUARANTEE_H

/* guarantee.h: names of the guarantees that boxes give, and of their levels. Pure. */

#include <stdint.h>

#include "sandbox/chan.h"

/* "fs"; "?" for a number that is none. */
const char *guarantee_name(uint32_t guarantee);
/* "none", "weak", "strong". */
const char *guarantee_level_name(uint32_t level);
/* "fs,net" to bits; "" is none. -1: a name is not known. */
int guarantees_parse(const char *text, uint32_t *bits);

#endif
