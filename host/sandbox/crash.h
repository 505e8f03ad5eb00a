#ifndef PENSTOCK_SANDBOX_CRASH_H
#define PENSTOCK_SANDBOX_CRASH_H

/*
 * crash.h: handlers that write down how the plugin's process dies, and then let it die of that
 * signal. Runs in zygote, tasks and warm workers. What they write is a hint: a plugin may replace
 * the handlers or write the page itself.
 */

#include <stdint.h>

struct slot_page;

/* Sets the handlers and their stack; before Landlock and filters, because the unwinder loads a
 * library when it is first used. memory_limit_bytes: 0 for none. -1 with errno. [main, once] */
int crash_setup(uint64_t memory_limit_bytes);
/* Where reports go; NULL: to standard error, as lines. Survives a fork. */
void crash_set_page(struct slot_page *page);
/* Ends the process as out of memory; for the host's own allocations on a task's account. */
_Noreturn void crash_out_of_memory(void);

#endif
