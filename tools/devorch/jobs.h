#ifndef DEVORCH_JOBS_H
#define DEVORCH_JOBS_H

/*
 * jobs.h: the jobs, each one task at a time: a state machine and an order by priority, then age. No
 * HTTP here.
 *
 *   queued -> running -> finished | failed | quarantined | cancelled
 *      ^--------' retry, with a new task id
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "base/text.h"
#include "protocol.h"

struct loop;
struct loop_timer;
struct table;

enum job_state {
    JOB_QUEUED,
    JOB_RUNNING,
    JOB_FINISHED,
    JOB_FAILED,
    JOB_QUARANTINED,
    JOB_CANCELLED,
    JOB_STATES
};

struct job {
    uint64_t number;                /* order of creation */
    char *type, *params, *metadata; /* metadata may be NULL; both are JSON */
    double priority;
    int64_t deadline_ms; /* since the epoch, 0: none */
    int64_t timeout_ms;  /* from hand-out to result */
    char *worker_id;     /* who has it or had it last; NULL while queued */
    double progress;
    char *progress_message;
    char *data;                                       /* JSON, NULL if none */
    char *error_code, *error_message, *error_details; /* details: JSON or NULL */
    int64_t created_ms, started_ms, finished_ms;
    struct jobs *jobs;
    struct loop_timer *timer;
    size_t bytes;
    struct job *prev, *next;     /* by age */
    struct job *q_prev, *q_next; /* by priority, while queued */
    enum job_state state;
    unsigned attempts, retries;
    bool has_progress;
    bool is_timed_by_deadline; /* the timer is for that, not for timeout_ms */
    bool is_late;              /* it failed by its deadline */
    char id[ID_TEXT];
    char task_id[PROTOCOL_TASK_ID]; /* of the current try; an answer to another one is stale */
};

/* Called after a job has changed its state. */
typedef void (*jobs_changed_fn)(void *arg, struct job *j);

struct jobs {
    struct loop *loop;
    size_t max_jobs, max_bytes;
    unsigned max_retries;
    jobs_changed_fn changed;
    void *arg;
    struct table *by_id;
    struct job *oldest, *newest;
    struct job *first, *last;
    size_t bytes;
    size_t count[JOB_STATES];
    uint64_t n_ever;
};

/* Fills the rest; limits, retries, changed are set before. -1: ENOMEM. */
int jobs_init(struct jobs *jobs);
void jobs_clear(struct jobs *jobs);

struct job_order {
    char *type, *params, *metadata; /* taken on success */
    double priority;
    int64_t deadline_ms, timeout_ms;
};
/* Queues a job. Old ended jobs make room. NULL: ENOSPC if none can, ENOMEM; the order is the
 * caller's then. */
struct job *jobs_add(struct jobs *jobs, const struct job_order *order);
struct job *jobs_get(struct jobs *jobs, const char *id, size_t n);

bool job_is_ended(const struct job *j);
const char *job_state_name(enum job_state state);
/* JOB_STATES if there is none of that name. */
enum job_state job_state_find(const char *name);

/* Queued -> running at a worker. -1: ENOMEM. */
int job_start(struct job *j, const char *worker_id);

struct job_failure {
    const char *code, *message; /* borrowed */
    struct json_span details;   /* at NULL: none */
};
/* To finished. data: JSON or at NULL. */
void job_finish(struct job *j, struct json_span data);
/* To failed, quarantined or cancelled. */
void job_end(struct job *j, enum job_state state, const struct job_failure *failure);
/* Back to the queue with a new task id; quarantined when it was tried often enough. */
void job_retry(struct job *j, const struct job_failure *failure);
void job_set_progress(struct job *j, double progress, struct json_span message);

#endif
