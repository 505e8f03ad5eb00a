/* catalogue_memory.c: attacks of plugin_memory.c and what must come of them. */
#include "suite.h"

static const struct attack_case cases[] = {
    TRY_BOTH("4", "balloon_checked", &box_small, IN_RUN | IN_THREAD | IN_OPEN,
             "ENOMEM|!PLUGIN_LOAD_FAILED", "ENOMEM|!OOM"),
    TRY("5", "balloon_unchecked", &box_small, IN_RUN | IN_THREAD, "!OOM"),
    TRY("45", "balloon_unchecked", &box_small, IN_ZYGOTE, "!PLUGIN_LOAD_FAILED"),
    TRY_BOTH("6", "balloon_private", &box_small, IN_RUN | IN_OPEN, "ENOMEM|!PLUGIN_LOAD_FAILED",
             "ENOMEM|!OOM"),
    TRY_BOTH("6", "balloon_mprotect", &box_small, IN_RUN | IN_OPEN, "ENOMEM|!PLUGIN_LOAD_FAILED",
             "ENOMEM|!OOM"),
    TRY_IF(WALL_CGROUP, "6", "balloon_shared", &box_small, IN_RUN | IN_THREAD, "ENOMEM|!OOM"),
    TRY("7", "balloon_memfd", &box_small, IN_RUN | IN_OPEN, "EPERM"),
    TRY_IF(WALL_MDWE, "26", "map_rwx", &box_plain, ANYWHERE, "EACCES"),
    TRY_IF(WALL_MDWE, "26", "protect_exec", &box_plain, ANYWHERE, "EACCES"),
    TRY_IF(WALL_MDWE, "26", "protect_write", &box_plain, IN_RUN | IN_OPEN, "EACCES"),
    TRY_IF(WALL_NEWROOT, "26", "map_file_twice", &box_plain, IN_RUN | IN_THREAD, "EPERM|EACCES"),
    TRY("26", "map_memfd_twice", &box_plain, IN_RUN | IN_OPEN, "EPERM"),
    TRY("26", "map_shm_exec", &box_plain, IN_RUN | IN_OPEN, "EPERM"),
    TRY_IF(WALL_NEWROOT, "26", "load_dropped", &box_plain, IN_RUN | IN_THREAD, "not mapped"),
    TRY("26", "map_rwx", &box_jit, IN_RUN, "done"),
};

const struct catalogue catalogue_memory = {cases, sizeof cases / sizeof *cases};
