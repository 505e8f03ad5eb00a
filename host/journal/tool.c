/* tool.c: a journal for reading. Runs in penstock-journal. */
#include "journal/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/log.h"
#include "journal/bind.h"
#include "journal/schema.h"
#include "journal/store.h"

enum { TASKS_A_TURN = 200 };

static int say(const char *path, int error, char *why)
{
    const char *remedy = error == ENOENT   ? ": no host has run with this state_dir"
                         : error == EACCES ? ": run it as root, or as the user of the host"
                                           : "";
    snprintf(why, JOURNAL_WHY, "%.150s: %s%s", path, log_errno_text(error), remedy);
    return -1;
}

static int open_spool(struct tool *t, const char *dir, char *why)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/spool", dir);
    t->spool = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return t->spool >= 0 || errno == ENOENT ? 0 : say(path, errno, why);
}

int tool_number(struct tool *t, const char *sql, int64_t *value, char *why)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(t->db, sql, -1, &s, NULL);
    if (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW)
        *value = sqlite3_column_int64(s, 0);
    else
        snprintf(why, JOURNAL_WHY, "%.120s: %.100s", t->path, sqlite3_errmsg(t->db));
    sqlite3_finalize(s);
    return rc == SQLITE_ROW ? 0 : -1;
}

static int read_version(struct tool *t, char *why)
{
    int64_t version = 0, application = 0;
    if (tool_number(t, "PRAGMA user_version", &version, why) < 0 ||
        tool_number(t, "PRAGMA application_id", &application, why) < 0)
        return -1;
    t->version = (int)version;
    if (application == SCHEMA_APPLICATION_ID)
        return 0;
    snprintf(why, JOURNAL_WHY, "%.150s is a database, but no journal of Penstock", t->path);
    return -1;
}

int tool_needs_version(const struct tool *t, char *why)
{
    if (t->version == schema_version())
        return 0;
    snprintf(why, JOURNAL_WHY, "%.120s has version %d, this program reads %d: %s", t->path,
             t->version, schema_version(),
             t->version < schema_version() ? "the host makes it new when it starts"
                                           : "use the newer program");
    return -1;
}

int tool_open(struct tool *t, const char *dir, char *why)
{
    *t = (struct tool){.spool = -1};
    if (asprintf(&t->path, "%s/journal.db", dir) < 0) {
        t->path = NULL;
        return say(dir, ENOMEM, why);
    }
    if (access(t->path, R_OK) < 0)
        return say(t->path, errno, why);
    t->db = store_open_reader(t->path, why);
    if (t->db == NULL || open_spool(t, dir, why) < 0 || read_version(t, why) < 0)
        return -1;
    if (t->version != schema_version() || rows_reader_open(&t->rows, t->db, t->spool) == 0)
        return 0;
    snprintf(why, JOURNAL_WHY, "%s", t->rows.why);
    return -1;
}

void tool_close(struct tool *t)
{
    rows_reader_close(&t->rows);
    sqlite3_close(t->db);
    fd_close(&t->spool);
    free(t->path);
    *t = (struct tool){.spool = -1};
}

static int give_row(struct tool *t, sqlite3_stmt *s, tool_task_fn fn, void *arg)
{
    const unsigned all = JOURNAL_WANT_INPUTS | JOURNAL_WANT_RESULT | JOURNAL_WANT_NOTES;
    struct arena a = ARENA_INIT;
    struct journal_row row;
    int rc = rows_read(&t->rows, s, all, &a, &row);
    rc = rc == 0 ? fn(arg, &row, NULL) : fn(arg, NULL, t->rows.why);
    arena_clear(&a);
    return rc;
}

/* A statement at a time, so that no long reading keeps the core's log from being folded in. Number
 * of tasks, or -1. */
static int some_tasks(struct tool *t, sqlite3_stmt *s, int64_t *after, tool_task_fn fn, void *arg)
{
    struct bind b = bind_begin(s);
    int rc, n = 0;
    bind_int(&b, *after);
    while ((rc = bind_step(&b)) == SQLITE_ROW) {
        *after = sqlite3_column_int64(s, 0);
        n++;
        if (give_row(t, s, fn, arg) != 0)
            break;
    }
    bind_end(&b);
    if (rc == SQLITE_ROW)
        return 0;
    return rc == SQLITE_DONE ? n : -1;
}

int tool_each_task(struct tool *t, tool_task_fn fn, void *arg, char *why)
{
    sqlite3_stmt *s = NULL;
    int64_t after = INT64_MIN;
    int n = -1;
    char *sql = sqlite3_mprintf("SELECT %s FROM task WHERE seq > ? ORDER BY seq LIMIT %d",
                                rows_columns, (int)TASKS_A_TURN);
    if (sql != NULL && sqlite3_prepare_v2(t->db, sql, -1, &s, NULL) == SQLITE_OK) {
        do {
            n = some_tasks(t, s, &after, fn, arg);
        } while (n == TASKS_A_TURN);
    }
    if (n < 0)
        snprintf(why, JOURNAL_WHY, "%.120s: %.100s", t->path, sqlite3_errmsg(t->db));
    sqlite3_free(sql);
    sqlite3_finalize(s);
    return n < 0 ? -1 : 0;
}
