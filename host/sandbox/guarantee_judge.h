#ifndef PENSTOCK_SANDBOX_GUARANTEE_JUDGE_H
#define PENSTOCK_SANDBOX_GUARANTEE_JUDGE_H

/*
 * guarantee_judge.h: what boxes guarantee on this machine, from what the launcher's probe has found
 * out. Pure: everything that decides is in the facts.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sandbox/chan.h"

struct guarantee_facts {
    struct probe_try tries[GUARANTEES]; /* what the attacks came to */
    uint32_t walls;                     /* enum wall that stand */
    uint32_t landlock_abi;
    uint32_t without;        /* enum wall that a test has taken away */
    int32_t errors[WALLS];   /* by bit of enum wall: errno of the step that failed; 0: not known */
    const char *cgroup_text; /* where control groups were sought, and what was missing; or "" */
    bool is_root, is_container;
    unsigned kernel_major, kernel_minor;
};

/* Fills all GUARANTEES of states. */
void guarantees_judge(const struct guarantee_facts *f, struct guarantee_state *states);
/* Whether one of those (bits of enum guarantee) is below what is wanted of it. why gets which, with
 * reasons and remedies, as far as they fit. */
bool guarantees_refused(const struct guarantee_state *states, uint32_t require,
                        uint32_t require_strong, char *why, size_t size);

#endif
