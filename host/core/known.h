#ifndef PENSTOCK_CORE_KNOWN_H
#define PENSTOCK_CORE_KNOWN_H

/* known.h: the result of an earlier task with the same idempotency key, which has left memory: the
 * journal has it as long as its retention lasts. */

#include "core/core.h"

struct result;
struct task;

/* CODE_OK: kept is that result (the callee's), or NULL: there is none. DUPLICATE: one of other content.
 * Another code: it cannot be found out, why says why. */
typedef void (*known_fn)(struct core *c, struct task *t, void *arg, enum code code, const char *why,
                         struct result *kept);

/* Whether only the journal can tell: the task is to be durable, has a key, and no task in memory answers
 * for it. */
bool known_is_wanted(struct core *c, const struct task *t);
/* t is in state NEW and stays so until fn; drop(arg) instead of fn if the core ends before. -1: no
 * memory; neither is called. */
int known_find(struct core *c, struct task *t, known_fn fn, void (*drop)(void *arg), void *arg);
/* Those that wait for their turn: at the end of each turn of the loop. */
void known_resume(struct core *c);
void known_clear(struct core *c);

#endif
