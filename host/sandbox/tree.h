#ifndef PENSTOCK_SANDBOX_TREE_H
#define PENSTOCK_SANDBOX_TREE_H

/* tree.h: removes what a task left in its directory, whatever it is: links are not followed, depth
 * does not matter, and two descriptors are enough. Whoever moves directories in it meanwhile gets
 * an error, and nothing outside is touched. */

#include <stdint.h>

/* Opens a directory of our own, even if the plugin has taken its rights away. -1 with errno. */
int tree_open(int at, const char *name);
/* Whether there is nothing in it; two system calls. */
int tree_is_empty(int dir_fd);
/* Empties the directory; it stays. -1 with errno; EBUSY: it was changed under us. */
int tree_empty(int dir_fd);
/* Whether the directory holds no more than so many bytes on its disk and so many files and folders
 * (0: any number), while a task may be at work in it. Stops at the first of too many; what cannot be
 * looked into, or lies deeper than TREE_DEPTH, is too much. 1, or 0; -1 with errno. */
enum { TREE_DEPTH = 100 };
int tree_fits(int dir_fd, uint64_t bytes, uint64_t files);

#endif
