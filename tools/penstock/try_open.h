#ifndef PENSTOCK_TRY_OPEN_H
#define PENSTOCK_TRY_OPEN_H

/* try_open.h: starts a pipeline's box until the plugin is open, lets it run a task if asked to, and
 * ends it. [loop] */

#include <stdbool.h>
#include <stdint.h>

#include "base/codes.h"
#include "sandbox/chan.h"

struct box_spec;
struct local;

struct try_open {
    enum code code;    /* CODE_OK: it is open */
    char message[512]; /* else why not */
    uint32_t walls, landlock_abi;
    enum box_mode mode; /* BOX_WARM too where open left threads */
    int64_t ms;         /* from the order to the box until it was open */
    int64_t run_ms;
};

/* runs: one task, with empty params. Returns an exit status: that of the attempt, not of the
 * plugin. */
int try_open(struct local *l, const struct box_spec *spec, bool runs, struct try_open *out);

#endif
