#ifndef PENSTOCK_REQUEST_H
#define PENSTOCK_REQUEST_H

/* request.h: what `task submit` was asked to hand over: options, and the SUBMIT made from them. */

#include <stdbool.h>
#include <stdint.h>

#include "command.h"
#include "inputs.h"

struct buf;
struct cli;

struct submit_args {
    struct texts params, inputs;
    const char *params_json;
    const char *dir, *priority, *deadline, *id, *job, *key, *metadata, *tenant;
    int64_t timeout_ms, ttl_ms, max_attempts; /* 0: not given */
    bool waits, wants_events;
};

/* Appends the header of SUBMIT. params: JSON. Returns an exit status; errors are told. */
int request_header(const struct cli *cli, const struct submit_args *a, const char *pipeline,
                   const struct buf *params, const struct inputs *inputs, struct buf *out);

#endif
