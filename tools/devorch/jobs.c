/* jobs.c: jobs by id, by age and by priority; their limits and their ends. Runs in
 * penstock-devorch. */
#include "jobs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/table.h"
#include "loop/loop.h"

enum { MESSAGE_MAX = 1024 };

static const char *const state_names[JOB_STATES] = {"queued", "running",     "finished",
                                                    "failed", "quarantined", "cancelled"};

const char *job_state_name(enum job_state state)
{
    return state_names[state];
}

enum job_state job_state_find(const char *name)
{
    int state = 0;
    while (state < JOB_STATES && strcmp(state_names[state], name) != 0)
        state++;
    return (enum job_state)state;
}

bool job_is_ended(const struct job *j)
{
    return j->state != JOB_QUEUED && j->state != JOB_RUNNING;
}

int jobs_init(struct jobs *jobs)
{
    jobs->by_id = table_new();
    return jobs->by_id != NULL ? 0 : -1;
}

/* Keeps a copy in *to and counts its bytes. Without memory it is left out: a development tool lives
 * on. */
static void keep(struct job *j, char **to, const char *bytes, size_t n)
{
    size_t before = *to != NULL ? strlen(*to) : 0;
    free(*to);
    *to = bytes != NULL ? strndup(bytes, n) : NULL;
    size_t after = *to != NULL ? strlen(*to) : 0;
    j->bytes += after - before;
    j->jobs->bytes += after - before;
}

static void keep_text(struct job *j, char **to, const char *text)
{
    keep(j, to, text, text != NULL ? strlen(text) : 0);
}

static void job_free(struct job *j)
{
    loop_timer_free(j->timer);
    free(j->type);
    free(j->params);
    free(j->metadata);
    free(j->worker_id);
    free(j->progress_message);
    free(j->data);
    free(j->error_code);
    free(j->error_message);
    free(j->error_details);
    free(j);
}

static void forget(struct jobs *jobs, struct job *j)
{
    table_take(jobs->by_id, j->id, strlen(j->id));
    *(j->prev != NULL ? &j->prev->next : &jobs->oldest) = j->next;
    *(j->next != NULL ? &j->next->prev : &jobs->newest) = j->prev;
    jobs->count[j->state]--;
    jobs->bytes -= j->bytes;
    job_free(j);
}

void jobs_clear(struct jobs *jobs)
{
    struct job *j = jobs->oldest;
    while (j != NULL) {
        struct job *next = j->next;
        job_free(j);
        j = next;
    }
    jobs->oldest = jobs->newest = jobs->first = jobs->last = NULL;
    table_free(jobs->by_id);
    jobs->by_id = NULL;
}

static bool is_full(const struct jobs *jobs)
{
    return table_count(jobs->by_id) >= jobs->max_jobs || jobs->bytes >= jobs->max_bytes;
}

/* Forgets ended jobs, the oldest first, until there is room. */
static int make_room(struct jobs *jobs)
{
    struct job *j = jobs->oldest;
    while (j != NULL && is_full(jobs)) {
        struct job *next = j->next;
        if (job_is_ended(j))
            forget(jobs, j);
        j = next;
    }
    if (!is_full(jobs))
        return 0;
    errno = ENOSPC;
    return -1;
}

static void enqueue(struct jobs *jobs, struct job *j)
{
    struct job *after = jobs->last;
    /* A job that is queued again gets its old place back. */
    while (after != NULL && (after->priority < j->priority ||
                             (after->priority == j->priority && after->number > j->number)))
        after = after->q_prev;
    j->q_prev = after;
    j->q_next = after != NULL ? after->q_next : jobs->first;
    *(j->q_prev != NULL ? &j->q_prev->q_next : &jobs->first) = j;
    *(j->q_next != NULL ? &j->q_next->q_prev : &jobs->last) = j;
}

static void dequeue(struct jobs *jobs, struct job *j)
{
    *(j->q_prev != NULL ? &j->q_prev->q_next : &jobs->first) = j->q_next;
    *(j->q_next != NULL ? &j->q_next->q_prev : &jobs->last) = j->q_prev;
    j->q_prev = j->q_next = NULL;
}

static void set_timer(struct job *j)
{
    int64_t wait = -1;
    if (j->deadline_ms != 0) {
        wait = j->deadline_ms - clock_wall_ms();
        wait = wait < 0 ? 0 : wait;
    }
    j->is_timed_by_deadline = wait >= 0;
    if (j->state == JOB_RUNNING && (wait < 0 || j->timeout_ms < wait)) {
        j->is_timed_by_deadline = false;
        wait = j->timeout_ms;
    }
    if (wait >= 0 && !job_is_ended(j))
        loop_timer_after(j->timer, wait);
    else
        loop_timer_off(j->timer);
}

static void set_state(struct job *j, enum job_state state)
{
    struct jobs *jobs = j->jobs;
    if (j->state == JOB_QUEUED)
        dequeue(jobs, j);
    jobs->count[j->state]--;
    j->state = state;
    jobs->count[state]++;
    if (state == JOB_QUEUED)
        enqueue(jobs, j);
    if (job_is_ended(j))
        j->finished_ms = clock_wall_ms();
    set_timer(j);
    jobs->changed(jobs->arg, j);
}

static void on_time(void *arg)
{
    struct job *j = arg;
    struct job_failure late = {.code = "TIMEOUT_ERROR", .message = "Worker task timed out."};
    if (!j->is_timed_by_deadline) {
        job_retry(j, &late);
        return;
    }
    late.message = j->state == JOB_QUEUED
                       ? "Worker task timed out: result deadline reached before pickup."
                       : "Worker task timed out: execution/result deadline reached.";
    j->is_late = true;
    job_end(j, JOB_FAILED, &late);
}

static void new_task_id(struct job *j)
{
    char id[ID_TEXT];
    id_new(id);
    snprintf(j->task_id, sizeof j->task_id, "task-%s", id);
}

struct job *jobs_add(struct jobs *jobs, const struct job_order *order)
{
    if (make_room(jobs) < 0)
        return NULL;
    struct job *j = calloc(1, sizeof *j);
    if (j == NULL)
        return NULL;
    id_new(j->id);
    j->timer = loop_timer_new(jobs->loop, on_time, j);
    if (j->timer == NULL || table_put(jobs->by_id, j->id, strlen(j->id), j) < 0) {
        job_free(j);
        errno = ENOMEM;
        return NULL;
    }
    j->jobs = jobs;
    j->number = jobs->n_ever++;
    j->type = order->type;
    j->params = order->params;
    j->metadata = order->metadata;
    j->bytes = sizeof *j + strlen(j->type) + strlen(j->params) +
               (j->metadata != NULL ? strlen(j->metadata) : 0);
    jobs->bytes += j->bytes;
    j->priority = order->priority;
    j->deadline_ms = order->deadline_ms;
    j->timeout_ms = order->timeout_ms;
    j->created_ms = clock_wall_ms();
    j->prev = jobs->newest;
    *(j->prev != NULL ? &j->prev->next : &jobs->oldest) = j;
    jobs->newest = j;
    new_task_id(j);
    jobs->count[JOB_QUEUED]++;
    enqueue(jobs, j);
    set_timer(j);
    return j;
}

struct job *jobs_get(struct jobs *jobs, const char *id, size_t n)
{
    return table_get(jobs->by_id, id, n);
}

int job_start(struct job *j, const char *worker_id)
{
    char *copy = strdup(worker_id);
    if (copy == NULL)
        return -1;
    free(j->worker_id);
    j->worker_id = copy;
    j->attempts++;
    j->started_ms = clock_wall_ms();
    set_state(j, JOB_RUNNING);
    return 0;
}

static void keep_failure(struct job *j, const struct job_failure *failure)
{
    keep_text(j, &j->error_code, failure->code);
    keep_text(j, &j->error_message, failure->message);
    keep(j, &j->error_details, failure->details.at, failure->details.len);
}

void job_finish(struct job *j, struct json_span data)
{
    keep_failure(j, &(struct job_failure){.code = NULL});
    keep(j, &j->data, data.at, data.len);
    set_state(j, JOB_FINISHED);
}

void job_end(struct job *j, enum job_state state, const struct job_failure *failure)
{
    keep_failure(j, failure);
    set_state(j, state);
}

void job_retry(struct job *j, const struct job_failure *failure)
{
    if (j->retries >= j->jobs->max_retries) {
        char text[MESSAGE_MAX];
        struct job_failure last = *failure;
        snprintf(text, sizeof text, "Task %s failed after %u attempts: %s", j->task_id,
                 j->retries + 1, failure->message);
        last.message = text;
        job_end(j, JOB_QUARANTINED, &last);
        return;
    }
    j->retries++;
    keep_failure(j, failure);
    free(j->worker_id);
    j->worker_id = NULL;
    j->has_progress = false;
    new_task_id(j);
    set_state(j, JOB_QUEUED);
}

void job_set_progress(struct job *j, double progress, struct json_span message)
{
    j->has_progress = true;
    j->progress = progress;
    keep(j, &j->progress_message, message.at,
         message.len < MESSAGE_MAX ? message.len : MESSAGE_MAX);
}
