#ifndef PENSTOCK_SANDBOX_STRAYS_H
#define PENSTOCK_SANDBOX_STRAYS_H

/*
 * strays.h: the children of a process, and the killing of those that nobody wants. For boxes whose
 * processes may make others (profile off). Runs in the warden and in warm workers.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { STRAYS_MAX = 512 };

struct pid_list {
    size_t n;
    pid_t pids[STRAYS_MAX]; /* in the numbers of the caller's own pid namespace */
};

/* Adds the children of a thread of ours; fd is its file /proc/.../children, which may count in the
 * numbers of another namespace. What does not fit is left for the next time. */
void strays_list(int fd, struct pid_list *list);
bool strays_has(const struct pid_list *list, pid_t pid);
/* Kills a child of ours and waits for its end. */
void strays_kill(pid_t pid);

#endif
