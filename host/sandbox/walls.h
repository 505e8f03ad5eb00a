#ifndef PENSTOCK_SANDBOX_WALLS_H
#define PENSTOCK_SANDBOX_WALLS_H

/* walls.h: names of enum wall, for logs and reports. Pure. */

#include <stdint.h>

enum { WALLS_TEXT = 256 };

/* "pidns" of one bit; "?" of none. */
const char *wall_name(uint32_t wall);
/* "pidns mountns landlock(7)"; out holds WALLS_TEXT bytes. */
void walls_text(uint32_t walls, uint32_t landlock_abi, char *out);

#endif
