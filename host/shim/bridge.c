/* bridge.c: the core's side of a shim: its messages, its pipelines, its room. Runs in
 * penstock-shim. */
#include "shim/bridge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/table.h"
#include "base/text.h"
#include "loop/loop.h"
#include "shim/bridge_internal.h"
#include "shim/told.h"

/* A plugin can be put aside or come back while the host runs; a host that has just started may
 * still be reading its plugins. */
enum { REFRESH_MS = 60 * 1000, REFRESH_EMPTY_MS = 1000 };

static const char plugins_request[] = "{\"request\":\"plugins\"}";

void bridge_refresh(struct bridge *b)
{
    corelink_send(b->link, WIRE_PLUGINS, plugins_request, sizeof plugins_request - 1, NULL, 0);
    loop_timer_after(b->refresh, b->pipelines.n > 0 ? REFRESH_MS : REFRESH_EMPTY_MS);
}

static void on_refresh(void *arg)
{
    bridge_refresh(arg);
}

static void read_int(const struct json_doc *doc, uint32_t object, const char *key, int64_t *to)
{
    int64_t v;
    uint32_t t = json_find(doc, object, key);
    if (t != 0 && json_i64(doc, t, &v) == 0)
        *to = v;
}

static void read_capacity(struct bridge *b, const struct json_doc *doc, uint32_t object)
{
    uint32_t draining = json_find(doc, object, "draining");
    read_int(doc, object, "max_concurrent", &b->max_concurrent);
    read_int(doc, object, "queued", &b->queued);
    read_int(doc, object, "queue_max", &b->queue_max);
    if (draining != 0)
        b->is_draining = json_kind(doc, draining) == JSON_TRUE;
    b->calls->room(b->arg);
}

/* A result can make the dialect drop any task, so each step starts from the list again. */
static struct bridge_task *after(struct bridge *b, uint32_t number)
{
    struct bridge_task *t = b->first;
    while (t != NULL && t->number <= number)
        t = t->next;
    return t;
}

static void on_up(void *arg, bool is_kept, const struct json_doc *welcome)
{
    struct bridge *b = arg;
    uint32_t capacity = json_find(welcome, 0, "capacity");
    if (capacity != 0 && json_kind(welcome, capacity) == JSON_OBJECT)
        read_capacity(b, welcome, capacity);
    uint32_t last = b->last_number;
    for (struct bridge_task *t = b->first; t != NULL && t->number <= last;) {
        uint32_t number = t->number;
        bridge_task_after_welcome(t, is_kept);
        t = after(b, number);
    }
    if (is_kept)
        bridge_list(b);
    bridge_refresh(b);
}

static void on_down(void *arg)
{
    struct bridge *b = arg;
    loop_timer_off(b->refresh);
    bridge_reserve_lost(b);
    b->calls->room(b->arg);
}

static void on_lasting(void *arg)
{
    struct bridge *b = arg;
    b->calls->room(b->arg);
}

char *bridge_text(const struct json_doc *doc, uint32_t object, const char *key)
{
    uint32_t t = json_find(doc, object, key);
    return t != 0 ? json_strdup(doc, t) : NULL;
}

struct bridge_task *bridge_find(struct bridge *b, const char *task_id)
{
    return table_get(b->by_id, task_id, strlen(task_id));
}

static struct bridge_task *task_of(struct bridge *b, const struct json_doc *doc)
{
    char *text = bridge_text(doc, 0, "task_id");
    struct bridge_task *t = text != NULL ? bridge_find(b, text) : NULL;
    free(text);
    return t;
}

struct bridge_task *bridge_numbered(struct bridge *b, const char *number)
{
    int64_t n;
    struct bridge_task *t = text_parse_i64(number, &n) == 0 ? b->first : NULL;
    while (t != NULL && t->number != n)
        t = t->next;
    return t;
}

/* The task whose request of that letter an answer belongs to. */
static struct bridge_task *task_of_request(struct bridge *b, const struct json_doc *doc,
                                           char letter)
{
    char *text = bridge_text(doc, 0, "request");
    struct bridge_task *t = text != NULL && text[0] == letter ? bridge_numbered(b, text + 1) : NULL;
    free(text);
    return t;
}

static void on_accepted(struct bridge *b, const struct corelink_message *m)
{
    struct bridge_task *t = task_of_request(b, m->doc, 't');
    if (t != NULL)
        bridge_task_accepted(t);
}

static void on_refused(struct bridge *b, const struct corelink_message *m)
{
    struct bridge_task *t = task_of_request(b, m->doc, 't');
    struct bridge_task *cancelled = task_of_request(b, m->doc, 'c');
    if (t != NULL) {
        bridge_task_refused(t, m->doc);
        return;
    }
    char *request = bridge_text(m->doc, 0, "request"), *why = bridge_text(m->doc, 0, "message");
    if (request != NULL && request[0] == 'r')
        bridge_reserve_refused(b, request + 1, why);
    else
        log_error("the core refused a message of ours", LS("reason", why));
    if (cancelled != NULL)
        bridge_cancel_later(cancelled);
    /* Without a request it could not even read it, and listens to this connection no more. */
    if (request == NULL)
        corelink_reconnect(b->link);
    free(request);
    free(why);
}

static void on_result(struct bridge *b, const struct corelink_message *m)
{
    char *id = bridge_text(m->doc, 0, "task_id");
    struct bridge_task *t = id != NULL ? bridge_find(b, id) : NULL;
    if (t == NULL && id != NULL && told_has(b->told, id)) {
        log_debug("result of a task that is done", LS("task_id", id));
        bridge_send_id(b, WIRE_ACK, id, NULL); /* the core has not heard the first one */
    } else if (t == NULL && id != NULL) {
        t = bridge_adopt(b, m->doc, 0);
    }
    free(id);
    if (t != NULL)
        bridge_task_result(t, m);
}

static void on_progress(struct bridge *b, const struct json_doc *doc)
{
    double fraction = 0;
    struct bridge_task *t = task_of(b, doc);
    uint32_t at = json_find(doc, 0, "fraction");
    if (t == NULL || t->state == BRIDGE_ENDED || at == 0 || json_f64(doc, at, &fraction) < 0)
        return;
    char *text = bridge_text(doc, 0, "message");
    b->calls->progress(b->arg, t->context, fraction, text != NULL ? text : "");
    free(text);
}

static void on_event(struct bridge *b, const struct corelink_message *m)
{
    uint32_t kind = json_find(m->doc, 0, "kind");
    if (kind != 0 && json_string_is(m->doc, kind, "capacity"))
        read_capacity(b, m->doc, 0);
    else if (kind != 0 && json_string_is(m->doc, kind, "progress"))
        on_progress(b, m->doc);
}

static void on_plugins(struct bridge *b, const struct json_doc *doc, const char *rest)
{
    struct pipelines read;
    (void)rest;
    if (pipelines_read(doc, b->wanted, &read) < 0) {
        log_error("the core's list of plugins cannot be read", LE(errno));
        return;
    }
    bool is_new = !b->knows_pipelines || !pipelines_equal(&read, &b->pipelines);
    pipelines_clear(&b->pipelines);
    b->pipelines = read;
    b->knows_pipelines = true;
    loop_timer_after(b->refresh, read.n > 0 ? REFRESH_MS : REFRESH_EMPTY_MS);
    if (is_new) {
        log_info("pipelines", LI("count", read.n));
        b->calls->pipelines(b->arg);
    }
}

static void on_info(struct bridge *b, const struct corelink_message *m)
{
    static const struct {
        const char *start;
        void (*handle)(struct bridge *b, const struct json_doc *doc, const char *rest);
    } answers[] = {{"plugins", on_plugins},
                   {"list ", bridge_listed},
                   {"q", bridge_queried},
                   {"r", bridge_reserved},
                   {"c", bridge_cancelled}};
    char *request = bridge_text(m->doc, 0, "request");
    for (size_t i = 0; request != NULL && i < sizeof answers / sizeof *answers; i++) {
        size_t n = strlen(answers[i].start);
        if (strncmp(request, answers[i].start, n) == 0)
            answers[i].handle(b, m->doc, request + n);
    }
    free(request);
}

static void on_message(void *arg, const struct corelink_message *m)
{
    static void (*const handlers[WIRE_VERB_COUNT])(struct bridge *,
                                                   const struct corelink_message *) = {
        [WIRE_ACCEPTED] = on_accepted, [WIRE_REFUSED] = on_refused, [WIRE_RESULT] = on_result,
        [WIRE_EVENT] = on_event,       [WIRE_INFO] = on_info,
    };
    if (handlers[m->verb] != NULL)
        handlers[m->verb](arg, m);
}

static const struct corelink_calls link_calls = {on_up, on_down, on_lasting, on_message};

struct bridge *bridge_new(struct loop *loop, const struct bridge_options *options)
{
    struct bridge *b = calloc(1, sizeof *b);
    if (b == NULL)
        return NULL;
    b->loop = loop;
    b->calls = options->calls;
    b->arg = options->arg;
    b->wanted = options->wanted;
    b->max_concurrent = 1;
    const struct corelink_options link = {.endpoint = options->endpoint,
                                          .name = options->name,
                                          .resume = options->resume,
                                          .calls = &link_calls,
                                          .arg = b};
    b->by_id = table_new();
    b->told = told_new();
    b->refresh = loop_timer_new(loop, on_refresh, b);
    b->link = corelink_new(loop, &link);
    if (b->by_id == NULL || b->told == NULL || b->refresh == NULL || b->link == NULL ||
        bridge_reserve_init(b) < 0) {
        bridge_free(b);
        errno = ENOMEM;
        return NULL;
    }
    return b;
}

void bridge_free(struct bridge *b)
{
    enum { LINGER_MS = 500 }; /* for the last ACKs */
    if (b == NULL)
        return;
    while (b->first != NULL)
        bridge_task_free(b->first);
    corelink_free(b->link, LINGER_MS);
    loop_timer_free(b->refresh);
    loop_timer_free(b->reserve.timer);
    table_free(b->by_id);
    told_free(b->told);
    pipelines_clear(&b->pipelines);
    free(b);
}

const struct pipelines *bridge_pipelines(const struct bridge *b)
{
    return &b->pipelines;
}

const struct corelink_limits *bridge_limits(const struct bridge *b)
{
    return corelink_limits(b->link);
}

bool bridge_has_room(const struct bridge *b)
{
    bool is_full = b->queue_max > 0 && b->queued >= b->queue_max;
    return corelink_is_up(b->link) && corelink_is_lasting(b->link) && b->knows_pipelines &&
           !b->is_draining && !is_full;
}

int64_t bridge_capacity(const struct bridge *b)
{
    return b->max_concurrent > 0 ? b->max_concurrent : 1;
}

void bridge_stop(struct bridge *b)
{
    b->is_stopping = true;
}
