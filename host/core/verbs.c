/* verbs.c: messages of PEN/1, as a table. Runs in the core. */
#include "core/verbs.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/answer.h"
#include "core/dead_letters.h"
#include "core/doors.h"
#include "core/durable.h"
#include "core/kept.h"
#include "core/keys.h"
#include "core/peers.h"
#include "core/pipelines.h"
#include "core/push.h"
#include "core/reload.h"
#include "core/reserve.h"
#include "core/submit.h"
#include "core/tasks.h"

enum { DOC_TOKENS_KEPT = 4096 };

/* ---- members of a header
 * -------------------------------------------------------------------------- */

bool verbs_is_true(const struct core *c, const char *member)
{
    const uint32_t t = json_find(&c->doc, 0, member);
    return t != 0 && json_kind(&c->doc, t) == JSON_TRUE;
}

int verbs_read_int(const struct core *c, const char *member, int64_t min, int64_t max, int64_t *to)
{
    const uint32_t t = json_find(&c->doc, 0, member);
    if (t == 0)
        return 0;
    return json_i64(&c->doc, t, to) == 0 && *to >= min && *to <= max ? 0 : -1;
}

int verbs_read_words(const struct core *c, const char *const *names, size_t n, char **words)
{
    for (size_t i = 0; i < n; i++) {
        const uint32_t t = json_find(&c->doc, 0, names[i]);
        words[i] = t != 0 ? json_strdup(&c->doc, t) : NULL;
        if (t != 0 && words[i] == NULL)
            return -1;
    }
    return 0;
}

/* ---- HELLO, PING
 * ---------------------------------------------------------------------------------- */

static void copy_word(struct core *c, const char *member, char *to, size_t size)
{
    uint32_t t = json_find(&c->doc, 0, member);
    char *text = t != 0 ? json_strdup(&c->doc, t) : NULL;
    if (text != NULL)
        strncat(to, text, size - 1);
    free(text);
}

static bool has_word(const struct core *c, const char *member, const char *word)
{
    uint32_t array = json_find(&c->doc, 0, member);
    if (array == 0 || json_kind(&c->doc, array) != JSON_ARRAY)
        return false;
    uint32_t t = json_first(array);
    for (uint32_t n = c->doc.tokens[array].count; n > 0; n--, t = json_next(&c->doc, t)) {
        if (json_string_is(&c->doc, t, word))
            return true;
    }
    return false;
}

static void write_limits(const struct core *c, struct json_writer *w)
{
    json_key(w, "limits");
    json_open(w, '{');
    json_member_int(w, "frame_bytes", c->host->max_frame_bytes);
    json_member_int(w, "message_bytes", c->host->max_message_bytes);
    json_member_int(w, "frames", c->host->max_frames);
    json_member_int(w, "header_bytes", c->host->max_header_bytes);
    json_member_int(w, "result_bytes", c->host->max_result_bytes);
    json_member_int(w, "outputs_bytes", c->host->max_outputs_bytes);
    json_close(w, '}');
}

static void write_welcome(const struct core *c, struct json_writer *w, const struct owner *o,
                          const char *secret, bool is_resumed)
{
    json_member_str(w, "protocol", WIRE_PROTOCOL);
    json_member_str(w, "version", PENSTOCK_VERSION);
    json_key(w, "abi");
    json_put_raw(w, "[1,0]", 5);
    json_member_str(w, "host_id", c->host_id);
    json_member_int(w, "epoch", c->epoch);
    json_member_str(w, "client", o->id);
    json_member_str(w, "resume", secret);
    json_member_bool(w, "resumed", is_resumed);
    json_member_int(w, "heartbeat_ms", c->host->heartbeat_ms);
    json_member_bool(w, "durable", c->host->durable);
    write_limits(c, w);
    json_key(w, "capacity");
    json_open(w, '{');
    push_write_capacity(c, w);
    json_close(w, '}');
}

static size_t positive_of(const struct core *c, uint32_t object, const char *member,
                          size_t fallback)
{
    int64_t v;
    uint32_t t = json_find(&c->doc, object, member);
    return t != 0 && json_i64(&c->doc, t, &v) == 0 && v > 0 ? (size_t)v : fallback;
}

/* A client that says none takes all that there is. */
static void read_window(const struct core *c, struct owner *o)
{
    uint32_t t = json_find(&c->doc, 0, "window");
    bool has_one = t != 0 && json_kind(&c->doc, t) == JSON_OBJECT;
    o->window_count = has_one ? positive_of(c, t, "count", SIZE_MAX) : 0;
    o->window_bytes = has_one ? positive_of(c, t, "bytes", SIZE_MAX) : 0;
}

static void on_hello(struct core *c, struct request *q)
{
    struct json_writer w;
    bool is_resumed;
    char secret[RESUME_TEXT] = "";
    copy_word(c, "resume", secret, sizeof secret);
    struct owner *o = peer_hello(c, q->peer, secret, &is_resumed);
    if (o == NULL) {
        answer_refused(c, q->peer, CODE_OVERLOADED, "no memory for the client");
        return;
    }
    if (!is_resumed) {
        o->name[0] = o->kind[0] = '\0';
        copy_word(c, "name", o->name, sizeof o->name);
        copy_word(c, "kind", o->kind, sizeof o->kind);
    }
    if (o->is_journaled || o->n_tasks > 0)
        durable_owner(c, o);
    read_window(c, o);
    owner_set_watch(c, o, o->watch, o->watches_all, has_word(c, "push", "capacity"));
    /* A command line comes and goes; a shim that does is worth a line. */
    enum log_level level = strcmp(o->kind, "cli") == 0 ? LOG_DEBUG : LOG_INFO;
    const struct allowed_key *key = keys_find(c, o->curve_key);
    LOG_AT(level, "client says hello", LS("client", o->name), LS("kind", o->kind),
           LS("key", key != NULL ? key->name : ""), LS("resumed", is_resumed ? "yes" : "no"));
    answer_begin(c, &w);
    write_welcome(c, &w, o, secret, is_resumed);
    answer_send(c, q->peer, WIRE_WELCOME, &w);
    if (is_resumed)
        kept_deliver_waiting(c, o);
}

static void on_ping(struct core *c, struct request *q)
{
    struct json_writer w;
    answer_begin(c, &w);
    json_member_str(&w, "host_id", c->host_id);
    json_member_int(&w, "epoch", c->epoch);
    json_member_int(&w, "time", clock_wall_ms());
    answer_send(c, q->peer, WIRE_PONG, &w);
}

/* ---- the operator's verbs -----------
 * --------------------------------------------------------------- */

static void answer_phase(struct core *c, struct peer *p)
{
    struct json_writer w;
    answer_begin(c, &w);
    json_member_str(&w, "state",
                    c->stops_when_idle || c->phase == CORE_STOPPING ? "stopping"
                    : c->phase == CORE_DRAINING                     ? "draining"
                                                                    : "serving");
    json_member_int(&w, "running", (int64_t)sched_running(c->sched));
    json_member_int(&w, "queued", (int64_t)sched_waiting(c->sched));
    answer_send(c, p, WIRE_INFO, &w);
}

static void on_drain(struct core *c, struct request *q)
{
    core_drain(c, false);
    answer_phase(c, q->peer);
}

static void on_resume(struct core *c, struct request *q)
{
    core_resume(c);
    answer_phase(c, q->peer);
}

static void on_shutdown(struct core *c, struct request *q)
{
    const bool now = verbs_is_true(c, "now");
    c->stops_when_idle = true;
    answer_phase(c, q->peer);
    if (now)
        core_stop_now(c);
    else
        core_drain(c, true);
}

/* ---- the way of a message
 * ------------------------------------------------------------------------- */

static const struct {
    void (*handle)(struct core *c, struct request *q);
    bool is_for_operators;
} verbs[WIRE_VERB_COUNT] = {
    [WIRE_HELLO] = {on_hello, false},        [WIRE_SUBMIT] = {verbs_submit, false},
    [WIRE_ACK] = {verbs_ack, false},         [WIRE_CANCEL] = {verbs_cancel, false},
    [WIRE_QUERY] = {verbs_query, false},     [WIRE_LIST] = {verbs_list, false},
    [WIRE_PLUGINS] = {verbs_plugins, false}, [WIRE_STATS] = {verbs_stats, false},
    [WIRE_WATCH] = {verbs_watch, false},     [WIRE_PING] = {on_ping, false},
    [WIRE_DRAIN] = {on_drain, true},         [WIRE_RESUME] = {on_resume, true},
    [WIRE_SHUTDOWN] = {on_shutdown, true},   [WIRE_RELOAD] = {verbs_reload, true},
    [WIRE_RESERVE] = {verbs_reserve, false}, [WIRE_RETRY] = {verbs_retry, true},
    [WIRE_PURGE] = {verbs_purge, true},
};

void verbs_break_off(struct core *c, struct peer *p, enum code code, const char *why)
{
    c->stats.protocol_errors++;
    p->is_broken = true;
    log_warn("peer is ignored from now on", LS("code", code_name(code)), LS("reason", why));
    c->doc.n = 0;
    answer_refused(c, p, code, why);
}

static enum code code_of_fault(enum wire_fault fault)
{
    if (fault == WIRE_TOO_LARGE || fault == WIRE_TOO_MANY_FRAMES)
        return CODE_TOO_LARGE;
    return fault == WIRE_OTHER_VERSION ? CODE_UNSUPPORTED_VERSION : CODE_MALFORMED;
}

static void dispatch(struct core *c, struct request *q)
{
    const struct wire_message *m = q->m;
    if (m->verb == WIRE_UNKNOWN || verbs[m->verb].handle == NULL) {
        char why[128];
        snprintf(why, sizeof why, "expected a verb such as SUBMIT, found \"%.*s\"",
                 (int)(m->verb_name.len < 40 ? m->verb_name.len : 40),
                 (const char *)m->verb_name.data);
        answer_refused(c, q->peer, CODE_MALFORMED, why);
    } else if (verbs[m->verb].is_for_operators && !peer_is_operator(c, q->peer)) {
        answer_refused(c, q->peer, CODE_UNAUTHORIZED, "this verb is for the control socket");
    } else {
        verbs[m->verb].handle(c, q);
    }
}

static int scan_header(struct core *c, const struct wire_message *m, char *why, size_t size)
{
    struct json_fault fault;
    if (json_scan(&c->doc, m->header.data, m->header.len, &fault) < 0) {
        snprintf(why, size, "the header is not JSON: at byte %zu: %s", fault.offset, fault.what);
        return -1;
    }
    if (json_kind(&c->doc, 0) == JSON_OBJECT)
        return 0;
    snprintf(why, size, "expected a JSON object as header, found another value");
    return -1;
}

/* libzmq names a connection by five bytes, the first of them 0, and never the same again. A name that the client chose
 * may be another connection than the one that broke the protocol. */
static bool is_made_by_zmq(struct wire_view id)
{
    return id.len == 5 && *(const char *)id.data == '\0';
}

static struct peer *find_peer(struct core *c, struct router *r, zmq_msg_t *frame,
                              const struct wire_view *views, const struct wire_message *m)
{
    const char *key = doors_need_key(c, r) ? router_user(frame) : NULL;
    /* libzmq puts there what we have told it; what else it might hold is no key of anybody. */
    if (key == NULL || strlen(key) != CURVE_HEX - 1)
        key = "";
    return peer_of(c, r, key, views, m->n_envelope, m->is_req);
}

/* A connection outlives its key. */
static bool may_speak(const struct core *c, const struct peer *p)
{
    return !doors_need_key(c, p->router) || keys_find(c, p->curve_key) != NULL;
}

void verbs_message(void *core, struct router *r, zmq_msg_t *frames, size_t n, int is_cut)
{
    struct core *c = core;
    struct wire_view views[WIRE_FRAMES_HARD_MAX + WIRE_ENVELOPE_MAX + 2];
    struct wire_message m;
    char why[256];
    assert(n > 0); /* a ROUTER puts its peer's name before everything */
    for (size_t i = 0; i < n; i++)
        views[i] = (struct wire_view){zmq_msg_data(&frames[i]), zmq_msg_size(&frames[i])};
    c->stats.messages_in++;
    enum wire_fault fault = wire_parse(views, n, 1, &c->wire_limits, &m);
    if (fault == WIRE_OK && is_cut)
        fault = WIRE_TOO_MANY_FRAMES;
    if (fault == WIRE_NO_PROTOCOL) { /* a REQ's delimiter goes back all the same */
        m.is_req = n > 1 && views[1].len == 0;
        m.n_envelope = m.is_req ? 2 : 1;
    }
    struct peer *p = find_peer(c, r, &frames[0], views, &m);
    if (p != NULL && fault == WIRE_OK && m.verb == WIRE_HELLO && !is_made_by_zmq(views[0]))
        p->is_broken = false;
    if (p == NULL || p->is_broken) {
        c->stats.protocol_errors++;
        return;
    }
    size_t header = m.n_envelope + 2;
    struct request q = {.peer = p,
                        .m = &m,
                        .header = header < n ? &frames[header] : NULL,
                        .body = m.n_body > 0 ? &frames[header + 1] : NULL};
    if (!may_speak(c, p))
        verbs_break_off(c, p, CODE_UNAUTHORIZED, "this key is not allowed here");
    else if (fault != WIRE_OK)
        verbs_break_off(c, p, code_of_fault(fault), wire_fault_text(fault));
    else if (scan_header(c, &m, why, sizeof why) < 0)
        verbs_break_off(c, p, CODE_MALFORMED, why);
    else
        dispatch(c, &q);
    /* The memory of a usual header is kept, that of a monster is not. */
    if (c->doc.cap > DOC_TOKENS_KEPT)
        json_doc_clear(&c->doc);
}
