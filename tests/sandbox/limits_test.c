/*
 * limits_test.c: limits of real boxes: memory, directories, threads, descriptors, processor time.
 * Each is run into by a plugin that takes until it is refused or killed; then the slot's next task
 * has to find everything as if nothing had been.
 *
 *     test_sandbox_limits [as-user]
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmocka_all.h"

#include "base/cgroup_path.h"
#include "inner_host.h"

#define GREEDY "tests/plugins/limits_plugin"

enum { MB = 1 << 20, MEMORY_MB = 64, DIR_MB = 4, DIR_FILES = 20, NOBODY = 65534 };

static int setup(void **state)
{
    struct host *h = calloc(1, sizeof *h);
    assert_non_null(h);
    *state = h;
    return host_start(h);
}

static int teardown(void **state)
{
    struct host *h = *state;
    host_stop(h);
    /* Nobody of the launcher's is left: as subreaper we would have to bury them. */
    assert_int_equal(waitpid(-1, NULL, 0), -1);
    assert_int_equal(errno, ECHILD);
    free(h);
    return 0;
}

static void spec(struct host *h, const char *slug, enum box_mode mode, uint32_t slots)
{
    host_spec(h, GREEDY, slug, mode, slots);
    h->spec.limits.memory_bytes = MEMORY_MB * MB;
    h->spec.limits.dir_bytes = DIR_MB * MB;
    h->spec.limits.dir_files = DIR_FILES;
}

static void begin(struct host *h)
{
    host_box(h);
    if (h->box == NULL)
        fail_msg("%s: %s: %s", h->spec.slug, code_name(h->ended_code), h->ended_text);
}

static void end(struct host *h)
{
    host_wait_free(h);
    host_end_box(h);
    if (h->ended_code != CODE_OK)
        fail_msg("%s: %s: %s", h->spec.slug, code_name(h->ended_code), h->ended_text);
}

static void expect(const struct host *h, enum code code, const char *said)
{
    const struct host_outcome *o = &h->last;
    if (o->code != code)
        fail_msg("%s: %s, expected %s (%s, %s, %s)", h->spec.slug, code_name(o->code),
                 code_name(code), o->message, o->details, o->data);
    if (strstr(o->message, said) == NULL && strstr(o->details, said) == NULL &&
        strstr(o->data, said) == NULL)
        fail_msg("%s: \"%s\" is not in %s, %s, %s", h->spec.slug, said, o->message, o->details,
                 o->data);
}

static long member(const struct host *h, const char *name)
{
    char key[32];
    snprintf(key, sizeof key, "\"%s\":", name);
    const char *at = strstr(h->last.data, key);
    if (at == NULL) {
        fail_msg("%s: no %s in %s (%s)", h->spec.slug, name, h->last.data, h->last.message);
        return -1;
    }
    return strtol(at + strlen(key), NULL, 10);
}

/* Ends the test, and its box, where there are none. */
static void need_groups(struct host *h)
{
    if ((h->walls & WALL_CGROUP) != 0)
        return;
    end(h);
    print_message("left out: no control group can be made here\n");
    skip();
}

/* ---- memory ---- */

struct balloon {
    const char *slug;
    uint32_t rights;
    bool needs_group; /* no limit of a process counts it */
};

static const struct balloon balloons[] = {
    {"private", 0, false},
    {"shared", 0, true},
    {"memfd", BOX_MAY_JIT, true},
};

static void inflate(struct host *h, const struct balloon *b, enum box_mode mode)
{
    spec(h, b->slug, mode, 1);
    h->spec.rights = b->rights;
    begin(h);
    if (b->needs_group && (h->walls & WALL_CGROUP) == 0) {
        print_message("left out: %s, because no control group can be made here\n", b->slug);
        end(h);
        return;
    }
    for (int i = 0; i < 2; i++) {
        host_params(h, "400", 20000);
        expect(h, CODE_OOM, "\"limit_bytes\":67108864");
        if (b->needs_group)
            expect(h, CODE_OOM, "killed by the kernel when its memory had run out");
        host_params(h, "8", 20000);
        expect(h, CODE_OK, "\"got\":8");
    }
    end(h);
}

static void memory(void **state)
{
    for (size_t i = 0; i < sizeof balloons / sizeof *balloons; i++) {
        inflate(*state, &balloons[i], BOX_FORK);
        inflate(*state, &balloons[i], BOX_WARM);
    }
}

/* A kernel that cannot begin its count anew tells the first worker's at least. */
static void memory_peak(void **state)
{
    struct host *h = *state;
    spec(h, "shared", BOX_FORK, 1);
    begin(h);
    need_groups(h);
    host_params(h, "400", 20000);
    expect(h, CODE_OOM, "\"peak_bytes\":");
    end(h);
}

/* No limit: nobody is killed. */
static void memory_without_a_limit(void **state)
{
    struct host *h = *state;
    spec(h, "shared", BOX_FORK, 1);
    h->spec.limits.memory_bytes = 0;
    begin(h);
    host_params(h, "100", 20000);
    expect(h, CODE_OK, "\"got\":100");
    end(h);
}

static void run_in(struct host *h, uint32_t slot, const char *params)
{
    const struct box_task task = {
        .id = "t", .params = params, .params_len = strlen(params), .timeout_ms = 20000};
    const int before = h->n_done;
    assert_int_equal(box_run(h->box, slot, &task, h), 0);
    h->n_running++;
    host_turn_until(h, &h->n_done, before + 1);
}

/* Two boxes share nothing, nor do two slots: a kill in one is not told of the other. */
static void a_neighbour_is_not_blamed(void **state)
{
    struct host *h = *state;
    spec(h, "shared", BOX_FORK, 2);
    begin(h);
    need_groups(h);
    run_in(h, 0, "400");
    expect(h, CODE_OOM, "");
    /* Its worker was there, and watched, when the other one was killed. */
    run_in(h, 1, "8");
    expect(h, CODE_OK, "\"got\":8");
    end(h);
    /* A group goes from box to box: the next box's task must not inherit the count. */
    spec(h, "suicide", BOX_FORK, 2);
    begin(h);
    run_in(h, 0, "0");
    expect(h, CODE_KILLED, "not by this host");
    run_in(h, 1, "0");
    expect(h, CODE_KILLED, "not by this host");
    end(h);
}

static void memory_while_it_is_loaded(void **state)
{
    struct host *h = *state;
    for (enum box_mode mode = BOX_FORK; mode <= BOX_WARM; mode++) {
        spec(h, "greedy", mode, 1);
        h->spec.config = "8";
        begin(h);
        need_groups(h);
        end(h);
        h->spec.config = "400";
        host_box(h);
        while (h->box != NULL)
            loop_turn(h->loop, 1000);
        assert_int_equal(h->ended_code, CODE_PLUGIN_LOAD_FAILED);
        assert_non_null(strstr(h->ended_text, "more memory than its limit"));
    }
}

/* ---- directories ---- */

/* In memory: no room, and that is the plugin's to see. */
static void refused_in_memory(struct host *h, const char *slug, const char *params, long least,
                              long most)
{
    for (int i = 0; i < 2; i++) {
        host_params(h, params, 20000);
        expect(h, CODE_OK, "");
        if (member(h, "errno") != ENOSPC || member(h, "got") < least)
            fail_msg("%s %d: %s", slug, i, h->last.data);
        assert_in_range(member(h, "got"), least, most);
        if (member(h, "found") != 0)
            fail_msg("%s: the directory was not empty", slug);
    }
}

static void directories_in_memory(void **state)
{
    struct host *h = *state;
    for (enum box_mode mode = BOX_FORK; mode <= BOX_WARM; mode++) {
        spec(h, "fill", mode, 1);
        begin(h);
        const bool has_scratch = (h->walls & WALL_SCRATCH) != 0;
        if (has_scratch)
            refused_in_memory(h, "fill", "16", DIR_MB - 1, DIR_MB);
        end(h);
        if (!has_scratch) {
            print_message("left out: nothing can be mounted here\n");
            skip();
        }
        spec(h, "many", mode, 1);
        begin(h);
        refused_in_memory(h, "many", "100", DIR_FILES, DIR_FILES + 2);
        end(h);
    }
}

/* On the disk: seen while the task runs, and killed for. */
static void directories_on_the_disk(void **state)
{
    static const struct {
        const char *slug, *params, *good;
    } rows[] = {{"fill_and_stay", "16", "1"}, {"many_and_stay", "100", "3"}};
    struct host *h = *state;
    for (enum box_mode mode = BOX_FORK; mode <= BOX_WARM; mode++) {
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            spec(h, rows[i].slug, mode, 1);
            h->spec.flags = LAUNCH_DISK_SCRATCH;
            begin(h);
            assert_int_equal(h->walls & WALL_SCRATCH, 0);
            for (int n = 0; n < 2; n++) {
                host_params(h, rows[i].params, 20000);
                expect(h, CODE_DISK_LIMIT, "more than its limit of 4194304 bytes or 20 files");
                /* Within its limits it is its time that is up. */
                host_params(h, rows[i].good, 300);
                expect(h, CODE_TIMEOUT, "");
            }
            end(h);
        }
    }
}

/* A limit of one thing is none of the other. */
static void one_limit_of_a_directory(void **state)
{
    struct host *h = *state;
    for (uint32_t flags = 0; flags <= LAUNCH_DISK_SCRATCH; flags += LAUNCH_DISK_SCRATCH) {
        spec(h, "many", BOX_FORK, 1);
        h->spec.flags = flags;
        h->spec.limits.dir_files = 0;
        begin(h);
        host_params(h, "500", 20000);
        expect(h, CODE_OK, "\"got\":500,\"errno\":0");
        end(h);
        spec(h, "fill", BOX_FORK, 1);
        h->spec.flags = flags;
        h->spec.limits.dir_bytes = 0;
        begin(h);
        assert_int_equal(h->walls & WALL_SCRATCH, 0);
        host_params(h, "16", 20000);
        expect(h, CODE_OK, "\"got\":16,\"errno\":0");
        end(h);
    }
}

static void what_is_measured(void **state)
{
    struct host *h = *state;
    for (enum box_mode mode = BOX_FORK; mode <= BOX_WARM; mode++) {
        spec(h, "bait", mode, 1);
        h->spec.flags = LAUNCH_DISK_SCRATCH;
        begin(h);
        host_params(h, "350", 20000);
        expect(h, CODE_OK, "");
        end(h);
    }
}

/* ---- the rest ---- */

static void descriptors_and_threads(void **state)
{
    struct host *h = *state;
    for (enum box_mode mode = BOX_FORK; mode <= BOX_WARM; mode++) {
        spec(h, "descriptors", mode, 1);
        h->spec.limits.files = 32;
        begin(h);
        host_params(h, "1000", 20000);
        assert_int_equal(member(h, "errno"), EMFILE);
        /* The worker has some of its own, and what a zygote needs to fork is on top. */
        assert_in_range(member(h, "got"), 32 - 8, 32 + 17);
        end(h);
        spec(h, "threads", mode, 1);
        h->spec.limits.threads = 8;
        h->spec.limits.memory_bytes = 0; /* stacks count */
        begin(h);
        const bool is_counted = (h->walls & (WALL_CGROUP | WALL_USERNS | WALL_OWN_UID)) != 0;
        host_params(h, is_counted ? "100" : "8", 20000);
        assert_int_equal(member(h, "errno"), is_counted ? EAGAIN : 0);
        assert_in_range(member(h, "got"), 8 - 1, 8 + 5);
        end(h);
    }
}

/* ---- steps that fail ---- */

static bool is_version_1(void)
{
    char own[PATH_MAX];
    return cgroup_own("memory", own) == 0;
}

/* A move that fails is the box's failure; it never runs outside of its group. */
static void a_move_that_fails(void **state)
{
    static const struct {
        enum box_mode mode;
        const char *point;
        bool where_tasks_join, where_they_are_moved;
    } faults[] = {{BOX_WARM, "warden.group-join", true, true},
                  {BOX_FORK, "warden.group-join", true, true},
                  {BOX_FORK, "warden.group-move", false, true},
                  {BOX_FORK, "control group of the task", true, false}};
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        const enum box_mode mode = faults[i].mode;
        struct host *h = NULL;
        assert_int_equal(setup((void **)&h), 0);
        spec(h, "shared", mode, 1);
        begin(h);
        const bool has_groups = (h->walls & WALL_CGROUP) != 0;
        const bool do_join = (h->walls & WALL_PIDNS) != 0 && is_version_1();
        end(h);
        assert_int_equal(teardown((void **)&h), 0);
        if (!has_groups) {
            print_message("left out: no control group can be made here\n");
            skip();
        }
        if (!(do_join ? faults[i].where_tasks_join : faults[i].where_they_are_moved))
            continue;
        setenv("PENSTOCK_FAULT", faults[i].point, 1);
        assert_int_equal(setup((void **)&h), 0);
        spec(h, "shared", mode, 1);
        host_box(h);
        while (h->box != NULL)
            loop_turn(h->loop, 1000);
        unsetenv("PENSTOCK_FAULT");
        if (h->ended_code != CODE_SANDBOX_ERROR)
            fail_msg("%s: %s: %s", faults[i].point, code_name(h->ended_code), h->ended_text);
        assert_int_equal(teardown((void **)&h), 0);
    }
}

/* ---- what is left behind ---- */

static bool limits_memory(const char *path, const char *name)
{
    char file[PATH_MAX + 32];
    snprintf(file, sizeof file, "%s/%s", path, name);
    return access(file, F_OK) == 0;
}

/* A folder of our own in the hierarchy that boxes are limited in; it can be removed only if it is
 * empty. */
static bool make_parent(char *path)
{
    char own[PATH_MAX];
    if (cgroup_own("memory", own) < 0 && cgroup_own(NULL, own) < 0)
        return false;
    snprintf(path, PATH_MAX, "%.4000s/penstock-test-%d", own, getpid());
    if (mkdir(path, 0755) < 0)
        return false;
    if (limits_memory(path, "memory.limit_in_bytes") || limits_memory(path, "memory.max"))
        return true;
    rmdir(path);
    return false;
}

static void no_group_is_left(void **state)
{
    char parent[PATH_MAX];
    (void)state;
    if (!make_parent(parent)) {
        print_message("left out: no control group can be made here\n");
        skip();
    }
    setenv("INNER_CGROUP", parent, 1);
    for (int is_killed = 0; is_killed <= 1; is_killed++) {
        struct host *h = NULL;
        assert_int_equal(setup((void **)&h), 0);
        spec(h, "shared", BOX_FORK, 2);
        begin(h);
        assert_true((h->walls & WALL_CGROUP) != 0);
        assert_int_equal(rmdir(parent), -1);
        if (is_killed) {
            kill(h->launcher_pid, SIGKILL);
            while (!h->is_lost)
                loop_turn(h->loop, 1000);
            /* Its wardens end without it; we bury them. */
            while (waitpid(-1, NULL, 0) > 0)
                continue;
            assert_int_equal(host_restart(h), 0);
        } else {
            end(h);
        }
        assert_int_equal(teardown((void **)&h), 0);
        assert_int_equal(rmdir(parent), 0);
        assert_int_equal(mkdir(parent, 0755), 0);
    }
    unsetenv("INNER_CGROUP");
    assert_int_equal(rmdir(parent), 0);
}

static void places_that_are_none(void **state)
{
    static const char *const places[] = {"off", "/", "/nowhere/at/all"};
    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct host *h = NULL;
        setenv("INNER_CGROUP", places[i], 1);
        assert_int_equal(setup((void **)&h), 0);
        unsetenv("INNER_CGROUP");
        spec(h, "shared", BOX_FORK, 1);
        begin(h);
        assert_int_equal(h->walls & WALL_CGROUP, 0);
        host_params(h, "8", 20000);
        expect(h, CODE_OK, "\"got\":8");
        end(h);
        assert_int_equal(teardown((void **)&h), 0);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* The whole of it without any right, as somebody who logs in. */
static int run_as_user(char *self)
{
    char uid[32], gid[32];
    char *argv[] = {(char[]){"setpriv"},
                    uid,
                    gid,
                    (char[]){"--clear-groups"},
                    (char[]){"--bounding-set=-all"},
                    self,
                    NULL};
    const char *tmp = getenv("TMPDIR");
    snprintf(uid, sizeof uid, "--reuid=%d", NOBODY);
    snprintf(gid, sizeof gid, "--regid=%d", NOBODY);
    if (tmp != NULL && chown(tmp, NOBODY, NOBODY) == 0)
        execv("/usr/bin/setpriv", argv);
    perror("as-user");
    return 1;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(memory),
        TEST(memory_peak),
        TEST(memory_without_a_limit),
        TEST(a_neighbour_is_not_blamed),
        TEST(memory_while_it_is_loaded),
        TEST(directories_in_memory),
        TEST(directories_on_the_disk),
        TEST(one_limit_of_a_directory),
        TEST(what_is_measured),
        TEST(descriptors_and_threads),
        cmocka_unit_test(a_move_that_fails),
        cmocka_unit_test(no_group_is_left),
        cmocka_unit_test(places_that_are_none),
    };
    if (argc > 1 && geteuid() == 0)
        return run_as_user(argv[0]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
