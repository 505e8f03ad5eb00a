/* base_secret_file.c: which files are taken as secret. */
#include "cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/secret_file.h"

enum { LIMIT = 64, SOMEBODY = 1899990003 };

struct fixture {
    char dir[200], file[256], link[256], pipe[256];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    const char *tmp = getenv("TMPDIR");
    assert_non_null(f);
    snprintf(f->dir, sizeof f->dir, "%s/secret-XXXXXX", tmp != NULL ? tmp : "/tmp");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->file, sizeof f->file, "%s/file", f->dir);
    snprintf(f->link, sizeof f->link, "%s/link", f->dir);
    snprintf(f->pipe, sizeof f->pipe, "%s/pipe", f->dir);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    unlink(f->file);
    unlink(f->link);
    unlink(f->pipe);
    rmdir(f->dir);
    free(f);
    return 0;
}

static void put(const struct fixture *f, size_t n, mode_t mode)
{
    char bytes[2 * LIMIT];
    memset(bytes, 's', sizeof bytes);
    int fd = open(f->file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0 && fd_write_all(fd, bytes, n) == 0 && fchmod(fd, mode) == 0);
    close(fd);
}

static int read_file(const char *path, size_t *n, char *why)
{
    struct buf b = BUF_INIT(LIMIT);
    why[0] = '\0';
    const int rc = secret_file_read(path, &b, why);
    const int saved = errno;
    *n = b.len;
    secret_file_clear(&b);
    errno = saved;
    return rc;
}

static void modes(void **state)
{
    const struct fixture *f = *state;
    static const struct {
        mode_t mode;
        bool is_taken;
    } rows[] = {{0600, true},  {0400, true},  {0640, false}, {0660, false}, {0604, false},
                {0602, false}, {0620, false}, {0601, false}, {0644, false}, {0700, true}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char why[SECRET_FILE_WHY];
        size_t n;
        put(f, 10, rows[i].mode);
        const int rc = read_file(f->file, &n, why);
        if ((rc == 0) != rows[i].is_taken)
            fail_msg("mode %04o: %d", rows[i].mode, rc);
        assert_int_equal(n, rc == 0 ? 10 : 0);
        if (rc < 0)
            assert_true(errno == EACCES && strstr(why, "chmod 600") != NULL);
    }
}

/* What belongs to another one could be changed by him. */
static void owners(void **state)
{
    const struct fixture *f = *state;
    char why[SECRET_FILE_WHY];
    size_t n;
    if (geteuid() != 0)
        skip();
    put(f, 10, 0600);
    assert_int_equal(chown(f->file, SOMEBODY, SOMEBODY), 0);
    assert_int_equal(read_file(f->file, &n, why), -1);
    assert_true(errno == EACCES && strstr(why, "chown") != NULL);
}

/* Root's own file may be read by the group of whoever root has started. */
static void of_root_for_our_group(void **state)
{
    const struct fixture *f = *state;
    static const struct {
        mode_t mode;
        bool is_taken;
    } rows[] = {{0640, true}, {0440, true}, {0644, false}, {0660, false}};
    if (geteuid() != 0)
        skip();
    assert_int_equal(chmod(f->dir, 0755), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char why[SECRET_FILE_WHY];
        size_t n;
        put(f, 10, rows[i].mode);
        assert_int_equal(chown(f->file, 0, SOMEBODY), 0);
        assert_true(setegid(SOMEBODY) == 0 && seteuid(SOMEBODY) == 0);
        const int rc = read_file(f->file, &n, why);
        assert_true(seteuid(0) == 0 && setegid(0) == 0);
        if ((rc == 0) != rows[i].is_taken)
            fail_msg("mode %04o: %s", rows[i].mode, why);
    }
}

static void sizes(void **state)
{
    const struct fixture *f = *state;
    static const struct {
        size_t size;
        int rc;
    } rows[] = {{0, 0}, {1, 0}, {LIMIT - 1, 0}, {LIMIT, -1}, {LIMIT + 1, -1}, {2 * LIMIT, -1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char why[SECRET_FILE_WHY];
        size_t n;
        put(f, rows[i].size, 0600);
        if (read_file(f->file, &n, why) != rows[i].rc)
            fail_msg("%zu bytes: %s", rows[i].size, why);
        if (rows[i].rc == 0)
            assert_int_equal(n, rows[i].size);
        else
            assert_int_equal(errno, EMSGSIZE);
    }
}

static void kinds(void **state)
{
    const struct fixture *f = *state;
    char why[SECRET_FILE_WHY];
    size_t n;
    put(f, 10, 0600);
    assert_int_equal(symlink("file", f->link), 0);
    assert_int_equal(mkfifo(f->pipe, 0600), 0);
    assert_int_equal(read_file(f->link, &n, why), 0);
    assert_int_equal(read_file(f->pipe, &n, why), -1);
    assert_non_null(strstr(why, "regular file"));
    assert_int_equal(read_file(f->dir, &n, why), -1);
    assert_int_equal(unlink(f->file), 0);
    assert_int_equal(read_file(f->link, &n, why), -1);
    assert_int_equal(errno, ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(modes, setup, teardown),
        cmocka_unit_test_setup_teardown(owners, setup, teardown),
        cmocka_unit_test_setup_teardown(of_root_for_our_group, setup, teardown),
        cmocka_unit_test_setup_teardown(sizes, setup, teardown),
        cmocka_unit_test_setup_teardown(kinds, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
