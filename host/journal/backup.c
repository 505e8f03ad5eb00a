/*
 * backup.c: `penstock journal backup`: a copy of the file as it was at one moment, and of the files
 * its rows name.
 *
 * Theory of operation: the core may delete a file as soon as its row is gone. So files are linked (or
 * copied, if that cannot be) before the file of rows is, and again behind it; if a row of the copy
 * still names one that is not there, the task has ended in between, and all is done once more.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/log.h"
#include "journal/journal_tools.h"
#include "journal/spool.h"
#include "journal/tool.h"

enum { ATTEMPTS = 10, COPY_BYTES = 65536 };

struct backup {
    const char *to;
    int dir, spool; /* of the copy */
    struct tool from;
    char *why;
};

static int say(struct backup *b, const char *what)
{
    snprintf(b->why, JOURNAL_WHY, "%.150s: %.90s", b->to, what);
    return -1;
}

static int copy_bytes(int from, int to)
{
    char bytes[COPY_BYTES];
    ssize_t n;
    while ((n = read(from, bytes, sizeof bytes)) > 0) {
        if (fd_write_all(to, bytes, (size_t)n) < 0)
            return -1;
    }
    return n == 0 ? fsync(to) : -1;
}

static int copy_file(struct backup *b, const char *name)
{
    int from = openat(b->from.spool, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (from < 0)
        return errno == ENOENT ? 0 : -1; /* deleted meanwhile */
    int to = openat(b->spool, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int rc = to >= 0 ? copy_bytes(from, to) : -1;
    fd_close(&from);
    fd_close(&to);
    return rc;
}

/* Files never change, so the copy may share them. */
static int take_file(struct backup *b, const char *name)
{
    if (linkat(b->from.spool, name, b->spool, name, 0) == 0 || errno == EEXIST || errno == ENOENT)
        return 0;
    return copy_file(b, name);
}

static int take_files(struct backup *b)
{
    int fd =
        b->from.spool >= 0 ? openat(b->from.spool, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    int rc = 0;
    if (d == NULL) {
        fd_close(&fd);
        return b->from.spool < 0 ? 0 : say(b, log_errno_text(errno));
    }
    for (struct dirent *e; rc == 0 && (e = readdir(d)) != NULL;) {
        int64_t id;
        if (spool_id(e->d_name, &id) && take_file(b, e->d_name) < 0)
            rc = say(b, log_errno_text(errno));
    }
    closedir(d);
    return rc;
}

static int take_rows(struct backup *b)
{
    unlinkat(b->dir, "journal.db", 0);
    char *sql = sqlite3_mprintf("PRAGMA query_only = OFF; VACUUM INTO '%q/journal.db'", b->to);
    int rc = sql != NULL ? sqlite3_exec(b->from.db, sql, NULL, NULL, NULL) : SQLITE_NOMEM;
    sqlite3_free(sql);
    return rc == SQLITE_OK ? 0 : say(b, sqlite3_errmsg(b->from.db));
}

static int check_file(struct backup *b, int64_t id, int64_t size)
{
    char name[SPOOL_NAME];
    struct stat st;
    spool_name(id, name);
    return fstatat(b->spool, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size == size;
}

/* 1: every row's file is there; 0: one is missing; -1. */
static int is_whole(struct backup *b)
{
    struct tool copy;
    sqlite3_stmt *s = NULL;
    int n_missing = 0, rc = tool_open(&copy, b->to, b->why) == 0 ? SQLITE_OK : SQLITE_CANTOPEN;
    bool is_open = rc == SQLITE_OK;
    if (is_open)
        rc = sqlite3_prepare_v2(copy.db, "SELECT id, size FROM part WHERE bytes IS NULL", -1, &s,
                                NULL);
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        rc = sqlite3_step(s);
        if (rc == SQLITE_ROW)
            n_missing += !check_file(b, sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1));
    }
    if (rc != SQLITE_DONE && is_open)
        say(b, sqlite3_errmsg(copy.db));
    sqlite3_finalize(s);
    tool_close(&copy);
    return rc != SQLITE_DONE ? -1 : n_missing == 0;
}

static int take_all(struct backup *b)
{
    int whole = 0;
    for (int i = 0; i < ATTEMPTS && whole == 0; i++) {
        if (take_files(b) < 0 || take_rows(b) < 0 || take_files(b) < 0)
            return -1;
        whole = is_whole(b);
    }
    return whole == 0 ? say(b, "files are missing: penstock journal check tells of which tasks")
                      : whole;
}

static int make_folders(struct backup *b)
{
    if (mkdir(b->to, 0700) < 0)
        return say(b, log_errno_text(errno));
    b->dir = open(b->to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (b->dir < 0 || mkdirat(b->dir, "spool", 0700) < 0)
        return say(b, log_errno_text(errno));
    b->spool = openat(b->dir, "spool", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return b->spool >= 0 ? 0 : say(b, log_errno_text(errno));
}

/* The copy is on the disk when we say so. */
static int sync_all(struct backup *b)
{
    return syncfs(b->dir) < 0 ? say(b, log_errno_text(errno)) : 0;
}

int journal_backup(const char *dir, const char *to, char *why)
{
    struct backup b = {.to = to, .dir = -1, .spool = -1, .why = why};
    mode_t before = umask(0077);
    int rc = tool_open(&b.from, dir, why);
    if (rc == 0)
        rc = tool_needs_version(&b.from, why);
    if (rc == 0)
        rc = make_folders(&b);
    if (rc == 0)
        rc = take_all(&b) == 1 ? sync_all(&b) : -1;
    umask(before);
    fd_close(&b.spool);
    fd_close(&b.dir);
    tool_close(&b.from);
    return rc;
}
