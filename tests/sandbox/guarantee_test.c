/* guarantee_test.c: what the real launcher reports of boxes: with all walls, with each one left
 * out, and with each attack getting through; and that it does not start below what is required. */
#include "walls_kit.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "sandbox/guarantee.h"
#include "sandbox/walls.h"

enum { LIST_TEXT = 256 };

static void levels_of(const struct launch_report *r, char levels[GUARANTEES + 1])
{
    for (int i = 0; i < GUARANTEES; i++)
        levels[i] = "-wS"[r->guarantees[i].level];
    levels[GUARANTEES] = '\0';
}

/* '.': as the machine gives it with all walls; '*': not looked at. */
static void expect_levels(const char *name, const struct launch_report *all,
                          const struct launch_report *r, const char *wanted)
{
    char full[GUARANTEES + 1], levels[GUARANTEES + 1];
    levels_of(all, full);
    levels_of(r, levels);
    for (int i = 0; i < GUARANTEES; i++) {
        const char expected = wanted[i] == '.' ? full[i] : wanted[i];
        if (expected != '*' && expected != levels[i])
            fail_msg("%s: %s is %c, expected %c (%s; %s; all walls: %s)", name, guarantee_name(i),
                     levels[i], expected, r->guarantees[i].reason, levels, full);
    }
}

static void report_of(struct launch_report *r, enum setting setting,
                      const struct kit_options *options, int expected_exit)
{
    struct kit k;
    kit_start(&k, setting, options);
    kit_report(&k, r);
    const int status = kit_stop(&k);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != expected_exit)
        fail_msg("the launcher ended with 0x%x, expected %d: %s", status, expected_exit, r->why);
    assert_int_equal(r->is_refused, expected_exit != 0);
    assert_int_equal(r->why[0] != '\0', expected_exit != 0);
}

/* ---- every setting ---- */

struct expected {
    enum setting setting;
    const char *levels;
};

/* As root or a user: all but what control groups and scratch file systems may add. In a container
 * written files can be executed, and processes are swept one by one; a user's threads are not
 * counted there. */
static void levels_in_every_setting(void **state)
{
    static const struct expected rows[] = {
        {AS_ROOT, "SSSS*SSSS*"},
        {AS_USER, "SSSS*SSSS*"},
        {AS_ROOT_BARE, "SSSS*SSw**"},
        {AS_USER_BARE, "SSSS**Sw**"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct launch_report r;
        if (geteuid() != 0 && (rows[i].setting == AS_ROOT || rows[i].setting == AS_ROOT_BARE))
            continue;
        report_of(&r, rows[i].setting, NULL, 0);
        expect_levels("all walls", &r, &r, rows[i].levels);
        assert_true(r.guarantees[GUARANTEE_MEMORY].level >= LEVEL_WEAK);
        assert_true(r.guarantees[GUARANTEE_DISK].level >= LEVEL_WEAK);
    }
}

/* ---- each wall left out ---- */

struct row {
    const char *without;
    const char *levels; /* fs net process syscalls memory pids cpu kill wx disk */
};

static const struct row as_root[] = {
    {"seccomp", "ww--......"},
    {"landlock", ".........."},
    {"pidns", ".......w.."},
    {"mountns", "........w*"},
    {"newroot", "........w*"},
    {"netns", ".........."},
    {"ipcns", ".........."},
    {"utsns", ".........."},
    {"cgroupns", ".........."},
    {"userns", ".........."},
    {"uid", "w.w..*...."},
    {"nocaps", "w.w......."},
    {"mdwe", "........-."},
    {"rlimits", "....**w..*"},
    {"cgroup", "....w....."},
    {"scratch", ".........w"},
    {"rlimits,cgroup", "....--w..*"},
    {"rlimits,scratch", "....**w..-"},
    {"seccomp,netns", "w---......"},
    {"seccomp,landlock,newroot", "-w--....w*"},
};

static const struct row as_user[] = {
    {"seccomp", "ww--......"}, {"landlock", ".........."}, {"pidns", ".......w.."},
    {"mountns", "........w*"}, {"newroot", "........w*"},  {"netns", ".........."},
    {"ipcns", ".........."},   {"utsns", ".........."},    {"cgroupns", ".........."},
    {"userns", ".....*.ww*"},  {"uid", ".........."},      {"nocaps", "w.w......."},
    {"mdwe", "........-."},    {"rlimits", "....**w..*"},  {"cgroup", "....w....."},
    {"scratch", ".........w"},
};

/* Where one wall less is soon one too many. */
static const struct row in_a_container[] = {
    {"seccomp", "w---......"}, {"landlock", "-.w......."}, {"nocaps", "w.w......."},
    {"mdwe", "........-."},    {"rlimits", "....**w..*"},
};

/* Names of what has fallen, where the row says to what. */
static void fallen_of(const struct launch_report *all, const struct row *row, char *names)
{
    char full[GUARANTEES + 1];
    levels_of(all, full);
    names[0] = '\0';
    for (int i = 0; i < GUARANTEES; i++) {
        if (row->levels[i] != '.' && row->levels[i] != '*' && row->levels[i] != full[i] &&
            full[i] == 'S')
            snprintf(names + strlen(names), LIST_TEXT - strlen(names), "%s%s",
                     names[0] != '\0' ? "," : "", guarantee_name(i));
    }
}

/* The launcher does not start, and says which of those that it must have it has not. */
static void expect_refusal(enum setting setting, const struct row *row, const char *names,
                           struct launch_report *r)
{
    char argument[LIST_TEXT + 32], first[32];
    const struct kit_options options = {.without = row->without, .args = {argument}};
    snprintf(argument, sizeof argument, "--require-strong=%s", names);
    report_of(r, setting, &options, 1);
    snprintf(first, sizeof first, "%.*s is ", (int)strcspn(names, ","), names);
    if (strncmp(r->why, first, strlen(first)) != 0)
        fail_msg("without %s: \"%s\" does not begin with \"%s\"", row->without, r->why, first);
}

/* A box comes to be all the same, without the wall, and its workers wait for tasks. */
static void expect_box(enum setting setting, const struct row *row, struct launch_report *r)
{
    const struct kit_options options = {.without = row->without};
    struct kit k;
    struct kit_box b;
    struct launch_start spec;
    union kit_message m;
    char path[PATH_MAX];
    kit_path(path, "plugins/echo.so");
    kit_start(&k, setting, &options);
    kit_report(&k, r);
    kit_spec(&spec, 1, path, BOX_FORK, 1);
    kit_box(&k, &b, &spec, NULL);
    kit_control(&b, CONTROL_READY, &m);
    /* Its limits may have no use for some of them. */
    assert_int_equal(m.ready.walls & ~r->walls, 0);
    assert_int_equal(r->walls & ~m.ready.walls & ~(uint32_t)(WALL_CGROUP | WALL_SCRATCH), 0);
    kit_control(&b, CONTROL_WORKER, &m);
    assert_int_equal(kit_box_stop(&k, &b), 0);
    assert_int_equal(kit_stop(&k), 0);
}

static void leave_out(enum setting setting, const struct row *rows, size_t n)
{
    struct launch_report all, r;
    report_of(&all, setting, NULL, 0);
    for (size_t i = 0; i < n; i++) {
        char names[LIST_TEXT];
        uint32_t without;
        assert_int_equal(walls_parse(rows[i].without, &without), 0);
        expect_box(setting, &rows[i], &r);
        assert_int_equal(r.walls & without, 0);
        expect_levels(rows[i].without, &all, &r, rows[i].levels);
        fallen_of(&all, &rows[i], names);
        if (names[0] == '\0')
            continue;
        expect_refusal(setting, &rows[i], names, &r);
        expect_levels(rows[i].without, &all, &r, rows[i].levels);
    }
}

static void each_wall_left_out_as_root(void **state)
{
    (void)state;
    kit_need(AS_ROOT);
    leave_out(AS_ROOT, as_root, sizeof as_root / sizeof *as_root);
}

static void each_wall_left_out_as_a_user(void **state)
{
    (void)state;
    leave_out(AS_USER, as_user, sizeof as_user / sizeof *as_user);
}

static void each_wall_left_out_in_a_container(void **state)
{
    (void)state;
    leave_out(AS_USER_BARE, in_a_container, sizeof in_a_container / sizeof *in_a_container);
}

static void walls_that_are_none(void **state)
{
    static const char *const wrong[] = {"wall", "seccomp,", ",seccomp", "seccomp landlock"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const struct kit_options options = {.without = wrong[i]};
        struct kit k;
        /* A comma behind the last name is fine. */
        const int expected = strcmp(wrong[i], "seccomp,") != 0;
        kit_start(&k, AS_USER, &options);
        const int status = kit_wait(&k);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == expected);
    }
}

/* ---- each attack getting through ---- */

struct breach {
    const char *attack;
    enum guarantee guarantee;
    enum guarantee_level most;
    const char *said;
};

static const struct breach breaches[] = {
    {"read", GUARANTEE_FS, LEVEL_NONE, "reading a file of the host"},
    {"write", GUARANTEE_FS, LEVEL_NONE, "writing a file of the host"},
    {"list", GUARANTEE_FS, LEVEL_WEAK, "listing the host's root"},
    {"tcp", GUARANTEE_NET, LEVEL_NONE, "a TCP connection"},
    {"udp", GUARANTEE_NET, LEVEL_NONE, "a UDP socket"},
    {"signal", GUARANTEE_PROCESS, LEVEL_NONE, "signalling the launcher"},
    {"fork", GUARANTEE_PROCESS, LEVEL_NONE, "starting a process"},
    {"see", GUARANTEE_PROCESS, LEVEL_WEAK, "in /proc"},
    {"io_uring", GUARANTEE_SYSCALLS, LEVEL_NONE, "io_uring_setup"},
    {"ptrace", GUARANTEE_SYSCALLS, LEVEL_NONE, "ptrace"},
    {"unshare", GUARANTEE_SYSCALLS, LEVEL_NONE, "unshare"},
    {"private", GUARANTEE_MEMORY, LEVEL_NONE, "private memory"},
    {"threads", GUARANTEE_PIDS, LEVEL_NONE, "threads over the limit"},
    {"burn", GUARANTEE_CPU, LEVEL_NONE, "processor time"},
    {"hard", GUARANTEE_CPU, LEVEL_WEAK, "RLIMIT_CPU"},
    {"stubborn", GUARANTEE_KILL, LEVEL_NONE, "outliving a kill"},
    {"rwx", GUARANTEE_WX, LEVEL_NONE, "written and executed"},
    {"mprotect", GUARANTEE_WX, LEVEL_NONE, "executing pages"},
    {"file", GUARANTEE_WX, LEVEL_WEAK, "executing a file"},
    {"large", GUARANTEE_DISK, LEVEL_NONE, "a file over the limit"},
};

/* Whatever walls stand; and it falls alone. */
static void each_attack_getting_through(void **state)
{
    struct launch_report all, r;
    (void)state;
    report_of(&all, AS_USER, NULL, 0);
    for (size_t i = 0; i < sizeof breaches / sizeof *breaches; i++) {
        const struct breach *b = &breaches[i];
        char fault[64], wanted[] = "..........";
        const struct kit_options options = {.fault = fault};
        const struct guarantee_state *s = &r.guarantees[b->guarantee];
        snprintf(fault, sizeof fault, "probe.attack-%s", b->attack);
        report_of(&r, AS_USER, &options, 0);
        wanted[b->guarantee] = "-wS"[b->most];
        expect_levels(fault, &all, &r, wanted);
        if (strstr(s->reason, b->said) == NULL)
            fail_msg("%s: \"%s\" does not say \"%s\"", fault, s->reason, b->said);
        assert_true(s->remedy[0] != '\0');
    }
}

/* ---- steps of the probe that fail ---- */

static void a_probe_that_fails_is_reported(void **state)
{
    const struct kit_options step = {.fault = "probe.no-new-privileges"};
    const struct kit_options least = {.fault = "probe.seccomp"};
    const struct kit_options wall = {.fault = "probe.landlock"};
    struct launch_report r;
    (void)state;
    report_of(&r, AS_USER, &step, 1);
    assert_non_null(strstr(r.why, "step no-new-privileges: Input/output error"));
    report_of(&r, AS_USER, &least, 1);
    assert_non_null(strstr(r.why, "no box can do without these walls"));
    assert_non_null(strstr(r.why, "seccomp"));
    report_of(&r, AS_USER_BARE, &wall, 0);
    assert_int_equal(r.guarantees[GUARANTEE_FS].level, LEVEL_NONE);
    assert_non_null(strstr(r.guarantees[GUARANTEE_FS].reason, "no landlock (EIO)"));
}

static int64_t used_ms(void)
{
    struct rusage u;
    assert_int_equal(getrusage(RUSAGE_CHILDREN, &u), 0);
    return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 +
           (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000;
}

/* It is on the way of each start of a host. Processor time, because the machine may be busy. */
static void the_probe_is_quick(void **state)
{
    enum { MOST_MS = 200 };
    const int64_t begun_wall_ms = clock_mono_ms(), begun_ms = used_ms();
    struct launch_report r;
    struct kit k;
    (void)state;
    kit_start(&k, AS_USER, NULL);
    kit_report(&k, &r);
    const int64_t wall_ms = clock_mono_ms() - begun_wall_ms;
    assert_int_equal(kit_stop(&k), 0);
    const int64_t ms = used_ms() - begun_ms;
    print_message("start of a launcher with its probe: %lld ms of processor time, %lld ms\n",
                  (long long)ms, (long long)wall_ms);
    assert_true(ms < MOST_MS);
}

#define TEST(name) cmocka_unit_test_teardown(name, kit_teardown)

/* Patterns of test names may be given. */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(levels_in_every_setting),
        TEST(each_wall_left_out_as_root),
        TEST(each_wall_left_out_as_a_user),
        TEST(each_wall_left_out_in_a_container),
        TEST(walls_that_are_none),
        TEST(each_attack_getting_through),
        TEST(a_probe_that_fails_is_reported),
        TEST(the_probe_is_quick),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
