/* catalogue_suite.c: what the suite does itself. */
#include "suite_acts.h"

#define LIE "!PLUGIN_LOAD_FAILED(not a task)"

#define LACKS(layer, guarantee, expected)                                                          \
    {                                                                                              \
        "60", layer, &box_plain, BY_SUITE, expected, NULL, 0, guarantee, act_require               \
    }

static const struct attack_case cases[] = {
    SUITE("52", "name-first", &box_plain, LIE, act_lie),
    SUITE("52", "name-self", &box_plain, LIE, act_lie),
    SUITE("52", "name-parent", &box_plain, LIE, act_lie),
    SUITE("52", "name-nobody", &box_plain, LIE, act_lie),
    SUITE("52", "name-twice", &box_plain, LIE, act_lie),
    SUITE("52", "name-host", &box_plain, LIE, act_lie),
    SUITE("52", "name-sibling", &box_plain, LIE, act_lie),
    SUITE("52", "extra-child", &box_plain, "!PLUGIN_LOAD_FAILED(not ordered)", act_lie),

    SUITE("53", "kill_task", &box_own, "!KILLED", act_kill),
    SUITE("53", "kill_zygote", &box_own, "!CANCELLED|held", act_kill),
    SUITE("53", "kill_warden", &box_own, "!SANDBOX_ERROR|!KILLED", act_kill),

    SUITE("7", "read_neighbour", &box_two, "EACCES|ENOENT", act_neighbour),
    SUITE("7", "list_neighbour", &box_two, "EACCES|ENOENT", act_neighbour),
    SUITE("7", "write_neighbour", &box_two, "EACCES|ENOENT|EROFS", act_neighbour),

    SUITE("9", "output_flood", &box_plain, "kept within the limit", act_flood),
    SUITE("8", "big_result", &box_plain, "!RESULT_TOO_BIG", act_flat),
    SUITE("59", "crash_with_secret", &box_plain, "!CRASH(SIGQUIT)", act_core),

    LACKS("seccomp", "syscalls", "refused"),
    LACKS("cgroup", "fs,process", "started"),
};

const struct catalogue catalogue_suite = {cases, sizeof cases / sizeof *cases};
