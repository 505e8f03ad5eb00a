#ifndef PENSTOCK_SHIM_BACKOFF_H
#define PENSTOCK_SHIM_BACKOFF_H

/* backoff.h: how long to wait after the n-th failure in a row. Pure but for backoff_chance. */

#include <stdint.h>

struct backoff {
    int64_t first_ms, max_ms;
    unsigned failures; /* in a row */
};

/* Counts one more failure: the pause is doubled each time up to the maximum; up to a quarter of it
 * is taken off by chance (0: nothing), so that many workers do not come back at once. */
int64_t backoff_next(struct backoff *b, uint32_t chance);
void backoff_reset(struct backoff *b);
/* A random number for backoff_next. */
uint32_t backoff_chance(void);

#endif
