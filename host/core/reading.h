#ifndef PENSTOCK_CORE_READING_H
#define PENSTOCK_CORE_READING_H

/* reading.h: questions to the journal, which are answered in a later turn. */

#include "core/core.h"
#include "journal/journal.h"

struct reading;

/* The answer. rows are the callee's (journal_rows_free); NULL if code is not OK, then why says what
 * went wrong. */
typedef void (*reading_fn)(struct core *c, struct reading *r, enum code code, const char *why,
                           struct journal_rows *rows);

typedef void (*reading_job_fn)(struct core *c, struct reading *r, enum code code, const char *why,
                               const struct journal_job *job);

/* Stands at the beginning of what asks. */
struct reading {
    struct reading *prev, *next; /* in core.readings */
    struct core *c;
    reading_fn fn;
    reading_job_fn job_fn;           /* for reading_start_job */
    void (*drop)(struct reading *r); /* frees it all: the core ends before the answer */
};

/* r->fn and r->drop are set; one question at a time. -1: no memory, or too many questions wait; fn
 * is not called then. */
int reading_start(struct core *c, struct reading *r, const struct journal_query *q);
/* As reading_start, for the counts of a job (journal_read_job). */
int reading_start_job(struct core *c, struct reading *r, uint64_t owner, const char *job_id);
/* Drops those that have no answer yet. */
void readings_clear(struct core *c);

#endif
