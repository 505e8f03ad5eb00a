#ifndef PENSTOCK_SUPERVISOR_ENVIRONMENT_H
#define PENSTOCK_SUPERVISOR_ENVIRONMENT_H

/* environment.h: what of our environment a role gets: a short list, and of the secrets only its
 * own. */

/* shim: the shim's name, or NULL for a role that gets no secret. A NULL-ended list to be freed with
 * one free (its strings are the environment's). NULL: ENOMEM. */
char **environment_for(const char *shim);

#endif
