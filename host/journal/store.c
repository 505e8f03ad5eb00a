/* store.c: the connection that writes. Runs in the thread that has it. */
#include "journal/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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
    [STATEMENT_PARTS] = "SELECT parts FROM task WHERE seq = ?",
    [STATEMENT_FINISH] =
        "UPDATE task SET phase = ?, settled = ?, parts = ?, attempt = ?, not_before_ms = 0,"
        " header = CASE WHEN ? THEN header END, status = ?, code = ?, message = ?, version = ?,"
        " started_ms = ?, finished_ms = ?, run_ms = ?, cpu_ms = ?, max_rss_bytes = ?, cached = ?,"
        " data = ? WHERE seq = ?",
    [STATEMENT_SETTLE] = "UPDATE task SET settled = max(settled, ?),"
                         " phase = CASE phase WHEN 1 THEN 2 ELSE phase END"
                         " WHERE seq = ? AND phase > 0",
    [STATEMENT_FORGET] = "DELETE FROM task WHERE seq = ?",
    [STATEMENT_FORGET_NOTES] = "DELETE FROM note WHERE seq = ?",
    [STATEMENT_PART] = "INSERT INTO part VALUES (?, ?, ?, ?, ?, ?)",
    [STATEMENT_PARTS_GONE] = "DELETE FROM part WHERE id BETWEEN ? AND ?",
};

static int say(struct store *s, char *why)
{
    snprintf(why, JOURNAL_WHY, "%.120s: %.100s", s->path != NULL ? s->path : "journal",
             s->db != NULL ? sqlite3_errmsg(s->db) : "no memory");
    return -1;
}

static int open_file(struct store *s)
{
    mode_t before = umask(0077);
    int rc = sqlite3_open_v2(s->path, &s->db,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                                 SQLITE_OPEN_NOFOLLOW,
                             NULL);
    if (rc == SQLITE_OK) {
        sqlite3_extended_result_codes(s->db, 1);
        sqlite3_busy_timeout(s->db, BUSY_MS);
        rc = sqlite3_exec(s->db,
                          "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;"
                          "PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF;"
                          "PRAGMA cell_size_check = ON; PRAGMA foreign_keys = OFF",
                          NULL, NULL, NULL);
    }
    umask(before);
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
        snprintf(why, JOURNAL_WHY,
                 "%.80s is damaged (%.80s): penstock journal check says more; put a backup back, or"
                 " move it away",
                 s->path, text != NULL ? text : sqlite3_errmsg(s->db));
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

int store_open(struct store *s, const char *dir, char *why)
{
    *s = (struct store){.path = NULL};
    if (asprintf(&s->path, "%s/journal.db", dir) < 0) {
        s->path = NULL;
        return say(s, why);
    }
    if (open_file(s) < 0)
        return say(s, why);
    if (quick_check(s, why) < 0 || schema_upgrade(s->db, s->path, why) < 0)
        return -1;
    return prepare_all(s) < 0 || read_numbers(s) < 0 ? say(s, why) : 0;
}

void store_clear(struct store *s)
{
    for (int i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(s->statements[i]);
    sqlite3_close(s->db);
    free(s->path);
    *s = (struct store){.path = NULL};
}

static int run(struct store *s, enum statement which)
{
    struct bind b = bind_begin(s->statements[which]);
    return bind_run(&b);
}

int store_begin(struct store *s)
{
    return run(s, STATEMENT_BEGIN);
}

int store_commit(struct store *s)
{
    int rc = run(s, STATEMENT_COMMIT);
    for (int i = 0; i < STORE_NUMBERS && rc == SQLITE_OK; i++)
        s->numbers[i].before = s->numbers[i].reserved;
    return rc;
}

void store_rollback(struct store *s)
{
    if (!sqlite3_get_autocommit(s->db)) /* some failures roll back by themselves */
        run(s, STATEMENT_ROLLBACK);
    for (int i = 0; i < STORE_NUMBERS; i++)
        s->numbers[i].reserved = s->numbers[i].before;
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
