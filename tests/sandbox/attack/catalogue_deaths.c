/* catalogue_deaths.c: attacks of plugin_deaths.c, from tasks and while a plugin is loaded. */
#include "suite.h"

static const struct attack_case cases[] = {
    TRY("34", "die_segv", &box_plain, IN_RUN | IN_THREAD, "!CRASH(SIGSEGV)"),
    TRY("34", "die_segv", &box_plain, IN_RUN, "!CRASH(\"module\":\"attack.so\")"),
    TRY("34", "die_abort", &box_plain, IN_RUN | IN_THREAD, "!CRASH(SIGABRT)"),
    TRY("34", "die_fpe", &box_plain, IN_RUN, "!CRASH(SIGFPE)"),
    TRY("34", "die_ill", &box_plain, IN_RUN, "!CRASH(SIGILL)"),
    TRY("34", "die_bus", &box_plain, IN_RUN, "!CRASH(SIGBUS)"),
    TRY("34", "die_stack", &box_plain, IN_RUN | IN_THREAD, "!CRASH(SIGSEGV)"),
    TRY("34", "die_double_free", &box_plain, IN_RUN, "!CRASH(SIGABRT)"),
    TRY("34", "die_term", &box_plain, IN_RUN, "!CRASH(SIGTERM)"),
    TRY("53", "die_kill", &box_plain, IN_RUN | IN_THREAD, "!KILLED"),
    TRY("31", "die_xcpu", &box_plain, IN_RUN, "!CPU_LIMIT"),
    TRY("34", "die_sys", &box_plain, IN_RUN, "!SANDBOX_VIOLATION"),
    TRY("35", "die_long_jump", &box_plain, IN_RUN, "!CRASH"),
    TRY("11", "exit_0", &box_plain, IN_RUN | IN_THREAD, "!NO_RESULT"),
    TRY("11", "exit_at_once_0", &box_plain, IN_RUN, "!NO_RESULT"),
    TRY("11", "exit_thread", &box_plain, IN_RUN, "!NO_RESULT"),
    TRY("12", "exit_3", &box_plain, IN_RUN | IN_THREAD, "!PLUGIN_EXIT(status 3)"),
    TRY("12", "exit_at_once_3", &box_plain, IN_RUN, "!PLUGIN_EXIT(status 3)"),
    TRY_BOTH("27", "int80", &box_plain, ANYWHERE,
             "!PLUGIN_LOAD_FAILED(SIGSYS)|!PLUGIN_LOAD_FAILED(SIGSEGV)",
             "!SANDBOX_VIOLATION|!CRASH(SIGSEGV)|refused"),
    TRY("27", "x32", &box_plain, ANYWHERE, "!SANDBOX_VIOLATION"),

    TRY("44", "die_abort", &box_plain, IN_ZYGOTE, "!PLUGIN_LOAD_FAILED(SIGABRT)"),
    TRY("44", "die_segv", &box_plain, IN_ZYGOTE, "!PLUGIN_LOAD_FAILED(SIGSEGV)"),
    TRY("44", "die_stack", &box_plain, IN_ZYGOTE, "!PLUGIN_LOAD_FAILED(SIGSEGV)"),
    TRY("44", "die_kill", &box_plain, IN_ZYGOTE, "!PLUGIN_LOAD_FAILED(SIGKILL)"),
    TRY("44", "exit_0", &box_plain, IN_ZYGOTE, "!PLUGIN_LOAD_FAILED(status 0)"),
    TRY("44", "exit_at_once_3", &box_plain, IN_ZYGOTE, "!PLUGIN_LOAD_FAILED(status 3)"),
    TRY("44", "exit_thread", &box_plain, IN_ZYGOTE, "!PLUGIN_LOAD_FAILED(status 0)"),
    TRY("44", "hang", &box_brief, IN_ZYGOTE, "!PLUGIN_LOAD_TIMEOUT"),
    TRY("44", "spin", &box_brief, IN_ZYGOTE, "!PLUGIN_LOAD_TIMEOUT"),
    TRY("44", "stop", &box_brief, IN_ZYGOTE, "!PLUGIN_LOAD_TIMEOUT"),
};

const struct catalogue catalogue_deaths = {cases, sizeof cases / sizeof *cases};
