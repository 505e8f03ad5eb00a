/* store.c: the connection that writes. Runs in the thread that has it. */
#include "journal/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/fault.h"
#include "base/fdutil.h"
#include "base/log.h"
#include "journal/bind.h"
#include "journal/schema.h"

enum { BUSY_MS = 5000 };

static const char *const sql[STATEMENT_COUNT] = {
    [STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
    [STATEMENT_COMMIT] = "COMMIT",
    [STATEMENT_ROLLBACK] = "ROLLBACK",
    [STATEMENT_RESERVE] = "UPDATE number SET value = ? WHERE name = ?",
    [STATEMENT_OWNER] = "INSERT OR REPLACE INTO owner VALUES (?, ?, ?, ?, ?, ?, ?)",
    [STATEMENT_OWNER_GONE] = "DELETE FROM owner WHERE number = ?",
    [STATEMENT_ACCEPT] =
        "INSERT INTO task(seq, phase, settled, parts, owner, uid, task_id, job_id, tenant, key,"
        " pipeline, parent, retry_of, digest_0, digest_1, priority, depth, silent, submitted_ms,"
        " expires_ms, attempt, not_before_ms, header)"
        " VALUES (?, 0, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, ?)",
    [STATEMENT_ATTEMPT] = "UPDATE task SET attempt = ?, not_before_ms = ? WHERE seq = ?",
    [STATEMENT_NOTE] = "INSERT INTO note VALUES (?1,"
                       " (SELECT ifnull(max(n), 0) + 1 FROM note WHERE seq = ?1),"
                       " ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [STATEMENT_PARTS] = "SELECT parts, phase = 0 AND job_id IS NOT NULL FROM task WHERE seq = ?",
    [STATEMENT_FINISH] =
        "UPDATE task SET phase = ?, settled = ?, parts = ?, attempt = ?, not_before_ms = 0,"
        " status = ?, code = ?, message = ?, version = ?,"
        " started_ms = ?, finished_ms = ?, run_ms = ?, cpu_ms = ?, max_rss_bytes = ?, cached = ?,"
        " data = ? WHERE seq = ?",
    [STATEMENT_SETTLE] = "UPDATE task SET settled = max(settled, ?),"
                         " phase = CASE phase WHEN 1 THEN 2 ELSE phase END"
                         " WHERE seq = ? AND phase > 0",
    [STATEMENT_FORGET] = "DELETE FROM task WHERE seq = ?",
    [STATEMENT_FORGET_NOTES] = "DELETE FROM note WHERE seq = ?",
    [STATEMENT_PART] = "INSERT INTO part VALUES (?, ?, ?, ?, ?)",
    [STATEMENT_PART_THERE] = "SELECT 1 FROM part WHERE id = ? AND bytes IS NULL",
    [STATEMENT_PARTS_IN_FILES] = "SELECT id FROM part WHERE id BETWEEN ? AND ? AND bytes IS NULL",
    [STATEMENT_PARTS_GONE] = "DELETE FROM part WHERE id BETWEEN ? AND ?",
    [STATEMENT_JOB_MORE] = "INSERT INTO job VALUES (?, ?, 1, 1, 0, 0, 0, 0)"
                           " ON CONFLICT DO UPDATE SET tasks = tasks + 1, open = open + 1",
    [STATEMENT_JOB_END] =
        "UPDATE job SET open = open - 1, succeeded = succeeded + ?, failed = failed + ?,"
        " cancelled = cancelled + ?, finished_ms = max(finished_ms, ?)"
        " WHERE (job_id, owner) = (SELECT job_id, owner FROM task WHERE seq = ?)",
    [STATEMENT_JOB_LESS] =
        "UPDATE job SET open = open - 1, tasks = tasks - 1"
        " WHERE (job_id, owner) = (SELECT job_id, owner FROM task WHERE seq = ? AND phase = 0)",
    [STATEMENT_JOB_REVIVED] =
        "UPDATE job SET failed = failed - 1, tasks = tasks - 1"
        " WHERE (job_id, owner) = (SELECT job_id, owner FROM task WHERE seq = ? AND phase = 3)",
    [STATEMENT_REVIVE] = "UPDATE task SET phase = CASE settled WHEN 0 THEN 1 ELSE 2 END"
                         " WHERE seq = ? AND phase = 3",
    [STATEMENT_SWEEP_JOBS] = "DELETE FROM job WHERE (job_id, owner) IN (SELECT job_id, owner"
                             " FROM job WHERE open = 0 AND finished_ms < ? AND NOT EXISTS"
                             " (SELECT 1 FROM task WHERE task.job_id = job.job_id AND"
                             " task.owner = job.owner AND task.phase = 3) LIMIT ?)",
    [STATEMENT_SWEEP_OLD] = "SELECT seq FROM task WHERE phase = 2 AND finished_ms < ?"
                            " ORDER BY finished_ms LIMIT ?",
    [STATEMENT_SWEEP_DEAD] = "SELECT seq FROM task WHERE phase = 3 AND finished_ms < ?"
                             " ORDER BY finished_ms LIMIT ?",
    /* When the newest of those finished that are too many. */
    [STATEMENT_SWEEP_MANY] = "SELECT finished_ms + 1 FROM task WHERE phase = 2"
                             " ORDER BY finished_ms DESC LIMIT 1 OFFSET ?",
    [STATEMENT_SWEEP_MANY_DEAD] = "SELECT finished_ms + 1 FROM task WHERE phase = 3"
                                  " ORDER BY finished_ms DESC LIMIT 1 OFFSET ?",
    [STATEMENT_SWEEP_LIVE] = "SELECT seq, phase = 1 AND finished_ms < ? FROM task"
                             " WHERE settled = 0 AND seq > ? ORDER BY seq LIMIT ?",
    [STATEMENT_FREE_PAGES] = "PRAGMA freelist_count",
    [STATEMENT_PAGES] = "PRAGMA page_count",
    [STATEMENT_VACUUM] = "PRAGMA incremental_vacuum(256)",
    [STATEMENT_PROBE] = "UPDATE number SET value = value WHERE name = 'seq'",
};

/* -1: another one has it. */
static int take_lock(struct store *s, const char *dir, char *why)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/lock", dir);
    s->lock = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (s->lock >= 0 && flock(s->lock, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (s->lock >= 0 && errno == EWOULDBLOCK)
        snprintf(why, JOURNAL_WHY, "journal %.150s is in use by another host", dir);
    else
        snprintf(why, JOURNAL_WHY, "%.150s: %s", path, log_errno_text(errno));
    return -1;
}

static int say_damaged(const struct store *s, const char *what, char *why)
{
    snprintf(why, JOURNAL_WHY,
             "%.80s is damaged (%.80s): penstock journal check says more; put a backup back, or"
             " move it away",
             s->path, what);
    return -1;
}

static int say(const struct store *s, char *why)
{
    int rc = s->db != NULL ? sqlite3_errcode(s->db) & 0xff : SQLITE_NOMEM;
    int error = s->db != NULL ? sqlite3_system_errno(s->db) : 0;
    if (rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB)
        return say_damaged(s, sqlite3_errmsg(s->db), why);
    snprintf(why, JOURNAL_WHY, "%.120s: %.80s%s%.40s", s->path != NULL ? s->path : "journal",
             s->db != NULL ? sqlite3_errmsg(s->db) : "no memory", error != 0 ? ": " : "",
             error != 0 ? log_errno_text(error) : "");
    return -1;
}

static int open_file(struct store *s)
{
    int rc = sqlite3_open_v2(s->path, &s->db,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                                 SQLITE_OPEN_NOFOLLOW,
                             NULL);
    if (rc == SQLITE_OK) {
        sqlite3_extended_result_codes(s->db, 1);
        sqlite3_busy_timeout(s->db, BUSY_MS);
        rc = sqlite3_exec(
            s->db,
            "PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;"
            "PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864;"
            "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA cache_size = -16384",
            NULL, NULL, NULL);
    }
    return rc == SQLITE_OK ? 0 : -1;
}

/* -1 also for a file that has been changed from outside. */
static int quick_check(struct store *s, char *why)
{
    sqlite3_stmt *q;
    int rc = sqlite3_prepare_v2(s->db, "PRAGMA quick_check(1)", -1, &q, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(q);
    const char *text = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(q, 0) : NULL;
    int is_fine = text != NULL && strcmp(text, "ok") == 0;
    if (!is_fine)
        say_damaged(s, text != NULL ? text : sqlite3_errmsg(s->db), why);
    sqlite3_finalize(q);
    return is_fine ? 0 : -1;
}

static int prepare_all(struct store *s)
{
    for (int i = 0; i < STATEMENT_COUNT; i++) {
        if (sqlite3_prepare_v3(s->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &s->statements[i],
                               NULL) != SQLITE_OK)
            return -1;
    }
    return 0;
}

static int read_number(struct store *s, const char *name, uint64_t *value)
{
    sqlite3_stmt *q;
    int rc = sqlite3_prepare_v2(s->db, "SELECT value FROM number WHERE name = ?", -1, &q, NULL);
    struct bind b = bind_begin(q);
    if (rc == SQLITE_OK)
        bind_text(&b, name);
    rc = rc == SQLITE_OK ? bind_step(&b) : rc;
    if (rc == SQLITE_ROW)
        *value = (uint64_t)sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return rc == SQLITE_ROW ? 0 : -1;
}

static int read_numbers(struct store *s)
{
    s->numbers[STORE_SEQ] = (struct store_number){.name = "seq", .step = 65536};
    s->numbers[STORE_OWNER] = (struct store_number){.name = "owner", .step = 1024};
    for (int i = 0; i < STORE_NUMBERS; i++) {
        if (read_number(s, s->numbers[i].name, &s->numbers[i].reserved) < 0)
            return -1;
        s->numbers[i].before = s->numbers[i].reserved;
    }
    return read_number(s, "seed_0", &s->seed[0]) < 0 || read_number(s, "seed_1", &s->seed[1]) < 0
               ? -1
               : 0;
}

static bool has_row(void *arg, int64_t id)
{
    struct store *s = arg;
    struct bind b = bind_begin(s->statements[STATEMENT_PART_THERE]);
    bind_int(&b, id);
    int rc = bind_step(&b);
    bind_end(&b);
    return rc != SQLITE_DONE; /* whoever cannot tell keeps it */
}

static int open_spool(struct store *s, const char *dir, char *why)
{
    if (spool_open(&s->spool, dir) == 0 && spool_sweep(&s->spool, has_row, s) == 0)
        return 0;
    snprintf(why, JOURNAL_WHY, "%.150s/spool: %s", dir, log_errno_text(errno));
    return -1;
}

static int open_all(struct store *s, const struct journal_options *o, char *why)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); /* a lock for each allocation less */
    *s = (struct store){.lock = -1, .spool.dir = -1, .spool_above = o->spool_above};
    if (asprintf(&s->path, "%s/journal.db", o->dir) < 0) {
        s->path = NULL;
        return say(s, why);
    }
    if (take_lock(s, o->dir, why) < 0)
        return -1;
    if (open_file(s) < 0)
        return say(s, why);
    if (quick_check(s, why) < 0 || schema_upgrade(s->db, s->path, why) < 0)
        return -1;
    if (prepare_all(s) < 0 || read_numbers(s) < 0)
        return say(s, why);
    return open_spool(s, o->dir, why);
}

int store_open(struct store *s, const struct journal_options *o, char *why)
{
    mode_t before = umask(0077); /* SQLite's files, and the copy of an older version */
    int rc = open_all(s, o, why);
    umask(before);
    return rc;
}

void store_clear(struct store *s)
{
    for (int i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(s->statements[i]);
    sqlite3_close(s->db);
    spool_clear(&s->spool);
    fd_close(&s->lock);
    free(s->path);
    *s = (struct store){.lock = -1, .spool.dir = -1};
}

int store_file_error(struct store *s, const char *what)
{
    int error = errno;
    snprintf(s->why, sizeof s->why, "%s: %s", what, log_errno_text(error));
    if (error == ENOSPC || error == EDQUOT)
        return SQLITE_FULL;
    return error == EROFS ? SQLITE_READONLY : SQLITE_IOERR;
}

/* What the kernel said: SQLite notes it with the file. */
static int last_errno(const struct store *s)
{
    static const int files[] = {SQLITE_FCNTL_JOURNAL_POINTER, SQLITE_FCNTL_FILE_POINTER};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        sqlite3_file *f = NULL;
        int error = 0;
        if (sqlite3_file_control(s->db, "main", files[i], &f) == SQLITE_OK && f != NULL &&
            f->pMethods != NULL &&
            f->pMethods->xFileControl(f, SQLITE_FCNTL_LAST_ERRNO, &error) == SQLITE_OK &&
            error != 0)
            return error;
    }
    return 0;
}

void store_why(const struct store *s, int rc, char *why)
{
    const char *what = s->why[0] != '\0' ? s->why : sqlite3_errstr(rc);
    int error = s->why[0] == '\0' && (rc & 0xff) == SQLITE_IOERR ? last_errno(s) : 0;
    snprintf(why, JOURNAL_WHY, "%.120s: %.80s%s%.40s", s->path, what, error != 0 ? ": " : "",
             error != 0 ? log_errno_text(error) : "");
}

static int run(struct store *s, enum statement which)
{
    struct bind b = bind_begin(s->statements[which]);
    return bind_run(&b);
}

int store_begin(struct store *s)
{
    s->why[0] = '\0';
    return run(s, STATEMENT_BEGIN);
}

static int commit(struct store *s)
{
    errno = fault_here("journal_commit");
    if (errno != 0)
        return store_file_error(s, "commit");
    return spool_sync(&s->spool) < 0 ? store_file_error(s, "spool") : run(s, STATEMENT_COMMIT);
}

int store_commit(struct store *s)
{
    int rc = commit(s);
    if (rc == SQLITE_OK)
        spool_committed(&s->spool, has_row, s);
    for (int i = 0; i < STORE_NUMBERS && rc == SQLITE_OK; i++)
        s->numbers[i].before = s->numbers[i].reserved;
    return rc;
}

void store_rollback(struct store *s)
{
    if (!sqlite3_get_autocommit(s->db)) /* some failures roll back by themselves */
        run(s, STATEMENT_ROLLBACK);
    spool_rolled_back(&s->spool);
    for (int i = 0; i < STORE_NUMBERS; i++)
        s->numbers[i].reserved = s->numbers[i].before;
}

int store_probe(struct store *s)
{
    int rc = store_begin(s);
    if (rc == SQLITE_OK)
        rc = run(s, STATEMENT_PROBE);
    return rc == SQLITE_OK ? store_commit(s) : rc;
}

int store_use_number(struct store *s, int which, uint64_t n)
{
    struct store_number *number = &s->numbers[which];
    if (n < number->reserved)
        return SQLITE_OK;
    struct bind b = bind_begin(s->statements[STATEMENT_RESERVE]);
    bind_int(&b, (int64_t)(n + number->step));
    bind_text(&b, number->name);
    int rc = bind_run(&b);
    if (rc == SQLITE_OK)
        number->reserved = n + number->step;
    return rc;
}

sqlite3 *store_open_reader(const char *path, char *why)
{
    sqlite3 *db = NULL;
    int rc = sqlite3_open_v2(
        path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_extended_result_codes(db, 1);
        sqlite3_busy_timeout(db, BUSY_MS);
        rc = sqlite3_exec(db, "PRAGMA query_only = ON; PRAGMA trusted_schema = OFF", NULL, NULL,
                          NULL);
    }
    if (rc == SQLITE_OK)
        return db;
    snprintf(why, JOURNAL_WHY, "%.120s: %.100s", path,
             db != NULL ? sqlite3_errmsg(db) : "no memory");
    sqlite3_close(db);
    return NULL;
}
