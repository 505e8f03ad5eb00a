#ifndef PENSTOCK_CONF_DERIVE_H
#define PENSTOCK_CONF_DERIVE_H

/* derive.h: defaults that are worked out, and checks that need more than one value. */

#include "conf/store.h"

/* After all sources are read. */
void derive_and_check(struct conf *c, const struct conf_request *r, struct conf_errors *errors);

/* Folders by default: as systemd says, else by who runs it. *origin: a literal. NULL: cannot be
 * told, or ENOMEM; the caller frees. */
char *derive_runtime_dir(const char *const *variables, unsigned uid, const char **origin);
char *derive_state_dir(const char *const *variables, unsigned uid, const char **origin);
/* Processors this process may use: its affinity and its cgroup's cpu.max; at least 1. root as in
 * conf_request. */
int derive_processors(const char *root);

#endif
