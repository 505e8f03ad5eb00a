#ifndef PENSTOCK_CONF_EXTRA_CALLS_H
#define PENSTOCK_CONF_EXTRA_CALLS_H

/* extra_calls.h: the system calls that `extra_syscalls` may add to a box, by name. Here, below the
 * sandbox, because the configuration is checked against it; what exactly a name lets through stands
 * in sandbox/seccomp_extra.c. */

#include <stddef.h>
#include <stdint.h>

struct buf;

enum { EXTRA_CALLS_MAX = 64 };

/* The name with that number; NULL behind the last. A number is the call's bit in a set. */
const char *extra_call_name(size_t number);
/* The call's bit, or 0: not in the catalogue. */
uint64_t extra_call_bit(const char *name);
/* Appends the whole catalogue: "fgetxattr, flistxattr, ...". */
void extra_calls_list(struct buf *out);

#endif
