/* plugin_identity.c: whether a plugin's file is still the one that was looked at. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "plugin/identity.h"

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void rename_over(const char *from, const char *to)
{
    write_file(from, "text");
    assert_int_equal(rename(from, to), 0);
}

static void sign(const char *from, const char *to)
{
    (void)from;
    char name[64];
    snprintf(name, sizeof name, "%s.sig", to);
    write_file(name, "signature");
}

static void rewrite(const char *from, const char *to)
{
    (void)from;
    write_file(to, "more text");
}

static void replace_library(const char *from, const char *to)
{
    (void)to;
    rename_over(from, "own/libhelp.so.1");
}

static void touch_neighbour(const char *from, const char *to)
{
    (void)from;
    (void)to;
    write_file("neighbour.so", "text");
}

static void nothing(const char *from, const char *to)
{
    (void)from;
    (void)to;
}

static const struct {
    const char *path;
    void (*change)(const char *from, const char *to);
    bool is_same;
} rows[] = {
    {"flat.so", nothing, true},
    {"flat.so", touch_neighbour, true},
    {"flat.so", rewrite, false},
    {"flat.so", rename_over, false},
    {"flat.so", sign, false},
    {"own/own.so", nothing, true},
    {"own/own.so", rewrite, false},
    {"own/own.so", replace_library, false},
    {"own/own.so", touch_neighbour, true},
};

static void test_what_changes_it(void **state)
{
    (void)state;
    mkdir("own", 0755);
    write_file("flat.so", "text");
    write_file("own/own.so", "text");
    write_file("own/libhelp.so.1", "text");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct file_identity before, after;
        file_identity_read(&before, rows[i].path);
        assert_true(file_identity_exists(&before));
        rows[i].change("new", rows[i].path);
        file_identity_read(&after, rows[i].path);
        assert_int_equal(file_identity_same(&before, &after), rows[i].is_same);
    }
}

static void test_absent(void **state)
{
    (void)state;
    struct file_identity id;
    file_identity_read(&id, "nowhere.so");
    assert_false(file_identity_exists(&id));
}

/* Nobody can make a file look old: the time of its last change counts too. */
static void test_age(void **state)
{
    (void)state;
    const struct timespec long_ago[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    struct file_identity id;
    write_file("young.so", "text");
    assert_int_equal(utimensat(AT_FDCWD, "young.so", long_ago, 0), 0);
    file_identity_read(&id, "young.so");
    assert_in_range(file_identity_age_ms(&id, clock_wall_ms()) + 1000, 0, 61000);
    static const struct file_identity at = {.modified_ns = 5000000000, .changed_ns = 7000000000};
    assert_int_equal(file_identity_age_ms(&at, 7500), 500);
    assert_true(file_identity_age_ms(&at, 6000) < 0);
}

int main(void)
{
    char folder[] = "/tmp/penstock-identity-XXXXXX";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_changes_it),
        cmocka_unit_test(test_absent),
        cmocka_unit_test(test_age),
    };
    const char *own = getenv("TMPDIR");
    if (own == NULL)
        own = mkdtemp(folder);
    if (own == NULL || chdir(own) < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
