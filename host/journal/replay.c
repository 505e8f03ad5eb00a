/* replay.c: what the core has to know again after a start. Runs before there are threads. */
#include <stdio.h>

#include "journal/journal_internal.h"
#include "journal/rows.h"

static int replay_owner(struct rows_reader *r, sqlite3_stmt *s, const struct journal_replay *fns)
{
    struct arena a = ARENA_INIT;
    struct journal_owner o;
    int rc = rows_read_owner(s, &a, &o);
    if (rc < 0)
        snprintf(r->why, sizeof r->why, "client %lld in the journal is damaged",
                 (long long)sqlite3_column_int64(s, 0));
    else if ((rc = fns->owner(fns->arg, &o)) < 0)
        snprintf(r->why, sizeof r->why, "client %.60s could not be taken over", o.client);
    arena_clear(&a);
    return rc;
}

static int replay_owners(struct rows_reader *r, const struct journal_replay *fns)
{
    sqlite3_stmt *s;
    int rc = sqlite3_prepare_v2(r->db, "SELECT * FROM owner ORDER BY number", -1, &s, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(s);
    while (rc == SQLITE_ROW && replay_owner(r, s, fns) == 0)
        rc = sqlite3_step(s);
    if (rc != SQLITE_DONE && rc != SQLITE_ROW)
        snprintf(r->why, sizeof r->why, "clients: %s", sqlite3_errmsg(r->db));
    sqlite3_finalize(s);
    return rc == SQLITE_DONE ? 0 : -1;
}

static int replay_row(struct rows_reader *r, sqlite3_stmt *s, const struct journal_replay *fns)
{
    struct arena a = ARENA_INIT;
    struct journal_row row;
    unsigned all = JOURNAL_WANT_INPUTS | JOURNAL_WANT_RESULT | JOURNAL_WANT_NOTES;
    int rc = rows_read(r, s, all, &a, &row);
    if (rc == 0 && fns->task(fns->arg, &row) < 0) {
        snprintf(r->why, sizeof r->why, "task %.80s could not be taken over", row.task.uid);
        rc = -1;
    }
    arena_clear(&a);
    return rc;
}

static int replay_tasks(struct rows_reader *r, const struct journal_replay *fns)
{
    sqlite3_stmt *s = NULL;
    char *sql = sqlite3_mprintf("SELECT %s FROM task WHERE settled = 0 ORDER BY seq", rows_columns);
    int rc = sql != NULL ? sqlite3_prepare_v2(r->db, sql, -1, &s, NULL) : SQLITE_NOMEM;
    sqlite3_free(sql);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(s);
    while (rc == SQLITE_ROW && replay_row(r, s, fns) == 0)
        rc = sqlite3_step(s);
    if (rc != SQLITE_DONE && rc != SQLITE_ROW)
        snprintf(r->why, sizeof r->why, "tasks: %s", sqlite3_errmsg(r->db));
    sqlite3_finalize(s);
    return rc == SQLITE_DONE ? 0 : -1;
}

int journal_replay(struct journal *j, const struct journal_replay *fns, char *why)
{
    struct rows_reader r;
    int rc = rows_reader_open(&r, j->store.db, j->store.spool.dir);
    if (rc == 0)
        rc = replay_owners(&r, fns);
    if (rc == 0)
        rc = replay_tasks(&r, fns);
    if (rc < 0)
        snprintf(why, JOURNAL_WHY, "%s", r.why);
    rows_reader_close(&r);
    return rc;
}
