#ifndef PENSTOCK_SANDBOX_CONFINE_H
#define PENSTOCK_SANDBOX_CONFINE_H

/*
 * confine.h: the walls that a process of the box puts round itself: Landlock, seccomp, no pages
 * that are written and executed. All need no_new_privs, which the warden has set. Every function: 0
 * or a descriptor, -1 with errno; a failure means that the wall does not stand, and the caller
 * ends.
 */

#include <stdint.h>

struct zygote_setup;

#define CONFINE_ALL_SLOTS UINT32_MAX
/* From this ABI on Landlock knows TCP ports. */
enum { LANDLOCK_ABI_NET = 4 };

/* Patterns of the accelerators' devices; NULL-ended. */
extern const char *const confine_gpu_devices[];

/* The kernel's Landlock ABI; 0: it has none. */
uint32_t confine_landlock_abi(void);
/*
 * A ruleset for setup->landlock_abi: read /usr, the loader's files in /etc and the plugin's
 * directory; write the slot's own task directory (CONFINE_ALL_SLOTS: all of them, for a zygote,
 * because a later layer can only take away); read the inputs (setup->inputs_len bytes: a path and its
 * real path, each with its NUL, and so on); execute nothing; bind no TCP port, and connect to those
 * of setup only; no signal and no abstract socket outside. The caller closes the descriptor.
 */
int confine_landlock_ruleset(const struct zygote_setup *setup, const char *inputs, uint32_t slot);
/* Puts this thread and those it will start under the ruleset. */
int confine_landlock_enforce(int ruleset_fd);

/* Loads a filter made by filter_build for all threads; a file of no length is no filter. The file
 * stays open. */
int confine_load_filter(int fd);
/* Loads a filter that asks a supervisor; there must be one thread. The descriptor where calls wait,
 * the caller's; -1 with errno. */
int confine_load_listener(int fd);
/* Lets tgkill reach this process only: for kernels whose Landlock cannot scope signals (ABI below
 * 6). */
int confine_own_signals(void);
/* The kernel's own limit of processor time, a backstop in whole seconds: the warden watches it to
 * the millisecond. 0: none. */
int confine_cpu(uint32_t cpu_ms);
/* No memory that is or was writable becomes executable, here and in children. */
int confine_mdwe(void);

#endif
