#ifndef PENSTOCK_JOURNAL_STORE_H
#define PENSTOCK_JOURNAL_STORE_H

/* store.h: one connection to the journal's file for writing, its prepared statements, and numbers
 * that are never used twice. One thread at a time: the caller until journal_start, then the writer.
 */

#include <stdint.h>

#include <sqlite3.h>

#include "journal/journal.h"
#include "journal/spool.h"

enum statement {
    STATEMENT_BEGIN,
    STATEMENT_COMMIT,
    STATEMENT_ROLLBACK,
    STATEMENT_RESERVE,
    STATEMENT_OWNER,
    STATEMENT_OWNER_GONE,
    STATEMENT_ACCEPT,
    STATEMENT_ATTEMPT,
    STATEMENT_NOTE,
    STATEMENT_PARTS,
    STATEMENT_FINISH,
    STATEMENT_SETTLE,
    STATEMENT_FORGET,
    STATEMENT_FORGET_NOTES,
    STATEMENT_PART,
    STATEMENT_PART_THERE,
    STATEMENT_PARTS_IN_FILES,
    STATEMENT_PARTS_GONE,
    STATEMENT_JOB_MORE,
    STATEMENT_JOB_END,
    STATEMENT_JOB_LESS,
    STATEMENT_JOB_REVIVED,
    STATEMENT_REVIVE,
    STATEMENT_SWEEP_JOBS,
    STATEMENT_SWEEP_OLD,
    STATEMENT_SWEEP_DEAD,
    STATEMENT_SWEEP_MANY,
    STATEMENT_SWEEP_MANY_DEAD,
    STATEMENT_SWEEP_LIVE,
    STATEMENT_FREE_PAGES,
    STATEMENT_PAGES,
    STATEMENT_VACUUM,
    STATEMENT_PROBE,
    STATEMENT_COUNT
};

/* A number that only grows: a good many are reserved at a time, so that few commits write it. */
struct store_number {
    const char *name;
    uint64_t reserved; /* on the disk, or in this transaction */
    uint64_t before;   /* reserved, before this transaction */
    uint64_t step;
};

enum { STORE_SEQ, STORE_OWNER, STORE_NUMBERS };

struct store {
    char *path;
    int lock; /* held as long as the store is open: two that write would each be right */
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENT_COUNT];
    struct store_number numbers[STORE_NUMBERS];
    uint64_t seed[2];
    struct spool spool;
    int64_t spool_above;
    int64_t sweep_after;   /* seq: where the next look for results nobody acknowledged goes on */
    char why[JOURNAL_WHY]; /* what went wrong beside SQLite, or empty */
};

/* The folder is there; the file is made if it is not. -1: why (JOURNAL_WHY bytes); s can be cleared
 * then. */
int store_open(struct store *s, const struct journal_options *o, char *why);
void store_clear(struct store *s);

/* Each: SQLITE_OK, or what went wrong. */
int store_begin(struct store *s);
int store_commit(struct store *s);
/* A transaction that changes nothing, but writes. */
int store_probe(struct store *s);
/* What went wrong last, for people. */
void store_why(const struct store *s, int rc, char *why);
/* errno of a file as SQLite would call it; what goes into why. */
int store_file_error(struct store *s, const char *what);
void store_rollback(struct store *s);
/* Sees to it that number n is below what the next start begins with. */
int store_use_number(struct store *s, int which, uint64_t n);

/* A connection for reading only. NULL: why. */
sqlite3 *store_open_reader(const char *path, char *why);

#endif
