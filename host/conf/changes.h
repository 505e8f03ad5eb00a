#ifndef PENSTOCK_CONF_CHANGES_H
#define PENSTOCK_CONF_CHANGES_H

/* changes.h: what a new configuration changes in a running host. Pure. */

#include <stdbool.h>

struct conf;
struct conf_list;

/* Gives the new configuration the running one's values of all options that take effect at the next
 * start only, and appends the names of those that differed ("host.tcp") to names. -1: ENOMEM. */
int conf_keep_fixed(struct conf *c, const struct conf *running, struct conf_list *names);
/* Whether a box of this pipeline would be the same: the sections of plugin and pipeline, and what of
 * the host's options each box is made by. Without memory: false. */
bool conf_same_pipeline(const struct conf *a, const struct conf *b, const char *plugin_id,
                        const char *slug);
/* Whether both have a shim of that name with the same options. */
bool conf_same_shim(const struct conf *a, const struct conf *b, const char *name);

/* Appends a copy. -1: ENOMEM. */
int conf_list_append(struct conf_list *list, const char *item);
void conf_list_clear(struct conf_list *list);

#endif
