#ifndef PENSTOCK_BASE_MEMORY_H
#define PENSTOCK_BASE_MEMORY_H

/* memory.h: how much memory this process holds. Any thread; statm belongs to one. */

#include <stddef.h>

/* /proc/self/statm, for memory_resident: the caller's. -1 with errno. */
int memory_open(void);
/* Bytes of this process's own pages that are really there, freed ones that the allocator keeps
 * included. One read of the kernel's counters. SIZE_MAX: not known (statm is -1). */
size_t memory_resident(int statm);
/* Bytes that were allocated and not freed, written to or not. Asks the allocator, which looks
 * through its free lists: not for each task. */
size_t memory_allocated(void);
/* Descriptors that are open; 0: not known. Reads a folder. */
size_t memory_descriptors(void);

#endif
