/* catalogue_threads.c: attacks of plugin_threads.c and plugin_signals.c and what must come of them. */
#include "suite.h"

static const struct attack_case cases[] = {
    TRY_IF(WALL_USERNS | WALL_OWN_UID | WALL_CGROUP, "2", "thread_bomb", &box_own,
           IN_RUN | IN_THREAD, "EAGAIN"),
    TRY_IF(WALL_USERNS | WALL_OWN_UID | WALL_CGROUP, "2", "thread_bomb", &box_own, IN_OPEN,
           "EAGAIN"),
    TRY("30", "spin", &box_cpu, IN_RUN | IN_THREAD, "!CPU_LIMIT"),
    TRY("30", "spin_many", &box_cpu, IN_RUN | IN_THREAD, "!CPU_LIMIT"),
    TRY("31", "ignore_xcpu", &box_cpu, IN_RUN, "!CPU_LIMIT"),
    TRY("32", "loop_in_handler", &box_cpu, IN_RUN, "!CPU_LIMIT"),
    TRY("41", "signal_flood", &box_cpu, IN_RUN, "flooded|!CPU_LIMIT"),
    TRY("28", "stop", &box_brief, IN_RUN | IN_THREAD, "!TIMEOUT"),
    TRY("29", "block_all", &box_brief, IN_RUN, "!TIMEOUT"),
    TRY("29", "ignore_all", &box_brief, IN_RUN, "!TIMEOUT"),
    TRY("32", "hang", &box_brief, IN_RUN | IN_THREAD, "!TIMEOUT"),
    TRY("39", "many_timers", &box_plain, IN_RUN | IN_THREAD, "EAGAIN"),
    TRY("39", "queue_to_self", &box_plain, IN_RUN, "EAGAIN|!SANDBOX_VIOLATION(rt_sigqueueinfo)"),
    TRY("36", "catch_segv", &box_plain, IN_RUN | IN_THREAD | IN_OPEN, "caught"),
    TRY("36", "catch_sigsys", &box_plain, IN_RUN | IN_THREAD | IN_OPEN, "caught"),
    TRY("36", "block_sigsys", &box_plain, IN_RUN | IN_THREAD, "!SANDBOX_VIOLATION(SIGSYS)"),
    TRY("54", "leave_thread", &box_warm, IN_RUN, "left"),
};

const struct catalogue catalogue_threads = {cases, sizeof cases / sizeof *cases};
