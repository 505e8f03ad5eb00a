#ifndef PENSTOCK_SANDBOX_VERDICT_INTERNAL_H
#define PENSTOCK_SANDBOX_VERDICT_INTERNAL_H

/* verdict_internal.h: what verdict.c and verdict_details.c share, and what tests see. */

#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>

#include "sandbox/verdict.h"

/* 0: none, or no exit at all. */
static inline int signal_of(const struct evidence *e)
{
    return e->has_exit && WIFSIGNALED(e->wait_status) ? WTERMSIG(e->wait_status) : 0;
}

static inline int exit_of(const struct evidence *e)
{
    return e->has_exit && WIFEXITED(e->wait_status) ? WEXITSTATUS(e->wait_status) : 0;
}

/* The handler's page, if it speaks of the signal that the kernel reports. */
static inline const struct crash_report *crash_of(const struct evidence *e)
{
    int signo = signal_of(e);
    return signo != 0 && e->crash.is_set == 1 && e->crash.signal == signo ? &e->crash : NULL;
}

/* Whether the report's address is where something was wrong: a signal that was sent (code 0 and
 * below) has none, and the kernel knows none where no memory can be (SI_KERNEL). */
static inline bool has_address(const struct crash_report *c)
{
    return c->code > 0 && c->code != SI_KERNEL && c->signal != SIGSYS && c->signal != SIGABRT;
}

/* Appends the facts behind a verdict as a JSON object; empty if there are none, or no memory. */
void verdict_details(struct buf *out, enum code code, const struct evidence *e);

/* The rows of the table, in their order; for tests, which hold a case for each. */
size_t verdict_rows(void);
const char *verdict_row_name(size_t row);
bool verdict_row_fits(size_t row, const struct evidence *e);

#endif
