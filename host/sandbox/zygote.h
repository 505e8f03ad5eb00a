#ifndef PENSTOCK_SANDBOX_ZYGOTE_H
#define PENSTOCK_SANDBOX_ZYGOTE_H

#include <stddef.h>

/*
 * zygote.h: the process that loads a plugin: once it has told its warden that the plugin is open it
 * clones tasks, or serves tasks itself (warm). channel_fd: the zygote channel (chan.h). Returns the
 * status to exit with, by _exit: the plugin's atexit handlers are not to run.
 */
int zygote_main(int channel_fd);

/* Names of the steps before the plugin is loaded, of a warm worker behind it, and of a forked task,
 * in their order, for tests; NULL past the last. A step fails where PENSTOCK_FAULT is its name. */
const char *zygote_step_name(size_t i);
const char *zygote_warm_step_name(size_t i);
const char *zygote_task_step_name(size_t i);

#endif
