#ifndef PENSTOCK_CORE_RESULT_H
#define PENSTOCK_CORE_RESULT_H

/* result.h: what became of a task, shared by the tasks that it answers (a follower, a cached one).
 * Counted references. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zmq.h>

#include "base/buf.h"
#include "base/codes.h"
#include "base/json.h"

struct box_outcome;

struct result_output {
    char *name, *media_type; /* media_type may be NULL */
    zmq_msg_t bytes;
};

struct result {
    unsigned references;
    enum code code;
    char *status;  /* "success", "failure", "cancelled", or the plugin's own */
    char *message; /* of a failure, else NULL */
    struct buf details;
    struct buf data;
    struct buf children; /* a JSON array of ids, or empty */
    struct result_output *outputs;
    size_t n_outputs;
    int64_t run_ms, cpu_ms, max_rss_bytes;
    size_t bytes; /* about what it holds */
};

/* Takes the buffers out of the outcome. NULL: no memory, the outcome is as it was but for moved
 * buffers. */
struct result *result_of_outcome(struct box_outcome *o);
/* details_json may be NULL. NULL: no memory. */
struct result *result_of_code(enum code code, const char *message, const char *details_json);
/* The same without data and outputs: what a list shows. NULL: no memory. */
struct result *result_summary(const struct result *r);
struct result *result_ref(struct result *r);
/* NULL is fine. */
void result_unref(struct result *r);
/* Writes the members status, data, error, outputs, children, usage (without queue_ms: the task's
 * own, given). */
void result_write(const struct result *r, struct json_writer *w, int64_t queue_ms,
                  bool with_digest);

#endif
