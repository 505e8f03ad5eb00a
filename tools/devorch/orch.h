#ifndef DEVORCH_ORCH_H
#define DEVORCH_ORCH_H

/* orch.h: the orchestrator: jobs, the workers that may take them, and who waits for what. */

#include <stdbool.h>
#include <stdint.h>

#include "files.h"
#include "guard.h"
#include "jobs.h"
#include "server.h"

struct options {
    const char *token;
    int64_t port, ready_fd, max_retries, max_jobs, quiet;
    int64_t poll_timeout_ms, worker_ttl_ms, task_timeout_ms;
    int64_t store_bytes;
};

struct worker {
    struct worker *next;
    char *id;
    char **skills; /* ended by NULL; NULL itself: none known */
    char *status;  /* only "idle" gets work */
    char *skills_hash;
    int64_t expires_ms;   /* monotonic; without a sign of life until then it gets no work */
    int64_t seen_ms;      /* wall clock */
    struct request *poll; /* held, or NULL */
    uint64_t poll_number; /* order of the polls: who waits longest is served first */
};

/* Somebody who asked for a job's end. */
struct wait {
    struct wait *next;
    struct orch *orch;
    struct request *r;
    struct job *job;
};

struct orch {
    struct options options;
    struct loop *loop;
    struct server *server;
    struct guard guard;
    struct jobs jobs;
    struct files files;
    struct worker *workers;
    size_t n_workers;
    uint64_t n_polls;
    struct wait *waits;
};

/* -1 with errno. options are copied, the token's text is borrowed. */
int orch_init(struct orch *o, struct loop *loop, const struct options *options);
/* After the server, which ends the held requests. */
void orch_clear(struct orch *o);

/* NULL: not registered. */
struct worker *orch_worker(struct orch *o, const char *id);
/* Finds or makes it. NULL: too many (ENOSPC), ENOMEM. */
struct worker *orch_add_worker(struct orch *o, const char *id);
/* Replaces the skills by the array of objects at token i. -1: ENOMEM, nothing changed. */
int worker_set_skills(struct worker *w, const struct json_doc *doc, uint32_t i);
void worker_set_text(char **to, const char *text);
/* A sign of life. */
void worker_touch(const struct orch *o, struct worker *w);
bool worker_is_alive(const struct worker *w);

/* Gives queued jobs to held polls as far as both are there. */
void orch_dispatch(struct orch *o);
/* The next job for this worker, started; NULL if there is none. */
struct job *orch_take(struct orch *o, const struct worker *w);
/* Answers a poll with the job's task. */
void orch_reply_task(struct request *r, const struct job *j);

/* The pages, in two tables' worth of handlers; all have the shape of request_fn with the orch as
 * context. */
void on_register(void *context, struct request *r);
void on_heartbeat(void *context, struct request *r);
void on_poll(void *context, struct request *r);
void on_result(void *context, struct request *r);
void on_event(void *context, struct request *r);
void on_job_new(void *context, struct request *r);
void on_job_show(void *context, struct request *r);
void on_job_list(void *context, struct request *r);
void on_job_cancel(void *context, struct request *r);
void on_worker_list(void *context, struct request *r);
void on_file_new(void *context, struct request *r);
void on_file_put(void *context, struct request *r);
void on_file_get(void *context, struct request *r);
/* Answers those who wait for this job, if it has ended. */
void orch_answer_waits(struct orch *o, const struct job *j);

#endif
