/* sandbox_tree.c: a directory is emptied, and nothing beside it, while another process moves what is
 * in it. A zygote that a plugin has taken over can do that: the task directories of its box are its
 * own too. */
#include "sandbox/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmocka_all.h"

#include "base/fdutil.h"

enum { FILES = 20000 /* time enough for the other process to see the first one go */ };

struct fixture {
    char path[200];
    int top, slot; /* the slot's directory lies in top, beside a file that is not the slot's */
};

static void make_file(int at, const char *name)
{
    int fd = openat(at, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    fd_close(&fd);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    const char *tmp = getenv("TMPDIR");
    assert_non_null(f);
    snprintf(f->path, sizeof f->path, "%s/tree-XXXXXX", tmp != NULL ? tmp : "/tmp");
    assert_non_null(mkdtemp(f->path));
    f->top = open(f->path, O_DIRECTORY | O_CLOEXEC);
    assert_true(f->top >= 0);
    assert_int_equal(mkdirat(f->top, "slot", 0700), 0);
    f->slot = tree_open(f->top, "slot");
    assert_true(f->slot >= 0);
    make_file(f->top, "beside");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    tree_empty(f->top);
    fd_close(&f->slot);
    fd_close(&f->top);
    rmdir(f->path);
    free(f);
    return 0;
}

static void make_dirs(const struct fixture *f, const char *const *names)
{
    for (; *names != NULL; names++)
        assert_int_equal(mkdirat(f->slot, *names, 0700), 0);
}

static void what_a_task_leaves(void **state)
{
    static const char *const dirs[] = {"a", "a/b", "a/b/c", "d", NULL};
    const struct fixture *f = *state;
    make_dirs(f, dirs);
    make_file(f->slot, "a/b/c/file");
    make_file(f->slot, "file");
    assert_int_equal(symlinkat("..", f->slot, "d/up"), 0);
    assert_int_equal(tree_is_empty(f->slot), 0);
    assert_int_equal(tree_empty(f->slot), 0);
    assert_int_equal(tree_is_empty(f->slot), 1);
    assert_int_equal(faccessat(f->top, "beside", F_OK, 0), 0);
}

/* Moves a/b up into the slot as soon as something in it is removed. */
static pid_t start_mover(const struct fixture *f)
{
    char path[300];
    const int watch = inotify_init1(IN_CLOEXEC);
    snprintf(path, sizeof path, "%s/slot/a/b", f->path);
    assert_true(watch >= 0 && inotify_add_watch(watch, path, IN_DELETE) >= 0);
    const pid_t pid = fork();
    if (pid == 0) {
        char event[4096];
        if (read(watch, event, sizeof event) <= 0)
            _exit(2);
        _exit(renameat(f->slot, "a/b", f->slot, "b") < 0);
    }
    close(watch);
    assert_true(pid > 0);
    return pid;
}

/* Two steps down and one up again end beside the slot. */
static void a_directory_that_is_moved_up(void **state)
{
    static const char *const dirs[] = {"a", "a/b", NULL};
    const struct fixture *f = *state;
    int status;
    make_dirs(f, dirs);
    for (int i = 0; i < FILES; i++) {
        char name[32];
        snprintf(name, sizeof name, "a/b/%d", i);
        make_file(f->slot, name);
    }
    const pid_t pid = start_mover(f);
    errno = 0;
    const int rc = tree_empty(f->slot);
    const int error = errno;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(faccessat(f->top, "beside", F_OK, 0), 0);
    assert_int_equal(faccessat(f->top, "slot", F_OK, 0), 0);
    /* Where the mover came late, there was nothing to refuse. */
    assert_true(rc == 0 || error == EBUSY);
    assert_true(rc < 0 || tree_is_empty(f->slot) == 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_a_task_leaves),
        TEST(a_directory_that_is_moved_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
