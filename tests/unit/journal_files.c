/* journal_files.c: the files of a journal: spool, versions, damage, and what the tools say of them.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "journal_kit.h"

#include "journal/journal_tools.h"

enum { LARGE = 10000 };

static const char *large(void)
{
    static char text[LARGE + 1];
    memset(text, 'L', LARGE);
    return text;
}

static const char *in_dir(struct kit *k, const char *name)
{
    static char path[400];
    snprintf(path, sizeof path, "%s/%s", k->dir, name);
    return path;
}

static size_t count_files(const char *path)
{
    DIR *d = opendir(path);
    size_t n = 0;
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

/* SQL by another connection, as a hand that does not belong there. */
static void meddle(struct kit *k, const char *sql)
{
    sqlite3 *db = NULL;
    char *error = NULL;
    assert_int_equal(sqlite3_open(in_dir(k, "journal.db"), &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK)
        fail_msg("%s: %s", sql, error);
    sqlite3_close(db);
}

static void expect_refused(struct kit *k, const char *words)
{
    k->journal = journal_open(&k->options, k->why);
    assert_null(k->journal);
    if (strstr(k->why, words) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", words, k->why);
}

static int ignore_owner(void *arg, const struct journal_owner *o)
{
    (void)arg;
    (void)o;
    return 0;
}

struct seen {
    size_t n, n_faulty;
    char last_id[64];
    char fault[256];
};

static int see_task(void *arg, const struct journal_row *row)
{
    struct seen *s = arg;
    s->n++;
    s->n_faulty += row->fault != NULL;
    snprintf(s->last_id, sizeof s->last_id, "%s", row->task.task_id);
    if (row->fault != NULL)
        snprintf(s->fault, sizeof s->fault, "%s", row->fault);
    return 0;
}

/* What a start finds; -1: it fails, why is in the kit. */
static int replay(struct kit *k, struct seen *s)
{
    const struct journal_replay fns = {ignore_owner, see_task, s};
    *s = (struct seen){.n = 0};
    k->journal = journal_open(&k->options, k->why);
    if (k->journal == NULL)
        fail_msg("%s", k->why);
    int rc = journal_replay(k->journal, &fns, k->why);
    kit_close(k);
    return rc;
}

static void accept_large(struct kit *k, uint64_t seq, const char *id)
{
    const struct journal_frame frames[] = {{"in", NULL, kit_bytes(large())},
                                           {"small", NULL, kit_bytes("s")}};
    struct kit_op *o = kit_accept(k, seq, id, "{}");
    o->op.u.task.frames = frames;
    o->op.u.task.n_frames = 2;
    assert_int_equal(kit_do(k, o), CODE_OK);
}

/* ---- spool ---- */

static void test_spool(void **state)
{
    struct kit *k = *state;
    struct journal_status s;
    kit_open(k, NULL);
    accept_large(k, 1, "one");
    assert_int_equal(count_files(in_dir(k, "spool")), 1);
    const struct journal_row *row = kit_row(k, 1);
    assert_null(row->fault);
    kit_assert_bytes(row->task.frames[0].bytes, large());
    kit_assert_bytes(row->task.frames[1].bytes, "s");
    assert_int_equal(kit_do(k, kit_finish(k, 1, large())), CODE_OK);
    assert_int_equal(count_files(in_dir(k, "spool")), 1); /* the result's; the input's is gone */
    kit_assert_bytes(kit_row(k, 1)->result.data, large());
    journal_status(k->journal, &s);
    assert_int_equal(s.spool_bytes, LARGE);
    assert_int_equal(kit_do(k, kit_seq(k, JOURNAL_FORGET, 1)), CODE_OK);
    assert_int_equal(count_files(in_dir(k, "spool")), 0);
    journal_status(k->journal, &s);
    assert_int_equal(s.spool_bytes, 0);
}

static void test_modes(void **state)
{
    struct kit *k = *state;
    struct stat st;
    umask(0);
    kit_open(k, NULL);
    accept_large(k, 1, "one");
    const char *const files[] = {"journal.db", "journal.db-wal", "lock"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        assert_int_equal(stat(in_dir(k, files[i]), &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
    }
    assert_int_equal(stat(in_dir(k, "spool"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(stat(k->dir, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
}

static void test_orphans_go(void **state)
{
    struct kit *k = *state;
    kit_open(k, NULL);
    accept_large(k, 1, "one");
    kit_close(k);
    const char *const strays[] = {"spool/00000000000f0000", "spool/00000000000f0001.new"};
    for (size_t i = 0; i < 2; i++)
        close(open(in_dir(k, strays[i]), O_WRONLY | O_CREAT, 0600));
    assert_int_equal(count_files(in_dir(k, "spool")), 3);
    kit_open(k, NULL);
    assert_int_equal(count_files(in_dir(k, "spool")), 1);
    kit_assert_bytes(kit_row(k, 1)->task.frames[0].bytes, large());
}

/* The name of the only file. */
static const char *only_file(struct kit *k)
{
    static char path[800];
    DIR *d = opendir(in_dir(k, "spool"));
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        if (e->d_name[0] != '.')
            snprintf(path, sizeof path, "%s/spool/%s", k->dir, e->d_name);
    }
    closedir(d);
    return path;
}

static void remember_line(void *arg, const char *line)
{
    char *text = arg;
    size_t n = strlen(text);
    snprintf(text + n, 2000 - n, "%s\n", line);
}

/* Costs that task, not the start. */
static void test_file_missing(void **state)
{
    struct kit *k = *state;
    struct seen s;
    char lines[2000] = "";
    kit_open(k, NULL);
    accept_large(k, 1, "one");
    assert_int_equal(kit_do(k, kit_accept(k, 2, "two", "{}")), CODE_OK);
    assert_int_equal(unlink(only_file(k)), 0);
    assert_non_null(kit_row(k, 1)->fault);
    kit_close(k);
    assert_int_equal(replay(k, &s), 0);
    assert_int_equal(s.n, 2);
    assert_int_equal(s.n_faulty, 1);
    assert_non_null(strstr(s.fault, "of 10000 bytes is missing"));
    assert_int_equal(journal_check(k->dir, remember_line, lines, k->why), 1);
    assert_non_null(strstr(lines, "task one (one): file spool/"));
}

static void test_file_of_another_kind(void **state)
{
    struct kit *k = *state;
    struct seen s;
    kit_open(k, NULL);
    accept_large(k, 1, "one");
    kit_close(k);
    assert_int_equal(truncate(only_file(k), 3), 0);
    assert_int_equal(replay(k, &s), 0);
    assert_int_equal(s.n_faulty, 1);
    assert_int_equal(unlink(only_file(k)), 0);
    assert_int_equal(symlink("/etc/passwd", only_file(k)), 0);
    assert_int_equal(replay(k, &s), 0);
    assert_int_equal(s.n_faulty, 1);
}

/* ---- versions ---- */

static void test_migrated(void **state)
{
    struct kit *k = *state;
    struct seen s;
    char sql[16384] = "", path[512];
    snprintf(path, sizeof path, "%s/tests/unit/journal_v1.sql", getenv("PENSTOCK_SOURCE"));
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_true(fread(sql, 1, sizeof sql - 1, f) > 0);
    fclose(f);
    assert_int_equal(mkdir(k->dir, 0700), 0);
    meddle(k, sql);
    assert_int_equal(replay(k, &s), 0);
    assert_int_equal(s.n, 2);
    assert_string_equal(s.last_id, "with-a-frame");
    struct stat st;
    assert_int_equal(stat(in_dir(k, "journal.db.v1.bak"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    kit_open(k, NULL);
    kit_assert_bytes(kit_row(k, 2)->task.frames[0].bytes, "bytes");
    const struct journal_query mine = {.owner = 7};
    assert_int_equal(kit_read(k, &mine)->n, 1);
}

static void test_newer_version(void **state)
{
    struct kit *k = *state;
    char lines[2000] = "";
    kit_open(k, NULL);
    kit_close(k);
    meddle(k, "PRAGMA user_version = 99");
    expect_refused(k, "has version 99, this program knows");
    assert_int_equal(journal_check(k->dir, remember_line, lines, k->why), -1);
    assert_non_null(strstr(k->why, "use the newer program"));
}

static void test_no_copy_no_migration(void **state)
{
    struct kit *k = *state;
    kit_open(k, NULL);
    kit_close(k);
    meddle(k, "PRAGMA user_version = 1");
    assert_int_equal(mkdir(in_dir(k, "journal.db.v1.bak"), 0700), 0);
    expect_refused(k, "before the change of its version");
}

/* A step that cannot be taken leaves the file as it was. */
static void test_step_fails(void **state)
{
    struct kit *k = *state;
    struct journal_summary s;
    char back[64];
    kit_open(k, NULL);
    kit_close(k);
    assert_int_equal(journal_summarize(k->dir, &s, k->why), 0);
    snprintf(back, sizeof back, "PRAGMA user_version = %d", s.version);
    meddle(k, "PRAGMA user_version = 1"); /* but the tables are newer */
    expect_refused(k, "from version 1 to");
    meddle(k, back);
    kit_open(k, NULL);
}

static void test_of_another_program(void **state)
{
    struct kit *k = *state;
    assert_int_equal(mkdir(k->dir, 0700), 0);
    meddle(k, "CREATE TABLE theirs(x)");
    expect_refused(k, "is a database, but no journal of Penstock");
}

static void test_no_database(void **state)
{
    struct kit *k = *state;
    assert_int_equal(mkdir(k->dir, 0700), 0);
    FILE *f = fopen(in_dir(k, "journal.db"), "w");
    for (int i = 0; i < 1000; i++)
        fputs("not a database ", f);
    fclose(f);
    expect_refused(k, "is damaged (file is not a database)");
}

/* ---- damage ---- */

static void fill(struct kit *k, unsigned n)
{
    static char id[500][16];
    kit_open(k, NULL);
    struct kit_op *ops[500];
    for (unsigned i = 0; i < n; i++) {
        snprintf(id[i], sizeof id[i], "t%u", i);
        kit_put(k, ops[i] = kit_accept(k, i + 1, id[i], "{\"params\":{}}"));
    }
    journal_flush(k->journal);
    kit_wait(k, &ops[n - 1]->is_done);
    for (unsigned i = 0; i < n; i++)
        test_free(ops[i]);
    kit_close(k);
}

/* Overwrites every page from the third on: the first ones say that it is a journal. */
static void spoil(struct kit *k, int from, int to)
{
    char noise[4096];
    memset(noise, 0xa5, sizeof noise);
    int fd = open(in_dir(k, "journal.db"), O_WRONLY);
    assert_true(fd >= 0);
    for (int page = from; page < to; page++)
        assert_int_equal(pwrite(fd, noise, sizeof noise, page * 4096L), sizeof noise);
    close(fd);
}

static void test_damaged_page(void **state)
{
    struct kit *k = *state;
    struct stat st;
    char lines[2000] = "";
    fill(k, 400);
    assert_int_equal(stat(in_dir(k, "journal.db"), &st), 0);
    spoil(k, (int)(st.st_size / 4096) - 6, (int)(st.st_size / 4096));
    expect_refused(k, "is damaged");
    assert_non_null(strstr(k->why, "penstock journal check"));
    assert_true(journal_check(k->dir, remember_line, lines, k->why) > 0);
}

/* While it runs: the reader says so, for this question. */
static void test_damaged_while_open(void **state)
{
    struct kit *k = *state;
    fill(k, 400);
    kit_open(k, NULL);
    struct stat st;
    assert_int_equal(stat(in_dir(k, "journal.db"), &st), 0);
    spoil(k, 2, (int)(st.st_size / 4096));
    const struct journal_query all = {.want = JOURNAL_WANT_INPUTS};
    assert_null(kit_read(k, &all));
    assert_int_equal(k->read_code, CODE_STORAGE_UNAVAILABLE);
    assert_true(k->why[0] != '\0');
}

static void test_values_that_cannot_be(void **state)
{
    struct kit *k = *state;
    static const struct {
        const char *sql, *words;
    } cases[] = {
        {"UPDATE task SET uid = x'ff00'", "a text is none"},
        {"UPDATE task SET uid = CAST(x'ff41' AS TEXT)", "a text is not UTF-8"},
        {"UPDATE task SET task_id = ''", "a name is missing"},
        {"UPDATE task SET phase = 9", "its phase is none"},
        {"UPDATE task SET phase = 1", "phase and result do not fit"},
        {"UPDATE task SET status = 'ok'", "phase and result do not fit"},
        {"UPDATE task SET owner = -1", "a number is below 0"},
        {"UPDATE task SET depth = 99999999999", "a number is too large"},
        {"UPDATE task SET submitted_ms = 'yesterday'", "a number is none"},
        {"UPDATE task SET priority = 'high'", "a number is none"},
        {"UPDATE task SET seq = 9000000000000000000", "its number is out of range"},
        {"UPDATE task SET parts = 1; INSERT INTO part VALUES (8192, NULL, NULL, 5, 'four')",
         "bytes are missing"},
        {"UPDATE task SET parts = 1; INSERT INTO part VALUES (8192, NULL, NULL, -5, NULL)",
         "a number is below 0"},
        {"UPDATE task SET parts = 1; INSERT INTO part VALUES (8195, NULL, NULL, 1, x'00')",
         "an input is missing"},
        {"INSERT INTO note VALUES (1, 1, 1, 1, x'00', NULL, NULL, NULL, 0, 0, 0)",
         "a text is none"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct seen s;
        char lines[2000] = "";
        snprintf(k->dir, sizeof k->dir, "%.200s/values-%zu", getenv("TMPDIR"), i);
        fill(k, 1);
        assert_int_equal(replay(k, &s), 0);
        meddle(k, cases[i].sql);
        if (replay(k, &s) != -1)
            fail_msg("%s is taken", cases[i].sql);
        if (strstr(k->why, cases[i].words) == NULL)
            fail_msg("%s: %s", cases[i].sql, k->why);
        assert_true(journal_check(k->dir, remember_line, lines, k->why) > 0);
        assert_non_null(strstr(lines, cases[i].words));
    }
}

static void test_strays_are_found(void **state)
{
    struct kit *k = *state;
    char lines[2000] = "";
    fill(k, 1);
    assert_int_equal(journal_check(k->dir, remember_line, lines, k->why), 0);
    meddle(k, "INSERT INTO part VALUES (99999999, NULL, NULL, 1, x'00');"
              "INSERT INTO note VALUES (77, 1, 1, 1, 'x', NULL, NULL, NULL, 0, 0, 0);"
              "INSERT INTO job VALUES ('j', 1, 1, 1, 0, 0, 0, 0);"
              "UPDATE number SET value = 0 WHERE name = 'seq'");
    assert_int_equal(journal_check(k->dir, remember_line, lines, k->why), 4);
}

/* ---- tools ---- */

static void test_one_host_only(void **state)
{
    struct kit *k = *state;
    kit_open(k, NULL);
    struct journal *second = journal_open(&k->options, k->why);
    assert_null(second);
    assert_non_null(strstr(k->why, "in use by another host"));
}

static void test_folder_of_another_user(void **state)
{
    struct kit *k = *state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(mkdir(k->dir, 0700), 0);
    assert_int_equal(chown(k->dir, 12345, 12345), 0);
    expect_refused(k, "is user 12345's, not ours (0)");
}

static void test_backup_while_open(void **state)
{
    struct kit *k = *state;
    struct seen s;
    char to[300];
    snprintf(to, sizeof to, "%s/backup", getenv("TMPDIR"));
    kit_open(k, NULL);
    accept_large(k, 1, "one");
    assert_int_equal(kit_do(k, kit_accept(k, 2, "two", "{}")), CODE_OK);
    if (journal_backup(k->dir, to, k->why) < 0)
        fail_msg("%s", k->why);
    assert_int_equal(journal_backup(k->dir, to, k->why), -1);
    assert_non_null(strstr(k->why, "File exists"));
    assert_int_equal(kit_do(k, kit_seq(k, JOURNAL_FORGET, 1)), CODE_OK);
    kit_close(k);
    snprintf(k->dir, sizeof k->dir, "%.200s", to);
    assert_int_equal(replay(k, &s), 0);
    assert_int_equal(s.n, 2);
    assert_int_equal(s.n_faulty, 0);
}

static void test_backup_needs_its_files(void **state)
{
    struct kit *k = *state;
    char to[300];
    snprintf(to, sizeof to, "%s/backup-2", getenv("TMPDIR"));
    kit_open(k, NULL);
    accept_large(k, 1, "one");
    assert_int_equal(unlink(only_file(k)), 0);
    assert_int_equal(journal_backup(k->dir, to, k->why), -1);
    assert_non_null(strstr(k->why, "files are missing"));
    assert_int_equal(journal_backup("/nonexistent", to, k->why), -1);
    assert_non_null(strstr(k->why, "no host has run with this state_dir"));
}

static int remember_json(void *arg, const char *json, size_t len)
{
    char *text = arg;
    size_t n = strlen(text);
    snprintf(text + n, 8000 - n, "%.*s\n", (int)len, json);
    return 0;
}

static int stop_at_once(void *arg, const char *json, size_t len)
{
    (void)arg;
    (void)json;
    (void)len;
    return -1;
}

static void test_export(void **state)
{
    struct kit *k = *state;
    char text[8000] = "";
    const struct journal_frame frames[] = {{"a", "image/png", {"\xff\xfe", 2}}};
    kit_open(k, NULL);
    struct kit_op *o = kit_op(k, JOURNAL_OWNER);
    o->op.u.owner = (struct journal_owner){
        .number = 1, .client = "c1", .resume_hash = "secret-hash", .curve_key = "secret-key"};
    assert_int_equal(kit_do(k, o), CODE_OK);
    o = kit_accept(k, 1, "one", "{\"pipeline\":\"echo\"}");
    o->op.u.task.frames = frames;
    o->op.u.task.n_frames = 1;
    assert_int_equal(kit_do(k, o), CODE_OK);
    assert_int_equal(kit_do(k, kit_accept(k, 2, "two", "no json")), CODE_OK);
    assert_int_equal(kit_do(k, kit_finish(k, 2, "{\"n\":1}")), CODE_OK);
    assert_int_equal(journal_export(k->dir, remember_json, text, k->why), 0);
    static const char *const words[] = {"\"client\":\"c1\"",
                                        "\"header\":{\"pipeline\":\"echo\"}",
                                        "\"media_type\":\"image/png\",\"base64\":\"//4=\"}",
                                        "\"header\":{\"text\":\"no json\"}",
                                        "\"data\":{\"n\":1}",
                                        "\"phase\":\"unacknowledged\""};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strstr(text, words[i]) == NULL)
            fail_msg("%s is not in %s", words[i], text);
    }
    assert_null(strstr(text, "secret"));
    assert_int_equal(journal_export(k->dir, stop_at_once, text, k->why), -1);
    assert_non_null(strstr(k->why, "could not be written"));
    struct journal_summary s;
    assert_int_equal(journal_summarize(k->dir, &s, k->why), 0);
    assert_true(s.tasks[JOURNAL_OPEN] == 1 && s.tasks[JOURNAL_UNACKNOWLEDGED] == 1);
    assert_true(s.version == s.known_version && s.file_bytes > 0 && s.free_bytes > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_spool),
                                       TEST(test_modes),
                                       TEST(test_orphans_go),
                                       TEST(test_file_missing),
                                       TEST(test_file_of_another_kind),
                                       TEST(test_migrated),
                                       TEST(test_newer_version),
                                       TEST(test_no_copy_no_migration),
                                       TEST(test_step_fails),
                                       TEST(test_of_another_program),
                                       TEST(test_no_database),
                                       TEST(test_damaged_page),
                                       TEST(test_damaged_while_open),
                                       TEST(test_values_that_cannot_be),
                                       TEST(test_strays_are_found),
                                       TEST(test_one_host_only),
                                       TEST(test_folder_of_another_user),
                                       TEST(test_backup_while_open),
                                       TEST(test_backup_needs_its_files),
                                       TEST(test_export)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
