#ifndef PENSTOCK_CORE_PAST_H
#define PENSTOCK_CORE_PAST_H

/* past.h: tasks that have left memory, as the journal has them, in the words of QUERY and LIST. */

#include "core/core.h"
#include "journal/journal.h"

struct result;

/* Members of the task as kept_write_info writes them. */
void past_write_info(struct core *c, const struct journal_row *row, struct json_writer *w);
/* The member history: its notes, if they were asked for. */
void past_write_history(const struct journal_row *row, struct json_writer *w);
/* The RESULT header as kept_write_result writes it; r: result_of_journal of the row. */
void past_write_result(struct core *c, const struct journal_row *row, const struct result *r,
                       struct json_writer *w);

#endif
