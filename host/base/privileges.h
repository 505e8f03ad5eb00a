#ifndef PENSTOCK_BASE_PRIVILEGES_H
#define PENSTOCK_BASE_PRIVILEGES_H

/* privileges.h: how a program that root has started becomes somebody else, for good. */

#include <stdint.h>
#include <sys/types.h>

#define PRIVILEGE(cap) (UINT64_C(1) << (cap))

/*
 * Becomes uid and gid without further groups, and keeps these capabilities (bits PRIVILEGE(CAP_...))
 * and no other ones: neither by an exec nor by another change of user can one come back. Sets
 * no_new_privs, hides the memory (no core dump, no tracer), and keeps the signal for the parent's
 * death, which a change of user takes away.
 *
 * A capability that we do not have is not kept either: containers keep some from their root. To be
 * called while there is one thread: no_new_privs and capabilities belong to threads. -1 with errno,
 * and *step says what failed: the process must end then, it may be half of each.
 */
int privileges_drop(uid_t uid, gid_t gid, uint64_t kept, const char **step);

#endif
