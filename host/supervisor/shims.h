#ifndef PENSTOCK_SUPERVISOR_SHIMS_H
#define PENSTOCK_SUPERVISOR_SHIMS_H

/* shims.h: the shims of a host: one process each, started, restarted and ended as the configuration
 * has them. [loop] */

#include <stdbool.h>

struct conf;
struct loop;
struct shims;

struct shims_options {
    const char *program;         /* absolute path; copied */
    char *const *conf_arguments; /* NULL-ended, before those of each shim; borrowed for ever */
    void (*on_ended)(void *arg); /* one has ended */
    void *arg;
};

/* NULL: no memory. */
struct shims *shims_new(struct loop *loop, const struct shims_options *o);
/* From now on they are those of the configuration: new ones are made (and started, if the others
 * run), those that it has no more end when they have drained, changed ones are started again then,
 * and those that it leaves alone are told that there may be other pipelines. before: the configuration
 * until now; NULL: none. -1: logged, and some are not made. */
int shims_settle(struct shims *s, const struct conf *conf, const struct conf *before);
/* Starts those that do not run: the core serves. */
void shims_start(struct shims *s);
/* Tells all that there may be other pipelines. */
void shims_refresh(struct shims *s);
/* Sends a signal to all; none is started again from now on. */
void shims_stop(struct shims *s, int signo);
bool shims_are_running(const struct shims *s);
/* Kills those that run. NULL is fine. */
void shims_free(struct shims *s);

#endif
