/* retry.c: when a failed task is tried again. */
#include "task/retry.h"

/* The first cause of ours costs no time: a worker that was lost is usually back at once. */
enum { OURS_FIRST_MS = 100, OURS_MAX_MS = 30000 };

_Static_assert((int)CODE_COUNT <= 64, "retry_policy.codes has a bit for each code");

/* first * 2^times, at most max. */
static int64_t doubled(int64_t first_ms, uint32_t times, int64_t max_ms)
{
    int64_t ms = first_ms;
    while (times > 0 && ms < max_ms) {
        ms = ms > max_ms / 2 ? max_ms : 2 * ms;
        times--;
    }
    return ms < max_ms ? ms : max_ms;
}

/* From a half of it to the whole. */
static int64_t jittered(int64_t ms, uint64_t random)
{
    const int64_t half = ms / 2;
    return ms - half + (int64_t)(random % (uint64_t)(half + 1));
}

int64_t retry_after_ms(const struct retry_policy *p, enum code code, uint32_t failures,
                       uint64_t random)
{
    if (failures >= p->max_attempts || (p->codes & retry_bit(code)) == 0)
        return RETRY_NEVER;
    return jittered(doubled(p->delay_ms, failures - 1, p->delay_max_ms), random);
}

int64_t retry_ours_after_ms(uint32_t times, uint64_t random)
{
    if (times > RETRY_OURS_MAX)
        return RETRY_NEVER;
    return times <= 1 ? 0 : jittered(doubled(OURS_FIRST_MS, times - 2, OURS_MAX_MS), random);
}

bool retry_is_ours(enum code code, bool was_started)
{
    return code == CODE_SANDBOX_ERROR || (code == CODE_KILLED && !was_started);
}

bool retry_survives(uint32_t deaths)
{
    return deaths < RETRY_DEATHS_MAX;
}
