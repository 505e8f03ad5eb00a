/* client_api.c: the pages for people and demos: make a job, look at it, wait for it, cancel it; the
 * workers. Runs in penstock-devorch. */
#include "orch.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum {
    OK = 200,
    CREATED = 201,
    BAD_REQUEST = 400,
    NOT_FOUND = 404,
    CONFLICT = 409,
    UNAVAILABLE = 503,
    WAIT_MAX_MS = 60000,
    LIST_DEFAULT = 100,
    LIST_MAX = 1000,
    TYPE_MAX = 128,
    DEADLINE_MAX_MS = 86400000 /* a day */
};

/* Reads one member of POST /jobs into the order. -1: the text says what is wrong. */
struct order_member {
    const char *name;
    int (*read)(const struct json_doc *doc, uint32_t i, struct job_order *order);
    const char *expected;
};

static int copy_object(const struct json_doc *doc, uint32_t i, char **to)
{
    struct json_span raw = json_at(doc, i);
    if (json_kind(doc, i) != JSON_OBJECT)
        return -1;
    *to = strndup(raw.at, raw.len);
    return *to != NULL ? 0 : -1;
}

static int read_type(const struct json_doc *doc, uint32_t i, struct job_order *order)
{
    order->type = json_strdup(doc, i);
    return order->type != NULL && order->type[0] != '\0' && strlen(order->type) <= TYPE_MAX ? 0
                                                                                            : -1;
}

static int read_params(const struct json_doc *doc, uint32_t i, struct job_order *order)
{
    return copy_object(doc, i, &order->params);
}

static int read_metadata(const struct json_doc *doc, uint32_t i, struct job_order *order)
{
    return copy_object(doc, i, &order->metadata);
}

static int read_priority(const struct json_doc *doc, uint32_t i, struct job_order *order)
{
    return json_f64(doc, i, &order->priority) == 0 && isfinite(order->priority) ? 0 : -1;
}

static int read_span_ms(const struct json_doc *doc, uint32_t i, int64_t *ms)
{
    return json_i64(doc, i, ms) == 0 && *ms > 0 && *ms <= DEADLINE_MAX_MS ? 0 : -1;
}

static int read_deadline(const struct json_doc *doc, uint32_t i, struct job_order *order)
{
    if (read_span_ms(doc, i, &order->deadline_ms) < 0)
        return -1;
    order->deadline_ms += clock_wall_ms();
    return 0;
}

static int read_timeout(const struct json_doc *doc, uint32_t i, struct job_order *order)
{
    return read_span_ms(doc, i, &order->timeout_ms);
}

static const struct order_member order_members[] = {
    {"type", read_type, "a string of 1 to 128 bytes"},
    {"params", read_params, "an object"},
    {"priority", read_priority, "a number"},
    {"deadline_ms", read_deadline, "milliseconds from now, a whole number up to a day"},
    {"timeout_ms", read_timeout, "milliseconds from hand-out, a whole number up to a day"},
    {"metadata", read_metadata, "an object"},
};

static void order_clear(struct job_order *order)
{
    free(order->type);
    free(order->params);
    free(order->metadata);
}

static int read_member(struct request *r, const struct json_doc *doc, uint32_t key,
                       struct job_order *order)
{
    struct json_span name = json_at(doc, key);
    for (size_t k = 0; k < sizeof order_members / sizeof *order_members; k++) {
        if (!json_string_is(doc, key, order_members[k].name))
            continue;
        if (order_members[k].read(doc, key + 1, order) == 0)
            return 0;
        reply_error(r, BAD_REQUEST, "%s must be %s", order_members[k].name,
                    order_members[k].expected);
        return -1;
    }
    reply_error(r, BAD_REQUEST, "unknown member %.*s", (int)(name.len < 80 ? name.len : 80),
                name.at);
    return -1;
}

static int read_order(struct request *r, struct json_doc *doc, struct job_order *order)
{
    struct json_fault fault;
    struct json_span body = request_body(r);
    if (json_scan(doc, body.at, body.len, &fault) < 0) {
        reply_error(r, BAD_REQUEST, "the body is not valid JSON: %s at byte %zu", fault.what,
                    fault.offset);
        return -1;
    }
    if (json_kind(doc, 0) != JSON_OBJECT) {
        reply_error(r, BAD_REQUEST, "the body is not a JSON object");
        return -1;
    }
    uint32_t at = json_first(0);
    for (uint32_t n = doc->tokens[0].count; n > 0; n--, at = json_next(doc, at + 1)) {
        if (read_member(r, doc, at, order) < 0)
            return -1;
    }
    if (order->type == NULL) {
        reply_error(r, BAD_REQUEST,
                    "type is missing: {\"type\": \"thumbnail\", \"params\": {...}}");
        return -1;
    }
    if (order->params == NULL)
        order->params = strdup("{}");
    return order->params != NULL ? 0 : -1;
}

static void reply_job_id(struct request *r, unsigned status, const struct job *j)
{
    struct answer a;
    answer_begin(&a);
    json_open(&a.w, '{');
    json_member_str(&a.w, "job_id", j->id);
    json_member_str(&a.w, "state", job_state_name(j->state));
    json_close(&a.w, '}');
    answer_send(r, status, &a);
}

void on_job_new(void *context, struct request *r)
{
    struct orch *o = context;
    struct json_doc doc = JSON_DOC_INIT;
    struct job_order order = {.timeout_ms = o->options.task_timeout_ms};
    struct job *j = NULL;
    if (read_order(r, &doc, &order) == 0) {
        j = jobs_add(&o->jobs, &order);
        if (j == NULL)
            reply_error(r, UNAVAILABLE, "job limit reached: none of the jobs has ended");
        else
            reply_job_id(r, CREATED, j);
    }
    if (j == NULL)
        order_clear(&order);
    json_doc_clear(&doc);
    if (j != NULL)
        orch_dispatch(o);
}

static struct job *job_of(struct orch *o, struct request *r)
{
    struct job *j = jobs_get(&o->jobs, request_segment(r), strlen(request_segment(r)));
    if (j == NULL)
        reply_error(r, NOT_FOUND, "no such job");
    return j;
}

static void put_time(struct json_writer *w, const char *key, int64_t ms)
{
    char text[CLOCK_TEXT];
    if (ms == 0)
        return;
    clock_format(ms, text);
    json_member_str(w, key, text);
}

static void put_json(struct json_writer *w, const char *key, const char *json)
{
    if (json != NULL)
        json_member_raw(w, key, (struct json_span){.at = json, .len = strlen(json)});
}

static void put_times(struct json_writer *w, const struct job *j)
{
    int64_t now = clock_wall_ms();
    put_time(w, "created_at", j->created_ms);
    put_time(w, "started_at", j->started_ms);
    put_time(w, "finished_at", j->finished_ms);
    put_time(w, "deadline_at", j->deadline_ms);
    json_member_int(w, "queued_ms", (j->started_ms != 0 ? j->started_ms : now) - j->created_ms);
    if (j->started_ms != 0)
        json_member_int(w, "run_ms", (j->finished_ms != 0 ? j->finished_ms : now) - j->started_ms);
}

static void put_error(struct json_writer *w, const struct job *j)
{
    if (j->error_code == NULL && j->error_message == NULL)
        return;
    json_key(w, "error");
    json_open(w, '{');
    json_member_str(w, "code", j->error_code);
    json_member_str(w, "message", j->error_message);
    put_json(w, "details", j->error_details);
    json_close(w, '}');
}

/* Short: what a list shows. */
static void put_job(struct json_writer *w, const struct job *j, bool is_short)
{
    json_open(w, '{');
    json_member_str(w, "job_id", j->id);
    json_member_str(w, "type", j->type);
    json_member_str(w, "state", job_state_name(j->state));
    json_member_double(w, "priority", j->priority);
    json_member_int(w, "attempts", j->attempts);
    json_member_str(w, "task_id", j->task_id);
    json_member_str(w, "worker_id", j->worker_id);
    if (j->has_progress) {
        json_member_double(w, "progress", j->progress);
        json_member_str(w, "progress_message", j->progress_message);
    }
    put_times(w, j);
    if (!is_short) {
        put_json(w, "params", j->params);
        put_json(w, "metadata", j->metadata);
        put_json(w, "data", j->data);
    }
    put_error(w, j);
    json_close(w, '}');
}

static void reply_job(struct request *r, const struct job *j)
{
    struct answer a;
    answer_begin(&a);
    put_job(&a.w, j, false);
    answer_send(r, OK, &a);
}

static void forget_wait(struct wait *gone)
{
    struct wait **at = &gone->orch->waits;
    while (*at != gone)
        at = &(*at)->next;
    *at = gone->next;
    free(gone);
}

static void on_wait_ended(void *arg, struct request *r, bool is_gone)
{
    struct wait *w = arg;
    if (!is_gone)
        reply_job(r, w->job);
    forget_wait(w);
}

/* A job that is waited for has not ended, so it is not forgotten meanwhile. */
static void wait_for(struct orch *o, struct request *r, struct job *j, int64_t wait_ms)
{
    struct wait *w = malloc(sizeof *w);
    if (w == NULL) {
        reply_job(r, j);
        return;
    }
    *w = (struct wait){.next = o->waits, .orch = o, .r = r, .job = j};
    o->waits = w;
    request_hold(r, wait_ms < WAIT_MAX_MS ? wait_ms : WAIT_MAX_MS, on_wait_ended, w);
}

void orch_answer_waits(struct orch *o, const struct job *j)
{
    struct wait *w = o->waits;
    while (w != NULL) {
        struct wait *next = w->next;
        if (w->job == j) {
            reply_job(w->r, j);
            forget_wait(w);
        }
        w = next;
    }
}

void on_job_show(void *context, struct request *r)
{
    struct orch *o = context;
    const char *wait = request_query(r, "wait");
    struct job *j = job_of(o, r);
    int64_t wait_ms = 0;
    if (j == NULL)
        return;
    if (wait != NULL && (text_parse_duration(wait, &wait_ms) < 0 || wait_ms < 0))
        reply_error(r, BAD_REQUEST, "wait must be a duration like 10s");
    else if (wait_ms > 0 && !job_is_ended(j))
        wait_for(o, r, j, wait_ms);
    else
        reply_job(r, j);
}

static void put_counts(struct json_writer *w, const struct jobs *jobs)
{
    json_key(w, "counts");
    json_open(w, '{');
    for (int state = 0; state < JOB_STATES; state++)
        json_member_int(w, job_state_name((enum job_state)state), (int64_t)jobs->count[state]);
    json_close(w, '}');
}

void on_job_list(void *context, struct request *r)
{
    const struct orch *o = context;
    const char *limit_text = request_query(r, "limit");
    const char *state_text = request_query(r, "state");
    int64_t limit = LIST_DEFAULT;
    enum job_state state = state_text != NULL ? job_state_find(state_text) : JOB_STATES;
    struct answer a;
    if ((state_text != NULL && state == JOB_STATES) ||
        (limit_text != NULL &&
         (text_parse_i64(limit_text, &limit) < 0 || limit < 1 || limit > LIST_MAX))) {
        reply_error(r, BAD_REQUEST,
                    "limit is a number from 1 to 1000, state one of the jobs' states");
        return;
    }
    answer_begin(&a);
    json_open(&a.w, '{');
    put_counts(&a.w, &o->jobs);
    json_key(&a.w, "jobs");
    json_open(&a.w, '[');
    for (const struct job *j = o->jobs.newest; j != NULL && limit > 0; j = j->prev) {
        if (state != JOB_STATES && j->state != state)
            continue;
        put_job(&a.w, j, true);
        limit--;
    }
    json_close(&a.w, ']');
    json_close(&a.w, '}');
    answer_send(r, OK, &a);
}

void on_job_cancel(void *context, struct request *r)
{
    static const struct job_failure failure = {.code = "CANCELLED",
                                               .message = "The job was cancelled."};
    struct job *j = job_of(context, r);
    if (j == NULL)
        return;
    if (job_is_ended(j)) {
        reply_error(r, CONFLICT, "the job is already %s", job_state_name(j->state));
        return;
    }
    job_end(j, JOB_CANCELLED, &failure);
    reply_job_id(r, OK, j);
}

static void put_worker(struct json_writer *w, const struct worker *worker)
{
    json_open(w, '{');
    json_member_str(w, "worker_id", worker->id);
    json_member_str(w, "status", worker->status != NULL ? worker->status : "idle");
    json_member_bool(w, "alive", worker_is_alive(worker));
    json_member_bool(w, "polling", worker->poll != NULL);
    put_time(w, "seen_at", worker->seen_ms);
    json_key(w, "skills");
    json_open(w, '[');
    for (char **s = worker->skills; s != NULL && *s != NULL; s++)
        json_put_str(w, *s);
    json_close(w, ']');
    json_close(w, '}');
}

void on_worker_list(void *context, struct request *r)
{
    const struct orch *o = context;
    struct answer a;
    answer_begin(&a);
    json_open(&a.w, '{');
    json_key(&a.w, "workers");
    json_open(&a.w, '[');
    for (const struct worker *w = o->workers; w != NULL; w = w->next)
        put_worker(&a.w, w);
    json_close(&a.w, ']');
    json_close(&a.w, '}');
    answer_send(r, OK, &a);
}
