#ifndef PENSTOCK_JOURNAL_WRITE_H
#define PENSTOCK_JOURNAL_WRITE_H

/* write.h: one operation as SQL, inside a transaction of the writer. */

#include "journal/store.h"

/* SQLITE_OK, or what went wrong: then the transaction is to be rolled back. An operation on a task
 * that is not there changes nothing. */
int write_op(struct store *s, struct journal_op *op);
/* Everything of a task goes. */
int write_gone(struct store *s, uint64_t seq);

/* ---- jobs.c: the counts of the task's job, if it has one ---- */

int job_accepted(struct store *s, const struct journal_task *t);
/* Of a task that was open. */
int job_finished(struct store *s, uint64_t seq, const struct journal_result *r);
/* Before the row of a task goes: nothing if it has its verdict. */
int job_forgotten(struct store *s, uint64_t seq);
/* Before a dead letter is none any more: another task counts in its place. */
int job_revived(struct store *s, uint64_t seq);

/* ---- sweep.c ---- */

int write_sweep(struct store *s, struct journal_op *op);

/* A statement whose only parameter is a task. */
int run_by_seq(struct store *s, enum statement which, uint64_t seq);

/* ---- write_bytes.c: bytes too large for the row ---- */

enum { ROW_BYTES_MAX = 1024 };

/* Bits of task.parts. */
enum parts { PARTS_INPUT = 1, PARTS_RESULT = 2 };

/* part.id is seq * PLACES + place; part.bytes is null if they lie in a file. */
enum place {
    PLACE_HEADER,
    PLACE_INPUT,
    PLACE_RESULT = 4096, /* from here on: what came of it */
    PLACE_DATA = PLACE_RESULT,
    PLACE_DETAILS,
    PLACE_CHILDREN,
    PLACE_OUTPUT,
    PLACES = 8192
};

/* What of it lies in the row. */
static inline struct journal_bytes bytes_in_row(struct journal_bytes b)
{
    return b.len <= ROW_BYTES_MAX ? b : (struct journal_bytes){.data = NULL};
}
static inline bool bytes_are_in_row(struct journal_bytes b)
{
    return b.data == NULL || b.len <= ROW_BYTES_MAX;
}
int bytes_write(struct store *s, uint64_t seq, int place, struct journal_bytes b);
int bytes_write_frames(struct store *s, uint64_t seq, int place, const struct journal_frame *frames,
                       size_t n);
/* Takes away all of a task whose place is from first on and below end. */
int bytes_gone(struct store *s, uint64_t seq, int first, int end);

#endif
