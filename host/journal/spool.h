#ifndef PENSTOCK_JOURNAL_SPOOL_H
#define PENSTOCK_JOURNAL_SPOOL_H

/*
 * spool.h: large bytes in files of their own. A file is named after the id of its row in the table
 * part, so a row cannot name any other file. It is there, and durable, before the row is: what a
 * crash leaves is a file without a row, which goes at the next start.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "journal/arena.h"
#include "journal/journal.h"

struct spool_ids {
    int64_t *items;
    size_t n, cap;
};

struct spool {
    int dir;               /* of the files; -1: not open */
    int64_t bytes;         /* in all files */
    struct spool_ids made; /* in this transaction */
    struct spool_ids gone; /* to be deleted once it is committed */
};

enum { SPOOL_NAME = 32 };
void spool_name(int64_t id, char *name);
/* The id of a file's name; false: it is no name of a spool file. */
bool spool_id(const char *name, int64_t *id);

/* Opens the folder `spool` in dir, making it if it is not there. -1 with errno. */
int spool_open(struct spool *s, const char *dir);
void spool_clear(struct spool *s);

/* Writes a file; it is durable after spool_sync. -1 with errno. */
int spool_write(struct spool *s, int64_t id, struct journal_bytes b);
int spool_sync(struct spool *s);
/* The file goes when the transaction is committed. -1: no memory, it stays until the next start. */
int spool_drop(struct spool *s, int64_t id);
/* Behind the commit: what is dropped goes, unless is_used says that there is a row again. */
void spool_committed(struct spool *s, bool (*is_used)(void *arg, int64_t id), void *arg);
void spool_rolled_back(struct spool *s);
/* Deletes files without a row, and counts the others' bytes. -1 with errno. */
int spool_sweep(struct spool *s, bool (*is_used)(void *arg, int64_t id), void *arg);

/* Reads the file of a row into a; false if it is missing or has another size. [any thread] */
bool spool_read(int dir, int64_t id, int64_t size, struct arena *a, struct journal_bytes *out);

#endif
