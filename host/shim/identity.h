#ifndef PENSTOCK_SHIM_IDENTITY_H
#define PENSTOCK_SHIM_IDENTITY_H

/* identity.h: the name of this worker at an orchestrator: made once, kept in the state folder. */

/* The id kept for the shim of this name, made if there is none. If it cannot be kept that is
 * logged, and it lasts as long as the process. The caller frees; NULL: ENOMEM. */
char *identity_worker_id(const char *state_dir, const char *shim_name);

#endif
