#ifndef PENSTOCK_JOURNAL_SCHEMA_H
#define PENSTOCK_JOURNAL_SCHEMA_H

/*
 * schema.h: what the file looks like, and how an older one becomes the present one.
 *
 * Changing it: append a step to the table in schema.c, never change an old one; user_version counts
 * the steps. A new file takes all of them.
 */

#include <sqlite3.h>

/* "PenJ" */
enum { SCHEMA_APPLICATION_ID = 0x50656e4a };

/* Number of steps: the version this program writes. */
int schema_version(void);
/* Brings the file at path to the present version, in one transaction; an older one is copied to
 * <path>.v<N>.bak first. -1: why (JOURNAL_WHY bytes). */
int schema_upgrade(sqlite3 *db, const char *path, char *why);

#endif
