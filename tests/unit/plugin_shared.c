/* plugin_shared.c: folders of plugins, and claims against the plugin's own promises. */
#include "cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugin/catalog.h"
#include "plugin/claim.h"
#include "plugin/folder.h"

static void make_file(const char *dir, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    close(fd);
}

static void make_dir(const char *dir, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(mkdir(path, 0755), 0);
}

static void files_of_a_folder(void **state)
{
    char dir[256];
    char *dirs[2];
    struct folder_files f = {NULL, 0};
    (void)state;
    snprintf(dir, sizeof dir, "%s/folder-XXXXXX",
             getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
    assert_non_null(mkdtemp(dir));
    make_file(dir, "b.so");
    make_file(dir, "a.so");
    make_file(dir, ".hidden.so");
    make_file(dir, "notes.txt");
    make_dir(dir, "own");
    make_dir(dir, "empty");
    make_file(dir, "own/own.so");
    make_file(dir, "own/libhelp.so");
    dirs[0] = (char *)(uintptr_t) "/nowhere/at/all";
    dirs[1] = dir;
    assert_int_equal(folder_list(&f, dirs, 2, NULL), 0);
    assert_int_equal(f.n, 3);
    static const char *const expected[] = {"/a.so", "/b.so", "/own/own.so"};
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(f.paths[i] + strlen(dir), expected[i]);
    folder_files_clear(&f);
    assert_int_equal(f.n, 0);
}

static const char report[] = "{\"abi\":[1,0],\"id\":\"t\",\"version\":\"1\",\"pipelines\":[{"
                             "\"slug\":\"p\",\"version\":\"1\",\"task_type\":\"p\","
                             "\"has_open\":false,\"needs\":[],\"output_statuses\":[\"partial\"],"
                             "\"result_schema\":{\"type\":\"object\",\"required\":[\"n\"],"
                             "\"properties\":{\"n\":{\"type\":\"integer\"}}}}]}";

static void claims(void **state)
{
    static const struct {
        const char *status, *data;
        int rc;
        const char *word; /* in the message */
    } rows[] = {
        {"success", "{\"n\":1}", 0, ""},
        {"success", "{\"n\":\"x\"}", -1, "/n"},
        {"success", "{}", -1, "schema"},
        {"success", "", -1, "schema"},
        {"success", "{\"n\":", -1, "not JSON"},
        {"partial", "[]", 0, ""},
        {"other", "{\"n\":1}", -1, "output_statuses"},
    };
    (void)state;
    struct catalog *c = catalog_new();
    assert_int_equal(catalog_add(c, "/t.so", report, strlen(report)), 0);
    assert_int_equal(catalog_settle(c), 0);
    const struct catalog_pipeline *p = catalog_find(c, "p");
    assert_non_null(p);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char message[256];
        assert_int_equal(claim_check(p, rows[i].status, rows[i].data, strlen(rows[i].data), message,
                                     sizeof message),
                         rows[i].rc);
        assert_non_null(strstr(message, rows[i].word));
    }
    catalog_unref(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(files_of_a_folder),
                                       cmocka_unit_test(claims)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
