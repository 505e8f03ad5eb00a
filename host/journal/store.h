#ifndef PENSTOCK_JOURNAL_STORE_H
#define PENSTOCK_JOURNAL_STORE_H

/* store.h: one connection to the journal's file for writing, its prepared statements, and numbers
 * that are never used twice. One thread at a time: the caller until journal_start, then the writer.
 */

#include <stdint.h>

#include <sqlite3.h>

#include "journal/journal.h"

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
    STATEMENT_PARTS_GONE,
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
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENT_COUNT];
    struct store_number numbers[STORE_NUMBERS];
    uint64_t seed[2];
};

/* The file is made if it is not there. -1: why (JOURNAL_WHY bytes); s can be cleared then. */
int store_open(struct store *s, const char *dir, char *why);
void store_clear(struct store *s);

/* Each: SQLITE_OK, or what went wrong. */
int store_begin(struct store *s);
int store_commit(struct store *s);
void store_rollback(struct store *s);
/* Sees to it that number n is below what the next start begins with. */
int store_use_number(struct store *s, int which, uint64_t n);

/* A connection for reading only. NULL: why. */
sqlite3 *store_open_reader(const char *path, char *why);

#endif
