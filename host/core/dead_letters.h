#ifndef PENSTOCK_CORE_DEAD_LETTERS_H
#define PENSTOCK_CORE_DEAD_LETTERS_H

/*
 * dead_letters.h: durable tasks that failed for good, kept in the journal with inputs and history until
 * an operator has them run again (RETRY) or throws them away (PURGE), or their retention ends.
 *
 * One that is repeated becomes a new task, and the old one stops to be a dead letter in the same
 * transaction: there is always exactly one of the two.
 */

#include "core/core.h"

struct request;

/* RETRY and PURGE. One of them at a time: what a first one has taken, a second one must not find. */
void verbs_retry(struct core *c, struct request *q);
void verbs_purge(struct core *c, struct request *q);
/* Counts them (core.n_dead) once the journal can be asked, and again when many may have gone. */
void dead_letters_count(struct core *c);

#endif
