/* worker_api.c: the five calls of Avtomatika's worker API, with the original's answers. Runs in
 * penstock-devorch. */
#include "orch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "shape.h"

enum { OK = 200, NO_CONTENT = 204, BAD_REQUEST = 400, FORBIDDEN = 403, UNAVAILABLE = 503 };

static const char *const not_signed[] = {"security", "_signature", NULL};
static const char *const event_not_signed[] = {"security", "_signature", "bubbling_chain", NULL};

static void reply_status(struct request *r, const char *status)
{
    struct answer a;
    answer_begin(&a);
    json_open(&a.w, '{');
    json_member_str(&a.w, "status", status);
    json_close(&a.w, '}');
    answer_send(r, OK, &a);
}

static bool is_worker_id(const char *id)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    size_t n = strlen(id);
    return n > 0 && n <= PROTOCOL_ID_MAX && strspn(id, alphabet) == n;
}

/* The member as text that lives as long as *kept, or NULL if it is absent or no string. */
static const char *text_of(const struct json_doc *doc, uint32_t object, const char *name,
                           char **kept)
{
    uint32_t i = json_find(doc, object, name);
    *kept = i != 0 ? json_strdup(doc, i) : NULL;
    return *kept;
}

static int check_registration(struct orch *o, const struct message *m)
{
    char fault[SHAPE_FAULT];
    uint32_t id = json_find(&m->doc, 0, "worker_id");
    if (id == 0 || json_kind(&m->doc, id) != JSON_STRING) {
        reply_error(m->r, BAD_REQUEST, "Missing or invalid worker_id in registration data");
        return -1;
    }
    if (!json_string_is(&m->doc, id, m->worker_id)) {
        reply_error(m->r, FORBIDDEN, "Immediate sender ID mismatch");
        return -1;
    }
    if (message_verify(&o->guard, m, not_signed) < 0)
        return -1;
    if (shape_check(&m->doc, shape_registration, fault) < 0) {
        reply_error(m->r, BAD_REQUEST, "Invalid WorkerRegistration payload: %s", fault);
        return -1;
    }
    if (!is_worker_id(m->worker_id)) {
        reply_error(m->r, BAD_REQUEST,
                    "Invalid worker_id: '%s'. Must be alphanumeric, underscores, or hyphens only "
                    "(max %d characters).",
                    m->worker_id, PROTOCOL_ID_MAX);
        return -1;
    }
    return 0;
}

static void reply_registered(struct request *r)
{
    const char *version = request_header(r, "X-RXON-Version");
    char warning[160];
    struct answer a;
    answer_begin(&a);
    json_open(&a.w, '{');
    json_member_str(&a.w, "status", "registered");
    json_member_str(&a.w, "version", PROTOCOL_VERSION);
    if (version != NULL && *version != '\0' && strcmp(version, PROTOCOL_VERSION) != 0) {
        snprintf(warning, sizeof warning,
                 "Protocol version mismatch! Orchestrator: %s, Worker: %.80s.", PROTOCOL_VERSION,
                 version);
        json_member_str(&a.w, "warning", warning);
    }
    json_close(&a.w, '}');
    answer_send(r, OK, &a);
}

static void register_worker(struct orch *o, const struct message *m)
{
    char *hash;
    struct worker *w = orch_add_worker(o, m->worker_id);
    if (w == NULL || worker_set_skills(w, &m->doc, json_find(&m->doc, 0, "supported_skills")) < 0) {
        reply_error(m->r, UNAVAILABLE, "no room for another worker");
        return;
    }
    worker_set_text(&w->skills_hash, text_of(&m->doc, 0, "skills_hash", &hash));
    worker_set_text(&w->status, NULL);
    worker_touch(o, w);
    free(hash);
    log_info("worker registered", LS("worker", w->id),
             LS("rxon", request_header(m->r, "X-RXON-Version")));
    reply_registered(m->r);
    orch_dispatch(o);
}

void on_register(void *context, struct request *r)
{
    struct orch *o = context;
    struct message m;
    if (message_open(&o->guard, r, NULL, false, &m) == 0 && check_registration(o, &m) == 0)
        register_worker(o, &m);
    message_close(&m);
}

/* Takes over what the heartbeat says; whether the skills must be sent again. */
static bool take_heartbeat(struct worker *w, const struct json_doc *doc)
{
    char *hash;
    char *status;
    uint32_t skills = json_find(doc, 0, "supported_skills");
    bool is_known = text_of(doc, 0, "skills_hash", &hash) != NULL && w->skills_hash != NULL &&
                    strcmp(hash, w->skills_hash) == 0;
    if (skills != 0 && !is_known)
        worker_set_skills(w, doc, skills);
    if (hash != NULL)
        worker_set_text(&w->skills_hash, hash);
    if (text_of(doc, 0, "status", &status) != NULL)
        worker_set_text(&w->status, status);
    free(hash);
    free(status);
    return is_known && (w->skills == NULL || *w->skills == NULL);
}

/* "cancel_task_ids": those of current_tasks that are ids of jobs that have ended. Task ids are not
 * looked up: neither does the original. */
static void put_cancelled(struct orch *o, const struct json_doc *doc, struct json_writer *w)
{
    uint32_t list = json_find(doc, 0, "current_tasks");
    uint32_t count = list != 0 && json_kind(doc, list) == JSON_ARRAY ? doc->tokens[list].count : 0;
    uint32_t at = json_first(list);
    bool is_open = false;
    for (uint32_t k = 0; k < count; k++, at = json_next(doc, at)) {
        struct json_span id = json_at(doc, at);
        const struct job *j = jobs_get(&o->jobs, id.at + 1, id.len - 2);
        if (j == NULL || !job_is_ended(j))
            continue;
        if (!is_open) {
            json_key(w, "cancel_task_ids");
            json_open(w, '[');
            is_open = true;
        }
        json_put_str(w, j->id);
    }
    if (is_open)
        json_close(w, ']');
}

static int check_heartbeat(struct orch *o, const struct message *m)
{
    char fault[SHAPE_FAULT];
    if (message_verify(&o->guard, m, not_signed) < 0)
        return -1;
    if (shape_check(&m->doc, shape_heartbeat, fault) < 0) {
        reply_error(m->r, BAD_REQUEST, "Invalid Heartbeat payload: %s", fault);
        return -1;
    }
    uint32_t id = json_find(&m->doc, 0, "worker_id");
    if (id != 0 && !json_string_is(&m->doc, id, m->worker_id)) {
        reply_error(m->r, FORBIDDEN, "Immediate sender ID mismatch");
        return -1;
    }
    return 0;
}

/* NULL for one that was never here, only polled, or was away too long. */
static struct worker *known_worker(struct orch *o, const struct message *m)
{
    struct worker *w = orch_worker(o, m->worker_id);
    return w != NULL && worker_is_alive(w) ? w : NULL;
}

static void heartbeat(struct orch *o, const struct message *m)
{
    struct worker *w = known_worker(o, m);
    struct answer a;
    if (check_heartbeat(o, m) < 0)
        return;
    answer_begin(&a);
    json_open(&a.w, '{');
    json_member_str(&a.w, "status", "ok");
    if (w != NULL) { /* an unknown worker is not told so */
        worker_touch(o, w);
        if (take_heartbeat(w, &m->doc))
            json_member_bool(&a.w, "require_full_sync", true);
        put_cancelled(o, &m->doc, &a.w);
    }
    json_close(&a.w, '}');
    answer_send(m->r, OK, &a);
    orch_dispatch(o);
}

static void touch(struct orch *o, const struct message *m)
{
    struct worker *w = known_worker(o, m);
    struct answer a;
    if (w != NULL) {
        worker_touch(o, w);
        reply_status(m->r, "ttl_refreshed");
        orch_dispatch(o);
        return;
    }
    answer_begin(&a);
    json_put_null(&a.w);
    answer_send(m->r, OK, &a);
}

void on_heartbeat(void *context, struct request *r)
{
    struct orch *o = context;
    struct message m;
    if (message_open(&o->guard, r, request_segment(r), true, &m) == 0) {
        if (m.doc.n == 0 || m.doc.tokens[0].count == 0)
            touch(o, &m);
        else
            heartbeat(o, &m);
    }
    message_close(&m);
}

static void on_poll_ended(void *arg, struct request *r, bool is_gone)
{
    struct worker *w = arg;
    if (w->poll == r)
        w->poll = NULL;
    if (!is_gone)
        reply_empty(r, NO_CONTENT);
}

static void hold_poll(struct orch *o, struct worker *w, struct request *r)
{
    if (w->poll != NULL) { /* one poll a worker: the newer one counts */
        struct request *older = w->poll;
        w->poll = NULL;
        reply_empty(older, NO_CONTENT);
    }
    w->poll = r;
    w->poll_number = o->n_polls++;
    request_hold(r, o->options.poll_timeout_ms, on_poll_ended, w);
}

void on_poll(void *context, struct request *r)
{
    struct orch *o = context;
    struct message m;
    if (message_open(&o->guard, r, request_segment(r), true, &m) == 0) {
        /* One that never registered is held like the others; it has no skills. */
        struct worker *w = is_worker_id(m.worker_id) ? orch_add_worker(o, m.worker_id) : NULL;
        struct job *j = w != NULL ? orch_take(o, w) : NULL;
        if (w == NULL)
            reply_error(r, BAD_REQUEST, "no such worker, and no room for another");
        else if (j != NULL)
            orch_reply_task(r, j);
        else
            hold_poll(o, w, r);
    }
    message_close(&m);
}

static void on_progress(struct job *j, const struct json_doc *doc, uint32_t payload)
{
    char *message;
    double progress = 0;
    uint32_t i = json_find(doc, payload, "progress");
    if (i != 0 && json_f64(doc, i, &progress) < 0)
        return;
    text_of(doc, payload, "message", &message);
    job_set_progress(
        j, progress,
        (struct json_span){.at = message, .len = message != NULL ? strlen(message) : 0});
    free(message);
}

/* The job an event is about, or NULL. */
static struct job *target_of(struct orch *o, const struct json_doc *doc)
{
    uint32_t i = json_find(doc, 0, "target_job_id");
    if (i == 0 || json_kind(doc, i) != JSON_STRING)
        i = json_find(doc, 0, "target_task_id");
    if (i == 0 || json_kind(doc, i) != JSON_STRING)
        return NULL;
    struct json_span id = json_at(doc, i);
    return jobs_get(&o->jobs, id.at + 1, id.len - 2);
}

static void reply_bad_event(struct request *r, const char *fault)
{
    char text[SHAPE_FAULT + 32];
    struct answer a;
    snprintf(text, sizeof text, "Invalid event payload: %s", fault);
    answer_begin(&a);
    json_open(&a.w, '{');
    json_member_str(&a.w, "status", "error");
    json_member_str(&a.w, "message", text);
    json_close(&a.w, '}');
    answer_send(r, OK, &a);
}

static void take_event(struct orch *o, const struct message *m)
{
    const struct json_doc *doc = &m->doc;
    char fault[SHAPE_FAULT];
    if (message_verify(&o->guard, m, event_not_signed) < 0)
        return;
    if (shape_check(doc, shape_event, fault) < 0) {
        reply_bad_event(m->r, fault);
        return;
    }
    if (!json_string_is(doc, json_find(doc, 0, "worker_id"), m->worker_id)) {
        reply_error(m->r, FORBIDDEN, "Immediate sender ID mismatch");
        return;
    }
    struct job *j = target_of(o, doc);
    if (j != NULL && j->worker_id != NULL && strcmp(j->worker_id, m->worker_id) != 0) {
        reply_error(m->r, FORBIDDEN, "Forbidden: Worker '%s' is not assigned to job '%s'",
                    m->worker_id, j->id);
        return;
    }
    if (j != NULL && json_string_is(doc, json_find(doc, 0, "event_type"), "progress"))
        on_progress(j, doc, json_find(doc, 0, "payload"));
    reply_status(m->r, "event_accepted");
}

void on_event(void *context, struct request *r)
{
    struct orch *o = context;
    struct message m;
    if (message_open(&o->guard, r, NULL, false, &m) == 0)
        take_event(o, &m);
    message_close(&m);
}
