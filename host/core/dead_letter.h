#ifndef PENSTOCK_CORE_DEAD_LETTER_H
#define PENSTOCK_CORE_DEAD_LETTER_H

/* dead_letter.h: one dead letter, as the journal has it, is run again or thrown away. What these put
 * into the journal is one transaction. */

#include "core/core.h"
#include "journal/journal.h"

struct owner;
struct task;

/* Makes a task of it, which is queued once that is durable. last: the owner of the one before, or NULL;
 * those of one owner often come together. NULL with errno: EBADMSG, it cannot be read, which is logged;
 * ENOMEM. It stays a dead letter then. */
struct task *dead_letter_repeat(struct core *c, const struct journal_row *row, struct owner **last);
/* A result that somebody still waits for stays; all else goes. */
void dead_letter_purge(struct core *c, const struct journal_row *row);

#endif
