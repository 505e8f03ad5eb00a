#ifndef PENSTOCK_CORE_RELOAD_H
#define PENSTOCK_CORE_RELOAD_H

/*
 * reload.h: the configuration and the plugins, read anew while the host runs. One reload at a time;
 * who asks for one meanwhile gets the next, all together.
 */

#include <stdbool.h>

#include "core/core.h"

struct peer;
struct request;

/* -1: no memory. */
int reload_init(struct core *c);
void reload_clear(struct core *c);
/* The configuration, and then the plugins. A configuration that is wrong changes nothing. */
void reload_all(struct core *c);
/* Reads what the supervisor has put into a file in memory. -1: errno. */
int reload_read_bundle(struct buf *b, int fd);
/* The same as reload_all with the files that the supervisor has handed over. */
void reload_all_now(struct core *c);
/* The plugins only: one of them has changed. */
void reload_files(struct core *c);
/* What was asked for before the host served. */
void reload_begin_waiting(struct core *c);
/* RELOAD: answered when it is done. */
void verbs_reload(struct core *c, struct request *q);
/* A plugin is broken, or a pipeline in quarantine: their files are looked at from time to time, and a
 * change is a reason to try again at once. */
void reload_watch_broken(struct core *c);

#endif
