#ifndef PENSTOCK_CORE_REPLAY_H
#define PENSTOCK_CORE_REPLAY_H

/* replay.h: clients, tasks and results of an earlier core, out of the journal. */

#include "core/core.h"

struct journal_result;
struct result;

/* A kept result as it was. NULL: no memory. */
struct result *result_of_journal(const struct journal_result *from);
/* After the pipelines are known, before the doors open. -1: logged. */
int replay(struct core *c);

#endif
