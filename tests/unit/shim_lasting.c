/* shim_lasting.c: what a shim keeps over a restart, what it remembers of results that were delivered, and which work is
 * the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/avtomatika.h"
#include "shim/resume.h"
#include "shim/told.h"

static char *state_dir(const char *name)
{
    char *path = NULL;
    const char *top = getenv("TMPDIR");
    assert_true(asprintf(&path, "%s/%s-%ld", top != NULL ? top : "/tmp", name, (long)getpid()) > 0);
    return path;
}

static struct resume *open_it(const char *dir)
{
    struct resume *r = resume_open(dir, "x", getuid(), getgid());
    assert_non_null(r);
    return r;
}

static char *file_of(const char *dir, const char *name)
{
    char *path = NULL;
    assert_true(asprintf(&path, "%s/client.x/%s", dir, name) > 0);
    return path;
}

static void test_secret(void **state)
{
    struct stat st;
    char *dir = state_dir("kept"), *path = file_of(dir, "resume");
    (void)state;
    struct resume *r = open_it(dir);
    assert_null(resume_secret(r));
    assert_int_equal(resume_keep(r, "abc-1_Z"), 0);
    assert_int_equal(resume_keep(r, resume_secret(r)), 0);
    resume_free(r);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    r = open_it(dir);
    assert_string_equal(resume_secret(r), "abc-1_Z");
    assert_int_equal(resume_keep(r, "other"), 0);
    resume_free(r);
    r = open_it(dir);
    assert_string_equal(resume_secret(r), "other");
    /* What is no secret is neither kept nor believed. */
    assert_int_equal(resume_keep(r, "a b"), -1);
    assert_int_equal(errno, EINVAL);
    assert_string_equal(resume_secret(r), "other");
    resume_free(r);
    free(path);
    free(dir);
}

/* A link in the folder, to whatever root may read, is not followed, and a leftover is no hindrance. */
static void test_secret_and_links(void **state)
{
    char *dir = state_dir("links"), *path = file_of(dir, "resume"),
         *aside = file_of(dir, "resume.new");
    char *target = file_of(dir, "target");
    struct stat st;
    (void)state;
    resume_free(open_it(dir));
    FILE *f = fopen(target, "w");
    assert_non_null(f);
    fputs("secret-of-another\n", f);
    fclose(f);
    assert_int_equal(symlink("target", path), 0);
    assert_int_equal(symlink("target", aside), 0);
    struct resume *r = open_it(dir);
    assert_null(resume_secret(r));
    assert_int_equal(resume_keep(r, "mine"), 0);
    resume_free(r);
    assert_int_equal(lstat(path, &st), 0);
    assert_true(S_ISREG(st.st_mode));
    assert_int_equal(stat(target, &st), 0);
    assert_int_equal(st.st_size, strlen("secret-of-another\n"));
    free(path);
    free(aside);
    free(target);
    free(dir);
}

static void test_no_folder(void **state)
{
    (void)state;
    struct resume *r = open_it("/proc/no-such-folder");
    assert_null(resume_secret(r));
    assert_int_equal(resume_keep(r, "abc"), -1);
    assert_string_equal(resume_secret(r), "abc");
    resume_free(r);
}

static void test_told(void **state)
{
    char id[16];
    struct told *t = told_new();
    (void)state;
    assert_non_null(t);
    told_add(t, "a");
    assert_true(told_has(t, "a"));
    assert_false(told_has(t, "b"));
    told_remove(t, "a");
    told_remove(t, "b");
    assert_false(told_has(t, "a"));
    told_add(t, "a");
    for (int i = 0; i < 1022; i++) {
        snprintf(id, sizeof id, "%d", i);
        told_add(t, id);
    }
    /* The first "a" has left the ring; the second one is still in it. */
    assert_true(told_has(t, "a"));
    told_add(t, "c");
    assert_true(told_has(t, "a"));
    told_add(t, "d");
    assert_false(told_has(t, "a"));
    assert_true(told_has(t, "0"));
    assert_true(told_has(t, "1021"));
    told_free(t);
}

static void test_same_work(void **state)
{
    static const struct {
        const char *old_job, *old_task, *new_job, *new_task;
        bool is_same;
    } rows[] = {
        {"j", "task-1", "j", "task-2", true},  {"j", "task-1", "k", "task-2", false},
        {"j", "task-1", "j", "task-1", false}, {"j", "branch", "j", "task-2", false},
        {"j", "task-1", "j", "branch", false}, {"j", "branch-1", "j", "branch-2", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *texts[] = {strdup(rows[i].old_job), strdup(rows[i].old_task), strdup(rows[i].new_job),
                         strdup(rows[i].new_task)};
        const struct avt_order older = {.job_id = texts[0], .task_id = texts[1]};
        const struct avt_order newer = {.job_id = texts[2], .task_id = texts[3]};
        assert_int_equal(avt_is_same_work(&older, &newer), rows[i].is_same);
        for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
            free(texts[k]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_secret),    cmocka_unit_test(test_secret_and_links),
        cmocka_unit_test(test_no_folder), cmocka_unit_test(test_told),
        cmocka_unit_test(test_same_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
