/* base_fdutil.c: whole reads and writes, and messages with descriptors. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cmocka_all.h"

#include "base/fdutil.h"

static void make_pair(int *pair)
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
}

static void close_pair(int *pair)
{
    fd_close(&pair[0]);
    fd_close(&pair[1]);
}

static void test_close(void **state)
{
    (void)state;
    int fd = dup(1), none = -1;
    int count = fd_count();
    errno = EXDEV;
    fd_close(&fd);
    fd_close(&fd);
    fd_close(&none);
    assert_int_equal(errno, EXDEV);
    assert_int_equal(fd, -1);
    assert_int_equal(fd_count(), count - 1);
}

static void test_flags(void **state)
{
    (void)state;
    int pipe_fds[2];
    assert_int_equal(pipe(pipe_fds), 0);
    assert_int_equal(fd_set_nonblock(pipe_fds[0], 1), 0);
    assert_true((fcntl(pipe_fds[0], F_GETFL) & O_NONBLOCK) != 0);
    assert_int_equal(fd_set_nonblock(pipe_fds[0], 0), 0);
    assert_true((fcntl(pipe_fds[0], F_GETFL) & O_NONBLOCK) == 0);
    assert_int_equal(fd_set_cloexec(pipe_fds[0], 1), 0);
    assert_int_equal(fcntl(pipe_fds[0], F_GETFD), FD_CLOEXEC);
    assert_int_equal(fd_set_cloexec(pipe_fds[0], 0), 0);
    assert_int_equal(fcntl(pipe_fds[0], F_GETFD), 0);
    close_pair(pipe_fds);
    assert_int_equal(fd_set_nonblock(-1, 1), -1);
    assert_int_equal(errno, EBADF);
}

static void test_whole_reads_and_writes(void **state)
{
    (void)state;
    int p[2];
    char got[10];
    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    assert_int_equal(fd_write_all(p[1], "hello", 5), 0);
    assert_int_equal(fd_write_all(p[1], NULL, 0), 0);
    assert_int_equal(fd_write_all(p[1], "world", 5), 0);
    assert_int_equal(fd_read_all(p[0], got, 10), 0);
    assert_memory_equal(got, "helloworld", 10);
    assert_int_equal(fd_write_all(p[1], "cut", 3), 0);
    fd_close(&p[1]);
    assert_int_equal(fd_read_all(p[0], got, 4), -1);
    assert_int_equal(errno, 0);
    fd_close(&p[0]);
    assert_int_equal(fd_read_all(-1, got, 1), -1);
    assert_int_equal(errno, EBADF);
    assert_int_equal(fd_write_all(-1, "x", 1), -1);
}

/* A peer that is gone is an error, not a signal. */
static void test_write_to_closed_socket(void **state)
{
    (void)state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    fd_close(&pair[1]);
    assert_int_equal(fd_write_all(pair[0], "x", 1), -1);
    assert_int_equal(errno, EPIPE);
    fd_close(&pair[0]);
    make_pair(pair);
    fd_close(&pair[1]);
    assert_int_equal(fd_send_message(pair[0], "x", 1, NULL, 0, 0), -1);
    assert_int_equal(errno, EPIPE);
    fd_close(&pair[0]);
}

static void test_messages(void **state)
{
    (void)state;
    int pair[2], fds[4];
    size_t n_fds = 4;
    char got[16];
    make_pair(pair);
    assert_int_equal(fd_send_message(pair[0], "one", 3, NULL, 0, 0), 0);
    assert_int_equal(fd_send_message(pair[0], "three", 5, NULL, 0, 0), 0);
    assert_int_equal(fd_recv_message(pair[1], got, sizeof got, fds, &n_fds, 0), 3);
    assert_memory_equal(got, "one", 3);
    assert_int_equal(n_fds, 0);
    assert_int_equal(fd_recv_message(pair[1], got, 5, NULL, NULL, 0), 5);
    assert_int_equal(fd_recv_message(pair[1], got, 5, NULL, NULL, MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(fd_send_message(pair[0], "too long", 8, NULL, 0, 0), 0);
    assert_int_equal(fd_recv_message(pair[1], got, 7, NULL, NULL, 0), -1);
    assert_int_equal(errno, EMSGSIZE);
    fd_close(&pair[0]);
    assert_int_equal(fd_recv_message(pair[1], got, sizeof got, NULL, NULL, 0), 0);
    fd_close(&pair[1]);
}

static void test_descriptors_travel(void **state)
{
    (void)state;
    int pair[2], pipe_fds[2], fds[3] = {-1, -1, -1};
    size_t n_fds = 3;
    char got[16];
    make_pair(pair);
    assert_int_equal(pipe(pipe_fds), 0);
    assert_int_equal(fd_send_message(pair[0], "fds", 3, pipe_fds, 2, 0), 0);
    assert_int_equal(fd_recv_message(pair[1], got, sizeof got, fds, &n_fds, 0), 3);
    assert_int_equal(n_fds, 2);
    assert_int_equal(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
    assert_int_equal(fcntl(pipe_fds[0], F_GETFD), 0);
    assert_int_equal(fd_write_all(fds[1], "x", 1), 0);
    assert_int_equal(fd_read_all(pipe_fds[0], got, 1), 0);
    close_pair(fds);
    close_pair(pipe_fds);
    close_pair(pair);
}

/* What has no room is closed and not leaked; a message that is too long leaves none behind. */
static void test_descriptors_without_room(void **state)
{
    (void)state;
    int pair[2], many[FD_PASS_MAX], fds[1];
    size_t n_fds = 1;
    char got[16];
    make_pair(pair);
    for (int i = 0; i < FD_PASS_MAX; i++)
        many[i] = pair[0];
    int before = fd_count();
    assert_int_equal(fd_send_message(pair[0], "many", 4, many, FD_PASS_MAX, 0), 0);
    assert_int_equal(fd_recv_message(pair[1], got, sizeof got, fds, &n_fds, 0), 4);
    assert_int_equal(n_fds, 1);
    close(fds[0]);
    assert_int_equal(fd_count(), before);
    assert_int_equal(fd_send_message(pair[0], "fd", 2, many, 1, 0), 0);
    assert_int_equal(fd_recv_message(pair[1], got, sizeof got, NULL, NULL, 0), 2);
    assert_int_equal(fd_count(), before);
    n_fds = 1;
    assert_int_equal(fd_send_message(pair[0], "long and a fd", 13, many, 1, 0), 0);
    assert_int_equal(fd_recv_message(pair[1], got, 4, fds, &n_fds, 0), -1);
    assert_int_equal(n_fds, 0);
    assert_int_equal(fd_count(), before);
    int too_many[FD_PASS_MAX + 1] = {0};
    assert_int_equal(fd_send_message(pair[0], "x", 1, too_many, FD_PASS_MAX + 1, 0), -1);
    assert_int_equal(errno, EINVAL);
    close_pair(pair);
}

/* That it does sync is shown by tests/chaos/power_test.py, which takes the power away. */
static void test_sync_of_a_folder(void **state)
{
    (void)state;
    char long_path[2 * PATH_MAX];
    memset(long_path, 'x', sizeof long_path - 1);
    long_path[0] = '/';
    long_path[sizeof long_path - 2] = '/';
    long_path[sizeof long_path - 1] = '\0';
    assert_int_equal(fd_sync_folder_of("no-folder-in-it"), 0);
    assert_int_equal(fd_sync_folder_of("/tmp"), 0);
    assert_int_equal(fd_sync_folder_of("/tmp/anything"), 0);
    assert_int_equal(fd_sync_folder_of("/nowhere/anything"), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(fd_sync_folder_of(long_path), -1);
    assert_int_equal(errno, ENAMETOOLONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_close),
        cmocka_unit_test(test_flags),
        cmocka_unit_test(test_whole_reads_and_writes),
        cmocka_unit_test(test_write_to_closed_socket),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_descriptors_travel),
        cmocka_unit_test(test_descriptors_without_room),
        cmocka_unit_test(test_sync_of_a_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
