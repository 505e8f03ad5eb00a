/* sandbox_verdict.c: the table of verdicts, row by row, and what happens where two rows would fit.
 */
#include <limits.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include <penstock/plugin.h>

#include "cmocka_all.h"

#include "base/buf.h"
#include "base/json.h"
#include "sandbox/verdict_internal.h"

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
              .n_frames = 2,                                                                       \
              .n_modules = 1,                                                                      \
              .frames = {{0x401000, 0, 0}, {0x7000, CRASH_NO_MODULE, 0}},                          \
              .modules = {{.bias = 0x400000,                                                       \
                           .build_id_len = 3,                                                      \
                           .build_id = {0xab, 0x00, 0x9},                                          \
                           .name = "plugin.so"}}}

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
    {"warden lost while the time ran out",
     {.warden_lost = true, .killed = KILL_WALL},
     CODE_SANDBOX_ERROR,
     "warden",
     NULL},
    {"time limit",
     {DEAD(SIGKILL), .killed = KILL_WALL, .wall_limit_ms = 250},
     CODE_TIMEOUT,
     "250 ms",
     "\"limit_ms\":250"},
    {"deadline",
     {DEAD(SIGKILL), .killed = KILL_DEADLINE, .wall_limit_ms = 250},
     CODE_TIMEOUT,
     "deadline",
     NULL},
    {"result, then the deadline", {GOOD, .killed = KILL_DEADLINE}, CODE_TIMEOUT, "deadline", NULL},
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

    {"stopped by its own hand: no signal comes of it, time runs out",
     {DEAD(SIGKILL), .killed = KILL_WALL, .cpu_us = 9000000, .cpu_limit_ms = 3000},
     CODE_TIMEOUT,
     "",
     NULL},
    {"cancelled before it started",
     {DEAD(SIGKILL), .is_unstarted = true, .killed = KILL_CANCEL},
     CODE_CANCELLED,
     "",
     NULL},
    {"never started for want of memory",
     {DEAD(SIGABRT), .is_unstarted = true,
      .crash = {.is_set = 1, .signal = SIGABRT, .is_out_of_memory = 1}},
     CODE_SANDBOX_ERROR,
     "before it took the task",
     NULL},

    /* the kernel */
    {"crash where a null pointer was used",
     {DEAD(SIGSEGV), CRASH(SIGSEGV, SEGV_MAPERR, 0)},
     CODE_CRASH,
     "killed by signal 11 (SIGSEGV) at address 0x0",
     "\"frames\":[{\"module\":\"plugin.so\",\"build_id\":\"ab0009\",\"offset\":\"0x1000\","
     "\"address\":\"0x401000\"},{\"address\":\"0x7000\"}]"},
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
    {"crash at an address that there cannot be",
     {DEAD(SIGSEGV), CRASH(SIGSEGV, SI_KERNEL, 0)},
     CODE_CRASH,
     "(SIGSEGV)",
     "\"si_code\":128,\"frames\""},
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
    {"memory had run out while it was killed for its processor time",
     {DEAD(SIGSEGV), .killed = KILL_CPU,
      .crash = {.is_set = 1, .signal = SIGSEGV, .is_out_of_memory = 1}},
     CODE_OOM,
     "",
     "\"probable\":true"},
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
    {"processor time by the warden, and the file limit meanwhile",
     {DEAD(SIGXFSZ), .killed = KILL_CPU, .cpu_us = 2013000, .cpu_limit_ms = 2000},
     CODE_CPU_LIMIT,
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
    {"a forbidden call, in a directory that was too full",
     {DEAD(SIGSYS), .killed = KILL_DISK},
     CODE_DISK_LIMIT,
     "directory",
     NULL},
    {"a file that was too long, in a directory that was too full",
     {DEAD(SIGXFSZ), .killed = KILL_DISK},
     CODE_DISK_LIMIT,
     "wrote a file",
     NULL},
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
    {"too big, then broken",
     {DEAD(SIGKILL), .killed = KILL_TOO_BIG, .is_too_big = true, .is_broken = true},
     CODE_RESULT_TOO_BIG,
     "",
     NULL},
    {"broken, killed for it",
     {DEAD(SIGKILL), .killed = KILL_PROTOCOL, .is_broken = true, .broken_text = "no magic"},
     CODE_BAD_RESULT,
     "no magic",
     NULL},
    {"broken, but it had ended", {GOOD, .is_broken = true}, CODE_BAD_RESULT, "", NULL},
    {"broken behind a second result",
     {GOOD, .is_broken = true, .is_doubled = true},
     CODE_BAD_RESULT,
     "",
     NULL},
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

/* ---- whether the cases are all that are needed ---- */

static size_t winner(const struct evidence *e)
{
    size_t row = 0;
    while (!verdict_row_fits(row, e))
        row++;
    return row;
}

/* A case that this row decides, and where the one behind it would fit as well. */
static bool has_case(size_t row, bool next_too)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (winner(&rows[i].e) == row && (!next_too || verdict_row_fits(row + 1, &rows[i].e)))
            return true;
    }
    return false;
}

/* The n-th of all evidence there can be, as far as rows look at it. false: there are no more. */
static bool make_evidence(unsigned n, struct evidence *e)
{
    enum { BITS = 10, KILLS = KILL_RECYCLE + 1, STATUSES = 64 + 2 };
    const unsigned bits = n % (1u << BITS), kill = (n >> BITS) % KILLS,
                   status = (n >> BITS) / KILLS;
    *e = (struct evidence){.warden_lost = bits & 1,
                           .is_unstarted = bits & 2,
                           .has_result = bits & 4,
                           .has_fail = bits & 8,
                           .is_done = bits & 16,
                           .is_broken = bits & 32,
                           .is_too_big = bits & 64,
                           .is_doubled = bits & 128,
                           .run_status = bits & 256 ? PEN_E_INTERNAL : PEN_OK,
                           .killed = (enum kill_reason)kill,
                           .has_exit = status < 64 + 1 || (bits & 1) == 0,
                           .cpu_limit_ms = bits & 512 ? 1 : 0,
                           .cpu_us = 1000,
                           .wait_status = (int)status < 64 ? (int)status : EXITED(3)};
    e->crash.is_set = e->crash.is_out_of_memory = (bits & 512) != 0;
    e->crash.signal = signal_of(e);
    return status < STATUSES;
}

static void mark_pairs(bool *can_both)
{
    struct evidence e;
    for (unsigned n = 0; make_evidence(n, &e); n++) {
        const size_t row = winner(&e);
        if (row + 1 < verdict_rows() && verdict_row_fits(row + 1, &e))
            can_both[row] = true;
    }
}

/* A row that is added, and an order that matters, need a case above. */
static void each_row_has_a_case(void **state)
{
    enum { ROWS_MAX = 64 };
    bool can_both[ROWS_MAX] = {false};
    (void)state;
    assert_true(verdict_rows() < ROWS_MAX);
    mark_pairs(can_both);
    for (size_t row = 0; row < verdict_rows(); row++) {
        if (!has_case(row, false))
            fail_msg("no case for the row %s", verdict_row_name(row));
        if (can_both[row] && !has_case(row, true))
            fail_msg("no case where %s and %s both fit", verdict_row_name(row),
                     verdict_row_name(row + 1));
    }
}

/* The page is the plugin's to write: numbers in it must not lead anywhere, and names nowhere but to
 * one word. */
static void spoil_all(struct crash_report *c)
{
    memset(c, 0xff, sizeof *c);
}

static void spoil_modules(struct crash_report *c)
{
    memset(c->modules, 0xff, sizeof c->modules);
    c->n_frames = c->n_modules = UINT32_MAX;
    for (uint32_t i = 0; i < CRASH_FRAMES_MAX; i++)
        c->frames[i].module = i;
}

static void spoil_names(struct crash_report *c)
{
    for (uint32_t i = 0; i < CRASH_MODULES_MAX; i++)
        memset(c->modules[i].name, "\033\"\\\n /"[i % 6], CRASH_NAME_MAX);
    c->n_frames = CRASH_FRAMES_MAX;
    c->n_modules = CRASH_MODULES_MAX;
    for (uint32_t i = 0; i < CRASH_FRAMES_MAX; i++)
        c->frames[i] = (struct crash_frame){.address = UINT64_MAX, .module = i};
}

static void spoil_ids(struct crash_report *c)
{
    c->n_frames = c->n_modules = 1;
    c->modules[0].build_id_len = CRASH_BUILD_ID_MAX + 1;
    memcpy(c->modules[0].name, "x", 2);
}

static void no_modules(struct crash_report *c)
{
    c->n_frames = CRASH_FRAMES_MAX;
}

static void hostile_page(void **state)
{
    static const struct {
        void (*spoil)(struct crash_report *c);
        const char *said, *not_said;
    } pages[] = {
        {spoil_all, "\"address\":\"0xffffffffffffffff\"", "build_id"},
        {spoil_modules, "\"module\":\"????", "build_id"},
        {spoil_names, "\"offset\":\"0xffffffffffffffff\"", "\033"},
        {spoil_ids, "\"module\":\"x\"", "build_id"},
        {no_modules, "\"frames\":[{\"address\":\"0x0\"}", "module"},
    };
    struct buf details = BUF_INIT(64 * 1024);
    (void)state;
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        struct row row = {.name = "hostile page", .e = {DEAD(SIGSEGV)}};
        char message[256];
        pages[i].spoil(&row.e.crash);
        row.e.crash.is_set = 1;
        row.e.crash.signal = SIGSEGV;
        row.e.crash.is_out_of_memory = 0;
        assert_int_equal(verdict_of(&row.e, message, sizeof message, &details), CODE_CRASH);
        assert_json(&row, &details);
        assert_true(details.len < 16384);
        const char *text = buf_cstr(&details);
        if (strstr(text, pages[i].said) == NULL || strstr(text, pages[i].not_said) != NULL)
            fail_msg("page %zu: %s", i, text);
    }
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

/* Every call that libseccomp knows has its name, up to the newest that the kernel's header has; what
 * is none has none. */
static void names_of_calls(void **state)
{
    int known = 0, newest = 4999;
    (void)state;
    while (newest > 0 && syscall_name(newest) == NULL)
        newest--;
    for (int i = 0; i <= newest; i++) {
        char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, i);
        const char *ours = syscall_name(i);
        if (name != NULL && (ours == NULL || strcmp(ours, name) != 0))
            fail_msg("call %d is %s, not %s", i, name, ours != NULL ? ours : "without a name");
        known += name != NULL;
        free(name);
    }
    assert_true(known > 250);
    assert_string_equal(syscall_name(SYS_futex_waitv), "futex_waitv");
    assert_null(syscall_name(-1));
    assert_null(syscall_name(INT_MAX));
    assert_null(syscall_name(INT_MIN));
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
        cmocka_unit_test(every_row),      cmocka_unit_test(each_row_has_a_case),
        cmocka_unit_test(hostile_page),   cmocka_unit_test(long_words_are_cut),
        cmocka_unit_test(names_of_calls), cmocka_unit_test(no_room_for_details),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
