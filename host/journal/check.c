/* check.c: `penstock journal check`: is everything there, and whole? And how large it is. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "journal/journal_tools.h"
#include "journal/schema.h"
#include "journal/tool.h"

struct findings {
    void (*report)(void *arg, const char *line);
    void *arg;
    int n;
};

static void found(struct findings *f, const char *line)
{
    f->n++;
    f->report(f->arg, line);
}

static void check_pages(struct tool *t, struct findings *f)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(t->db, "PRAGMA integrity_check(100)", -1, &s, NULL);
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        rc = sqlite3_step(s);
        const char *line = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(s, 0) : NULL;
        if (line != NULL && strcmp(line, "ok") != 0)
            found(f, line);
    }
    if (rc != SQLITE_DONE)
        found(f, sqlite3_errmsg(t->db));
    sqlite3_finalize(s);
}

static int check_task(void *arg, const struct journal_row *row, const char *fault)
{
    struct findings *f = arg;
    char line[2 * JOURNAL_WHY];
    if (fault != NULL) {
        found(f, fault);
        return 0;
    }
    const char *missing = row->fault != NULL ? row->fault : row->result.fault;
    if (missing != NULL) {
        snprintf(line, sizeof line, "task %.80s (%.80s): %s", row->task.task_id, row->task.uid,
                 missing);
        found(f, line);
    }
    return 0;
}

/* What belongs to a task that is not there. */
static void check_strays(struct tool *t, struct findings *f)
{
    static const struct {
        const char *what, *sql;
    } strays[] = {
        {"pieces of no task", "SELECT count(*) FROM part WHERE id / 8192 NOT IN"
                              " (SELECT seq FROM task)"},
        {"lines of no task", "SELECT count(*) FROM note WHERE seq NOT IN (SELECT seq FROM task)"},
        {"jobs that miscount their open tasks",
         "SELECT count(*) FROM job WHERE open <> (SELECT count(*) FROM task WHERE phase = 0"
         " AND task.job_id = job.job_id AND task.owner = job.owner)"},
        {"tasks with a number that is not reserved",
         "SELECT count(*) FROM task WHERE seq > (SELECT value FROM number WHERE name = 'seq')"},
    };
    for (size_t i = 0; i < sizeof strays / sizeof *strays; i++) {
        char line[JOURNAL_WHY];
        int64_t n = 0;
        int rc = tool_number(t, strays[i].sql, &n, line);
        if (rc == 0 && n > 0)
            snprintf(line, sizeof line, "%s: %lld", strays[i].what, (long long)n);
        if (rc < 0 || n > 0)
            found(f, line);
    }
}

int journal_check(const char *dir, void (*report)(void *arg, const char *line), void *arg,
                  char *why)
{
    struct findings f = {.report = report, .arg = arg};
    struct tool t;
    int rc = tool_open(&t, dir, why);
    if (rc == 0) {
        check_pages(&t, &f);
        rc = tool_needs_version(&t, why);
    }
    if (rc == 0 && tool_each_task(&t, check_task, &f, why) < 0)
        found(&f, why);
    if (rc == 0)
        check_strays(&t, &f);
    tool_close(&t);
    return rc == 0 ? f.n : -1;
}

static int64_t size_of(const char *dir, const char *name)
{
    char path[4096];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return stat(path, &st) == 0 ? st.st_size : 0;
}

static int count_tasks(struct tool *t, struct journal_summary *s, char *why)
{
    static const char *const sql[] = {"SELECT count(*) FROM task WHERE settled = 0 AND phase = 0",
                                      "SELECT count(*) FROM task WHERE settled = 0 AND phase = 1",
                                      "SELECT count(*) FROM task WHERE phase = 2",
                                      "SELECT count(*) FROM task WHERE phase = 3"};
    for (int i = 0; i <= JOURNAL_DEAD; i++) {
        if (tool_number(t, sql[i], &s->tasks[i], why) < 0)
            return -1;
    }
    return tool_number(t, "SELECT ifnull(sum(size), 0) FROM part WHERE bytes IS NULL",
                       &s->spool_bytes, why);
}

int journal_summarize(const char *dir, struct journal_summary *s, char *why)
{
    struct tool t;
    struct statvfs v;
    *s = (struct journal_summary){.known_version = schema_version(),
                                  .file_bytes = size_of(dir, "journal.db"),
                                  .wal_bytes = size_of(dir, "journal.db-wal"),
                                  .ballast_bytes = size_of(dir, "ballast")};
    if (statvfs(dir, &v) == 0)
        s->free_bytes = (int64_t)(v.f_bavail * v.f_frsize);
    int rc = tool_open(&t, dir, why);
    s->version = t.version;
    if (rc == 0 && s->version == s->known_version)
        rc = count_tasks(&t, s, why);
    tool_close(&t);
    return rc;
}
