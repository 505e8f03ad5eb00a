#ifndef PENSTOCK_JOURNAL_TOOLS_H
#define PENSTOCK_JOURNAL_TOOLS_H

/* journal_tools.h: a journal for another process than its core, which may run meanwhile. Each: -1, and
 * why (JOURNAL_WHY bytes) says what is wrong or missing, for people. [any] */

#include <stddef.h>
#include <stdint.h>

#include "journal/journal.h"

/* integrity_check, whether each row makes sense, and whether the files that rows name are there.
 * report gets a line a finding; returns how many. */
int journal_check(const char *dir, void (*report)(void *arg, const char *line), void *arg,
                  char *why);
/* A whole copy of file and spool into a folder that is not there yet; what is in it is a journal.
 */
int journal_backup(const char *dir, const char *to, char *why);
/* Each task as one JSON line, without secrets, oldest first. */
int journal_export(const char *dir, int (*line)(void *arg, const char *json, size_t len), void *arg,
                   char *why);

struct journal_summary {
    int version, known_version; /* of the file; of this program */
    int64_t tasks[4];           /* by enum journal_phase; 0 if the versions differ */
    int64_t file_bytes, wal_bytes, spool_bytes, ballast_bytes, free_bytes;
};
int journal_summarize(const char *dir, struct journal_summary *s, char *why);

#endif
