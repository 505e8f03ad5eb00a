#ifndef PENSTOCK_SANDBOX_WARDEN_ATTACKS_H
#define PENSTOCK_SANDBOX_WARDEN_ATTACKS_H

/* warden_attacks.h: what the launcher's probe tries against each guarantee, from inside. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "sandbox/chan.h"

struct warden;

/* What a watch found out: its child was held, or got through. */
enum { ATTACK_HELD = 1, ATTACK_THROUGH = 2 };

struct attack {
    enum guarantee guarantee;
    const char *name; /* of the failure point: "probe.attack-<name>" makes it get through */
    const char *what; /* in a report: "got through: <what>" */
    /* In the child, behind all walls: 0 if it got through, -1 with errno if it was refused. */
    int (*run)(const struct warden *w);
    /* In the warden, which has to wait for it: ATTACK_HELD, ATTACK_THROUGH; 0 if *status (of wait)
     * decides; -1 with errno if it could not be watched. NULL: *status decides. */
    int (*watch)(struct warden *w, pid_t pid, int *status);
    bool is_part; /* reaches a part only: what it gets through is weak, not none */
};

extern const struct attack warden_attacks[];
extern const size_t warden_attacks_count;

/* Limits of the probe's box: small, so that going over them costs next to nothing. */
extern const struct box_limits warden_attack_limits;

#endif
