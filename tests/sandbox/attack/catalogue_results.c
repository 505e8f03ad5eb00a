/* catalogue_results.c: attacks of plugin_results.c and what must come of them. */
#include "suite.h"

static const struct attack_case cases[] = {
    TRY("10", "noise", &box_plain, IN_RUN | IN_THREAD, "!BAD_RESULT(magic)"),
    TRY("10", "guessed_nonce", &box_plain, IN_RUN | IN_THREAD, "!BAD_RESULT"),
    TRY("10", "old_nonce", &box_warm, IN_RUN, "sent|!BAD_RESULT"),
    TRY("54", "old_nonce", &box_plain, IN_THREAD, "sent|!BAD_RESULT"),
    TRY("10", "short_frame", &box_plain, IN_RUN | IN_THREAD, "!BAD_RESULT|!NO_RESULT"),
    TRY("10", "huge_frame", &box_plain, IN_RUN, "!BAD_RESULT|!RESULT_TOO_BIG"),
    TRY("10", "unknown_frame", &box_plain, IN_RUN, "!BAD_RESULT"),
    TRY("10", "task_frame", &box_plain, IN_RUN, "!BAD_RESULT"),
    TRY("10", "trailing", &box_plain, IN_RUN | IN_THREAD, "!BAD_RESULT|!NO_RESULT"),
    TRY("10", "own_answer", &box_plain, IN_RUN, "own"),
    TRY("10", "no_json", &box_plain, IN_RUN, "!BAD_RESULT"),
    TRY("12", "null_result", &box_plain, IN_RUN, ""),
    TRY("10", "two_results", &box_plain, IN_RUN, "!CONTRACT_VIOLATION"),
    TRY("11", "no_result", &box_plain, IN_RUN, "!NO_RESULT"),
    TRY("8", "big_result", &box_plain, IN_RUN | IN_THREAD, "!RESULT_TOO_BIG"),
    TRY("12", "result_then_exit", &box_plain, IN_RUN | IN_THREAD, "!PLUGIN_EXIT"),
    TRY("56", "result_then_hang", &box_brief, IN_RUN | IN_THREAD, "!TIMEOUT"),
    TRY("9", "output_flood", &box_plain, IN_RUN | IN_THREAD, "flooded"),
    TRY("9", "log_flood", &box_plain, IN_RUN, "flooded"),
    TRY("9", "log_tricks", &box_plain, IN_RUN, "said"),
    TRY("10", "scribble", &box_plain, IN_RUN | IN_THREAD,
        "scribbled|!BAD_RESULT|!NO_RESULT|!CRASH|!KILLED|!SANDBOX_ERROR"),
    TRY("10", "forged_crash", &box_plain, IN_RUN, "forged"),
    TRY("10", "shrink_page", &box_plain, IN_RUN | IN_OPEN, "nothing to shrink"),
};

const struct catalogue catalogue_results = {cases, sizeof cases / sizeof *cases};
