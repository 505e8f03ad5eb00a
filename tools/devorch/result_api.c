/* result_api.c: what a worker's result does to its job: the table of error codes, and the reasons
 * for which a result is ignored. Runs in penstock-devorch. */
#include "orch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shape.h"

enum { OK = 200, BAD_REQUEST = 400, FORBIDDEN = 403, TEXT_MAX = 1024 };

/* Codes that end a job; every other one is tried again. */
static const struct {
    const char *code;
    enum job_state state;
    const char *text;
} endings[] = {
    {"PERMANENT_ERROR", JOB_QUARANTINED, "Task failed with permanent error (PERMANENT_ERROR): "},
    {"SECURITY_ERROR", JOB_QUARANTINED, "Task failed with permanent error (SECURITY_ERROR): "},
    {"DEPENDENCY_ERROR", JOB_QUARANTINED, "Task failed with permanent error (DEPENDENCY_ERROR): "},
    {"CONTRACT_VIOLATION_ERROR", JOB_QUARANTINED,
     "Task failed with permanent error (CONTRACT_VIOLATION_ERROR): "},
    {"INVALID_INPUT_ERROR", JOB_FAILED, "Task failed due to invalid input: "},
    {"INTEGRITY_MISMATCH_ERROR", JOB_FAILED, "Task failed due to data integrity mismatch: "},
};

static void reply_pair(struct request *r, const char *status, const char *key, const char *value,
                       const char *message)
{
    struct answer a;
    answer_begin(&a);
    json_open(&a.w, '{');
    json_member_str(&a.w, "status", status);
    json_member_str(&a.w, key, value);
    json_member_str(&a.w, "message", message);
    json_close(&a.w, '}');
    answer_send(r, OK, &a);
}

static void accept(struct request *r, const char *transition)
{
    reply_pair(r, "accepted", "transition", transition, NULL);
}

static void ignore(struct request *r, const char *reason, const char *message)
{
    reply_pair(r, "ignored", "reason", reason, message);
}

static void fail(struct job *j, const struct job_failure *failure)
{
    char text[TEXT_MAX];
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        if (strcmp(endings[i].code, failure->code) != 0)
            continue;
        struct job_failure told = *failure;
        snprintf(text, sizeof text, "%s%s", endings[i].text, failure->message);
        told.message = text;
        job_end(j, endings[i].state, &told);
        return;
    }
    job_retry(j, failure);
}

static void take_failure(struct job *j, const struct json_doc *doc)
{
    uint32_t error = json_find(doc, 0, "error");
    struct job_failure failure = {.code = "TRANSIENT_ERROR",
                                  .message = "No error details provided."};
    char *code = NULL;
    char *message = NULL;
    if (error != 0 && json_kind(doc, error) == JSON_OBJECT) {
        uint32_t details = json_find(doc, error, "details");
        code = json_strdup(doc, json_find(doc, error, "code"));
        message = json_strdup(doc, json_find(doc, error, "message"));
        failure.code = code != NULL ? code : failure.code;
        failure.message = message != NULL ? message : failure.message;
        if (details != 0 && json_kind(doc, details) == JSON_OBJECT)
            failure.details = json_at(doc, details);
    }
    fail(j, &failure);
    free(code);
    free(message);
}

static void take_data(struct job *j, const struct json_doc *doc)
{
    uint32_t data = json_find(doc, 0, "data");
    struct json_span none = {.at = NULL};
    job_finish(j, data != 0 && json_kind(doc, data) == JSON_OBJECT ? json_at(doc, data) : none);
}

static void take_unknown_status(struct job *j, const struct json_doc *doc, uint32_t status)
{
    char text[TEXT_MAX];
    char *word = json_strdup(doc, status);
    snprintf(text, sizeof text, "Worker returned unhandled status: %s", word != NULL ? word : "?");
    const struct job_failure failure = {.code = "UNHANDLED_STATUS", .message = text};
    job_end(j, JOB_FAILED, &failure);
    free(word);
}

/* Answered after the job has moved on; the answer does not depend on it. */
static void apply(struct job *j, const struct message *m)
{
    const struct json_doc *doc = &m->doc;
    uint32_t status = json_find(doc, 0, "status");
    if (status == 0 || json_string_is(doc, status, "success")) {
        take_data(j, doc);
        accept(m->r, "success_transition");
    } else if (json_string_is(doc, status, "failure")) {
        take_failure(j, doc);
        accept(m->r, "failure_handled");
    } else if (json_string_is(doc, status, "cancelled")) {
        const struct job_failure failure = {.code = "CANCELLED",
                                            .message = "The worker cancelled the task."};
        job_end(j, JOB_CANCELLED, &failure);
        accept(m->r, "cancelled_handled");
    } else {
        take_unknown_status(j, doc, status);
        accept(m->r, "unhandled_status_failure");
    }
}

/* A result for a job that has ended. Only a late "cancelled" of a cancelled job is welcome. */
static void take_late(const struct job *j, const struct message *m)
{
    char text[128];
    uint32_t status = json_find(&m->doc, 0, "status");
    if (j->state == JOB_CANCELLED && status != 0 && json_string_is(&m->doc, status, "cancelled")) {
        accept(m->r, "cancelled_handled");
        return;
    }
    snprintf(text, sizeof text, "Result ignored: the job is already in a terminal state (%s).",
             job_state_name(j->state));
    ignore(m->r,
           j->is_late                  ? "deadline_exceeded"
           : j->state == JOB_CANCELLED ? "job_cancelled"
                                       : "job_already_terminated",
           text);
}

static void take_result(struct orch *o, const struct message *m)
{
    const struct json_doc *doc = &m->doc;
    struct json_span id = json_at(doc, json_find(doc, 0, "job_id"));
    struct json_span task = json_at(doc, json_find(doc, 0, "task_id"));
    char text[TEXT_MAX];
    struct job *j = jobs_get(&o->jobs, id.at + 1, id.len - 2);
    if (j == NULL) {
        snprintf(text, sizeof text, "Job %.*s not found (expired or deleted).", (int)(id.len - 2),
                 id.at + 1);
        ignore(m->r, "job_not_found", text);
    } else if (j->worker_id != NULL && strcmp(j->worker_id, m->worker_id) != 0) {
        ignore(m->r, "worker_mismatch", "Forbidden: This task is assigned to a different worker.");
    } else if (j->state == JOB_QUEUED ||
               !json_string_is(doc, json_find(doc, 0, "task_id"), j->task_id)) {
        snprintf(text, sizeof text, "Result ignored: task_id %.*s is no longer active for job %s.",
                 (int)(task.len - 2), task.at + 1, j->id);
        ignore(m->r, "stale_task", text);
    } else if (job_is_ended(j)) {
        take_late(j, m);
    } else {
        apply(j, m);
    }
}

static int check_result(struct orch *o, const struct message *m)
{
    static const char *const not_signed[] = {"security", "_signature", NULL};
    char fault[SHAPE_FAULT];
    if (message_verify(&o->guard, m, not_signed) < 0)
        return -1;
    if (shape_check(&m->doc, shape_result, fault) < 0) {
        reply_error(m->r, BAD_REQUEST, "Invalid TaskResult payload: %s", fault);
        return -1;
    }
    uint32_t id = json_find(&m->doc, 0, "worker_id");
    if (id == 0 || json_kind(&m->doc, id) == JSON_NULL || json_string_is(&m->doc, id, m->worker_id))
        return 0;
    char *other = json_strdup(&m->doc, id);
    reply_error(
        m->r, FORBIDDEN,
        "Forbidden: Authenticated worker '%s' cannot submit results for another worker '%s'.",
        m->worker_id, other != NULL ? other : "?");
    free(other);
    return -1;
}

void on_result(void *context, struct request *r)
{
    struct orch *o = context;
    struct message m;
    if (message_open(&o->guard, r, NULL, false, &m) == 0 && check_result(o, &m) == 0)
        take_result(o, &m);
    message_close(&m);
}
