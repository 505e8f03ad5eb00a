#ifndef PENSTOCK_SANDBOX_TREE_H
#define PENSTOCK_SANDBOX_TREE_H

/* tree.h: removes what a task left in its directory, whatever it is: links are not followed, depth
 * does not matter, and two descriptors are enough. Nobody else may be at work in it. */

/* Opens a directory of our own, even if the plugin has taken its rights away. -1 with errno. */
int tree_open(int at, const char *name);
/* Whether there is nothing in it; two system calls. */
int tree_is_empty(int dir_fd);
/* Empties the directory; it stays. -1 with errno. */
int tree_empty(int dir_fd);

#endif
