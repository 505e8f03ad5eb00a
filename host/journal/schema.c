/* schema.c: the tables, as steps from nothing. Runs before there are threads. */
#include "journal/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/log.h"
#include "journal/journal.h"

/*
 * phase: enum journal_phase. settled: 0 not, 1 delivered, 2 acknowledged; a task is read at the
 * start while it is 0. header and data lie in the row only while they are small: an update writes
 * the whole row again. parts: bits of enum parts, what else there is in the table part, whose id is
 * seq * 8192 + place (write.h).
 */
static const char step_1[] =
    "CREATE TABLE number(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "INSERT INTO number VALUES"
    " ('seed_0', random()), ('seed_1', random()), ('seq', 0), ('owner', 0);"
    "CREATE TABLE owner(number INTEGER PRIMARY KEY, client TEXT NOT NULL, resume_hash TEXT,"
    " curve_key TEXT, name TEXT, kind TEXT, seen_ms INTEGER NOT NULL);"
    "CREATE TABLE task(seq INTEGER PRIMARY KEY, phase INTEGER NOT NULL, settled INTEGER NOT NULL,"
    " parts INTEGER NOT NULL, owner INTEGER NOT NULL, uid TEXT NOT NULL, task_id TEXT NOT NULL,"
    " job_id TEXT, tenant TEXT, key TEXT, pipeline TEXT NOT NULL, parent TEXT, retry_of TEXT,"
    " digest_0 INTEGER NOT NULL, digest_1 INTEGER NOT NULL, priority REAL NOT NULL,"
    " depth INTEGER NOT NULL, silent INTEGER NOT NULL, submitted_ms INTEGER NOT NULL,"
    " expires_ms INTEGER NOT NULL, attempt INTEGER NOT NULL, not_before_ms INTEGER NOT NULL,"
    " header BLOB, status TEXT, code TEXT, message TEXT, version TEXT, started_ms INTEGER,"
    " finished_ms INTEGER, run_ms INTEGER, cpu_ms INTEGER, max_rss_bytes INTEGER, cached INTEGER,"
    " data BLOB);"
    "CREATE INDEX task_by_id ON task(task_id);"
    "CREATE INDEX task_by_uid ON task(uid) WHERE uid <> task_id;"
    "CREATE INDEX task_by_job ON task(job_id) WHERE job_id IS NOT NULL;"
    "CREATE INDEX task_by_key ON task(key) WHERE key IS NOT NULL;"
    "CREATE INDEX task_live ON task(seq) WHERE settled = 0;"
    "CREATE INDEX task_closed ON task(finished_ms) WHERE phase = 2;"
    "CREATE INDEX task_dead ON task(finished_ms) WHERE phase = 3;"
    "CREATE TABLE part(id INTEGER PRIMARY KEY, name TEXT, media_type TEXT, size INTEGER NOT NULL,"
    " bytes BLOB, spool TEXT);"
    "CREATE TABLE note(seq INTEGER NOT NULL, n INTEGER NOT NULL, at_ms INTEGER NOT NULL,"
    " attempt INTEGER NOT NULL, event TEXT NOT NULL, code TEXT, message TEXT, details BLOB,"
    " run_ms INTEGER NOT NULL, cpu_ms INTEGER NOT NULL, max_rss_bytes INTEGER NOT NULL,"
    " PRIMARY KEY(seq, n)) WITHOUT ROWID;";

/* Files of the spool are named by the id of their part, a name in the row could lie; bytes is null
 * where they are in a file. And clients list what is theirs. */
static const char step_2[] = "ALTER TABLE part DROP COLUMN spool;"
                             "CREATE INDEX task_by_owner ON task(owner);";

/* Tasks of a job, also those whose rows have gone since. */
static const char step_3[] =
    "CREATE TABLE job(job_id TEXT NOT NULL, owner INTEGER NOT NULL, tasks INTEGER NOT NULL,"
    " open INTEGER NOT NULL, succeeded INTEGER NOT NULL, failed INTEGER NOT NULL,"
    " cancelled INTEGER NOT NULL, finished_ms INTEGER NOT NULL, PRIMARY KEY(job_id, owner))"
    " WITHOUT ROWID;"
    "INSERT INTO job SELECT job_id, owner, count(*), total(phase = 0), total(code IS 'OK'),"
    " total(phase > 0 AND code NOT IN ('OK', 'CANCELLED')), total(code IS 'CANCELLED'),"
    " ifnull(max(finished_ms), 0) FROM task WHERE job_id IS NOT NULL GROUP BY job_id, owner;"
    "CREATE INDEX job_closed ON job(finished_ms) WHERE open = 0;";

static const char *const steps[] = {step_1, step_2, step_3};

enum { N_STEPS = sizeof steps / sizeof *steps };

int schema_version(void)
{
    return N_STEPS;
}

static int pragma(sqlite3 *db, const char *sql, int *value)
{
    sqlite3_stmt *s;
    int rc = sqlite3_prepare_v2(db, sql, -1, &s, NULL);
    if (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW)
        *value = sqlite3_column_int(s, 0);
    sqlite3_finalize(s);
    return rc == SQLITE_ROW ? 0 : -1;
}

static int is_empty(sqlite3 *db)
{
    int n = -1;
    return pragma(db, "SELECT count(*) FROM sqlite_schema", &n) == 0 && n == 0;
}

static int sync_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int rc = fd >= 0 ? fsync(fd) : -1;
    fd_close(&fd);
    return rc;
}

static int copy_before(sqlite3 *db, const char *path, int version, char *why)
{
    char copy[4096];
    snprintf(copy, sizeof copy, "%s.v%d.bak", path, version);
    unlink(copy); /* of a step that was not finished */
    char *sql = sqlite3_mprintf("VACUUM INTO %Q", copy);
    int rc = sql != NULL ? sqlite3_exec(db, sql, NULL, NULL, NULL) : SQLITE_NOMEM;
    sqlite3_free(sql);
    if (rc == SQLITE_OK && sync_file(copy) == 0 && fd_sync_folder_of(copy) == 0)
        return 0;
    snprintf(why, JOURNAL_WHY, "no copy %.120s before the change of its version: %.80s", copy,
             rc == SQLITE_OK ? log_errno_text(errno) : sqlite3_errmsg(db));
    return -1;
}

static int take_steps(sqlite3 *db, int from)
{
    char end[96];
    int rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    for (int i = from; i < N_STEPS && rc == SQLITE_OK; i++)
        rc = sqlite3_exec(db, steps[i], NULL, NULL, NULL);
    snprintf(end, sizeof end, "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
             SCHEMA_APPLICATION_ID, N_STEPS);
    return rc == SQLITE_OK ? sqlite3_exec(db, end, NULL, NULL, NULL) : rc;
}

static int upgrade_from(sqlite3 *db, const char *path, int version, char *why)
{
    if (version > 0 && copy_before(db, path, version, why) < 0)
        return -1;
    if (take_steps(db, version) == SQLITE_OK) {
        if (version > 0)
            log_info("journal has a new version", LI("from", version), LI("to", N_STEPS));
        return 0;
    }
    snprintf(why, JOURNAL_WHY, "from version %d to %d: %.150s", version, (int)N_STEPS,
             sqlite3_errmsg(db));
    sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return -1;
}

int schema_upgrade(sqlite3 *db, const char *path, char *why)
{
    int version = 0, application = 0;
    if (pragma(db, "PRAGMA user_version", &version) < 0 ||
        pragma(db, "PRAGMA application_id", &application) < 0) {
        snprintf(why, JOURNAL_WHY, "%.120s: %.100s", path, sqlite3_errmsg(db));
        return -1;
    }
    if (application != SCHEMA_APPLICATION_ID && (application != 0 || !is_empty(db))) {
        snprintf(why, JOURNAL_WHY, "%.150s is a database, but no journal of Penstock", path);
        return -1;
    }
    if (version > N_STEPS || version < 0) {
        snprintf(why, JOURNAL_WHY,
                 "%.100s has version %d, this program knows %d at most: start the newer one again,"
                 " or put the copy back that it made",
                 path, version, (int)N_STEPS);
        return -1;
    }
    return version == N_STEPS ? 0 : upgrade_from(db, path, version, why);
}
