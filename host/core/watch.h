#ifndef PENSTOCK_CORE_WATCH_H
#define PENSTOCK_CORE_WATCH_H

/* watch.h: with the option watch_plugins, a change in the plugin directories is a reload of the
 * plugins, once things have been quiet for a moment. */

#include "core/core.h"

/* Watches the directories of this configuration, or none; to be called before they are scanned, so
 * that nothing is missed. What cannot be watched is logged. */
void watch_begin(struct core *c, const struct conf *conf);
void watch_clear(struct core *c);

#endif
