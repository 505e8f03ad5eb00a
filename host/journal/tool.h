#ifndef PENSTOCK_JOURNAL_TOOL_H
#define PENSTOCK_JOURNAL_TOOL_H

/* tool.h: a journal as another process than its core sees it: for reading, while the core may
 * write. */

#include "journal/rows.h"

struct tool {
    char *path; /* of the file */
    int spool;  /* -1: there is none */
    sqlite3 *db;
    int version;
    struct rows_reader rows; /* open if the version is the present one */
};

/* -1: why says what is missing, for people; the tool can be closed then. */
int tool_open(struct tool *t, const char *dir, char *why);
void tool_close(struct tool *t);
/* One number that a statement gives. -1: why. */
int tool_number(struct tool *t, const char *sql, int64_t *value, char *why);
/* Fails unless the rows can be read, with the remedy. */
int tool_needs_version(const struct tool *t, char *why);

/* Calls fn for each task, oldest first, with everything it has; fault: it cannot be read, row is
 * NULL then. fn not 0: stop. -1: why. Other processes can write meanwhile: what they change is seen
 * or not. */
typedef int (*tool_task_fn)(void *arg, const struct journal_row *row, const char *fault);
int tool_each_task(struct tool *t, tool_task_fn fn, void *arg, char *why);

#endif
