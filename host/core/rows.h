#ifndef PENSTOCK_CORE_ROWS_H
#define PENSTOCK_CORE_ROWS_H

/* rows.h: tasks out of rows of the journal. */

#include <zmq.h>

#include "core/core.h"
#include "journal/journal.h"

struct owner;
struct pipeline;
struct task;

struct row_reading {
    bool has_inputs;      /* the row's frames are what its inputs name; else it gets none */
    bool has_no_deadline; /* an operator repeats it, perhaps long after its time */
    const char *task_id;  /* its name */
};

/* The task that its header asks for, with a new uid and a new place in the order, in no table. NULL:
 * ENOMEM, or EBADMSG: its header is not that of a SUBMIT. */
struct task *task_of_row(struct core *c, const struct journal_row *row, struct owner *o,
                         struct pipeline *p, const struct row_reading *how);
/* -1: no memory; to is none then. */
int row_take_bytes(zmq_msg_t *to, struct journal_bytes from);

#endif
