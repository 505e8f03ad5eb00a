/* loop.c: the event loop: descriptors, timers, signals, children. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmocka_all.h"

#include "base/clock.h"
#include "base/fdutil.h"
#include "loop/loop.h"

/* What callbacks noted, in order. */
struct notes {
    struct loop *loop;
    char text[1100];
    size_t n;
    struct loop_io *io, *other;
    struct loop_timer *timer;
    int fd;
    int status;
};

static void note(struct notes *n, char c)
{
    assert_true(n->n < sizeof n->text - 1);
    n->text[n->n++] = c;
    n->text[n->n] = '\0';
}

static void start(struct notes *n)
{
    *n = (struct notes){.loop = loop_new(), .fd = -1};
    assert_non_null(n->loop);
}

static void on_a(void *arg)
{
    note(arg, 'a');
}

static void on_b(void *arg)
{
    note(arg, 'b');
}

static void on_stop(void *arg)
{
    struct notes *n = arg;
    note(n, '.');
    loop_stop(n->loop);
}

static void test_timers_fire_in_order(void **state)
{
    (void)state;
    struct notes n;
    start(&n);
    struct loop_timer *a = loop_timer_new(n.loop, on_a, &n), *b = loop_timer_new(n.loop, on_b, &n);
    struct loop_timer *stop = loop_timer_new(n.loop, on_stop, &n),
                      *off = loop_timer_new(n.loop, on_a, &n);
    int64_t before = clock_mono_ms();
    loop_timer_after(stop, 30);
    loop_timer_after(a, 20);
    loop_timer_after(b, 10);
    loop_timer_after(off, 5);
    assert_true(loop_timer_is_set(off));
    loop_timer_off(off);
    loop_timer_off(off);
    assert_false(loop_timer_is_set(off));
    assert_int_equal(loop_run(n.loop), 0);
    assert_true(clock_mono_ms() - before >= 30);
    assert_string_equal(n.text, "ba.");
    assert_false(loop_timer_is_set(a));
    loop_timer_free(a);
    loop_timer_free(NULL);
    loop_free(n.loop); /* the others go with it */
    loop_free(NULL);
}

static void test_timer_is_moved(void **state)
{
    (void)state;
    struct notes n;
    start(&n);
    struct loop_timer *a = loop_timer_new(n.loop, on_a, &n),
                      *stop = loop_timer_new(n.loop, on_stop, &n);
    loop_timer_after(a, 0);
    loop_timer_after(a, 3600000);
    loop_timer_after(stop, 3600000);
    loop_timer_after(stop, 1);
    assert_int_equal(loop_run(n.loop), 0);
    assert_string_equal(n.text, ".");
    loop_free(n.loop);
}

/* Timers of the same time fire in the order in which they were set; 0 is due in this very turn. */
static void test_timers_of_now(void **state)
{
    (void)state;
    struct notes n;
    start(&n);
    struct loop_timer *a = loop_timer_new(n.loop, on_a, &n), *b = loop_timer_new(n.loop, on_b, &n);
    loop_timer_after(b, 0);
    loop_timer_after(a, -5);
    assert_int_equal(loop_turn(n.loop, 1000), 0);
    assert_string_equal(n.text, "ba");
    loop_free(n.loop);
}

/* A file that moves the wall clock of this process. */
static int64_t *clock_file(void)
{
    char path[] = "clock-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, sizeof(int64_t)), 0);
    int64_t *at = mmap(NULL, sizeof *at, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(at, MAP_FAILED);
    close(fd);
    assert_int_equal(setenv("PENSTOCK_CLOCK_FILE", path, 1), 0);
    clock_setup();
    unlink(path);
    return at;
}

static void turn_until(struct notes *n, const char *text, int64_t most_ms)
{
    int64_t end = clock_mono_ms() + most_ms;
    while (strcmp(n->text, text) != 0 && clock_mono_ms() < end)
        assert_int_equal(loop_turn(n->loop, (int)(end - clock_mono_ms())), 0);
    assert_string_equal(n->text, text);
}

/* A promise on the wall clock follows that clock when somebody sets it; a limit does not. */
static void test_timers_on_the_wall_clock(void **state)
{
    (void)state;
    struct notes n;
    int64_t *moved = clock_file();
    start(&n);
    struct loop_timer *a = loop_timer_new(n.loop, on_a, &n), *b = loop_timer_new(n.loop, on_b, &n);
    struct loop_timer *stop = loop_timer_new(n.loop, on_stop, &n);
    int64_t now = clock_wall_ms();
    loop_timer_at(a, now - 5); /* over already */
    loop_timer_at(b, now + 20);
    turn_until(&n, "ab", 1000);
    loop_timer_at(a, clock_wall_ms() + 3600000);
    loop_timer_after(b, 3600000);
    loop_turn(n.loop, 0);
    assert_true(loop_timer_is_set(a));
    *moved += 3600000; /* a step forward is noticed within a second */
    turn_until(&n, "aba", 1000);
    assert_true(loop_timer_is_set(b));
    loop_timer_at(a, clock_wall_ms() + 50);
    *moved -= 3600000; /* back: not yet */
    loop_timer_after(stop, 200);
    turn_until(&n, "aba.", 1000);
    assert_true(loop_timer_is_set(a));
    *moved += 3600000;
    turn_until(&n, "aba.a", 1000);
    loop_timer_at(a, clock_wall_ms() + 20); /* set otherwise, it is no promise any more */
    loop_timer_after(a, 3600000);
    *moved += 7200000;
    loop_timer_after(stop, 100);
    turn_until(&n, "aba.a.", 1000);
    loop_free(n.loop);
    munmap(moved, sizeof *moved);
}

static void set_again(void *arg)
{
    struct notes *n = arg;
    note(n, 'a');
    loop_timer_after(n->timer, 0);
}

static void on_readable(void *arg, uint32_t events)
{
    struct notes *n = arg;
    char c;
    note(n, (events & EPOLLIN) != 0 && read(n->fd, &c, 1) == 1 ? c : '!');
}

/* A timer that sets itself to now takes its turns with the descriptors. */
static void test_timer_does_not_starve(void **state)
{
    (void)state;
    struct notes n;
    int p[2];
    start(&n);
    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    n.fd = p[0];
    n.timer = loop_timer_new(n.loop, set_again, &n);
    loop_timer_after(n.timer, 0);
    loop_io_add(n.loop, p[0], EPOLLIN, on_readable, &n);
    assert_int_equal(write(p[1], "xy", 2), 2);
    loop_turn(n.loop, 1000);
    loop_turn(n.loop, 1000);
    loop_turn(n.loop, 1000);
    assert_string_equal(n.text, "xayaa");
    loop_free(n.loop);
    close(p[0]);
    close(p[1]);
}

static void free_itself(void *arg)
{
    struct notes *n = arg;
    note(n, 'f');
    loop_timer_free(n->timer);
}

static void test_timer_frees_itself(void **state)
{
    (void)state;
    struct notes n;
    start(&n);
    n.timer = loop_timer_new(n.loop, free_itself, &n);
    loop_timer_after(n.timer, 0);
    loop_turn(n.loop, 1000);
    loop_turn(n.loop, 0);
    assert_string_equal(n.text, "f");
    loop_free(n.loop);
}

static void test_many_timers(void **state)
{
    (void)state;
    struct notes n;
    struct loop_timer *timers[1000];
    start(&n);
    for (int i = 0; i < 1000; i++) {
        timers[i] = loop_timer_new(n.loop, on_a, &n);
        assert_non_null(timers[i]);
        loop_timer_after(timers[i], (i * 37) % 5);
    }
    for (int i = 0; i < 1000; i += 2)
        loop_timer_free(timers[i]);
    while (n.n < 500)
        assert_int_equal(loop_turn(n.loop, 100), 0);
    loop_turn(n.loop, 0);
    assert_int_equal(n.n, 500);
    loop_free(n.loop);
}

static void test_io(void **state)
{
    (void)state;
    struct notes n;
    int p[2];
    start(&n);
    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    n.fd = p[0];
    n.io = loop_io_add(n.loop, p[0], EPOLLIN, on_readable, &n);
    assert_non_null(n.io);
    assert_null(loop_io_add(n.loop, p[0], EPOLLIN, on_readable, &n)); /* twice */
    assert_null(loop_io_add(n.loop, -1, EPOLLIN, on_readable, &n));
    loop_turn(n.loop, 0);
    assert_string_equal(n.text, "");
    assert_int_equal(write(p[1], "xy", 2), 2);
    loop_turn(n.loop, 1000);
    assert_string_equal(n.text, "x");
    assert_int_equal(loop_io_set(n.io, 0), 0);
    loop_turn(n.loop, 0);
    assert_string_equal(n.text, "x");
    assert_int_equal(loop_io_set(n.io, EPOLLIN), 0);
    loop_turn(n.loop, 1000);
    close(p[1]);
    loop_turn(n.loop, 1000); /* EPOLLHUP comes unasked */
    assert_string_equal(n.text, "xy!");
    loop_io_del(n.io);
    loop_io_del(NULL);
    loop_turn(n.loop, 0);
    assert_string_equal(n.text, "xy!");
    close(p[0]);
    loop_free(n.loop);
}

/* Whichever comes first deletes both: the other's event lies in the same batch. */
static void delete_both(void *arg, uint32_t events)
{
    struct notes *n = arg;
    (void)events;
    note(n, 'd');
    loop_io_del(n->io);
    loop_io_del(n->other);
}

static void test_io_deleted_in_its_batch(void **state)
{
    (void)state;
    struct notes n;
    int p[2], q[2];
    start(&n);
    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    assert_int_equal(pipe2(q, O_CLOEXEC), 0);
    n.io = loop_io_add(n.loop, p[0], EPOLLIN, delete_both, &n);
    n.other = loop_io_add(n.loop, q[0], EPOLLIN, delete_both, &n);
    assert_int_equal(write(p[1], "x", 1), 1);
    assert_int_equal(write(q[1], "x", 1), 1);
    loop_turn(n.loop, 1000);
    loop_turn(n.loop, 0);
    assert_string_equal(n.text, "d");
    loop_free(n.loop);
    close(p[0]);
    close(p[1]);
    close(q[0]);
    close(q[1]);
}

static void on_signal(void *arg, int signo)
{
    note(arg, signo == SIGUSR1 ? '1' : signo == SIGTERM ? 't' : '?');
    loop_stop(((struct notes *)arg)->loop);
}

static void test_signals(void **state)
{
    (void)state;
    struct notes n;
    sigset_t set, before;
    start(&n);
    sigprocmask(SIG_SETMASK, NULL, &before);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGTERM);
    assert_int_equal(loop_signals(n.loop, &set, on_signal, &n), 0);
    raise(SIGUSR1);
    assert_int_equal(loop_run(n.loop), 0);
    raise(SIGTERM);
    assert_int_equal(loop_run(n.loop), 0);
    assert_string_equal(n.text, "1t");
    loop_free(n.loop);
    sigprocmask(SIG_SETMASK, &before, NULL);
}

static void on_child(void *arg, pid_t pid, int status)
{
    struct notes *n = arg;
    assert_true(pid > 0);
    note(n, 'c');
    n->status = status;
    loop_stop(n->loop);
}

/* A child that ends with 7 once its end of the pipe is closed. */
static pid_t fork_waiting(int *fd)
{
    int p[2];
    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char c;
        close(p[1]);
        _exit(read(p[0], &c, 1) == 0 ? 7 : 8);
    }
    close(p[0]);
    *fd = p[1];
    return pid;
}

static void test_children(void **state)
{
    (void)state;
    struct notes n;
    int fd;
    start(&n);
    pid_t pid = fork_waiting(&fd);
    assert_int_equal(loop_child(n.loop, pid, on_child, &n), 0);
    loop_turn(n.loop, 0);
    assert_string_equal(n.text, "");
    close(fd);
    assert_int_equal(loop_run(n.loop), 0);
    assert_string_equal(n.text, "c");
    assert_true(WIFEXITED(n.status) && WEXITSTATUS(n.status) == 7);
    assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    pid = fork_waiting(&fd);
    assert_int_equal(loop_child(n.loop, pid, on_child, &n), 0);
    kill(pid, SIGKILL);
    assert_int_equal(loop_run(n.loop), 0);
    assert_true(WIFSIGNALED(n.status) && WTERMSIG(n.status) == SIGKILL);
    close(fd);
    assert_int_equal(loop_child(n.loop, -1, on_child, &n), -1);
    loop_free(n.loop);
}

/* A loop that ends while children run leaves no descriptor and no memory behind. */
static void test_loop_ends_before_children(void **state)
{
    (void)state;
    struct notes n;
    int fd, fds = fd_count();
    start(&n);
    pid_t pid = fork_waiting(&fd);
    assert_int_equal(loop_child(n.loop, pid, on_child, &n), 0);
    assert_non_null(loop_timer_new(n.loop, on_a, &n));
    loop_free(n.loop);
    close(fd);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(fd_count(), fds);
}

static int every_turn(void *arg)
{
    struct notes *n = arg;
    note(n, 'e');
    if (n->n == 3)
        loop_stop(n->loop);
    return 0;
}

static int wait_long(void *arg)
{
    note(arg, 'w');
    return 3600000;
}

/* The hook is asked before anything is waited for, and its answer bounds the wait. */
static void test_turn_hook(void **state)
{
    (void)state;
    struct notes n;
    start(&n);
    loop_on_turn(n.loop, every_turn, &n);
    assert_int_equal(loop_run(n.loop), 0);
    assert_string_equal(n.text, "eee");
    loop_on_turn(n.loop, wait_long, &n);
    struct loop_timer *stop = loop_timer_new(n.loop, on_stop, &n);
    loop_timer_after(stop, 5);
    assert_int_equal(loop_run(n.loop), 0);
    assert_string_equal(n.text, "eeew.w");
    loop_on_turn(n.loop, NULL, NULL);
    loop_turn(n.loop, 0);
    loop_free(n.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timers_fire_in_order),
        cmocka_unit_test(test_timer_is_moved),
        cmocka_unit_test(test_timers_of_now),
        cmocka_unit_test(test_timers_on_the_wall_clock),
        cmocka_unit_test(test_timer_does_not_starve),
        cmocka_unit_test(test_timer_frees_itself),
        cmocka_unit_test(test_many_timers),
        cmocka_unit_test(test_io),
        cmocka_unit_test(test_io_deleted_in_its_batch),
        cmocka_unit_test(test_signals),
        cmocka_unit_test(test_children),
        cmocka_unit_test(test_loop_ends_before_children),
        cmocka_unit_test(test_turn_hook),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
