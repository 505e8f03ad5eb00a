#ifndef PENSTOCK_CORE_NAMED_H
#define PENSTOCK_CORE_NAMED_H

/* named.h: the task that a request names by task_id or uid, once it has left memory: as the journal has
 * it. */

#include "core/core.h"
#include "journal/journal.h"

struct peer;

/* row: until fn returns; NULL: there is none that the peer may see. code not OK: it cannot be found
 * out, why says why. */
typedef void (*named_fn)(struct core *c, void *arg, enum code code, const char *why,
                         const struct journal_row *row);

/* Whether the request at hand names one at all. */
bool named_is_given(const struct core *c);
/* Looks for the peer's own task by task_id, for one of anybody with the same CURVE key, or like the peer without one, by
 * uid: who knows that may ask. An operator may name any by either. want: bits of journal_want. drop(arg) instead of fn if the core ends before.
 * -1: no memory, or too many questions wait; neither is called. */
int named_find(struct core *c, struct peer *p, unsigned want, named_fn fn, void (*drop)(void *arg),
               void *arg);

#endif
