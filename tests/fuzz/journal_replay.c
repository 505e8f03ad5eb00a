/*
 * journal_replay.c: a journal that somebody else wrote. The first byte says how: 'D', the rest is the
 * file; anything else, the rest are rows: a byte for the table, then for each column a byte for the
 * type and the value. Opening, replaying, checking and exporting it must end, and what is replayed
 * must make sense.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/log.h"
#include "base/text.h"
#include "journal/journal_tools.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROWS_MAX = 64 };

static char dir[256], file[300];

static void make_place(void)
{
    if (dir[0] != '\0')
        return;
    const char *tmp = getenv("TMPDIR");
    snprintf(dir, sizeof dir, "%.200s/fuzz-journal-%d", tmp != NULL ? tmp : "/tmp", (int)getpid());
    snprintf(file, sizeof file, "%s/journal.db", dir);
    log_setup("fuzz", LOG_ERROR, LOG_TEXT, -1);
}

static void forget_files(void)
{
    static const char *const names[] = {"", "-wal", "-shm", ".v1.bak"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[320];
        snprintf(path, sizeof path, "%s%s", file, names[i]);
        unlink(path);
    }
}

static void open_and_close(void)
{
    char why[JOURNAL_WHY];
    const struct journal_options o = {.dir = dir, .spool_above = 4096};
    journal_close(journal_open(&o, why));
}

/* ---- what is in it ---- */

static void write_file(const uint8_t *data, size_t size)
{
    FILE *f = fopen(file, "wb");
    if (f == NULL || fwrite(data, 1, size, f) != size)
        abort();
    fclose(f);
}

struct input {
    const uint8_t *at;
    size_t left;
};

static uint8_t take(struct input *in)
{
    if (in->left == 0)
        return 0;
    in->left--;
    return *in->at++;
}

static void bind_value(struct input *in, sqlite3_stmt *s, int column)
{
    int64_t number = 0;
    uint8_t type = take(in);
    size_t n = type / 8 < in->left ? type / 8 : in->left;
    const void *bytes = in->at;
    switch (type % 6) {
    case 0:
        sqlite3_bind_int(s, column, type / 8);
        return;
    case 1:
        sqlite3_bind_double(s, column, type / 16.0);
        return;
    case 2:
        memcpy(&number, bytes, n < sizeof number ? n : sizeof number);
        sqlite3_bind_int64(s, column, number);
        break;
    case 3:
        sqlite3_bind_text(s, column, bytes, (int)n, SQLITE_TRANSIENT);
        break;
    case 4:
        sqlite3_bind_blob(s, column, bytes, (int)n, SQLITE_TRANSIENT);
        break;
    default:
        return; /* null */
    }
    in->at += n;
    in->left -= n;
}

static void write_rows(struct input in)
{
    static const char *const sql[] = {
        ("INSERT OR REPLACE INTO task VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,"
         "?,?,?,?,?,?,?,?)"),
        "INSERT OR REPLACE INTO part VALUES (?,?,?,?,?)",
        "INSERT OR REPLACE INTO note VALUES (?,?,?,?,?,?,?,?,?,?,?)",
        "INSERT OR REPLACE INTO owner VALUES (?,?,?,?,?,?,?)",
        "INSERT OR REPLACE INTO number VALUES (?,?)"};
    sqlite3 *db = NULL;
    open_and_close();
    if (sqlite3_open(file, &db) != SQLITE_OK)
        abort();
    sqlite3_exec(db, "PRAGMA synchronous = OFF", NULL, NULL, NULL);
    for (int i = 0; i < ROWS_MAX && in.left > 0; i++) {
        sqlite3_stmt *s = NULL;
        if (sqlite3_prepare_v2(db, sql[take(&in) % 5], -1, &s, NULL) != SQLITE_OK)
            abort();
        for (int c = 1; c <= sqlite3_bind_parameter_count(s); c++)
            bind_value(&in, s, c);
        sqlite3_step(s); /* what the schema itself refuses is not there */
        sqlite3_finalize(s);
    }
    sqlite3_close(db);
}

/* ---- what is made of it ---- */

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static void expect_text(const char *s, bool may_be_missing)
{
    expect(s != NULL ? text_is_utf8(s, strlen(s)) : may_be_missing);
}

static int see_owner(void *arg, const struct journal_owner *o)
{
    (void)arg;
    expect(o->number > 0);
    expect_text(o->client, false);
    expect_text(o->resume_hash, true);
    expect_text(o->curve_key, true);
    expect_text(o->name, true);
    expect_text(o->kind, true);
    return 0;
}

static int see_task(void *arg, const struct journal_row *row)
{
    (void)arg;
    expect(row->task.seq > 0 && row->phase <= JOURNAL_DEAD);
    expect_text(row->task.uid, false);
    expect_text(row->task.task_id, false);
    expect_text(row->task.pipeline, false);
    expect_text(row->task.tenant, true);
    expect((row->result.status == NULL) == (row->phase == JOURNAL_OPEN));
    expect(row->result.status == NULL || row->result.code != NULL);
    for (size_t i = 0; i < row->task.n_frames; i++) {
        expect(row->fault != NULL || row->task.frames[i].bytes.data != NULL);
        expect_text(row->task.frames[i].name, true);
    }
    for (size_t i = 0; i < row->n_notes; i++)
        expect_text(row->notes[i].event, false);
    return 0;
}

static void ignore_line(void *arg, const char *line)
{
    (void)arg;
    (void)line;
}

static int ignore_json(void *arg, const char *json, size_t len)
{
    (void)arg;
    (void)json;
    expect(len > 1);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[JOURNAL_WHY];
    struct journal_summary summary;
    const struct journal_options o = {.dir = dir, .spool_above = 4096};
    const struct journal_replay fns = {see_owner, see_task, NULL};
    if (size == 0)
        return 0;
    make_place();
    open_and_close(); /* makes the folder */
    forget_files();
    if (data[0] == 'D')
        write_file(data + 1, size - 1);
    else
        write_rows((struct input){data + 1, size - 1});
    struct journal *j = journal_open(&o, why);
    if (j != NULL) {
        journal_replay(j, &fns, why);
        journal_close(j);
    }
    journal_check(dir, ignore_line, NULL, why);
    journal_summarize(dir, &summary, why);
    journal_export(dir, ignore_json, NULL, why);
    forget_files();
    return 0;
}
