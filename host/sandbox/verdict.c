/* verdict.c: one ordered table from evidence to verdict. Runs in the core. What the kernel and our
 * timers say comes before what the worker claims, because a plugin may have written the claim. */
#include "sandbox/verdict.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "sandbox/verdict_internal.h"

struct words {
    char *at;
    size_t size;
};

static bool is_clean_success(const struct evidence *e)
{
    return signal_of(e) == 0 && exit_of(e) == 0 && e->is_done && e->has_result && !e->has_fail &&
           e->run_status == 0 && !e->is_broken && !e->is_too_big && !e->is_doubled;
}

/* ---- the rows' conditions
 * ------------------------------------------------------------------------- */

static bool was_ended(const struct evidence *e)
{
    return e->warden_lost && e->killed == KILL_STOP;
}

static bool lost_warden(const struct evidence *e)
{
    return e->warden_lost;
}

static bool timed_out(const struct evidence *e)
{
    return e->killed == KILL_WALL || e->killed == KILL_DEADLINE;
}

static bool was_cancelled(const struct evidence *e)
{
    return (e->killed == KILL_CANCEL || e->killed == KILL_STOP) && !is_clean_success(e);
}

static bool never_started(const struct evidence *e)
{
    return e->is_unstarted;
}

static bool ran_out_of_memory(const struct evidence *e)
{
    int signo = signal_of(e);
    const struct crash_report *crash = crash_of(e);
    return (signo == SIGSEGV || signo == SIGABRT || signo == SIGBUS) && crash != NULL &&
           crash->is_out_of_memory == 1;
}

/* The kernel says so: its control group was full, and it killed there. */
static bool was_killed_for_memory(const struct evidence *e)
{
    return signal_of(e) == SIGKILL && e->oom_kills > 0;
}

static bool used_up_cpu(const struct evidence *e)
{
    if (e->killed == KILL_CPU || signal_of(e) == SIGXCPU)
        return true;
    return signal_of(e) == SIGKILL && e->killed == KILL_NONE && e->cpu_limit_ms > 0 &&
           e->cpu_us >= (uint64_t)e->cpu_limit_ms * 1000;
}

static bool wrote_too_much(const struct evidence *e)
{
    return signal_of(e) == SIGXFSZ;
}

static bool filled_its_directory(const struct evidence *e)
{
    return e->killed == KILL_DISK;
}

static bool broke_the_walls(const struct evidence *e)
{
    return signal_of(e) == SIGSYS;
}

static bool died_of_a_signal(const struct evidence *e)
{
    return signal_of(e) != 0 && signal_of(e) != SIGKILL;
}

static bool was_killed_by_others(const struct evidence *e)
{
    return signal_of(e) == SIGKILL && e->killed != KILL_TOO_BIG && e->killed != KILL_PROTOCOL;
}

static bool exited(const struct evidence *e)
{
    return exit_of(e) != 0;
}

static bool was_too_big(const struct evidence *e)
{
    return e->is_too_big || e->killed == KILL_TOO_BIG;
}

static bool was_broken(const struct evidence *e)
{
    return e->is_broken || e->killed == KILL_PROTOCOL;
}

static bool was_doubled(const struct evidence *e)
{
    return e->is_doubled;
}

static bool has_failed(const struct evidence *e)
{
    return e->has_fail;
}

static bool returned_failure(const struct evidence *e)
{
    return e->is_done && e->run_status != 0;
}

static bool has_no_result(const struct evidence *e)
{
    return !e->has_result || !e->is_done;
}

static bool always(const struct evidence *e)
{
    (void)e;
    return true;
}

/* ---- the rows' words
 * ------------------------------------------------------------------------------ */

__attribute__((format(printf, 2, 3))) static void say(struct words w, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    vsnprintf(w.at, w.size, format, ap);
    va_end(ap);
}

/* "signal 11 (SIGSEGV)" */
static const char *signal_text(int signo, char *out, size_t size)
{
    const char *abbrev = sigabbrev_np(signo);
    snprintf(out, size, abbrev != NULL ? "signal %d (SIG%s)" : "signal %d", signo, abbrev);
    return out;
}

static void say_ended(const struct evidence *e, struct words w)
{
    (void)e;
    say(w, "the box was ended while the task ran");
}

static void say_lost(const struct evidence *e, struct words w)
{
    (void)e;
    say(w, "the warden of the box ended while the task ran");
}

static void say_timeout(const struct evidence *e, struct words w)
{
    if (e->killed == KILL_DEADLINE)
        say(w, "its deadline was over while it ran");
    else
        say(w, "ran longer than its limit of %u ms", e->wall_limit_ms);
}

static void say_cancelled(const struct evidence *e, struct words w)
{
    say(w, e->killed == KILL_STOP ? "cancelled because the host stops" : "cancelled on request");
}

static void say_unstarted(const struct evidence *e, struct words w)
{
    char text[48];
    if (signal_of(e) != 0)
        say(w, "the worker ended before it took the task: %s",
            signal_text(signal_of(e), text, sizeof text));
    else
        say(w, "the worker ended before it took the task: exit status %d", exit_of(e));
}

static void say_memory(const struct evidence *e, struct words w)
{
    char text[48];
    signal_text(signal_of(e), text, sizeof text);
    if (e->memory_limit_bytes > 0)
        say(w, "killed by %s when its memory had run out, limit %llu bytes", text,
            (unsigned long long)e->memory_limit_bytes);
    else
        say(w, "killed by %s when the memory had run out", text);
}

static void say_group(const struct evidence *e, struct words w)
{
    if (e->memory_peak_bytes > 0)
        say(w,
            "killed by the kernel when its memory had run out, limit %llu bytes, peak %llu bytes",
            (unsigned long long)e->memory_limit_bytes, (unsigned long long)e->memory_peak_bytes);
    else
        say(w, "killed by the kernel when its memory had run out, limit %llu bytes",
            (unsigned long long)e->memory_limit_bytes);
}

static void say_cpu(const struct evidence *e, struct words w)
{
    unsigned long long used_ms = e->cpu_us / 1000;
    if (e->has_exit && e->cpu_limit_ms > 0)
        say(w, "used %llu ms of processor time, limit %u ms", used_ms, e->cpu_limit_ms);
    else
        say(w, "used more processor time than allowed");
}

static void say_disk(const struct evidence *e, struct words w)
{
    (void)e;
    say(w, "wrote a file beyond the size that its box allows");
}

static void say_directory(const struct evidence *e, struct words w)
{
    const unsigned long long bytes = e->dir_limit_bytes;
    if (e->dir_limit_files == 0)
        say(w, "its directory held more than its limit of %llu bytes", bytes);
    else if (bytes == 0)
        say(w, "its directory held more than its limit of %u files", e->dir_limit_files);
    else
        say(w, "its directory held more than its limit of %llu bytes or %u files", bytes,
            e->dir_limit_files);
}

static void say_violation(const struct evidence *e, struct words w)
{
    const struct crash_report *crash = crash_of(e);
    const char *name = crash != NULL ? syscall_name(crash->syscall) : NULL;
    if (name != NULL)
        say(w, "called %s, which its box forbids", name);
    else if (crash != NULL && crash->syscall >= 0)
        say(w, "made system call %d, which its box forbids", crash->syscall);
    else
        say(w, "made a system call that its box forbids");
}

static void say_signal(const struct evidence *e, struct words w)
{
    char text[48];
    const struct crash_report *crash = crash_of(e);
    signal_text(signal_of(e), text, sizeof text);
    if (crash != NULL && has_address(crash))
        say(w, "killed by %s at address 0x%llx", text, (unsigned long long)crash->address);
    else
        say(w, "killed by %s", text);
}

static void say_killed(const struct evidence *e, struct words w)
{
    (void)e;
    say(w, "killed by signal 9 (SIGKILL), and not by this host");
}

static void say_exit(const struct evidence *e, struct words w)
{
    say(w, "the process exited with status %d", exit_of(e));
}

static void say_too_big(const struct evidence *e, struct words w)
{
    say(w, "the result or its outputs are refused: %s",
        e->broken_text != NULL ? e->broken_text : "longer than the limit");
}

static void say_broken(const struct evidence *e, struct words w)
{
    say(w, "what the worker sent is refused: %s",
        e->broken_text != NULL ? e->broken_text : "a frame is broken");
}

static void say_doubled(const struct evidence *e, struct words w)
{
    (void)e;
    say(w, "the plugin gave a second result or a second failure");
}

static void say_failed(const struct evidence *e, struct words w)
{
    if (e->fail_text != NULL && e->fail_text[0] != '\0')
        say(w, "%s", e->fail_text);
    else
        say(w, "failed without a reason: %s", code_info(code_of_abi_status(e->fail_status))->help);
}

static void say_returned(const struct evidence *e, struct words w)
{
    say(w, "run returned %d without a reason: %s", e->run_status,
        code_info(code_of_abi_status(e->run_status))->help);
}

static void say_no_result(const struct evidence *e, struct words w)
{
    say(w, e->is_done ? "run returned PEN_OK, but gave no result"
                      : "the process ended before run returned");
}

static void say_ok(const struct evidence *e, struct words w)
{
    (void)e;
    say(w, "done");
}

/* ---- the table
 * ------------------------------------------------------------------------------------ */

/* The conditions stand in the order of their weight. CODE_COUNT: the code follows from the status that
 * the plugin gave. The ABI has no status for memory that the plugin found short: PEN_E_RETRY says
 * that the same may work elsewhere, and nobody could check a plugin that calls it OOM. */
#define ROW(condition, code, say)                                                                  \
    {                                                                                              \
#condition, condition, code, say                                                           \
    }

static const struct row {
    const char *name;
    bool (*fits)(const struct evidence *);
    enum code code;
    void (*say)(const struct evidence *, struct words);
} rows[] = {
    ROW(was_ended, CODE_KILLED, say_ended),
    ROW(lost_warden, CODE_SANDBOX_ERROR, say_lost),
    ROW(timed_out, CODE_TIMEOUT, say_timeout),
    ROW(was_cancelled, CODE_CANCELLED, say_cancelled),
    ROW(never_started, CODE_SANDBOX_ERROR, say_unstarted),
    ROW(ran_out_of_memory, CODE_OOM, say_memory),
    ROW(was_killed_for_memory, CODE_OOM, say_group),
    ROW(used_up_cpu, CODE_CPU_LIMIT, say_cpu),
    ROW(wrote_too_much, CODE_DISK_LIMIT, say_disk),
    ROW(filled_its_directory, CODE_DISK_LIMIT, say_directory),
    ROW(broke_the_walls, CODE_SANDBOX_VIOLATION, say_violation),
    ROW(died_of_a_signal, CODE_CRASH, say_signal),
    ROW(was_killed_by_others, CODE_KILLED, say_killed),
    ROW(exited, CODE_PLUGIN_EXIT, say_exit),
    ROW(was_too_big, CODE_RESULT_TOO_BIG, say_too_big),
    ROW(was_broken, CODE_BAD_RESULT, say_broken),
    ROW(was_doubled, CODE_CONTRACT_VIOLATION, say_doubled),
    ROW(has_failed, CODE_COUNT, say_failed),
    ROW(returned_failure, CODE_COUNT, say_returned),
    ROW(has_no_result, CODE_NO_RESULT, say_no_result),
    ROW(always, CODE_OK, say_ok),
};

size_t verdict_rows(void)
{
    return sizeof rows / sizeof *rows;
}

const char *verdict_row_name(size_t row)
{
    return rows[row].name;
}

bool verdict_row_fits(size_t row, const struct evidence *e)
{
    return rows[row].fits(e);
}

static enum code code_of(const struct row *row, const struct evidence *e)
{
    if (row->code != CODE_COUNT)
        return row->code;
    return code_of_abi_status(e->has_fail ? e->fail_status : e->run_status);
}

enum code verdict_of(const struct evidence *e, char *message, size_t message_size,
                     struct buf *details)
{
    const struct row *row = rows;
    while (!row->fits(e))
        row++;
    enum code code = code_of(row, e);
    row->say(e, (struct words){message, message_size});
    buf_reset(details);
    if (code != CODE_OK)
        verdict_details(details, code, e);
    return code;
}
