#ifndef PENSTOCK_SANDBOX_WALLS_H
#define PENSTOCK_SANDBOX_WALLS_H

/* walls.h: names of enum wall, for logs, reports and tests. Pure. */

#include <stdint.h>

enum { WALLS_TEXT = 256 };

/* "pidns" of one bit; "?" of none. */
const char *wall_name(uint32_t wall);
/* "pidns mountns landlock(7)"; out holds WALLS_TEXT bytes. */
void walls_text(uint32_t walls, uint32_t landlock_abi, char *out);
/* "seccomp,landlock" to bits; "" is none. -1: a name is not known. */
int walls_parse(const char *text, uint32_t *walls);

#endif
