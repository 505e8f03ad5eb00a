#ifndef PENSTOCK_RUN_RESULT_H
#define PENSTOCK_RUN_RESULT_H

/* run_result.h: the outcome of `penstock run` in the form of the protocol's RESULT, told like one.
 */

#include "base/codes.h"

struct box_outcome;
struct outputs;
struct run_task;

/* Checks the claim against the plugin's own promises, as the host does. Returns an exit status. */
int run_result(const struct run_task *t, const char *id, const struct box_outcome *o,
               struct outputs *outputs);
/* There was no task to speak of: the box did not come to be. */
int run_result_of_code(const struct run_task *t, const char *id, enum code code,
                       const char *message, struct outputs *outputs);

#endif
