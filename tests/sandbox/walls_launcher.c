/* walls_launcher.c: the launcher with the real box: its start, steps that fail, and what is left when it ends. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/warden.h"
#include "walls_kit.h"

static void echo_path(char *path)
{
    kit_path(path, "plugins/echo.so");
}

static uint32_t expected_walls(enum setting setting)
{
    const uint32_t always = WALL_LANDLOCK | WALL_SECCOMP | WALL_NO_CAPS | WALL_MDWE | WALL_LIMITS;
    const uint32_t namespaces = WALL_PIDNS | WALL_MOUNTNS | WALL_NETNS | WALL_IPCNS | WALL_UTSNS |
                                WALL_CGROUPNS | WALL_NEWROOT | WALL_SCRATCH;
    switch (setting) {
    case AS_ROOT:
        return always | namespaces | WALL_OWN_UID;
    case AS_USER:
        return always | namespaces | WALL_USERNS;
    case AS_ROOT_BARE:
        return always | WALL_OWN_UID;
    default:
        return always;
    }
}

/* ---- boxes that come to be ---- */

static void serve_in(enum setting setting, enum box_mode mode)
{
    struct kit k;
    struct kit_box b;
    struct launch_start spec;
    union kit_message m;
    char path[PATH_MAX];
    echo_path(path);
    kit_start(&k, setting, NULL);
    kit_spec(&spec, 1, path, mode, 3);
    kit_box(&k, &b, &spec, NULL);
    kit_control(&b, CONTROL_READY, &m);
    /* A machine whose kernel lacks one of them says so at the launcher's start. */
    assert_int_equal(m.ready.walls & ~(expected_walls(setting) | (uint32_t)WALL_CGROUP), 0);
    assert_int_equal(
        expected_walls(setting) & ~m.ready.walls & ~(uint32_t)(WALL_LANDLOCK | WALL_MDWE), 0);
    assert_int_equal(m.ready.mode, mode);
    for (int i = 0; i < 3; i++) {
        kit_control(&b, CONTROL_WORKER, &m);
        assert_int_equal(m.worker.generation, 1);
    }
    kit_kill_worker(&b, 1, 1, KILL_WALL);
    kit_control(&b, CONTROL_EXIT, &m);
    assert_int_equal(m.exit.slot, 1);
    assert_int_equal(m.exit.generation, 1);
    assert_int_equal(m.exit.reason, KILL_WALL);
    assert_true(WIFSIGNALED(m.exit.wait_status) && WTERMSIG(m.exit.wait_status) == SIGKILL);
    assert_true(m.exit.max_rss_bytes > 0);
    kit_control(&b, CONTROL_WORKER, &m);
    assert_int_equal(m.worker.slot, 1);
    assert_int_equal(m.worker.generation, 2);
    /* Of a worker that is gone: nothing happens. */
    kit_kill_worker(&b, 1, 1, KILL_WALL);
    assert_int_equal(kit_box_stop(&k, &b), 0);
    assert_int_equal(kit_stop(&k), 0);
}

static void boxes_in_every_setting(void **state)
{
    (void)state;
    for (int setting = geteuid() == 0 ? AS_ROOT : AS_USER; setting < SETTINGS;
         setting += geteuid() == 0 ? 1 : 2) {
        serve_in((enum setting)setting, BOX_FORK);
        serve_in((enum setting)setting, BOX_WARM);
    }
}

static void a_scan_describes_and_ends(void **state)
{
    struct kit k;
    struct kit_box b;
    struct launch_start spec;
    union kit_message m;
    struct data_head head;
    char path[PATH_MAX];
    (void)state;
    echo_path(path);
    kit_start(&k, AS_USER, NULL);
    kit_spec(&spec, 7, path, BOX_SCAN, 1);
    kit_box(&k, &b, &spec, NULL);
    assert_int_equal(read(b.data[0], &head, sizeof head), sizeof head);
    assert_int_equal(head.type, DATA_DESCRIPTOR);
    kit_control(&b, CONTROL_EXIT, &m);
    assert_int_equal(m.exit.wait_status, 0);
    assert_int_equal(kit_box_ended(&k, &b), 0);
    assert_int_equal(kit_stop(&k), 0);
}

/* A box that asks for less gets fewer walls, and no other. */
static void needs_take_walls_away(void **state)
{
    static const struct {
        uint32_t rights, without;
    } rows[] = {{BOX_MAY_NETWORK, WALL_NETNS}, {BOX_MAY_JIT, WALL_MDWE}, {BOX_MAY_PROC, 0}};
    struct kit k;
    uint32_t all = 0;
    char path[PATH_MAX];
    (void)state;
    echo_path(path);
    kit_start(&k, AS_USER, NULL);
    for (int i = -1; i < (int)(sizeof rows / sizeof *rows); i++) {
        struct kit_box b;
        struct launch_start spec;
        union kit_message m;
        kit_spec(&spec, (uint64_t)i + 10, path, BOX_FORK, 1);
        spec.rights = i >= 0 ? rows[i].rights : 0;
        kit_box(&k, &b, &spec, NULL);
        kit_control(&b, CONTROL_READY, &m);
        if (i < 0)
            all = m.ready.walls;
        else
            assert_int_equal(m.ready.walls, all & ~rows[i].without);
        assert_int_equal(kit_box_stop(&k, &b), 0);
    }
    assert_int_equal(kit_stop(&k), 0);
}

/* ---- steps that fail ---- */

/* The box must not come to be, and nobody but the host is to blame. */
static void expect_sandbox_error(enum setting setting, const char *fault, const char *said)
{
    const struct kit_options options = {.fault = fault};
    struct kit k;
    struct kit_box b;
    struct launch_start spec;
    union kit_message m;
    char path[PATH_MAX];
    echo_path(path);
    kit_start(&k, setting, &options);
    kit_spec(&spec, 3, path, BOX_FORK, 2);
    kit_box(&k, &b, &spec, NULL);
    kit_control(&b, CONTROL_ERROR, &m);
    if (strstr(m.error.text, said) == NULL)
        fail_msg("%s: \"%s\" does not say \"%s\"", fault, m.error.text, said);
    assert_int_equal(m.error.error, EIO);
    assert_int_equal(kit_receive(b.control, &m, NULL, NULL), 0);
    assert_int_not_equal(kit_box_ended(&k, &b), 0);
    assert_int_equal(kit_stop(&k), 0);
}

static bool is_in(const char *word, const char *const *words)
{
    while (*words != NULL && strcmp(word, *words) != 0)
        words++;
    return *words != NULL;
}

static void every_step_fails_closed(void **state)
{
    /* A zygote's, or tried by the launcher's probe only. */
    static const char *const never[] = {"groups", "mdwe", "landlock", "seccomp", NULL};
    static const char *const not_as_root[] = {"namespaces", NULL};
    static const char *const not_as_user[] = {"user", NULL};
    const enum setting setting = geteuid() == 0 ? AS_ROOT : AS_USER;
    (void)state;
    for (size_t i = 0; warden_step_name(i) != NULL; i++) {
        const char *name = warden_step_name(i);
        char fault[64], said[64];
        if (is_in(name, never) || is_in(name, setting == AS_ROOT ? not_as_root : not_as_user))
            continue;
        snprintf(fault, sizeof fault, "warden.%s", name);
        snprintf(said, sizeof said, "step %s", name);
        expect_sandbox_error(setting, fault, said);
    }
}

static void steps_of_users_fail_closed(void **state)
{
    (void)state;
    expect_sandbox_error(AS_USER, "warden.namespaces", "step namespaces");
    expect_sandbox_error(AS_USER, "warden.pivot", "step pivot");
    expect_sandbox_error(AS_USER_BARE, "warden.capabilities", "step capabilities");
    expect_sandbox_error(AS_USER_BARE, "warden.plugin", "step plugin");
}

static void steps_of_the_launcher_fail_closed(void **state)
{
    static const char *const steps[] = {"setup",       "filters", "sockets", "pages",
                                        "directories", "groups",  "clone",   "watch"};
    (void)state;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        char fault[64], path[PATH_MAX];
        const struct kit_options options = {.fault = fault};
        struct launch_start spec;
        union kit_message m;
        struct kit k;
        echo_path(path);
        snprintf(fault, sizeof fault, "launcher.%s", steps[i]);
        kit_start(&k, AS_USER, &options);
        kit_spec(&spec, 3, path, BOX_FORK, 2);
        kit_send_start(&k, &spec, NULL);
        kit_expect(k.channel, LAUNCH_FAILED, &m);
        assert_int_equal(m.failed.is_plugin_fault, 0);
        assert_int_equal(m.failed.error, EIO);
        assert_non_null(strstr(m.failed.text, steps[i]));
        /* Once only: the next box stands. */
        kit_scan(&k, path);
        assert_int_equal(kit_stop(&k), 0);
    }
}

/* ---- its command line ---- */

static void options_that_are_wrong(void **state)
{
    static const char *const wrong[] = {"--require=most",   "--box-uid-base=0", "--box-uid-base=x",
                                        "--log-level=loud", "--log-format=xml", "--channel-fd=1",
                                        "--unknown",        "--cgroup",         "more"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const struct kit_options options = {.args = {wrong[i]}};
        struct kit k;
        kit_start(&k, AS_USER, &options);
        const int status = kit_wait(&k);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 2);
    }
}

static void there_is_no_helper(void **state)
{
    static const struct kit_options options = {.helper = "no/such/program"};
    struct kit k;
    (void)state;
    kit_start(&k, AS_USER, &options);
    const int status = kit_wait(&k);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

/* ---- what the probe finds ---- */

static void a_wall_that_is_missing(void **state)
{
    static const char *const strict[] = {"--require-strong=wx"};
    const struct kit_options best = {.fault = "probe.pivot"};
    const struct kit_options hard = {.fault = "probe.pivot", .args = {strict[0]}};
    struct kit k;
    struct kit_box b;
    struct launch_start spec;
    union kit_message m;
    char path[PATH_MAX];
    (void)state;
    echo_path(path);
    kit_start(&k, AS_USER, &best);
    kit_spec(&spec, 1, path, BOX_FORK, 1);
    kit_box(&k, &b, &spec, NULL);
    kit_control(&b, CONTROL_READY, &m);
    assert_int_equal(m.ready.walls & (WALL_NEWROOT | WALL_MOUNTNS), 0);
    assert_int_not_equal(m.ready.walls & WALL_PIDNS, 0);
    assert_int_not_equal(m.ready.walls & WALL_SECCOMP, 0);
    assert_int_equal(kit_box_stop(&k, &b), 0);
    assert_int_equal(kit_stop(&k), 0);

    kit_start(&k, AS_USER, &hard);
    const int status = kit_wait(&k);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

static void strict_in_a_container(void **state)
{
    static const struct kit_options options = {.args = {"--require-strong=kill"}};
    struct kit k;
    (void)state;
    kit_start(&k, AS_USER_BARE, &options);
    const int status = kit_wait(&k);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

/* Walls that no box can do without, and steps that belong to none. */
static void walls_that_must_stand(void **state)
{
    static const char *const faults[] = {"probe.seccomp", "probe.capabilities",
                                         "probe.no-new-privileges"};
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        const struct kit_options options = {.fault = faults[i]};
        struct kit k;
        kit_start(&k, AS_USER, &options);
        const int status = kit_wait(&k);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    }
}

/* ---- messages ---- */

static void messages_that_make_no_box(void **state)
{
    struct kit k;
    struct launch_start good, bad;
    union kit_message m;
    char path[PATH_MAX];
    (void)state;
    echo_path(path);
    kit_start(&k, AS_USER, NULL);
    kit_spec(&good, 1, path, BOX_FORK, 1);
    for (int i = 0; i < 7; i++) {
        bad = good;
        bad.slots = i == 0 ? 0 : i == 1 ? BOX_SLOTS_MAX + 1 : 1;
        bad.mode = i == 2 ? 9 : i == 6 ? BOX_WARM : BOX_FORK;
        bad.rights = i == 3 ? 1 << 20 : 0;
        bad.flags = i == 6 ? LAUNCH_LEARN : 0;
        if (i == 4)
            memset(bad.slug, 'x', sizeof bad.slug);
        if (i == 5)
            memset(bad.plugin_path, '/', sizeof bad.plugin_path);
        kit_send_start(&k, &bad, NULL);
        kit_expect(k.channel, LAUNCH_FAILED, &m);
        assert_int_equal(m.failed.error, EINVAL);
        assert_int_equal(m.failed.is_plugin_fault, 0);
    }
    kit_scan(&k, path);
    assert_int_equal(kit_stop(&k), 0);
}

static void a_broken_message_ends_the_launcher(void **state)
{
    struct kit k;
    struct kit_box b;
    struct launch_start spec;
    char path[PATH_MAX];
    (void)state;
    echo_path(path);
    kit_start(&k, AS_USER, NULL);
    kit_spec(&spec, 1, path, BOX_FORK, 1);
    kit_box(&k, &b, &spec, NULL);
    assert_int_equal(send(k.channel, "nonsense", 8, 0), 8);
    assert_int_equal(waitpid(k.pid, NULL, 0), k.pid);
    assert_int_equal(waitpid(-1, NULL, 0), -1);
    assert_int_equal(kit_count(&k, "boxes"), 0);
    close(k.channel);
    close(b.control);
}

/* ---- learn mode ---- */

/* For one's own launcher only, and one warm worker; and nothing loads without a supervisor. */
static void boxes_that_learn(void **state)
{
    static const struct kit_options lenient = {.args = {"--lenient-files"}};
    struct kit k;
    struct kit_box b;
    struct launch_start spec, bad;
    union kit_message m;
    char path[PATH_MAX];
    int fd = -1;
    size_t n = 1;
    (void)state;
    echo_path(path);
    kit_start(&k, AS_USER, &lenient);
    kit_spec(&spec, 1, path, BOX_WARM, 1);
    spec.flags = LAUNCH_LEARN;
    for (int i = 0; i < 3; i++) {
        bad = spec;
        bad.mode = i == 0 ? BOX_FORK : BOX_WARM;
        bad.slots = i == 1 ? 2 : 1;
        bad.rights = i == 2 ? BOX_MAY_ALL : 0;
        kit_send_start(&k, &bad, NULL);
        kit_expect(k.channel, LAUNCH_FAILED, &m);
        assert_int_equal(m.failed.error, EINVAL);
    }
    kit_box(&k, &b, &spec, NULL);
    assert_int_equal(kit_receive(b.control, &m, &fd, &n), CONTROL_LISTENER);
    assert_int_equal(n, 1);
    close(fd);
    kit_control(&b, CONTROL_LOAD_FAILED, &m);
    assert_int_not_equal(kit_box_ended(&k, &b), 0);
    assert_int_equal(kit_stop(&k), 0);
}

/* ---- ends ---- */

static void a_box_is_killed(void **state)
{
    struct kit k;
    struct kit_box b;
    struct launch_start spec;
    char path[PATH_MAX];
    (void)state;
    echo_path(path);
    for (int setting = AS_USER; setting <= AS_USER_BARE; setting += AS_USER_BARE - AS_USER) {
        kit_start(&k, (enum setting)setting, NULL);
        kit_spec(&spec, 9, path, BOX_FORK, 2);
        kit_box(&k, &b, &spec, NULL);
        const struct launch_kill m = {
            .head = {.magic = CHAN_MAGIC, .version = CHAN_VERSION, .type = LAUNCH_KILL}, .box = 9};
        assert_int_equal(send(k.channel, &m, sizeof m, 0), sizeof m);
        kit_box_ended(&k, &b);
        /* It is gone by now: nothing happens. */
        assert_int_equal(send(k.channel, &m, sizeof m, 0), sizeof m);
        assert_int_equal(kit_stop(&k), 0);
    }
}

/* The core's ends of a box's sockets are all that is left; the box goes when they do. */
static void the_core_lets_go_of_a_box(void **state)
{
    struct kit k;
    struct kit_box b;
    struct launch_start spec;
    union kit_message m;
    char path[PATH_MAX];
    (void)state;
    echo_path(path);
    kit_start(&k, AS_USER, NULL);
    kit_spec(&spec, 9, path, BOX_FORK, 2);
    kit_box(&k, &b, &spec, NULL);
    kit_control(&b, CONTROL_READY, &m);
    close(b.control);
    b.control = -1;
    assert_int_equal(kit_box_ended(&k, &b), 0);
    assert_int_equal(kit_stop(&k), 0);
}

static void start_some(const struct kit *k, struct kit_box *boxes, int n)
{
    char path[PATH_MAX];
    echo_path(path);
    for (int i = 0; i < n; i++) {
        struct launch_start spec;
        union kit_message m;
        kit_spec(&spec, (uint64_t)i, path, i % 2 == 0 ? BOX_FORK : BOX_WARM, 2);
        kit_box(k, &boxes[i], &spec, NULL);
        kit_control(&boxes[i], CONTROL_READY, &m);
    }
}

static void the_end_of_the_channel_ends_everything(void **state)
{
    struct kit_box boxes[4];
    struct kit k;
    (void)state;
    for (int setting = geteuid() == 0 ? AS_ROOT : AS_USER; setting < SETTINGS;
         setting += geteuid() == 0 ? 1 : 2) {
        kit_start(&k, (enum setting)setting, NULL);
        start_some(&k, boxes, 4);
        assert_int_equal(kit_stop(&k), 0);
        for (int i = 0; i < 4; i++)
            close(boxes[i].control);
    }
}

/* Killed at whatever point of their start they are. */
static void many_boxes_killed_anywhere(void **state)
{
    enum { MANY = 60 };
    static struct kit_box boxes[MANY];
    struct kit k;
    char path[PATH_MAX];
    (void)state;
    echo_path(path);
    for (int setting = geteuid() == 0 ? AS_ROOT : AS_USER; setting < SETTINGS;
         setting += geteuid() == 0 ? 1 : 2) {
        kit_start(&k, (enum setting)setting, NULL);
        for (int i = 0; i < MANY; i++) {
            struct launch_start spec;
            kit_spec(&spec, (uint64_t)i, path, i % 2 == 0 ? BOX_FORK : BOX_WARM, 2);
            kit_box(&k, &boxes[i], &spec, NULL);
            if (i < 20)
                continue;
            const struct launch_kill m = {
                .head = {.magic = CHAN_MAGIC, .version = CHAN_VERSION, .type = LAUNCH_KILL},
                .box = (uint64_t)i - 20};
            assert_int_equal(send(k.channel, &m, sizeof m, 0), sizeof m);
            union kit_message ended;
            kit_expect(k.channel, LAUNCH_ENDED, &ended);
            assert_int_equal(ended.ended.box, i - 20);
        }
        assert_int_equal(kit_count(&k, "boxes"), 20);
        assert_int_equal(kit_stop(&k), 0);
        for (int i = 0; i < MANY; i++) {
            close(boxes[i].control);
            for (uint32_t j = 0; j < boxes[i].slots; j++) {
                close(boxes[i].data[j]);
                close(boxes[i].page[j]);
            }
        }
    }
}

static void sigterm_ends_everything(void **state)
{
    struct kit_box boxes[2];
    struct kit k;
    int status;
    (void)state;
    kit_start(&k, AS_USER, NULL);
    start_some(&k, boxes, 2);
    assert_int_equal(kill(k.pid, SIGTERM), 0);
    assert_int_equal(waitpid(k.pid, &status, 0), k.pid);
    assert_int_equal(status, 0);
    assert_int_equal(waitpid(-1, NULL, 0), -1);
    assert_int_equal(kit_count(&k, "boxes"), 0);
    close(k.channel);
}

/* Its directories stay, and the next launcher of that state directory removes them. */
static void a_killed_launcher_takes_its_boxes_along(void **state)
{
    struct kit_box boxes[4];
    struct kit k, next;
    (void)state;
    for (int setting = AS_USER; setting <= AS_USER_BARE; setting += AS_USER_BARE - AS_USER) {
        kit_start(&k, (enum setting)setting, NULL);
        start_some(&k, boxes, 4);
        assert_int_equal(kill(k.pid, SIGKILL), 0);
        kit_wait(&k);
        assert_int_equal(kit_count(&k, "boxes"), 4);
        const struct kit_options again = {.state = k.state};
        kit_start(&next, (enum setting)setting, &again);
        start_some(&next, boxes, 1);
        assert_int_equal(kit_count(&next, "boxes"), 1);
        assert_int_equal(kit_stop(&next), 0);
    }
}

static void one_launcher_a_state_directory(void **state)
{
    struct kit_box boxes[1];
    struct kit k, other;
    (void)state;
    kit_start(&k, AS_USER, NULL);
    start_some(&k, boxes, 1);
    const struct kit_options same = {.state = k.state};
    kit_start(&other, AS_USER, &same);
    int status = 0;
    assert_int_equal(waitpid(other.pid, &status, 0), other.pid);
    close(other.channel);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    assert_int_equal(kit_count(&k, "boxes"), 1);
    assert_int_equal(kit_stop(&k), 0);
}

static void no_descriptor_is_left(void **state)
{
    struct kit k;
    int before = -1;
    char path[PATH_MAX];
    (void)state;
    echo_path(path);
    kit_start(&k, geteuid() == 0 ? AS_ROOT : AS_USER, NULL);
    for (int round = 0; round < 4; round++) {
        struct kit_box b;
        struct launch_start spec;
        union kit_message m;
        kit_spec(&spec, (uint64_t)round, path, BOX_FORK, BOX_SLOTS_MAX);
        kit_box(&k, &b, &spec, NULL);
        kit_control(&b, CONTROL_READY, &m);
        assert_int_equal(kit_box_stop(&k, &b), 0);
        const int now = kit_launcher_fds(&k);
        if (before >= 0)
            assert_int_equal(now, before);
        before = now;
    }
    assert_int_equal(kit_stop(&k), 0);
}

#define TEST(name) cmocka_unit_test_teardown(name, kit_teardown)

/* Patterns of test names may be given. */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(boxes_in_every_setting),
        TEST(a_scan_describes_and_ends),
        TEST(needs_take_walls_away),
        TEST(every_step_fails_closed),
        TEST(steps_of_users_fail_closed),
        TEST(steps_of_the_launcher_fail_closed),
        TEST(options_that_are_wrong),
        TEST(there_is_no_helper),
        TEST(a_wall_that_is_missing),
        TEST(strict_in_a_container),
        TEST(walls_that_must_stand),
        TEST(messages_that_make_no_box),
        TEST(boxes_that_learn),
        TEST(a_broken_message_ends_the_launcher),
        TEST(a_box_is_killed),
        TEST(the_core_lets_go_of_a_box),
        TEST(the_end_of_the_channel_ends_everything),
        TEST(many_boxes_killed_anywhere),
        TEST(sigterm_ends_everything),
        TEST(a_killed_launcher_takes_its_boxes_along),
        TEST(one_launcher_a_state_directory),
        TEST(no_descriptor_is_left),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
