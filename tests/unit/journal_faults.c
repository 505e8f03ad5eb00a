/* journal_faults.c: a disk that is full, fails, or may not be written to. Each test has a small file
 * system of its own, for which it has to be root. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <sqlite3.h>

#include "journal_kit.h"

#include "base/fault.h"

enum { MIB = 1024 * 1024, SKIPPED = 77 };

static char disk[256];

static int disk_setup(void **state)
{
    if (mount("tmpfs", disk, "tmpfs", 0, "size=16m") < 0 || kit_setup(state) < 0)
        return -1;
    struct kit *k = *state;
    snprintf(k->dir, sizeof k->dir, "%.200s/journal", disk);
    k->options.ballast_bytes = 2 * MIB;
    k->options.low_water_bytes = MIB;
    return 0;
}

static int disk_teardown(void **state)
{
    int rc = kit_teardown(state);
    return umount2(disk, MNT_DETACH) == 0 ? rc : -1;
}

static const char *filler(void)
{
    static char path[300];
    snprintf(path, sizeof path, "%s/filler", disk);
    return path;
}

/* But for what is left. */
static void fill_disk(int64_t left)
{
    struct statvfs v;
    int fd = open(filler(), O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(statvfs(disk, &v), 0);
    assert_int_equal(posix_fallocate(fd, 0, (int64_t)(v.f_bavail * v.f_frsize) - left), 0);
    close(fd);
}

static struct journal_status status(struct kit *k)
{
    struct journal_status s;
    journal_status(k->journal, &s);
    return s;
}

/* Tries with a new task each until one is taken. */
static void until_taken(struct kit *k, uint64_t seq)
{
    for (;; seq++) {
        char id[32];
        snprintf(id, sizeof id, "again-%u", (unsigned)seq);
        if (kit_do(k, kit_accept(k, seq, id, "{}")) == CODE_OK)
            return;
        usleep(20000); /* the disk is looked at from time to time */
    }
}

static void test_full_with_ballast(void **state)
{
    struct kit *k = *state;
    const char *why;
    char *large = test_calloc(1, 512 * 1024);
    memset(large, 'x', 512 * 1024 - 1);
    kit_open(k, NULL);
    assert_int_equal(kit_do(k, kit_accept(k, 1, "one", "{}")), CODE_OK);
    assert_true(journal_takes(k->journal, &why));
    assert_int_equal(status(k).ballast_bytes, 2 * MIB);
    fill_disk(0);
    assert_int_equal(kit_do(k, kit_accept(k, 2, "two", "{}")), CODE_STORAGE_UNAVAILABLE);
    assert_non_null(strstr(k->why, "is full: 0 MiB free, 1 MiB wanted"));
    assert_false(journal_takes(k->journal, &why));
    assert_non_null(strstr(why, "is full"));
    assert_int_equal(kit_do(k, kit_finish(k, 1, large)), CODE_OK);
    assert_int_equal(status(k).ballast_bytes, 0);
    assert_int_equal(kit_do(k, kit_accept(k, 3, "three", "{}")), CODE_STORAGE_UNAVAILABLE);
    assert_int_equal(unlink(filler()), 0);
    until_taken(k, 10);
    assert_int_equal(kit_do(k, kit_op(k, JOURNAL_BARRIER)), CODE_OK);
    assert_int_equal(status(k).ballast_bytes, 2 * MIB);
    assert_int_equal(kit_row(k, 1)->result.data.len, 512 * 1024 - 1);
    assert_null(kit_row(k, 2));
    test_free(large);
}

static void test_verdicts_wait_for_room(void **state)
{
    struct kit *k = *state;
    char *large = test_calloc(1, 64 * 1024);
    memset(large, 'x', 64 * 1024 - 1);
    k->options.ballast_bytes = 0;
    k->options.spool_above = MIB; /* through the file, not beside it */
    kit_open(k, NULL);
    assert_int_equal(kit_do(k, kit_accept(k, 1, "one", "{}")), CODE_OK);
    fill_disk(0);
    struct kit_op *finish = kit_finish(k, 1, large), *accept = kit_accept(k, 2, "two", "{}");
    struct kit_op *ack = kit_seq(k, JOURNAL_ACK, 1);
    kit_put(k, finish);
    kit_put(k, accept);
    kit_put(k, ack);
    journal_flush(k->journal);
    kit_wait(k, &accept->is_done); /* refused at once */
    assert_int_equal(accept->code, CODE_STORAGE_UNAVAILABLE);
    assert_false(finish->is_done);
    assert_int_equal(status(k).waiting, 2);
    assert_int_equal(unlink(filler()), 0);
    kit_wait(k, &ack->is_done);
    assert_true(finish->is_done && finish->order < ack->order);
    assert_int_equal(finish->code, CODE_OK);
    until_taken(k, 10);
    assert_int_equal(kit_row(k, 1)->phase, JOURNAL_CLOSED);
    test_free(finish);
    test_free(accept);
    test_free(ack);
    test_free(large);
}

/* Closing does not wait for a disk that takes nothing; it tells what is lost. */
static void test_lost_at_close(void **state)
{
    struct kit *k = *state;
    char *large = test_calloc(1, 64 * 1024);
    memset(large, 'x', 64 * 1024 - 1);
    k->options.ballast_bytes = 0;
    kit_open(k, NULL);
    assert_int_equal(kit_do(k, kit_accept(k, 1, "one", "{}")), CODE_OK);
    fill_disk(0);
    struct kit_op *finish = kit_finish(k, 1, large);
    kit_put(k, finish);
    assert_int_equal(kit_close(k), 1);
    assert_true(finish->is_done);
    assert_int_equal(finish->code, CODE_STORAGE_UNAVAILABLE);
    assert_int_equal(unlink(filler()), 0);
    kit_open(k, NULL);
    assert_int_equal(kit_row(k, 1)->phase, JOURNAL_OPEN);
    test_free(finish);
    test_free(large);
}

/* At the mark intake does not open and close with each byte. */
static void test_a_little_more_to_open_again(void **state)
{
    struct kit *k = *state;
    const char *why;
    k->options.ballast_bytes = 0;
    k->options.low_water_bytes = 8 * MIB;
    kit_open(k, NULL);
    fill_disk(8 * MIB - 4096);
    assert_int_equal(kit_do(k, kit_accept(k, 1, "one", "{}")), CODE_STORAGE_UNAVAILABLE);
    assert_int_equal(unlink(filler()), 0);
    fill_disk(8 * MIB + 128 * 1024);
    assert_int_equal(kit_do(k, kit_accept(k, 2, "two", "{}")), CODE_STORAGE_UNAVAILABLE);
    assert_int_equal(unlink(filler()), 0);
    until_taken(k, 10);
    fill_disk(8 * MIB + 128 * 1024);
    assert_int_equal(kit_do(k, kit_accept(k, 3, "three", "{}")), CODE_OK);
    assert_true(journal_takes(k->journal, &why));
}

/* ---- a disk that answers with an error ---- */

static atomic_int write_error; /* errno; 0: all is well */
static ssize_t (*true_pwrite)(int fd, const void *bytes, size_t n, off_t at);

static ssize_t bad_pwrite(int fd, const void *bytes, size_t n, off_t at)
{
    if (write_error != 0) {
        errno = write_error;
        return -1;
    }
    return true_pwrite(fd, bytes, n, at);
}

static void watch_writes(void)
{
    sqlite3_vfs *v = sqlite3_vfs_find(NULL);
    const char *const names[] = {"pwrite", "pwrite64"};
    for (size_t i = 0; i < 2; i++) {
        sqlite3_syscall_ptr was = v->xGetSystemCall(v, names[i]);
        if (was == NULL)
            continue;
        true_pwrite = (ssize_t(*)(int, const void *, size_t, off_t))was;
        assert_int_equal(v->xSetSystemCall(v, names[i], (sqlite3_syscall_ptr)bad_pwrite),
                         SQLITE_OK);
    }
}

static void fails_and_recovers(struct kit *k, int error, const char *text)
{
    const char *why;
    kit_open(k, NULL);
    assert_int_equal(kit_do(k, kit_accept(k, 1, "one", "{}")), CODE_OK);
    write_error = error;
    struct kit_op *finish = kit_finish(k, 1, "{}");
    kit_put(k, finish);
    assert_int_equal(kit_do(k, kit_accept(k, 2, "two", "{}")), CODE_STORAGE_UNAVAILABLE);
    if (strstr(k->why, text) == NULL)
        fail_msg("%s", k->why);
    assert_false(journal_takes(k->journal, &why));
    assert_int_equal(kit_do(k, kit_accept(k, 3, "three", "{}")), CODE_STORAGE_UNAVAILABLE);
    assert_false(finish->is_done);
    assert_true(status(k).failed_commits > 0);
    write_error = 0;
    kit_wait(k, &finish->is_done);
    assert_int_equal(finish->code, CODE_OK);
    until_taken(k, 10);
    assert_int_equal(kit_row(k, 1)->phase, JOURNAL_UNACKNOWLEDGED);
    test_free(finish);
    kit_close(k);
}

static void test_disk_errors(void **state)
{
    struct kit *k = *state;
    watch_writes();
    fails_and_recovers(k, EIO, "Input/output error");
    snprintf(k->dir, sizeof k->dir, "%.200s/second", disk);
    fails_and_recovers(k, EROFS, "Read-only file system");
    sqlite3_vfs *v = sqlite3_vfs_find(NULL);
    v->xSetSystemCall(v, NULL, NULL);
}

/* Each failure point once: what may be refused is, the verdict comes when the point is passed. */
static void test_failure_points(void **state)
{
    static const char *const points[] = {"journal_commit", "journal_spool_write",
                                         "journal_spool_sync", "journal_spool_dir"};
    struct kit *k = *state;
    char *large = test_calloc(1, 64 * 1024);
    memset(large, 'x', 64 * 1024 - 1);
    for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
        snprintf(k->dir, sizeof k->dir, "%.200s/point-%zu", disk, i);
        kit_open(k, NULL);
        assert_int_equal(kit_do(k, kit_accept(k, 1, "one", "{}")), CODE_OK);
        setenv("PENSTOCK_FAULT", points[i], 1);
        fault_setup();
        struct kit_op *accept = kit_accept(k, 2, "two", "{}");
        kit_put(k, accept);
        assert_int_equal(kit_do(k, kit_finish(k, 1, large)), CODE_OK);
        assert_int_equal(accept->code, CODE_STORAGE_UNAVAILABLE);
        assert_int_equal(status(k).failed_commits, 1);
        assert_int_equal(kit_row(k, 1)->result.data.len, 64 * 1024 - 1);
        assert_null(kit_row(k, 2));
        test_free(accept);
        kit_close(k);
    }
    unsetenv("PENSTOCK_FAULT");
    test_free(large);
}

/* A file that cannot be read costs that task. */
static void test_spool_that_cannot_be_read(void **state)
{
    struct kit *k = *state;
    char *large = test_calloc(1, 64 * 1024);
    memset(large, 'x', 64 * 1024 - 1);
    kit_open(k, NULL);
    assert_int_equal(kit_do(k, kit_accept(k, 1, "one", "{}")), CODE_OK);
    assert_int_equal(kit_do(k, kit_finish(k, 1, large)), CODE_OK);
    setenv("PENSTOCK_FAULT", "journal_spool_read", 1);
    fault_setup();
    assert_non_null(kit_row(k, 1)->result.fault);
    assert_null(kit_row(k, 1)->result.fault);
    unsetenv("PENSTOCK_FAULT");
    test_free(large);
}

static void test_no_ballast_to_be_had(void **state)
{
    struct kit *k = *state;
    const char *why;
    setenv("PENSTOCK_FAULT", "journal_ballast", 1);
    fault_setup();
    kit_open(k, NULL);
    assert_int_equal(kit_do(k, kit_accept(k, 1, "one", "{}")), CODE_OK); /* there is room */
    assert_true(journal_takes(k->journal, &why));
    assert_int_equal(kit_do(k, kit_accept(k, 2, "two", "{}")), CODE_OK);
    assert_int_equal(status(k).ballast_bytes, 2 * MIB); /* the next look took it */
    unsetenv("PENSTOCK_FAULT");
}

/* With nothing to write it is found out by itself that the disk works again. */
static void test_error_is_over_without_work(void **state)
{
    struct kit *k = *state;
    const char *why;
    watch_writes();
    kit_open(k, NULL);
    write_error = EIO;
    assert_int_equal(kit_do(k, kit_accept(k, 1, "one", "{}")), CODE_STORAGE_UNAVAILABLE);
    write_error = 0;
    while (!journal_takes(k->journal, &why))
        usleep(1000);
    sqlite3_vfs *v = sqlite3_vfs_find(NULL);
    v->xSetSystemCall(v, NULL, NULL);
}

static void test_opened_read_only(void **state)
{
    struct kit *k = *state;
    kit_open(k, NULL);
    kit_close(k);
    assert_int_equal(mount("none", disk, "none", MS_REMOUNT | MS_RDONLY, NULL), 0);
    assert_null(journal_open(&k->options, k->why));
    if (strstr(k->why, "Read-only file system") == NULL)
        fail_msg("%s", k->why);
}

static void test_opened_full(void **state)
{
    struct kit *k = *state;
    const char *why;
    kit_open(k, NULL);
    assert_int_equal(kit_do(k, kit_accept(k, 1, "one", "{}")), CODE_OK);
    kit_close(k);
    fill_disk(0);
    kit_open(k, NULL);
    assert_int_equal(kit_do(k, kit_accept(k, 2, "two", "{}")), CODE_STORAGE_UNAVAILABLE);
    assert_false(journal_takes(k->journal, &why));
    assert_int_equal(kit_do(k, kit_finish(k, 1, "{}")), CODE_OK); /* ballast is still there */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, disk_setup, disk_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_full_with_ballast),
                                       TEST(test_verdicts_wait_for_room),
                                       TEST(test_lost_at_close),
                                       TEST(test_disk_errors),
                                       TEST(test_error_is_over_without_work),
                                       TEST(test_opened_read_only),
                                       TEST(test_opened_full),
                                       TEST(test_failure_points),
                                       TEST(test_a_little_more_to_open_again),
                                       TEST(test_spool_that_cannot_be_read),
                                       TEST(test_no_ballast_to_be_had)};
    snprintf(disk, sizeof disk, "%s/disk", getenv("TMPDIR"));
    if (mkdir(disk, 0700) < 0 || unshare(CLONE_NEWNS) < 0 ||
        mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0)
        return SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
