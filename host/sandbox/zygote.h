#ifndef PENSTOCK_SANDBOX_ZYGOTE_H
#define PENSTOCK_SANDBOX_ZYGOTE_H

/*
 * zygote.h: the process that loads a plugin: once it has told its warden that the plugin is open it
 * clones tasks, or serves tasks itself (warm). channel_fd: the zygote channel (chan.h). Returns the
 * status to exit with, by _exit: the plugin's atexit handlers are not to run.
 */
int zygote_main(int channel_fd);

#endif
