/* backoff.c: pauses that double. Runs in penstock-shim. */
#include "shim/backoff.h"

#include <sys/random.h>

int64_t backoff_next(struct backoff *b, uint32_t chance)
{
    int64_t pause = b->first_ms;
    for (unsigned i = 0; i < b->failures && pause < b->max_ms; i++)
        pause *= 2;
    if (pause > b->max_ms)
        pause = b->max_ms;
    b->failures++;
    return pause - (int64_t)((double)pause / 4 * ((double)chance / UINT32_MAX));
}

void backoff_reset(struct backoff *b)
{
    b->failures = 0;
}

uint32_t backoff_chance(void)
{
    uint32_t chance = 0;
    /* Without randomness the full pause is right too. */
    if (getrandom(&chance, sizeof chance, GRND_NONBLOCK) < 0)
        chance = 0;
    return chance;
}
