#ifndef PENSTOCK_SHIM_BRIDGE_H
#define PENSTOCK_SHIM_BRIDGE_H

/*
 * bridge.h: the core's side of a shim: what the core can do and has room for, and the tasks that
 * are in its hands. Every task that is submitted or found ends by exactly one call of `result`,
 * whatever happens to the core. All calls [loop].
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/codes.h"
#include "base/json.h"
#include "shim/pipelines.h"
#include "wire/message.h"

struct loop;
struct bridge;
struct bridge_task;
struct corelink_limits;
struct resume;

/* An input by value. All owned. */
struct bridge_input {
    char *name, *media_type; /* media_type may be NULL */
    char *bytes;
    size_t len;
};
/* Frees what it holds. */
void bridge_inputs_clear(struct bridge_input *inputs, size_t n);

struct bridge_output {
    const char *name, *media_type; /* media_type may be NULL */
    struct wire_view bytes;
};

/* How a task ended. Everything borrowed for the call; spans that are absent have at NULL. */
struct bridge_outcome {
    const char *status;       /* "success", "failure", "cancelled", or the plugin's own */
    struct json_span data;    /* what the plugin gave */
    enum code code;           /* CODE_OK unless failure or cancelled */
    const char *message;      /* NULL with CODE_OK */
    struct json_span details; /* an object */
    const struct bridge_output *outputs;
    size_t n_outputs;
};

/* A task that an earlier process of this shim had submitted. Borrowed for the call. */
struct bridge_found {
    const char *task_id, *job_id, *pipeline; /* the last two NULL if it has none */
};

struct bridge_calls {
    /* The list of pipelines is new or has changed. */
    void (*pipelines)(void *arg);
    /* bridge_room or bridge_capacity may have another answer. */
    void (*room)(void *arg);
    void (*progress)(void *arg, void *context, double fraction, const char *message);
    /* The core has such a task: the context that its progress and its result will get. NULL: it
     * cannot be reported, and was logged. */
    void *(*found)(void *arg, struct bridge_task *t, const struct bridge_found *f);
    /* The task has ended; bridge_done is due once the result is delivered. */
    void (*result)(void *arg, void *context, const struct bridge_outcome *o);
};

struct bridge_options {
    const char *endpoint, *name;    /* copied */
    struct resume *resume;          /* as in corelink.h */
    const struct conf_list *wanted; /* pipelines to offer; none: all. Must outlive the bridge */
    const struct bridge_calls *calls;
    void *arg;
};

/* NULL: ENOMEM. */
struct bridge *bridge_new(struct loop *loop, const struct bridge_options *options);
/* Tasks that were not done are forgotten without a call. NULL is fine. */
void bridge_free(struct bridge *b);

const struct pipelines *bridge_pipelines(const struct bridge *b);
const struct corelink_limits *bridge_limits(const struct bridge *b);
/* Whether the core is there and takes tasks at all, and would know us after a restart. */
bool bridge_has_room(const struct bridge *b);
/* What the next poll may bring. */
struct bridge_need {
    int64_t fetching;      /* tasks that are here and not yet submitted */
    int64_t bytes, ttl_ms; /* of each task, for so long */
};
/* Whether the core keeps room for them: then the poll is to begin at once. Else it is being asked,
 * and `room` is called when its answer is there. */
bool bridge_reserve(struct bridge *b, const struct bridge_need *need);
/* The core had no room to reserve when it was asked last. */
bool bridge_is_short(const struct bridge *b);
/* No poll comes for now: others may have the room. */
void bridge_unreserve(struct bridge *b);
/* How many tasks the core runs at once. */
int64_t bridge_capacity(const struct bridge *b);
/* Asks for the list of pipelines again. */
void bridge_refresh(struct bridge *b);
/* From now on a refused task is not offered again. */
void bridge_stop(struct bridge *b);

struct bridge_order {
    const char *task_id, *job_id, *pipeline; /* of 1 to 128 bytes; job_id may be NULL */
    struct json_span params;                 /* an object */
    struct json_span metadata, trace;        /* objects, or at NULL */
    double priority;                         /* 0 to 9 */
    int64_t deadline_ms;                     /* since the epoch; 0: none */
    int64_t max_attempts;                    /* 0: as the host does it */
    struct bridge_input *inputs;             /* taken on success */
    size_t n_inputs;
};

/* Hands a task to the core, now or when it is there. NULL with errno: EMSGSIZE it is over the
 * core's limits, EEXIST a task of that id is here, ENOMEM. The result never comes from inside. */
struct bridge_task *bridge_submit(struct bridge *b, struct bridge_order *order, void *context);
/* Its result comes all the same, perhaps from inside this call. It reaches the core whatever it is
 * doing; one that is not there hears of it when it is back. */
void bridge_cancel(struct bridge_task *t);
/* The result was delivered, or another answer for the task: tells the core, which is to end it if
 * it is still at it, and forgets the task. */
void bridge_done(struct bridge_task *t);

#endif
