/* jobs.c: how the tasks of a job ended, counted with each of them. job_read runs in the thread that
 * reads, all others in the one that writes, inside of the task's own transaction. */
#include <stdio.h>
#include <string.h>

#include "journal/bind.h"
#include "journal/rows.h"
#include "journal/write.h"

int job_accepted(struct store *s, const struct journal_task *t)
{
    if (t->job_id == NULL)
        return SQLITE_OK;
    struct bind b = bind_begin(s->statements[STATEMENT_JOB_MORE]);
    bind_text(&b, t->job_id);
    bind_int(&b, (int64_t)t->owner);
    return bind_run(&b);
}

int job_finished(struct store *s, uint64_t seq, const struct journal_result *r)
{
    const bool is_fine = strcmp(r->code, "OK") == 0,
               is_cancelled = strcmp(r->code, "CANCELLED") == 0;
    struct bind b = bind_begin(s->statements[STATEMENT_JOB_END]);
    bind_int(&b, is_fine);
    bind_int(&b, !is_fine && !is_cancelled);
    bind_int(&b, is_cancelled);
    bind_int(&b, r->finished_ms);
    bind_int(&b, (int64_t)seq);
    return bind_run(&b);
}

int job_forgotten(struct store *s, uint64_t seq)
{
    return run_by_seq(s, STATEMENT_JOB_LESS, seq);
}

int job_revived(struct store *s, uint64_t seq)
{
    return run_by_seq(s, STATEMENT_JOB_REVIVED, seq);
}

/* ---- reading
 * -------------------------------------------------------------------------------------- */

static const char counts[] = "SELECT total(tasks), total(open), total(succeeded), total(failed),"
                             " total(cancelled), max(finished_ms) FROM job"
                             " WHERE job_id = ?1 AND (?2 = 0 OR owner = ?2)";
static const char dead[] = "SELECT count(*) FROM task WHERE phase = 3 AND job_id = ?1"
                           " AND (?2 = 0 OR owner = ?2)";
static const char all_dead[] = "SELECT count(*) FROM task WHERE phase = 3";

/* n columns of the one row that it gives. */
static int ask(sqlite3 *db, const char *sql, const char *job_id, uint64_t owner, int64_t *to, int n)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &s, NULL);
    if (rc == SQLITE_OK && job_id != NULL) {
        struct bind b = bind_begin(s);
        bind_text(&b, job_id);
        bind_int(&b, (int64_t)owner);
    }
    if (rc == SQLITE_OK)
        rc = sqlite3_step(s);
    for (int i = 0; i < n && rc == SQLITE_ROW; i++)
        to[i] = sqlite3_column_int64(s, i);
    sqlite3_finalize(s);
    return rc == SQLITE_ROW ? 0 : -1;
}

int job_read(sqlite3 *db, const char *job_id, uint64_t owner, struct journal_job *out, char *why)
{
    int64_t n[6] = {0};
    int rc = job_id == NULL ? ask(db, all_dead, NULL, 0, &out->dead, 1)
                            : ask(db, dead, job_id, owner, &out->dead, 1);
    if (rc == 0 && job_id != NULL)
        rc = ask(db, counts, job_id, owner, n, 6);
    if (rc < 0) {
        snprintf(why, JOURNAL_WHY, "journal: %s", sqlite3_errmsg(db));
        return -1;
    }
    out->tasks = n[0];
    out->open = n[1];
    out->succeeded = n[2];
    out->failed = n[3];
    out->cancelled = n[4];
    out->finished_ms = n[5];
    return 0;
}
