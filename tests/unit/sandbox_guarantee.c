/* sandbox_guarantee.c: what walls and attacks make of each guarantee, in the settings of real hosts
 * and with each wall missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sandbox/guarantee.h"
#include "sandbox/guarantee_judge.h"
#include "sandbox/walls.h"

#define NAMESPACES                                                                                 \
    (WALL_PIDNS | WALL_MOUNTNS | WALL_NETNS | WALL_IPCNS | WALL_UTSNS | WALL_CGROUPNS |            \
     WALL_NEWROOT)
#define FILTERS (WALL_SECCOMP | WALL_NO_CAPS | WALL_LIMITS)
#define ROOT    (NAMESPACES | FILTERS | WALL_LANDLOCK | WALL_MDWE | WALL_OWN_UID)
#define USER    (NAMESPACES | FILTERS | WALL_LANDLOCK | WALL_MDWE | WALL_USERNS)
#define BARE    (FILTERS | WALL_LANDLOCK | WALL_MDWE)

/* Levels in the order of enum guarantee: S strong, w weak, - none. */
struct setting {
    const char *name;
    uint32_t walls, abi;
    bool is_root;
    const char *through; /* guarantees that an attack got through, in names */
    const char *partly;
    const char *levels;
};

/*                                                                       fs net process syscalls
 *                                                                       memory pids cpu kill wx disk */
static const struct setting settings[] = {
    {"root", ROOT, 7, true, "", "memory,disk", "SSSSwSSSSw"},
    {"root, groups, scratch", ROOT | WALL_CGROUP | WALL_SCRATCH, 7, true, "", "", "SSSSSSSSSS"},
    {"a user", USER, 7, false, "", "memory,disk", "SSSSwSSSSw"},
    {"a user with Delegate", USER | WALL_CGROUP, 7, false, "", "disk", "SSSSSSSSSw"},
    {"a user without namespaces", BARE, 7, false, "pids", "memory,disk,wx", "SSSSw-Swww"},
    {"the same with a noexec disk", BARE, 7, false, "pids", "memory,disk", "SSSSw-SwSw"},
    {"the same with groups", BARE | WALL_CGROUP, 7, false, "", "disk,wx", "SSSSSSSwww"},
    {"root in a container", BARE | WALL_OWN_UID, 7, true, "", "memory,disk,wx", "SSSSwSSwww"},
    {"Linux 6.1 in user mode: no Landlock, no MDWE", USER & ~(WALL_LANDLOCK | WALL_MDWE), 0, false,
     "wx", "memory,disk", "SSSSwSSS-w"},
    {"a container with Landlock 1", BARE, 1, false, "pids", "memory,disk,wx", "wSwSw-Swww"},
    {"a container with Landlock 3", BARE, 3, false, "pids", "memory,disk,wx", "SSwSw-Swww"},
    {"a container without Landlock", BARE & ~WALL_LANDLOCK, 0, false, "fs,pids",
     "process,memory,disk,wx", "-SwSw-Swww"},
    {"root without own users", ROOT & ~WALL_OWN_UID, 7, true, "pids", "memory,disk", "wSwSw-SSSw"},
    {"root with capabilities", ROOT & ~WALL_NO_CAPS, 7, true, "", "memory,disk", "wSwSwSSSSw"},
    {"no seccomp", USER & ~WALL_SECCOMP, 7, false, "process,syscalls", "memory,disk", "ww--wSSSSw"},
    {"no limits", USER & ~WALL_LIMITS, 7, false, "memory,pids,disk", "cpu", "SSSS--wSS-"},
    {"no limits, but groups", (USER & ~WALL_LIMITS) | WALL_CGROUP | WALL_SCRATCH, 7, false, "",
     "cpu", "SSSSSSwSSS"},
    {"no pid namespace", USER & ~WALL_PIDNS, 7, false, "", "memory,disk", "SSSSwSSwSw"},
    {"no net namespace", USER & ~WALL_NETNS, 7, false, "", "memory,disk", "SSSSwSSSSw"},
    {"nothing", 0, 0, false, "fs,net,process,syscalls,memory,pids,wx,disk", "cpu", "------ww--"},
    /* A failed attack proves nothing where no wall stands... */
    {"nothing, and no attack got through", 0, 0, false, "", "", "------ww--"},
    /* ...and walls nothing against one that got through. */
    {"everything, and all got through", ROOT | WALL_CGROUP | WALL_SCRATCH, 7, true,
     "fs,net,process,syscalls,memory,pids,cpu,kill,wx,disk", "", "----------"},
    {"its root with Landlock 3", BARE | WALL_OWN_UID, 3, true, "", "memory,disk,wx", "SSSSwSSwww"},
    {"everything, and all got through in part", ROOT | WALL_CGROUP | WALL_SCRATCH, 7, true, "",
     "fs,net,process,syscalls,memory,pids,cpu,kill,wx,disk", "wwwwwwwwww"},
};

static struct guarantee_facts facts_of(const struct setting *s)
{
    struct guarantee_facts f = {.walls = s->walls,
                                .landlock_abi = s->abi,
                                .cgroup_text = "",
                                .is_root = s->is_root,
                                .kernel_major = 6,
                                .kernel_minor = 1};
    uint32_t through = 0, partly = 0;
    assert_int_equal(guarantees_parse(s->through, &through), 0);
    assert_int_equal(guarantees_parse(s->partly, &partly), 0);
    for (int i = 0; i < GUARANTEES; i++) {
        f.tries[i].result = (through >> i & 1) != 0  ? PROBE_THROUGH
                            : (partly >> i & 1) != 0 ? PROBE_PARTLY
                                                     : PROBE_HELD;
        snprintf(f.tries[i].what, sizeof f.tries[i].what, "the attack");
    }
    return f;
}

static void levels_in_every_setting(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        const struct setting *s = &settings[i];
        const struct guarantee_facts f = facts_of(s);
        struct guarantee_state states[GUARANTEES];
        char levels[GUARANTEES + 1] = "";
        guarantees_judge(&f, states);
        for (int g = 0; g < GUARANTEES; g++) {
            levels[g] = "-wS"[states[g].level];
            /* Below strong there is a reason, and at strong there is none; and what holds is named. */
            assert_int_equal(states[g].reason[0] == '\0', states[g].level == LEVEL_STRONG);
            assert_int_equal(states[g].by[0] == '\0', states[g].level == LEVEL_NONE);
        }
        if (strcmp(levels, s->levels) != 0)
            fail_msg("%s: %s, expected %s", s->name, levels, s->levels);
    }
}

/* ---- texts ---- */

static struct guarantee_state judge(const struct guarantee_facts *f, enum guarantee guarantee)
{
    struct guarantee_state states[GUARANTEES];
    guarantees_judge(f, states);
    return states[guarantee];
}

static void says(const char *text, const char *words)
{
    if (strstr(text, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", text, words);
}

static void reasons_name_error_and_place(void **state)
{
    struct guarantee_facts f = facts_of(&settings[2]);
    struct guarantee_state s;
    (void)state;
    f.cgroup_text = "/sys/fs/cgroup/memory";
    f.errors[14] = EACCES;
    assert_int_equal(1 << 14, WALL_CGROUP);
    s = judge(&f, GUARANTEE_MEMORY);
    assert_string_equal(
        s.reason, "shared mappings are not counted: no cgroup (EACCES /sys/fs/cgroup/memory)");
    says(s.remedy, "Delegate=memory pids");
    assert_string_equal(judge(&f, GUARANTEE_FS).by, "mntns+pivot_root, landlock 7");

    f = facts_of(&settings[8]);
    f.errors[12] = EINVAL;
    assert_int_equal(1 << 12, WALL_MDWE);
    s = judge(&f, GUARANTEE_WX);
    assert_string_equal(s.reason, "pages may be written and executed: no mdwe (EINVAL, Linux 6.1)");
    says(s.remedy, "6.3");
}

static void remedies_fit_the_host(void **state)
{
    struct guarantee_facts f = facts_of(&settings[4]);
    (void)state;
    says(judge(&f, GUARANTEE_KILL).remedy, "user.max_user_namespaces");
    f.is_container = true;
    says(judge(&f, GUARANTEE_KILL).remedy, "hostUsers: false");
    says(judge(&f, GUARANTEE_DISK).remedy, "sizeLimit");
    f = facts_of(&settings[7]);
    says(judge(&f, GUARANTEE_KILL).remedy, "CAP_SYS_ADMIN");
}

static void attacks_are_named(void **state)
{
    struct guarantee_facts f = facts_of(&settings[0]);
    struct guarantee_state s;
    (void)state;
    f.tries[GUARANTEE_NET] = (struct probe_try){PROBE_THROUGH, 0, "a TCP connection"};
    s = judge(&f, GUARANTEE_NET);
    assert_int_equal(s.level, LEVEL_NONE);
    assert_string_equal(s.reason, "got through: a TCP connection");
    assert_true(s.remedy[0] != '\0');
    f.tries[GUARANTEE_NET] = (struct probe_try){PROBE_UNKNOWN, EPROTO, "a TCP connection"};
    s = judge(&f, GUARANTEE_NET);
    assert_int_equal(s.level, LEVEL_NONE);
    assert_string_equal(s.reason, "the attack could not be made: a TCP connection (EPROTO)");
}

static void tests_that_take_walls_are_named(void **state)
{
    struct guarantee_facts f = facts_of(&settings[14]);
    struct guarantee_state s;
    (void)state;
    f.without = WALL_SECCOMP;
    s = judge(&f, GUARANTEE_SYSCALLS);
    says(s.reason, "no seccomp (PENSTOCK_WITHOUT)");
    says(s.remedy, "PENSTOCK_WITHOUT");
}

/* Texts longer than their room are cut, and end. */
static void long_texts_are_cut(void **state)
{
    struct guarantee_facts f = facts_of(&settings[0]);
    char path[1024], why[64];
    struct guarantee_state states[GUARANTEES];
    (void)state;
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    f.cgroup_text = path;
    guarantees_judge(&f, states);
    assert_int_equal(strlen(states[GUARANTEE_MEMORY].reason),
                     sizeof states[GUARANTEE_MEMORY].reason - 1);
    assert_true(guarantees_refused(states, 0, (1 << GUARANTEES) - 1, why, sizeof why));
    assert_int_equal(strlen(why), sizeof why - 1);
}

/* ---- what is required ---- */

struct demand {
    const char *require, *require_strong;
    const char *why; /* NULL: met */
};

static void demands(void **state)
{
    /* In a container: memory weak, pids none. */
    static const struct demand rows[] = {
        {"", "", NULL},
        {"fs,net,syscalls,process", "", NULL},
        {"fs,memory,kill", "fs", NULL},
        {"", "fs,net,process,syscalls,cpu", NULL},
        {"pids", "", "pids is none and must be at least weak: RLIMIT_NPROC would count"},
        {"memory", "memory", "memory is weak and must be strong: shared mappings"},
        {"", "memory,kill", "; kill is weak and must be strong: "},
        {"pids,fs", "", "; remedy: "},
    };
    const struct guarantee_facts f = facts_of(&settings[4]);
    struct guarantee_state states[GUARANTEES];
    (void)state;
    guarantees_judge(&f, states);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint32_t require, strong;
        char why[BOX_TEXT_MAX];
        assert_int_equal(guarantees_parse(rows[i].require, &require), 0);
        assert_int_equal(guarantees_parse(rows[i].require_strong, &strong), 0);
        assert_int_equal(guarantees_refused(states, require, strong, why, sizeof why),
                         rows[i].why != NULL);
        says(why, rows[i].why != NULL ? rows[i].why : "");
        if (rows[i].why == NULL)
            assert_string_equal(why, "");
    }
}

/* ---- names ---- */

static void names_of_walls(void **state)
{
    static const char *const wrong[] = {"wall", "seccomp,x", ",", "seccomp,,uid", "SECCOMP", " "};
    uint32_t walls;
    (void)state;
    for (uint32_t wall = 1; wall < WALLS_ALL; wall <<= 1) {
        assert_int_equal(walls_parse(wall_name(wall), &walls), 0);
        assert_int_equal(walls, wall);
    }
    assert_int_equal(walls_parse("seccomp,landlock,rlimits", &walls), 0);
    assert_int_equal(walls, WALL_SECCOMP | WALL_LANDLOCK | WALL_LIMITS);
    assert_int_equal(walls_parse("", &walls), 0);
    assert_int_equal(walls, 0);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(walls_parse(wrong[i], &walls), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_in_every_setting),
        cmocka_unit_test(reasons_name_error_and_place),
        cmocka_unit_test(remedies_fit_the_host),
        cmocka_unit_test(attacks_are_named),
        cmocka_unit_test(tests_that_take_walls_are_named),
        cmocka_unit_test(long_texts_are_cut),
        cmocka_unit_test(demands),
        cmocka_unit_test(names_of_walls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
