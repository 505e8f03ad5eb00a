#ifndef PENSTOCK_JOURNAL_BIND_H
#define PENSTOCK_JOURNAL_BIND_H

/* bind.h: values into a prepared statement, in the order of its question marks. What is bound must
 * live until the statement was run. The first failure sticks and is told by bind_run. */

#include <stdint.h>

#include <sqlite3.h>

#include "journal/journal.h"

struct bind {
    sqlite3_stmt *statement;
    int n;
    int rc;
};

struct bind bind_begin(sqlite3_stmt *s);
void bind_int(struct bind *b, int64_t v);
void bind_double(struct bind *b, double v);
/* NULL is null. */
void bind_text(struct bind *b, const char *s);
void bind_blob(struct bind *b, struct journal_bytes v);
/* Runs a statement to its end and resets it: SQLITE_OK, or what went wrong. */
int bind_run(struct bind *b);
/* The next row: SQLITE_ROW; else the statement is reset: SQLITE_DONE, or what went wrong. */
int bind_step(struct bind *b);
/* For whoever stops before the last row. */
void bind_end(struct bind *b);

#endif
