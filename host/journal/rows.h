#ifndef PENSTOCK_JOURNAL_ROWS_H
#define PENSTOCK_JOURNAL_ROWS_H

/* rows.h: rows of the file as journal_row. What lies in the file is not trusted: it may be damaged
 * or written by somebody else. One thread a reader. */

#include <sqlite3.h>

#include "journal/arena.h"
#include "journal/journal.h"

/* The columns that rows_read takes, as a list for SELECT. */
extern const char rows_columns[];

struct rows_reader {
    sqlite3 *db;         /* borrowed */
    int spool;           /* its files, borrowed */
    int64_t deadline_us; /* of the query that runs, monotonic */
    sqlite3_stmt *parts, *notes;
    char why[JOURNAL_WHY];
};

/* -1: why is in the reader. */
int rows_reader_open(struct rows_reader *r, sqlite3 *db, int spool);
void rows_reader_close(struct rows_reader *r);

/* The row that s stands on, everything copied into a; want: bits of enum journal_want. -1: why is in
 * the reader. */
int rows_read(struct rows_reader *r, sqlite3_stmt *s, unsigned want, struct arena *a,
              struct journal_row *row);

/* The same for "SELECT * FROM owner". -1: it is damaged. */
int rows_read_owner(sqlite3_stmt *s, struct arena *a, struct journal_owner *o);

/* ---- rows_query.c ---- */

/* Everything that q asks for; NULL: why is in the reader, or no memory. */
struct journal_rows *rows_query(struct rows_reader *r, const struct journal_query *q);

/* jobs.c: as journal_read_job. -1: why. */
int job_read(sqlite3 *db, const char *job_id, uint64_t owner, struct journal_job *out, char *why);

#endif
