#ifndef PENSTOCK_BASE_PROCESS_H
#define PENSTOCK_BASE_PROCESS_H

/* process.h: what the programs of the host do alike when they start. */

/* Sends this process the signal when its parent thread ends; at once if PENSTOCK_PARENT_PID names
 * another process than the parent: then that one is gone already. [main] */
void process_end_with_parent(int signal);
/* mkdir -p; the last folder gets the mode if it is made here. -1 with errno. */
int process_make_dir(const char *path, unsigned mode);
/* The folder of this program's own file, without slash at the end. -1 with errno. */
int process_own_dir(char *out, unsigned long size);

#endif
