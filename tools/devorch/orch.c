/* orch.c: workers and the match between queued jobs and held polls. Runs in penstock-devorch.
 *
 * One queue for all: a job waits until a live, idle worker with its skill polls. (The original
 * binds a job to a worker when it is created, and quarantines it within milliseconds if there is
 * none.) */
#include "orch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

enum {
    WORKERS_MAX = 1000,
    SKILLS_MAX = 1000,
    JOBS_BYTES = 256 * 1024 * 1024,
    OK = 200,
    NO_CONTENT = 204
};

static void on_changed(void *arg, struct job *j)
{
    struct orch *o = arg;
    log_info("job", LS("id", j->id), LS("state", job_state_name(j->state)),
             LS("task_id", j->task_id), LS("type", j->type), LS("worker", j->worker_id),
             LS("error", j->error_code));
    if (job_is_ended(j))
        orch_answer_waits(o, j);
    if (j->state == JOB_QUEUED)
        orch_dispatch(o);
}

int orch_init(struct orch *o, struct loop *loop, const struct options *options)
{
    *o = (struct orch){.options = *options, .loop = loop};
    o->guard.token = options->token;
    o->jobs = (struct jobs){.loop = loop,
                            .max_jobs = (size_t)options->max_jobs,
                            .max_bytes = JOBS_BYTES,
                            .max_retries = (unsigned)options->max_retries,
                            .changed = on_changed,
                            .arg = o};
    files_init(&o->files, (size_t)options->store_bytes);
    return guard_init(&o->guard) < 0 || jobs_init(&o->jobs) < 0 ? -1 : 0;
}

static void free_skills(char **skills)
{
    for (char **s = skills; s != NULL && *s != NULL; s++)
        free(*s);
    free((void *)skills);
}

void orch_clear(struct orch *o)
{
    while (o->workers != NULL) {
        struct worker *w = o->workers;
        o->workers = w->next;
        free_skills(w->skills);
        free(w->skills_hash);
        free(w->status);
        free(w->id);
        free(w);
    }
    files_clear(&o->files);
    jobs_clear(&o->jobs);
    guard_clear(&o->guard);
}

struct worker *orch_worker(struct orch *o, const char *id)
{
    struct worker *w = o->workers;
    while (w != NULL && strcmp(w->id, id) != 0)
        w = w->next;
    return w;
}

struct worker *orch_add_worker(struct orch *o, const char *id)
{
    struct worker *w = orch_worker(o, id);
    if (w != NULL)
        return w;
    if (o->n_workers >= WORKERS_MAX) {
        errno = ENOSPC;
        return NULL;
    }
    w = calloc(1, sizeof *w);
    if (w == NULL || (w->id = strdup(id)) == NULL) {
        free(w);
        return NULL;
    }
    w->next = o->workers;
    o->workers = w;
    o->n_workers++;
    return w;
}

int worker_set_skills(struct worker *w, const struct json_doc *doc, uint32_t i)
{
    uint32_t count = json_kind(doc, i) == JSON_ARRAY ? doc->tokens[i].count : 0;
    count = count < SKILLS_MAX ? count : SKILLS_MAX;
    char **skills = (char **)calloc(count + 1, sizeof *skills);
    uint32_t at = json_first(i);
    if (skills == NULL)
        return -1;
    for (uint32_t k = 0; k < count; k++) {
        skills[k] = json_strdup(doc, json_find(doc, at, "name"));
        if (skills[k] == NULL) {
            free_skills(skills);
            return -1;
        }
        at = json_next(doc, at);
    }
    free_skills(w->skills);
    w->skills = skills;
    return 0;
}

void worker_set_text(char **to, const char *text)
{
    free(*to);
    *to = text != NULL ? strdup(text) : NULL;
}

void worker_touch(const struct orch *o, struct worker *w)
{
    w->seen_ms = clock_wall_ms();
    w->expires_ms = clock_mono_ms() + o->options.worker_ttl_ms;
}

bool worker_is_alive(const struct worker *w)
{
    return clock_mono_ms() < w->expires_ms;
}

static bool can_take(const struct worker *w, const struct job *j)
{
    if (!worker_is_alive(w) || (w->status != NULL && strcmp(w->status, "idle") != 0))
        return false;
    for (char **s = w->skills; s != NULL && *s != NULL; s++) {
        if (strcmp(*s, j->type) == 0)
            return true;
    }
    return false;
}

/* A poll whose peer has gone must not swallow a task. */
static bool has_live_poll(struct worker *w)
{
    if (w->poll == NULL)
        return false;
    if (request_is_alive(w->poll))
        return true;
    struct request *gone = w->poll;
    w->poll = NULL;
    reply_empty(gone, NO_CONTENT);
    return false;
}

static struct worker *longest_waiting(struct orch *o, const struct job *j)
{
    struct worker *best = NULL;
    for (struct worker *w = o->workers; w != NULL; w = w->next) {
        if (w->poll != NULL && can_take(w, j) &&
            (best == NULL || w->poll_number < best->poll_number) && has_live_poll(w))
            best = w;
    }
    return best;
}

void orch_dispatch(struct orch *o)
{
    struct job *j = o->jobs.first;
    while (j != NULL) {
        struct job *next = j->q_next;
        struct worker *w = longest_waiting(o, j);
        if (w != NULL && job_start(j, w->id) == 0) {
            struct request *poll = w->poll;
            w->poll = NULL;
            orch_reply_task(poll, j);
        }
        j = next;
    }
}

struct job *orch_take(struct orch *o, const struct worker *w)
{
    for (struct job *j = o->jobs.first; j != NULL; j = j->q_next) {
        if (can_take(w, j))
            return job_start(j, w->id) == 0 ? j : NULL;
    }
    return NULL;
}

void orch_reply_task(struct request *r, const struct job *j)
{
    struct answer a;
    struct json_writer *w = &a.w;
    answer_begin(&a);
    json_open(w, '{');
    json_member_str(w, "job_id", j->id);
    json_member_str(w, "task_id", j->task_id);
    json_member_str(w, "type", j->type);
    json_member_raw(w, "params", (struct json_span){.at = j->params, .len = strlen(j->params)});
    json_member_double(w, "priority", j->priority);
    if (j->deadline_ms != 0)
        json_member_double(w, "deadline", (double)j->deadline_ms / 1000);
    json_member_int(w, "timestamp", clock_wall_ms() / 1000);
    json_member_raw(w, "tracing_context", (struct json_span){.at = "{}", .len = 2});
    if (j->metadata != NULL)
        json_member_raw(w, "metadata",
                        (struct json_span){.at = j->metadata, .len = strlen(j->metadata)});
    json_close(w, '}');
    answer_send(r, OK, &a);
}
