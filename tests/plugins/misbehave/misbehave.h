#ifndef MISBEHAVE_H
#define MISBEHAVE_H

/*
 * misbehave.h: TEST PLUGIN, bad on purpose. One pipeline for each thing that a task can do wrong
 * (and some that are right but rare), named after it. What each takes and does stands at its
 * function.
 */

#include <penstock/plugin.h>

/* With a sanitizer these must still die of what they do, and not of its trap. */
#if defined(__clang__) || __GNUC__ >= 8
#define MISBEHAVE_RAW __attribute__((no_sanitize("undefined")))
#else
#define MISBEHAVE_RAW
#endif

typedef pen_status run_fn(void *self, const pen_host *host, const pen_task *task);

/* deaths.c: how a task ends without an answer */
run_fn run_crash, run_abort, run_loop, run_sleep, run_exit3, run_leak;
/* answers.c: what it says */
run_fn run_noresult, run_twice, run_bigresult, run_badjson, run_status, run_fail_input,
    run_fail_retry, run_fail_permanent, run_outputs, run_bad_output;
/* walls.c: what its box forbids */
run_fn run_fork, run_exec, run_socket, run_write_etc, run_ptrace, run_threads;
/* works.c: what is allowed */
run_fn run_progress, run_next, run_stdout, run_spin_ms, run_echo_warm, run_files;

pen_status open_echo_warm(const pen_host *host, const char *config, void **self);
void close_echo_warm(void *self);

/* The integer member of params with that name, found the crude way; instead if there is none. */
long param_int(const pen_task *task, const char *name, long instead);
/* Gives {"<key>": value} as result. */
pen_status give_int(const pen_host *host, const char *key, long value);
/* Waits ms milliseconds, or until the host says stop if it is heeded: 0, or 1 if it said so. */
int wait_ms(const pen_host *host, long ms, int is_heeding);

#endif
