/* push.c: EVENTs. Runs in the core. */
#include "core/push.h"

#include <penstock/plugin.h>

#include "base/log.h"
#include "core/peers.h"
#include "core/pipelines.h"
#include "core/tasks.h"
#include "loop/loop.h"

enum { CAPACITY_PAUSE_MS = 50 };

/* Nobody watches and the submitter did not ask: the usual case costs two comparisons. */
static bool is_wanted(const struct core *c, const struct task *t, unsigned kind)
{
    return (t->events & kind) != 0 || c->n_watchers > 0;
}

static void send_to(struct core *c, struct owner *o)
{
    struct peer *p = o->peer;
    if (p == NULL || p->is_req)
        return;
    if (router_send(p->router, &p->to, WIRE_EVENT, c->out.data, c->out.len, NULL, 0) == 0)
        c->stats.messages_out++;
}

static void begin_kind(struct core *c, struct json_writer *w, const char *kind)
{
    buf_reset(&c->out);
    json_begin(w, &c->out);
    json_open(w, '{');
    json_member_str(w, "kind", kind);
}

static void begin(struct core *c, struct json_writer *w, const struct task *t, const char *kind)
{
    begin_kind(c, w, kind);
    json_member_str(w, "task_id", t->task_id);
    json_member_str(w, "uid", t->uid);
}

/* To whom it belongs if that one asked, and to each watcher that may see it; once each. */
static void tell(struct core *c, struct json_writer *w, struct owner *owner, bool is_told,
                 unsigned kind)
{
    json_close(w, '}');
    if (json_end(w) < 0)
        return;
    if (is_told)
        send_to(c, owner);
    for (struct owner *o = c->n_watchers > 0 ? c->owners : NULL; o != NULL; o = o->next) {
        if ((o->watch & kind) != 0 && (o->watches_all || o == owner) && !(is_told && o == owner))
            send_to(c, o);
    }
}

static void end(struct core *c, struct json_writer *w, const struct task *t, unsigned kind)
{
    tell(c, w, t->owner, (t->events & kind) != 0, kind);
}

void push_begin_job(struct core *c, struct json_writer *w)
{
    begin_kind(c, w, "job");
}

void push_end_job(struct core *c, struct json_writer *w, struct owner *o, unsigned events)
{
    tell(c, w, o, (events & EVENT_STATE) != 0, EVENT_STATE);
}

void push_state(struct core *c, const struct task *t)
{
    struct json_writer w;
    if (!is_wanted(c, t, EVENT_STATE))
        return;
    begin(c, &w, t, "state");
    json_member_str(&w, "pipeline", pipeline_slug(t->pipeline));
    json_member_str(&w, "state", task_state_name(t->state));
    json_member_int(&w, "attempt", t->box.attempt);
    if (t->state == TASK_RETRY) {
        json_member_str(&w, "code", code_name(t->last_code));
        json_member_int(&w, "retry_at", t->not_before_ms);
    }
    if (t->state == TASK_FINISHED && t->result != NULL) {
        json_member_str(&w, "status", t->result->status);
        if (t->result->code != CODE_OK)
            json_member_str(&w, "code", code_name(t->result->code));
    }
    if (t->metadata.at != NULL)
        json_member_raw(&w, "metadata", t->metadata);
    end(c, &w, t, EVENT_STATE);
}

void push_progress(struct core *c, const struct task *t, double fraction, const char *message,
                   size_t len)
{
    struct json_writer w;
    if (!is_wanted(c, t, EVENT_PROGRESS))
        return;
    begin(c, &w, t, "progress");
    json_member_double(&w, "fraction", fraction);
    json_key(&w, "message");
    json_put_strn(&w, message, len);
    if (t->metadata.at != NULL)
        json_member_raw(&w, "metadata", t->metadata);
    end(c, &w, t, EVENT_PROGRESS);
}

const char *plugin_level_name(int level)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    return names[level >= PEN_LOG_ERROR && level <= PEN_LOG_DEBUG ? level : PEN_LOG_INFO];
}

void push_log(struct core *c, const struct task *t, enum box_stream stream, int level,
              const char *text, size_t len)
{
    struct json_writer w;
    if (!is_wanted(c, t, EVENT_LOG))
        return;
    begin(c, &w, t, "log");
    json_member_str(&w, "level", plugin_level_name(level));
    json_member_str(&w, "stream", stream == BOX_LOG_OUTPUT ? "output" : "plugin");
    json_key(&w, "text");
    json_put_strn(&w, text, len);
    end(c, &w, t, EVENT_LOG);
}

void push_write_capacity(const struct core *c, struct json_writer *w)
{
    json_member_int(w, "max_concurrent", c->host->max_concurrent);
    json_member_int(w, "running", (int64_t)sched_running(c->sched));
    json_member_int(w, "queued", (int64_t)sched_waiting(c->sched));
    json_member_int(w, "queue_max", c->host->queue_max);
    json_member_bool(w, "draining", c->phase >= CORE_DRAINING);
}

static void send_capacity(void *arg)
{
    struct core *c = arg;
    struct json_writer w;
    begin_kind(c, &w, "capacity");
    push_write_capacity(c, &w);
    json_close(&w, '}');
    for (struct owner *o = json_end(&w) == 0 ? c->owners : NULL; o != NULL; o = o->next) {
        if (o->wants_capacity)
            send_to(c, o);
    }
}

void push_capacity_soon(struct core *c)
{
    if (c->n_watchers > 0 && !loop_timer_is_set(c->capacity_timer))
        loop_timer_after(c->capacity_timer, CAPACITY_PAUSE_MS);
}

int push_init(struct core *c)
{
    c->capacity_timer = loop_timer_new(c->loop, send_capacity, c);
    return c->capacity_timer != NULL ? 0 : -1;
}

void push_clear(struct core *c)
{
    loop_timer_free(c->capacity_timer);
}
