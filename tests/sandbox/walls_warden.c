/* walls_warden.c: the real warden with a zygote that does what a test wants (play_box.c): what it
 * holds back, whom it believes, and how it goes on. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "walls_kit.h"

static const struct kit_options play = {.helper = "tests/play_box"};

/* A launcher with one box whose zygote plays the part. Any file is plugin enough. */
static void begin_with(struct kit *k, struct kit_box *b, enum setting setting,
                       const struct kit_options *options, enum box_mode mode, uint32_t slots,
                       const char *part)
{
    struct launch_start spec;
    char path[PATH_MAX];
    kit_path(path, "plugins/echo.so");
    kit_start(k, setting, options);
    kit_spec(&spec, 1, path, mode, slots);
    kit_box(k, b, &spec, part);
}

static void begin(struct kit *k, struct kit_box *b, enum setting setting, enum box_mode mode,
                  uint32_t slots, const char *part)
{
    begin_with(k, b, setting, &play, mode, slots, part);
}

static void end(struct kit *k, struct kit_box *b)
{
    assert_int_equal(kit_box_stop(k, b), 0);
    assert_int_equal(kit_stop(k), 0);
}

static enum setting any_user(void)
{
    return geteuid() == 0 ? AS_ROOT : AS_USER;
}

/* ---- loading ---- */

struct load {
    const char *part;
    int why; /* enum load_failure; 0: CONTROL_ERROR */
    int signal, status;
    const char *said;
};

static const struct load loads[] = {
    {"hang", LOAD_TIMED_OUT, 0, 0, ""},
    {"exit-3", LOAD_EXITED, 0, 3, ""},
    {"exit-0", LOAD_EXITED, 0, 0, ""},
    {"die", LOAD_KILLED_BY, SIGSEGV, 0, ""},
    {"refuse", LOAD_REFUSED, 0, 0, "no such pipeline"},
    {"refuse-ours", 0, 0, 0, "Landlock of the zygote"},
    {"garbage", LOAD_LIED, 0, 0, "broken message"},
};

static void expect_load_failure(const struct load *l, enum box_mode mode)
{
    struct kit k;
    struct kit_box b;
    struct launch_start spec;
    union kit_message m;
    char path[PATH_MAX];
    kit_path(path, "plugins/echo.so");
    kit_start(&k, AS_USER, &play);
    kit_spec(&spec, 1, path, mode, 1);
    spec.limits.load_timeout_ms = 300;
    kit_box(&k, &b, &spec, l->part);
    kit_control(&b, l->why != 0 ? CONTROL_LOAD_FAILED : CONTROL_ERROR, &m);
    if (l->why == 0) {
        assert_non_null(strstr(m.error.text, l->said));
    } else {
        assert_int_equal(m.load_failed.why, l->why);
        assert_non_null(strstr(m.load_failed.text, l->said));
        if (l->signal != 0)
            assert_int_equal(WTERMSIG(m.load_failed.wait_status), l->signal);
        else
            assert_int_equal(WEXITSTATUS(m.load_failed.wait_status), l->status);
    }
    kit_box_ended(&k, &b);
    assert_int_equal(kit_stop(&k), 0);
}

static void loads_that_fail(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof loads / sizeof *loads; i++) {
        expect_load_failure(&loads[i], BOX_FORK);
        expect_load_failure(&loads[i], BOX_WARM);
    }
}

static void scans_that_fail(void **state)
{
    (void)state;
    expect_load_failure(&loads[0], BOX_SCAN);
    expect_load_failure(&loads[1], BOX_SCAN);
    expect_load_failure(&loads[3], BOX_SCAN);
    expect_load_failure(&loads[4], BOX_SCAN);
}

/* What the setting of the box's pid namespace answers where no filter stands before it. Boxes that
 * make code need such files. */
static void memory_files(void **state)
{
    static const struct {
        uint32_t rights;
        int status;
    } boxes[] = {{0, EACCES}, {BOX_MAY_JIT, 0}};
    (void)state;
    kit_need(AS_ROOT);
    if (access("/proc/sys/vm/memfd_noexec", W_OK) < 0)
        skip();
    for (size_t i = 0; i < sizeof boxes / sizeof *boxes; i++) {
        struct kit k;
        struct kit_box b;
        struct launch_start spec;
        union kit_message m;
        char path[PATH_MAX];
        kit_path(path, "plugins/echo.so");
        kit_start(&k, AS_ROOT, &play);
        kit_spec(&spec, 1, path, BOX_FORK, 1);
        spec.rights = boxes[i].rights;
        kit_box(&k, &b, &spec, "memory-file");
        kit_control(&b, CONTROL_LOAD_FAILED, &m);
        assert_int_equal(WEXITSTATUS(m.load_failed.wait_status), boxes[i].status);
        kit_box_ended(&k, &b);
        assert_int_equal(kit_stop(&k), 0);
    }
}

static void threads_make_it_warm(void **state)
{
    struct kit k;
    struct kit_box b;
    union kit_message m;
    (void)state;
    begin(&k, &b, any_user(), BOX_FORK, 3, "threads");
    kit_control(&b, CONTROL_READY, &m);
    assert_int_equal(m.ready.mode, BOX_WARM);
    for (int i = 0; i < 3; i++)
        kit_control(&b, CONTROL_WORKER, &m);
    end(&k, &b);
}

/* ---- lies ---- */

struct lie {
    const char *part;
    uint32_t slots;
    const char *said;
};

static const struct lie lies[] = {
    {"name-first", 1, "not a task"},
    {"name-self", 1, "not a task"},
    {"name-parent", 1, "not a task"},
    {"name-nobody", 1, "not a task"},
    {"name-twice", 2, "not a task"},
    {"extra-child", 1, "runs in the box that was not ordered"},
    {"extra-exit", 1, "not ordered"},
    {"ready-twice", 1, "ready twice"},
    {"fail-late", 1, "after it was ready"},
    {"unordered", 1, "not ordered"},
};

static void expect_lie(enum setting setting, const struct lie *l)
{
    struct kit k;
    struct kit_box b;
    union kit_message m;
    int type;
    begin(&k, &b, setting, BOX_FORK, l->slots, l->part);
    do {
        type = kit_receive(b.control, &m, NULL, NULL);
    } while (type == CONTROL_READY || type == CONTROL_WORKER || type == CONTROL_EXIT);
    if (type != CONTROL_LOAD_FAILED)
        fail_msg("%s: message %d, wanted %d", l->part, type, CONTROL_LOAD_FAILED);
    assert_int_equal(m.load_failed.why, LOAD_LIED);
    if (strstr(m.load_failed.text, l->said) == NULL)
        fail_msg("%s: \"%s\" does not say \"%s\"", l->part, m.load_failed.text, l->said);
    kit_box_ended(&k, &b);
    assert_int_equal(kit_stop(&k), 0);
}

static void liars_lose_their_box(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        expect_lie(any_user(), &lies[i]);
        expect_lie(AS_USER_BARE, &lies[i]);
    }
}

/* Nor does one that takes orders and never answers. */
static void a_zygote_that_hangs(void **state)
{
    struct kit k;
    struct kit_box b;
    struct launch_start spec;
    union kit_message m;
    char path[PATH_MAX];
    (void)state;
    kit_path(path, "plugins/echo.so");
    kit_start(&k, AS_USER, &play);
    kit_spec(&spec, 1, path, BOX_FORK, 2);
    spec.limits.load_timeout_ms = 200;
    kit_box(&k, &b, &spec, "silent");
    kit_control(&b, CONTROL_READY, &m);
    kit_control(&b, CONTROL_LOAD_FAILED, &m);
    assert_int_equal(m.load_failed.why, LOAD_KILLED_BY);
    kit_box_ended(&k, &b);
    assert_int_equal(kit_stop(&k), 0);
}

/* Slow is no lie: the worker has ended, and is announced, and its end is told after it. */
static void workers_named_after_their_end(void **state)
{
    struct kit k;
    struct kit_box b;
    union kit_message m;
    (void)state;
    begin(&k, &b, AS_USER, BOX_FORK, 2, "name-late");
    kit_control(&b, CONTROL_READY, &m);
    for (int i = 0; i < 20; i++) {
        kit_control(&b, CONTROL_WORKER, &m);
        const struct control_worker w = m.worker;
        kit_control(&b, CONTROL_EXIT, &m);
        assert_int_equal(m.exit.slot, w.slot);
        assert_int_equal(m.exit.generation, w.generation);
        assert_int_equal(m.exit.wait_status, 0);
    }
    kit_box_stop(&k, &b);
    assert_int_equal(kit_stop(&k), 0);
}

static void a_fork_that_fails_is_tried_again(void **state)
{
    struct kit k;
    struct kit_box b;
    union kit_message m;
    (void)state;
    begin(&k, &b, AS_USER, BOX_FORK, 1, "cannot-fork");
    kit_control(&b, CONTROL_READY, &m);
    kit_control(&b, CONTROL_WORKER, &m);
    assert_int_equal(m.worker.generation, 2);
    end(&k, &b);
}

/* ---- zygotes that die ---- */

static void a_zygote_that_dies_is_started_again(void **state)
{
    struct kit k;
    struct kit_box b;
    union kit_message m;
    (void)state;
    begin(&k, &b, any_user(), BOX_FORK, 2, "die-after-one");
    kit_control(&b, CONTROL_READY, &m);
    kit_control(&b, CONTROL_WORKER, &m);
    const struct control_worker first = m.worker;
    /* It lives on, though the zygote is dead; the other slot gets its worker from the next one. */
    kit_control(&b, CONTROL_WORKER, &m);
    assert_int_not_equal(m.worker.slot, first.slot);
    kit_kill_worker(&b, first.slot, first.generation, KILL_CANCEL);
    kit_control(&b, CONTROL_EXIT, &m);
    assert_int_equal(m.exit.slot, first.slot);
    assert_int_equal(m.exit.reason, KILL_CANCEL);
    /* And the third death in a row is the box's. */
    kit_control(&b, CONTROL_WORKER, &m);
    assert_int_equal(m.worker.slot, first.slot);
    kit_control(&b, CONTROL_LOAD_FAILED, &m);
    assert_int_equal(m.load_failed.why, LOAD_KILLED_BY);
    kit_box_ended(&k, &b);
    assert_int_equal(kit_stop(&k), 0);
}

static void stopped_while_it_loads(void **state)
{
    struct kit k;
    struct kit_box b;
    (void)state;
    begin(&k, &b, AS_USER, BOX_WARM, 2, "hang");
    end(&k, &b);
    begin(&k, &b, AS_USER_BARE, BOX_FORK, 2, "hang");
    end(&k, &b);
}

static void zygotes_that_always_die(void **state)
{
    struct kit k;
    struct kit_box b;
    union kit_message m;
    (void)state;
    begin(&k, &b, AS_USER, BOX_FORK, 2, "ready-and-die");
    kit_control(&b, CONTROL_READY, &m);
    kit_control(&b, CONTROL_LOAD_FAILED, &m);
    assert_int_equal(m.load_failed.why, LOAD_EXITED);
    kit_box_ended(&k, &b);
    assert_int_equal(kit_stop(&k), 0);
}

/* ---- workers ---- */

static void output_is_drained_and_counted(void **state)
{
    struct kit k;
    struct kit_box b;
    union kit_message m;
    size_t kept = 0;
    int type;
    (void)state;
    begin(&k, &b, AS_USER, BOX_FORK, 1, "flood");
    kit_control(&b, CONTROL_READY, &m);
    kit_control(&b, CONTROL_WORKER, &m);
    while ((type = kit_receive(b.control, &m, NULL, NULL)) == CONTROL_LOG) {
        assert_int_equal(m.log.slot, 0);
        assert_int_equal(m.log.generation, 1);
        if (kept == 0)
            assert_memory_equal(m.log.bytes, "line 0 of a long story", 22);
        kept += m.log.len;
    }
    assert_int_equal(type, CONTROL_EXIT);
    /* What a core that is slow to read could not take is dropped, and counted too. */
    assert_true(kept > 0 && kept <= 64U << 10);
    assert_true(m.exit.log_dropped_bytes + kept > 800000);
    close(b.control);
    b.control = -1;
    kit_box_ended(&k, &b);
    assert_int_equal(kit_stop(&k), 0);
}

static void watch(const struct kit_box *b, uint32_t cpu_ms, uint32_t is_over)
{
    const struct control_watch m = {
        .head = {.magic = CHAN_MAGIC, .version = CHAN_VERSION, .type = CONTROL_WATCH},
        .cpu_ms = cpu_ms,
        .generation = 1,
        .is_over = is_over,
    };
    kit_tell(b, &m, sizeof m);
}

static void processor_time_is_watched(void **state)
{
    struct kit k;
    struct kit_box b;
    union kit_message m;
    (void)state;
    begin(&k, &b, any_user(), BOX_FORK, 1, "spin");
    kit_control(&b, CONTROL_READY, &m);
    kit_control(&b, CONTROL_WORKER, &m);
    watch(&b, 50, 0);
    watch(&b, 0, 1);   /* taken back */
    watch(&b, 150, 0); /* and given again */
    kit_control(&b, CONTROL_EXIT, &m);
    assert_int_equal(m.exit.reason, KILL_CPU);
    /* Above: 20 ms by the clock's looks, the rest for a machine that lets the warden wait. */
    assert_in_range(m.exit.cpu_us, 150000, 400000);
    watch(&b, 100, 0); /* of a worker that is gone */
    kit_control(&b, CONTROL_WORKER, &m);
    kit_kill_worker(&b, 0, 2, KILL_WALL);
    kit_control(&b, CONTROL_EXIT, &m);
    assert_int_equal(m.exit.reason, KILL_WALL);
    kit_control(&b, CONTROL_WORKER, &m);
    kit_kill_worker(&b, 0, 3, KILL_STOP);
    kit_control(&b, CONTROL_EXIT, &m);
    close(b.control);
    b.control = -1;
    kit_box_ended(&k, &b);
    assert_int_equal(kit_stop(&k), 0);
}

static void directories_are_emptied(void **state)
{
    struct kit k;
    struct kit_box b;
    union kit_message m;
    (void)state;
    for (int setting = geteuid() == 0 ? AS_ROOT : AS_USER; setting < SETTINGS;
         setting += geteuid() == 0 ? 1 : 2) {
        begin(&k, &b, (enum setting)setting, BOX_FORK, 2, "litter");
        kit_control(&b, CONTROL_READY, &m);
        for (int i = 0; i < 8; i++) {
            int type = kit_receive(b.control, &m, NULL, NULL);
            assert_true(type == CONTROL_WORKER || type == CONTROL_EXIT);
            if (type == CONTROL_EXIT)
                assert_int_equal(m.exit.wait_status, 0);
        }
        kit_box_stop(&k, &b);
        assert_int_equal(kit_stop(&k), 0);
    }
}

/* ---- what a box's process sees ---- */

struct seen {
    char text[64 * 1024];
    size_t len;
};

static void look_with(struct seen *s, enum setting setting, const struct kit_options *options)
{
    struct kit k;
    struct kit_box b;
    union kit_message m;
    s->len = 0;
    begin_with(&k, &b, setting, options, BOX_FORK, 2, "look");
    do {
        s->text[s->len] = '\0';
        if (kit_receive(b.control, &m, NULL, NULL) != CONTROL_LOG)
            continue;
        assert_int_equal(m.log.slot, CONTROL_LOG_ZYGOTE);
        assert_true(s->len + m.log.len < sizeof s->text);
        memcpy(s->text + s->len, m.log.bytes, m.log.len);
        s->len += m.log.len;
        s->text[s->len] = '\0';
    } while (strstr(s->text, "\nend\n") == NULL);
    end(&k, &b);
    if (getenv("WALLS_SEEN") != NULL)
        print_message("%s", s->text);
}

static void look(struct seen *s, enum setting setting)
{
    look_with(s, setting, &play);
}

static void sees(const struct seen *s, const char *line)
{
    char whole[PATH_MAX];
    snprintf(whole, sizeof whole, "\n%s\n", line);
    if (strstr(s->text, whole) == NULL && strncmp(s->text, line, strlen(line)) != 0)
        fail_msg("\"%s\" is not in:\n%s", line, s->text);
}

static void sees_not(const struct seen *s, const char *words)
{
    if (strstr(s->text, words) != NULL)
        fail_msg("\"%s\" is in:\n%s", words, s->text);
}

static void sees_ids(const struct seen *s)
{
    char line[64];
    const int uid = KIT_UID_BASE;
    snprintf(line, sizeof line, "ids %d %d %d %d", uid, uid, uid, uid);
    sees(s, line);
}

/* In every setting. */
static void sees_little(const struct seen *s)
{
    sees(s, "fd 0");
    sees(s, "fd 3");
    sees_not(s, "\nfd 6"); /* 4 and 5 are the filters that came with the setup */
    sees(s, "env PATH=/usr/bin:/bin");
    sees(s, "env LANG=C.UTF-8");
    sees_not(s, "SECRET");
    sees_not(s, "env HOME");
    sees(s, "nnp 1");
    sees(s, "limit core 0");
    sees(s, "limit data 268435456");
    sees(s, "limit fsize 16777216");
    sees_not(s, "setuid 0: yes");
}

/* In a root of its own. */
static void sees_its_root(const struct seen *s)
{
    sees(s, "host penstock-box");
    sees(s, "open /etc/shadow: ENOENT");
    sees(s, "open /etc/passwd: ENOENT");
    sees(s, "open /root: ENOENT");
    sees(s, "open /tmp: ENOENT");
    sees(s, "open /usr/lib: yes");
    sees(s, "open /dev/null: yes");
    sees(s, "open /dev/kmsg: ENOENT");
    sees(s, "open /usr/new: EROFS");
    sees(s, "open /new: EROFS");
    sees(s, "open /plugin/echo.so: yes");
    sees(s, "open /plugin/echo.so: EACCES");
    sees(s, "open /task/0/new: yes");
    sees(s, "env TMPDIR=/task");
}

static void a_box_of_root(void **state)
{
    static struct seen s;
    (void)state;
    look(&s, AS_ROOT);
    sees_little(&s);
    sees_its_root(&s);
    sees_ids(&s);
    sees(&s, "setuid 0: EPERM");
    if (strstr(s.text, "NoNewPrivs") != NULL) { /* a /proc of its own */
        sees(&s, "CapBnd:\t0000000000000000");
        sees(&s, "CapPrm:\t0000000000000000");
        sees(&s, "CapAmb:\t0000000000000000");
        sees(&s, "Groups:\t ");
        sees_not(&s, "open /proc/1/environ: yes");
    }
}

static void a_box_of_a_user(void **state)
{
    static struct seen s;
    (void)state;
    look(&s, AS_USER);
    sees_little(&s);
    sees_its_root(&s);
    sees(&s, "unshare user: ENOSPC");
    if (strstr(s.text, "NoNewPrivs") != NULL) {
        sees(&s, "CapBnd:\t0000000000000000");
        sees(&s, "CapEff:\t0000000000000000");
    }
}

/* Here the zygote's own Landlock would hold the files back; without it only the rights of users do.
 */
static void a_box_in_a_container(void **state)
{
    static struct seen s;
    (void)state;
    look(&s, AS_ROOT_BARE);
    sees_little(&s);
    sees_ids(&s);
    sees(&s, "CapPrm:\t0000000000000000");
    sees(&s, "CapBnd:\t0000000000000000");
    sees(&s, "open /etc/shadow: EACCES");
    sees(&s, "open /usr/new: EACCES");
}

/* The opposite of what the boxes above see: each step looks at its own wall. */
static void walls_left_out_are_not_built(void **state)
{
    char own_user[32];
    const struct {
        const char *without, *gone;
    } rows[] = {
        {"rlimits", "limit data 268435456"},
        {"rlimits", "limit fsize 16777216"},
        {"newroot", "env TMPDIR=/task"},
        {"utsns", "host penstock-box"},
        {"mountns", "open /root: ENOENT"},
        {"nocaps", "CapEff:\t0000000000000000"},
        {"uid", own_user},
    };
    static struct seen s;
    (void)state;
    snprintf(own_user, sizeof own_user, "ids %d", KIT_UID_BASE);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct kit_options options = {.helper = "tests/play_box", .without = rows[i].without};
        const bool is_of_root = strcmp(rows[i].without, "uid") == 0;
        if (is_of_root && geteuid() != 0)
            continue;
        look_with(&s, is_of_root ? AS_ROOT : AS_USER, &options);
        sees_not(&s, rows[i].gone);
        sees(&s, "nnp 1");
        sees(&s, "limit core 0");
    }
}

static void a_box_of_a_user_in_a_container(void **state)
{
    static struct seen s;
    (void)state;
    look(&s, AS_USER_BARE);
    sees_little(&s);
    sees(&s, "CapEff:\t0000000000000000");
}

#define TEST(name) cmocka_unit_test_teardown(name, kit_teardown)

/* Patterns of test names may be given. */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(loads_that_fail),
        TEST(scans_that_fail),
        TEST(memory_files),
        TEST(threads_make_it_warm),
        TEST(liars_lose_their_box),
        TEST(a_zygote_that_hangs),
        TEST(workers_named_after_their_end),
        TEST(a_fork_that_fails_is_tried_again),
        TEST(a_zygote_that_dies_is_started_again),
        TEST(stopped_while_it_loads),
        TEST(zygotes_that_always_die),
        TEST(output_is_drained_and_counted),
        TEST(processor_time_is_watched),
        TEST(directories_are_emptied),
        TEST(a_box_of_root),
        TEST(a_box_of_a_user),
        TEST(a_box_in_a_container),
        TEST(a_box_of_a_user_in_a_container),
        TEST(walls_left_out_are_not_built),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
