/* avtomatika_presence.c: registration and heartbeats. Runs in penstock-shim. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "loop/loop.h"
#include "net/http.h"
#include "shim/avtomatika.h"

enum {
    BEATS_APART_MS = 2000,
    /* The server forgets a worker after 120 s of silence and does not tell it so. */
    SILENCE_MS = 120 * 1000,
    /* Only an empty heartbeat is answered null by a server that does not know us. */
    TOUCH_EVERY = 4,
    REGISTER_FIRST_MS = 1000,
    REGISTER_MAX_MS = 60 * 1000,
    GOODBYE_MS = 3000,
    GIB = 1024 * 1024 * 1024,
};

static void on_timer(void *arg);

int avt_presence_init(struct avt *a)
{
    buf_init(&a->skills, AVT_BODY_MAX);
    a->presence.timer = loop_timer_new(a->shim->loop, on_timer, a);
    return a->presence.timer != NULL ? 0 : -1;
}

static const char *status_of(const struct avt *a)
{
    if (a->said_goodbye)
        return "offline";
    if (a->shim->is_draining)
        return "draining";
    const struct bridge *b = a->shim->bridge;
    return avt_is_full(a) || !bridge_has_room(b) || bridge_is_short(b) ? "busy" : "idle";
}

/* ---- bodies ---- */

static void begin(const struct avt *a, struct json_writer *w, struct buf *body)
{
    json_begin(w, body);
    json_open(w, '{');
    json_member_str(w, "worker_id", a->shim->worker_id);
}

static void put_skills(const struct avt *a, struct json_writer *w)
{
    json_member_raw(w, "supported_skills",
                    (struct json_span){(const char *)a->skills.data, a->skills.len});
}

static void put_machine(struct json_writer *w)
{
    char host[256] = "";
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    if (gethostname(host, sizeof host - 1) < 0)
        host[0] = '\0';
    json_key(w, "resources");
    json_open(w, '{');
    json_key(w, "properties");
    json_open(w, '{');
    json_member_int(w, "cpu_cores", sysconf(_SC_NPROCESSORS_ONLN));
    json_member_int(w, "ram_gb", (int64_t)pages * page / GIB);
    json_close(w, '}');
    json_close(w, '}');
    json_key(w, "installed_software");
    json_open(w, '{');
    json_member_str(w, "penstock", PENSTOCK_VERSION);
    json_close(w, '}');
    json_key(w, "capabilities");
    json_open(w, '{');
    json_member_str(w, "hostname", host[0] != '\0' ? host : "unknown");
    json_close(w, '}');
}

static int write_registration(const struct avt *a, struct buf *body)
{
    struct json_writer w;
    begin(a, &w, body);
    json_member_str(&w, "worker_type", a->shim->worker_type);
    put_skills(a, &w);
    json_member_str(&w, "skills_hash", a->skills_hash);
    put_machine(&w);
    return avt_seal(a, &w, body, NULL);
}

static bool is_listed(const struct avt_task *upto, const struct avt_task *first)
{
    for (; first != upto; first = first->next) {
        if (strcmp(first->order.job_id, upto->order.job_id) == 0)
            return true;
    }
    return false;
}

/* Job ids too: only these are what the server looks up for cancelled ones. */
static void put_tasks(const struct avt *a, struct json_writer *w)
{
    json_key(w, "current_tasks");
    json_open(w, '[');
    for (const struct avt_task *t = a->first; t != NULL; t = t->next) {
        json_put_str(w, t->order.task_id);
        if (!is_listed(t, a->first))
            json_put_str(w, t->order.job_id);
    }
    json_close(w, ']');
}

static int write_heartbeat(const struct avt *a, struct buf *body)
{
    struct json_writer w;
    begin(a, &w, body);
    json_member_str(&w, "status", a->status_sending);
    put_tasks(a, &w);
    if (a->said_goodbye) {
        /* Without the hash, which would make the server keep the old list. */
        json_member_raw(&w, "supported_skills", (struct json_span){"[]", 2});
    } else {
        if (a->wants_skills_sent)
            put_skills(a, &w);
        json_member_str(&w, "skills_hash", a->skills_hash);
    }
    return avt_seal(a, &w, body, NULL);
}

/* ---- registration ---- */

static void try_later(struct avt *a, enum avt_verdict verdict, const struct http_answer *answer)
{
    int64_t pause = avt_pause(&a->presence, verdict, answer);
    if (verdict == AVT_AWAY || verdict == AVT_BROKEN) {
        a->presence.backoff.first_ms = REGISTER_FIRST_MS;
        a->presence.backoff.max_ms = REGISTER_MAX_MS;
        pause = backoff_next(&a->presence.backoff, backoff_chance());
    }
    loop_timer_after(a->presence.timer, pause);
}

static void on_registered(void *arg, const struct http_answer *answer)
{
    struct avt *a = arg;
    char error[AVT_ERROR_TEXT];
    a->presence.call = NULL;
    enum avt_verdict verdict = avt_judge(answer, error);
    if (verdict != AVT_OK) {
        avt_complain(&a->presence, verdict, "registration", error);
        try_later(a, verdict, answer);
        return;
    }
    /* One failure is that of the call that made us register again. */
    bool was_away = a->presence.backoff.failures > 1;
    avt_pause(&a->presence, AVT_OK, answer);
    log_info("registered at the orchestrator", LS("worker_id", a->shim->worker_id),
             LS("url", a->shim->url));
    a->is_registered = true;
    a->heard_ms = clock_mono_ms();
    a->beats = 0;
    /* A server takes a worker that has registered for idle. */
    a->status_told = "idle";
    a->wants_skills_sent = false;
    loop_timer_after(a->presence.timer, a->shim->conf->heartbeat_interval_ms);
    avt_presence_changed(a);
    avt_poll_kick(a);
    avt_results_again(a, was_away);
}

static void send_registration(struct avt *a)
{
    struct buf body = BUF_INIT(AVT_BODY_MAX);
    int rc = write_registration(a, &body);
    const struct avt_call call = {.method = "POST",
                                  .path = "/_worker/workers/register",
                                  .body = (const char *)body.data,
                                  .body_size = body.len};
    if (rc == 0)
        rc = avt_start(a, &a->presence, &call, on_registered, a);
    if (rc < 0) {
        log_error("no registration could be made", LE(errno));
        loop_timer_after(a->presence.timer, REGISTER_MAX_MS);
    }
    buf_clear(&body);
}

/* ---- heartbeats ---- */

static void read_cancelled(struct avt *a, const struct json_doc *doc)
{
    uint32_t list = json_find(doc, 0, "cancel_task_ids");
    if (list == 0 || json_kind(doc, list) != JSON_ARRAY)
        return;
    uint32_t t = json_first(list);
    for (uint32_t n = doc->tokens[list].count; n > 0; n--, t = json_next(doc, t)) {
        char *id = json_strdup(doc, t);
        if (id != NULL)
            avt_task_cancel(a, id);
        free(id);
    }
}

/* -1: the server does not know us. */
static int read_answer(struct avt *a, const struct http_answer *answer)
{
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault;
    int rc = 0;
    if (json_scan(&doc, answer->body, answer->body_size, &fault) == 0) {
        if (json_kind(&doc, 0) == JSON_NULL) {
            rc = -1;
        } else if (json_kind(&doc, 0) == JSON_OBJECT) {
            uint32_t sync = json_find(&doc, 0, "require_full_sync");
            if (sync != 0 && json_kind(&doc, sync) == JSON_TRUE)
                a->wants_skills_sent = a->wants_beat = true;
            read_cancelled(a, &doc);
        }
    }
    json_doc_clear(&doc);
    return rc;
}

static void register_again(struct avt *a, const char *why)
{
    log_warn("registering again", LS("reason", why));
    a->is_registered = false;
    loop_timer_after(a->presence.timer, 0);
}

static void on_beaten(struct avt *a, const struct http_answer *answer)
{
    bool was_away = a->presence.backoff.failures > 0;
    a->heard_ms = clock_mono_ms();
    avt_pause(&a->presence, AVT_OK, answer);
    if (was_away)
        avt_results_again(a, true);
    if (!a->is_touch) {
        a->status_told = a->status_sending;
        a->wants_skills_sent = false;
    }
    if (read_answer(a, answer) < 0) {
        register_again(a, "the orchestrator does not know this worker");
        return;
    }
    loop_timer_after(a->presence.timer, a->shim->conf->heartbeat_interval_ms);
    avt_presence_changed(a);
}

static void on_beat(void *arg, const struct http_answer *answer)
{
    struct avt *a = arg;
    char error[AVT_ERROR_TEXT];
    a->presence.call = NULL;
    enum avt_verdict verdict = avt_judge(answer, error);
    if (a->said_goodbye) {
        shim_end(a->shim);
    } else if (verdict == AVT_OK) {
        on_beaten(a, answer);
    } else {
        avt_complain(&a->presence, verdict, "heartbeat", error);
        a->wants_beat = true;
        if (verdict == AVT_AWAY)
            avt_presence_lost(a);
        else
            try_later(a, verdict, answer);
    }
}

/* What has not changed need not be told: then an empty body does, which also asks whether the
 * server still knows us. */
static bool may_touch(const struct avt *a)
{
    if (a->wants_beat || a->wants_skills_sent || a->said_goodbye ||
        strcmp(status_of(a), a->status_told) != 0)
        return false;
    return a->n_tasks == 0 || a->beats % TOUCH_EVERY == 0;
}

static void send_beat(struct avt *a)
{
    char path[256];
    struct buf body = BUF_INIT(AVT_BODY_MAX);
    int rc = 0;
    a->beats++;
    a->is_touch = may_touch(a);
    a->wants_beat = false;
    a->beat_ms = clock_mono_ms();
    a->status_sending = status_of(a);
    if (!a->is_touch)
        rc = write_heartbeat(a, &body);
    snprintf(path, sizeof path, "/_worker/workers/%s", a->shim->worker_id);
    const struct avt_call call = {.method = "PATCH",
                                  .path = path,
                                  .body = (const char *)body.data,
                                  .body_size = body.len,
                                  .timeout_ms = a->said_goodbye ? GOODBYE_MS : 0};
    if (rc == 0)
        rc = avt_start(a, &a->presence, &call, on_beat, a);
    if (rc < 0) {
        log_error("no heartbeat could be made", LE(errno));
        loop_timer_after(a->presence.timer, a->shim->conf->heartbeat_interval_ms);
    }
    buf_clear(&body);
}

static void on_timer(void *arg)
{
    struct avt *a = arg;
    if (a->presence.call != NULL || !a->has_skills)
        return;
    if (a->is_registered && clock_mono_ms() - a->heard_ms > SILENCE_MS)
        a->is_registered = false;
    if (a->is_registered)
        send_beat(a);
    else
        send_registration(a);
}

/* ---- what others tell ---- */

void avt_presence_skills(struct avt *a)
{
    char hash[sizeof a->skills_hash];
    memcpy(hash, a->skills_hash, sizeof hash);
    bool with_files = a->shim->conf->files == CONF_FILES_ORCHESTRATOR;
    if (!a->has_skills && bridge_pipelines(a->shim->bridge)->n == 0)
        return; /* the host has only just started, or can do nothing */
    if (avt_skills_write(bridge_pipelines(a->shim->bridge), with_files, &a->skills,
                         a->skills_hash) < 0) {
        log_error("the list of skills is too long for the orchestrator");
        return;
    }
    if (!a->has_skills) {
        a->has_skills = true;
        loop_timer_after(a->presence.timer, 0);
    } else if (strcmp(hash, a->skills_hash) != 0) {
        a->wants_skills_sent = a->wants_beat = true;
        avt_presence_changed(a);
    }
}

void avt_presence_changed(struct avt *a)
{
    if (!a->is_registered || a->presence.call != NULL || a->said_goodbye)
        return;
    if (strcmp(status_of(a), a->status_told) != 0)
        a->wants_beat = true;
    if (!a->wants_beat)
        return;
    int64_t now = clock_mono_ms(), due = a->beat_ms + BEATS_APART_MS;
    if (due < a->presence.not_before_ms)
        due = a->presence.not_before_ms;
    loop_timer_after(a->presence.timer, due > now ? due - now : 0);
}

void avt_presence_lost(struct avt *a)
{
    if (!a->is_registered)
        return;
    register_again(a, "the connection was lost");
    a->presence.backoff.first_ms = REGISTER_FIRST_MS;
    a->presence.backoff.max_ms = REGISTER_MAX_MS;
    loop_timer_after(a->presence.timer, backoff_next(&a->presence.backoff, backoff_chance()));
}

void avt_presence_goodbye(struct avt *a)
{
    if (a->said_goodbye)
        return;
    a->said_goodbye = true;
    http_cancel(a->presence.call);
    a->presence.call = NULL;
    loop_timer_off(a->presence.timer);
    if (!a->is_registered) {
        shim_end(a->shim);
        return;
    }
    send_beat(a);
    if (a->presence.call == NULL)
        shim_end(a->shim);
}
