#ifndef PENSTOCK_TASK_RETRY_H
#define PENSTOCK_TASK_RETRY_H

/*
 * retry.h: what follows a failed attempt. Three counts, each with a limit of its own:
 * - failures of the task, which its pipeline's policy limits;
 * - causes that are ours and came before the task, or whatever it had done: they count as no attempt;
 * - deaths of the host while the task ran: an attempt each, but no failure of the task.
 * So a cause of ours costs a task none of its attempts, and nothing is tried for ever. Pure.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/codes.h"

enum {
    RETRY_ATTEMPTS_MAX = 100,
    RETRY_OURS_MAX = 20,  /* with their pauses about seven minutes */
    RETRY_DEATHS_MAX = 3, /* a task that takes the host with it must not do so for ever */
    RETRY_NEVER = -1
};

struct retry_policy {
    uint32_t max_attempts; /* at least 1 */
    int64_t delay_ms;      /* before the second attempt; doubled before each that follows */
    int64_t delay_max_ms;
    uint64_t codes; /* bits of enum code */
};

static inline uint64_t retry_bit(enum code code)
{
    return UINT64_C(1) << code;
}

/* The attempt failed with code, failures of the task's own by now (1: this is the first). How long to
 * wait before the next, or RETRY_NEVER. Half of the pause is left to chance, so that tasks that failed
 * together do not come back together: random is any 64 random bits. */
int64_t retry_after_ms(const struct retry_policy *p, enum code code, uint32_t failures,
                       uint64_t random);
/* The same for a cause of ours, the times-th one (1: the first). 0: at once. */
int64_t retry_ours_after_ms(uint32_t times, uint64_t random);
/* Whether a verdict can only have come from us: whatever the task had done, it is not its fault. */
bool retry_is_ours(enum code code, bool was_started);
/* Whether a task that was at work when the host died, deaths times by now, may run again. */
bool retry_survives(uint32_t deaths);

#endif
