/* sandbox_verdict.c: the table of verdicts, row by row, and what happens where two rows would fit.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include <penstock/plugin.h>

#include "cmocka_all.h"

#include "base/buf.h"
#include "base/json.h"
#include "sandbox/verdict.h"

/* Wait statuses as the kernel makes them. */
#define DIED(signo)    ((signo)&0x7f)
#define EXITED(status) (((status)&0xff) << 8)

/* A forked worker that ended well, and a claim of success. */
#define GOOD .has_exit = true, .has_result = true, .is_done = true
/* One that died of a signal before it said anything. */
#define DEAD(signo) .has_exit = true, .wait_status = DIED(signo)
#define CRASH(signo, si_code, at)                                                                  \
    .crash = {.is_set = 1,                                                                         \
              .signal = (signo),                                                                   \
              .code = (si_code),                                                                   \
              .address = (at),                                                                     \
              .syscall = -1,                                                                       \
              .n_frames = 1,                                                                       \
              .frames = {0x401000},                                                                \
              .plugin_base = 0x400000}

struct row {
    const char *name;
    struct evidence e;
    enum code code;
    const char *message; /* found in the words */
    const char *details; /* found in the JSON, or NULL */
};

static const struct row rows[] = {
    {"success", {GOOD}, CODE_OK, "", NULL},
    {"success of a warm worker", {.has_result = true, .is_done = true}, CODE_OK, "", NULL},

    /* ours first */
    {"warden lost", {.warden_lost = true}, CODE_SANDBOX_ERROR, "warden", NULL},
    {"warden lost, whatever was claimed",
     {.warden_lost = true, .has_result = true, .is_done = true},
     CODE_SANDBOX_ERROR,
     "warden",
     NULL},
    {"box killed", {.warden_lost = true, .killed = KILL_STOP}, CODE_KILLED, "the box", NULL},
    {"time limit",
     {DEAD(SIGKILL), .killed = KILL_WALL, .wall_limit_ms = 250},
     CODE_TIMEOUT,
     "250 ms",
     "\"limit_ms\":250"},
    {"result, then a hang: the time limit wins",
     {GOOD, .killed = KILL_WALL},
     CODE_TIMEOUT,
     "",
     NULL},
    {"time limit and a crash in the grace",
     {DEAD(SIGSEGV), .killed = KILL_WALL},
     CODE_TIMEOUT,
     "",
     "SIGSEGV"},
    {"cancelled", {DEAD(SIGKILL), .killed = KILL_CANCEL}, CODE_CANCELLED, "on request", NULL},
    {"cancelled because the host stops",
     {DEAD(SIGKILL), .killed = KILL_STOP},
     CODE_CANCELLED,
     "host stops",
     NULL},
    {"cancelled, but the task was done", {GOOD, .killed = KILL_CANCEL}, CODE_OK, "", NULL},
    {"cancelled, and the plugin says so",
     {.has_exit = true,
      .is_done = true,
      .has_fail = true,
      .fail_status = PEN_E_CANCELLED,
      .killed = KILL_CANCEL},
     CODE_CANCELLED,
     "on request",
     NULL},
    {"cancelled, and the plugin calls it an error of its own",
     {.has_exit = true, .is_done = true, .run_status = PEN_E_INTERNAL, .killed = KILL_CANCEL},
     CODE_CANCELLED,
     "",
     NULL},
    {"cancelled, a good claim but a bad end",
     {GOOD, .wait_status = EXITED(1), .killed = KILL_CANCEL},
     CODE_CANCELLED,
     "",
     NULL},
    {"never started",
     {.has_exit = true, .wait_status = EXITED(125), .is_unstarted = true},
     CODE_SANDBOX_ERROR,
     "exit status 125",
     NULL},
    {"never started, by a signal",
     {DEAD(SIGKILL), .is_unstarted = true},
     CODE_SANDBOX_ERROR,
     "signal 9 (SIGKILL)",
     NULL},
    {"never started and timed out",
     {DEAD(SIGKILL), .is_unstarted = true, .killed = KILL_WALL},
     CODE_TIMEOUT,
     "",
     NULL},

    /* the kernel */
    {"crash where a null pointer was used",
     {DEAD(SIGSEGV), CRASH(SIGSEGV, SEGV_MAPERR, 0)},
     CODE_CRASH,
     "killed by signal 11 (SIGSEGV) at address 0x0",
     "\"frames\":[\"plugin+0x1000\"]"},
    {"crash without a page",
     {DEAD(SIGSEGV)},
     CODE_CRASH,
     "killed by signal 11 (SIGSEGV)",
     "\"signal\":\"SIGSEGV\""},
    {"crash with a page about another signal",
     {DEAD(SIGABRT), CRASH(SIGSEGV, SEGV_MAPERR, 0x1234)},
     CODE_CRASH,
     "killed by signal 6 (SIGABRT)",
     "\"signal_number\":6"},
    {"crash by a signal that was sent",
     {DEAD(SIGSEGV), CRASH(SIGSEGV, SI_TKILL, 0x1234)},
     CODE_CRASH,
     "killed by signal 11 (SIGSEGV)",
     NULL},
    {"result, then a crash: the signal wins",
     {GOOD, .wait_status = DIED(SIGABRT)},
     CODE_CRASH,
     "SIGABRT",
     NULL},
    {"memory had run out",
     {DEAD(SIGSEGV), .memory_limit_bytes = 1000000,
      .crash = {.is_set = 1, .signal = SIGSEGV, .code = 1, .is_out_of_memory = 1}},
     CODE_OOM,
     "limit 1000000 bytes",
     "\"limit_bytes\":1000000"},
    {"abort when memory had run out",
     {DEAD(SIGABRT), .crash = {.is_set = 1, .signal = SIGABRT, .is_out_of_memory = 1}},
     CODE_OOM,
     "SIGABRT",
     NULL},
    {"a mark of no memory counts for faults and aborts only",
     {DEAD(SIGFPE), .crash = {.is_set = 1, .signal = SIGFPE, .is_out_of_memory = 1}},
     CODE_CRASH,
     "SIGFPE",
     NULL},
    {"a mark that is not set",
     {DEAD(SIGSEGV), .crash = {.signal = SIGSEGV, .is_out_of_memory = 1}},
     CODE_CRASH,
     "SIGSEGV",
     NULL},
    {"a mark but a good end",
     {GOOD, .crash = {.is_set = 1, .is_out_of_memory = 1}},
     CODE_OK,
     "",
     NULL},
    {"processor time by the warden",
     {DEAD(SIGKILL), .killed = KILL_CPU, .cpu_us = 2013000, .cpu_limit_ms = 2000},
     CODE_CPU_LIMIT,
     "used 2013 ms of processor time, limit 2000 ms",
     "\"cpu_ms\":2013"},
    {"processor time by the soft limit", {DEAD(SIGXCPU)}, CODE_CPU_LIMIT, "processor time", NULL},
    {"processor time by the hard limit",
     {DEAD(SIGKILL), .cpu_us = 3000000, .cpu_limit_ms = 3000},
     CODE_CPU_LIMIT,
     "3000 ms",
     NULL},
    {"killed with less processor time",
     {DEAD(SIGKILL), .cpu_us = 2999999, .cpu_limit_ms = 3000},
     CODE_KILLED,
     "not by this host",
     NULL},
    {"killed for its size, with the processor time used up",
     {DEAD(SIGKILL), .cpu_us = 9000000, .cpu_limit_ms = 3000, .killed = KILL_TOO_BIG},
     CODE_RESULT_TOO_BIG,
     "",
     NULL},
    {"the kernel killed in its control group",
     {DEAD(SIGKILL), .oom_kills = 1, .memory_limit_bytes = 1000000, .memory_peak_bytes = 1100000},
     CODE_OOM,
     "limit 1000000 bytes, peak 1100000 bytes",
     "\"limit_bytes\":1000000,\"peak_bytes\":1100000"},
    {"the same without a peak, with the processor time used up",
     {DEAD(SIGKILL), .oom_kills = 2, .memory_limit_bytes = 1000000, .cpu_us = 3000000,
      .cpu_limit_ms = 3000},
     CODE_OOM,
     "limit 1000000 bytes",
     "\"limit_bytes\":1000000}"},
    {"a kill in its group that was not its own end", {GOOD, .oom_kills = 1}, CODE_OK, "", NULL},
    {"memory and the time limit: ours first",
     {DEAD(SIGKILL), .oom_kills = 1, .killed = KILL_WALL},
     CODE_TIMEOUT,
     "",
     NULL},
    {"too much in its directory",
     {DEAD(SIGKILL), .killed = KILL_DISK, .dir_limit_bytes = 4096, .dir_limit_files = 7},
     CODE_DISK_LIMIT,
     "more than its limit of 4096 bytes or 7 files",
     "\"limit_bytes\":4096,\"limit_files\":7"},
    {"file limit", {DEAD(SIGXFSZ)}, CODE_DISK_LIMIT, "file", "SIGXFSZ"},
    {"forbidden call, named",
     {DEAD(SIGSYS), .crash = {.is_set = 1, .signal = SIGSYS, .code = 1, .syscall = SYS_ptrace}},
     CODE_SANDBOX_VIOLATION,
     "called ptrace",
     "\"syscall\":\"ptrace\""},
    {"forbidden call without a name in the table",
     {DEAD(SIGSYS), .crash = {.is_set = 1, .signal = SIGSYS, .code = 1, .syscall = 9999}},
     CODE_SANDBOX_VIOLATION,
     "system call 9999",
     "\"syscall_number\":9999"},
    {"forbidden call that nobody saw",
     {DEAD(SIGSYS)},
     CODE_SANDBOX_VIOLATION,
     "a system call",
     "SIGSYS"},
    {"killed by others", {DEAD(SIGKILL)}, CODE_KILLED, "not by this host", NULL},
    {"a good claim, then killed by others",
     {GOOD, .wait_status = DIED(SIGKILL)},
     CODE_KILLED,
     "",
     NULL},
    {"exit status",
     {.has_exit = true, .wait_status = EXITED(3)},
     CODE_PLUGIN_EXIT,
     "status 3",
     "\"exit_status\":3"},
    {"a claim of success and exit status 3",
     {GOOD, .wait_status = EXITED(3)},
     CODE_PLUGIN_EXIT,
     "",
     NULL},
    {"too big a result and exit status 3",
     {.has_exit = true, .wait_status = EXITED(3), .is_too_big = true, .killed = KILL_TOO_BIG},
     CODE_PLUGIN_EXIT,
     "",
     NULL},

    /* the claim */
    {"too big, killed for it",
     {DEAD(SIGKILL), .killed = KILL_TOO_BIG, .is_too_big = true},
     CODE_RESULT_TOO_BIG,
     "longer than",
     NULL},
    {"too big, but it had ended",
     {.has_exit = true, .is_too_big = true},
     CODE_RESULT_TOO_BIG,
     "",
     NULL},
    {"broken, killed for it",
     {DEAD(SIGKILL), .killed = KILL_PROTOCOL, .is_broken = true, .broken_text = "no magic"},
     CODE_BAD_RESULT,
     "no magic",
     NULL},
    {"broken, but it had ended", {GOOD, .is_broken = true}, CODE_BAD_RESULT, "", NULL},
    {"two results", {GOOD, .is_doubled = true}, CODE_CONTRACT_VIOLATION, "second", NULL},
    {"two failures",
     {.has_exit = true, .is_done = true, .has_fail = true, .fail_status = -1, .is_doubled = true},
     CODE_CONTRACT_VIOLATION,
     "second",
     NULL},
    {"failure: the input",
     {.has_exit = true,
      .is_done = true,
      .has_fail = true,
      .fail_status = PEN_E_INPUT,
      .run_status = PEN_E_INPUT,
      .fail_text = "no such page"},
     CODE_INVALID_INPUT,
     "no such page",
     "\"plugin_status\":-1"},
    {"failure: retry",
     {.has_exit = true, .is_done = true, .has_fail = true, .fail_status = PEN_E_RETRY},
     CODE_TRANSIENT,
     "without a reason",
     NULL},
    {"failure: permanent, then PEN_OK and a result",
     {GOOD, .has_fail = true, .fail_status = PEN_E_PERMANENT, .fail_text = "never"},
     CODE_PERMANENT,
     "never",
     NULL},
    {"failure: the plugin's own mistake",
     {.has_exit = true, .is_done = true, .has_fail = true, .fail_status = PEN_E_INTERNAL},
     CODE_PERMANENT,
     "",
     NULL},
    {"failure of a status that does not exist",
     {.has_exit = true, .is_done = true, .has_fail = true, .fail_status = -77},
     CODE_CONTRACT_VIOLATION,
     "",
     "-77"},
    {"failure with PEN_OK",
     {GOOD, .has_fail = true, .fail_status = PEN_OK},
     CODE_CONTRACT_VIOLATION,
     "",
     NULL},
    {"the host was called wrongly",
     {.has_exit = true,
      .is_done = true,
      .has_fail = true,
      .fail_status = DATA_FAIL_CONTRACT,
      .fail_text = "output: bad name"},
     CODE_CONTRACT_VIOLATION,
     "bad name",
     NULL},
    {"run returned a failure without words",
     {.has_exit = true, .is_done = true, .run_status = PEN_E_RETRY},
     CODE_TRANSIENT,
     "run returned -2",
     "\"plugin_status\":-2"},
    {"run returned cancelled of its own accord",
     {.has_exit = true, .is_done = true, .run_status = PEN_E_CANCELLED},
     CODE_CANCELLED,
     "-3",
     NULL},
    {"run returned a failure after a result",
     {GOOD, .run_status = PEN_E_INPUT},
     CODE_INVALID_INPUT,
     "-1",
     NULL},
    {"run returned what is no status", {GOOD, .run_status = 7}, CODE_CONTRACT_VIOLATION, "7", NULL},
    {"no result", {.has_exit = true, .is_done = true}, CODE_NO_RESULT, "no result", NULL},
    {"exit 0 in the middle of run",
     {.has_exit = true},
     CODE_NO_RESULT,
     "before run returned",
     NULL},
    {"a result, then exit 0 in the middle of run",
     {.has_exit = true, .has_result = true},
     CODE_NO_RESULT,
     "before run returned",
     NULL},
};

static void assert_json(const struct row *r, const struct buf *details)
{
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault;
    if (details->len > 0 && json_scan(&doc, (const char *)details->data, details->len, &fault) < 0)
        fail_msg("%s: details are not JSON", r->name);
    json_doc_clear(&doc);
}

static void every_row(void **state)
{
    struct buf details = BUF_INIT(8192);
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *r = &rows[i];
        char message[256];
        enum code code = verdict_of(&r->e, message, sizeof message, &details);
        const char *text = buf_cstr(&details);
        if (code != r->code)
            fail_msg("%s: %s, expected %s (%s)", r->name, code_name(code), code_name(r->code),
                     message);
        if (strstr(message, r->message) == NULL)
            fail_msg("%s: the message is \"%s\"", r->name, message);
        if (r->details != NULL && strstr(text, r->details) == NULL)
            fail_msg("%s: the details are %s", r->name, text);
        assert_json(r, &details);
    }
    buf_clear(&details);
}

/* The page is the plugin's to write: numbers in it must not lead anywhere. */
static void hostile_page(void **state)
{
    struct buf details = BUF_INIT(64 * 1024);
    struct evidence e = {DEAD(SIGSEGV)};
    char message[256];
    (void)state;
    memset(&e.crash, 0xff, sizeof e.crash);
    e.crash.is_set = 1;
    e.crash.signal = SIGSEGV;
    assert_int_equal(verdict_of(&e, message, sizeof message, &details), CODE_CRASH);
    assert_true(details.len > 0 && details.len < 4096);
    buf_clear(&details);
}

static void long_words_are_cut(void **state)
{
    struct buf details = BUF_INIT(8192);
    char why[1000], message[256];
    struct evidence e = {.is_done = true, .has_fail = true, .fail_status = -1, .fail_text = why};
    (void)state;
    memset(why, 'x', sizeof why - 1);
    why[sizeof why - 1] = '\0';
    assert_int_equal(verdict_of(&e, message, sizeof message, &details), CODE_INVALID_INPUT);
    assert_int_equal(strlen(message), sizeof message - 1);
    buf_clear(&details);
}

/* Without memory for details there is still a verdict. */
static void no_room_for_details(void **state)
{
    struct buf details = BUF_INIT(4);
    struct evidence e = {DEAD(SIGSEGV)};
    char message[256];
    (void)state;
    assert_int_equal(verdict_of(&e, message, sizeof message, &details), CODE_CRASH);
    assert_int_equal(details.len, 0);
    buf_clear(&details);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row),
        cmocka_unit_test(hostile_page),
        cmocka_unit_test(long_words_are_cut),
        cmocka_unit_test(no_room_for_details),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
