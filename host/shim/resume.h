#ifndef PENSTOCK_SHIM_RESUME_H
#define PENSTOCK_SHIM_RESUME_H

/*
 * resume.h: the secret by which the core knows a shim again, kept in <state_dir>/client.<shim>/resume
 * over every restart: with it come the results of tasks that an earlier process had taken. The
 * folder is the shim's own, because it gives up root before it hears the secret.
 */

#include <sys/types.h>

struct resume;

/* Makes the folder (root gives it to user) and reads what is in it. A folder that cannot be had is
 * logged: resume_keep fails then. NULL: ENOMEM. */
struct resume *resume_open(const char *state_dir, const char *shim_name, uid_t user, gid_t group);
/* NULL is fine. */
void resume_free(struct resume *r);
/* Borrowed until the next resume_keep; NULL: there is none. */
const char *resume_secret(const struct resume *r);
/* Replaces it, as a whole or not at all, and on the disk when this returns. -1 with errno: an
 * earlier one, if any, stays in the file; resume_secret has the new one all the same. */
int resume_keep(struct resume *r, const char *secret);

#endif
