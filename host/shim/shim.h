#ifndef PENSTOCK_SHIM_SHIM_H
#define PENSTOCK_SHIM_SHIM_H

/*
 * shim.h: what a shim is made of, and what a dialect has to be. A dialect speaks one orchestrator's
 * API: it fetches tasks there, hands them to the bridge, and brings results back. A new one is a
 * file with a const struct dialect and a row in dialects.c.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "conf/settings.h"
#include "shim/bridge.h"

struct conf;
struct loop;
struct http;
struct resume;
struct shim;

/* self is what start returned. All calls [loop]. */
struct dialect {
    const char *name;               /* in shim "x" { dialect = ... } */
    const char *worker_type;        /* where the configuration gives none */
    void *(*start)(struct shim *s); /* NULL: ENOMEM */
    /* As in bridge.h; context is the one of bridge_submit. */
    void (*pipelines)(void *self);
    void (*room)(void *self);
    void (*progress)(void *self, void *context, double fraction, const char *message);
    void *(*found)(void *self, struct bridge_task *t, const struct bridge_found *f);
    void (*result)(void *self, void *context, const struct bridge_outcome *o);
    /* Take no more tasks; call shim_end when all are finished and delivered. */
    void (*drain)(void *self);
    /* Time is nearly up: answer for what is left, and call shim_end soon. */
    void (*hurry)(void *self);
    void (*free)(void *self);
};

/* Everything is set before start and stays until free. */
struct shim {
    struct loop *loop;
    const struct conf_host *host;
    const struct conf_shim *conf;
    struct http *http;
    struct resume *resume;
    struct bridge *bridge;
    const struct dialect *dialect;
    void *self;
    char *url;   /* of the orchestrator, without a slash at its end */
    char *token; /* "" if there is none */
    char *worker_id;
    const char *worker_type;
    struct loop_timer *timer; /* of the drain */
    bool is_draining, is_hurrying;
};

const struct dialect *dialect_find(const char *name);
/* The names of all dialects with commas, for messages. */
const char *dialect_names(void);

/* Makes everything, becomes user if it is root, and starts. section: one of conf's. endpoint: of the
 * core. -1: it was logged. shim_clear in any case. */
int shim_init(struct shim *s, struct loop *loop, const struct conf *conf,
              const struct conf_shim *section, uid_t user, const char *endpoint);
void shim_clear(struct shim *s);
/* Ends the loop when what is running is done, or shortly before the host's drain_timeout. */
void shim_drain(struct shim *s);
/* The dialect has finished. */
void shim_end(struct shim *s);

#endif
