#ifndef PENSTOCK_BASE_FAULT_H
#define PENSTOCK_BASE_FAULT_H

/*
 * fault.h: named failure points for tests. A process started with PENSTOCK_FAULT="name[:n]" fails
 * at the n-th passage (first: 1) of the point of that name; without the variable a point costs one
 * comparison.
 */

/* Reads the environment once. [main, once] */
void fault_setup(void);
/* errno to fail with (EIO), or 0. */
int fault_here(const char *name);

#endif
