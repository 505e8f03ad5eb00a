/* corelink.c: the connection with the core. libzmq does not tell when a peer goes or comes back, so
 * silence and the epoch of PONG do. Runs in penstock-shim. */
#include "shim/corelink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "loop/loop.h"
#include "shim/resume.h"
#include "wire/client.h"

enum {
    CONNECT_EVERY_MS = 500,
    HELLO_PATIENCE_MS = 5000,
    HEARTBEAT_FIRST_MS = 1000, /* until WELCOME tells */
    HEARTBEATS_SILENT = 3,     /* after so many without a word the core counts as gone */
    HELLO_MAX = 1024,
};

enum state { LINK_OFF, LINK_GREETING, LINK_UP };

struct corelink {
    struct loop *loop;
    char *endpoint, *name;
    const struct corelink_calls *calls;
    void *arg;
    struct wire_client *client;
    struct loop_timer *timer;
    enum state state;
    int64_t heartbeat_ms, heard_ms, epoch;
    struct resume *resume;
    struct corelink_limits limits;
    struct json_doc doc;
    bool is_lasting; /* the secret is on the disk */
    bool has_complained, has_complained_of_disk;
};

static void connect_now(struct corelink *l);

static int64_t patience_ms(const struct corelink *l)
{
    return l->state == LINK_UP ? l->heartbeat_ms * HEARTBEATS_SILENT : HELLO_PATIENCE_MS;
}

static void set_off(struct corelink *l)
{
    bool was_up = l->state == LINK_UP;
    l->state = LINK_OFF;
    if (was_up)
        l->calls->down(l->arg);
}

static void complain(struct corelink *l, const char *what)
{
    if (!l->has_complained)
        log_warn("the core is not there, trying on", LS("endpoint", l->endpoint),
                 LS("reason", what));
    l->has_complained = true;
}

static void put_window(struct json_writer *w)
{
    json_key(w, "window");
    json_open(w, '{');
    json_member_int(w, "count", CORELINK_WINDOW_COUNT);
    json_member_int(w, "bytes", CORELINK_WINDOW_BYTES);
    json_close(w, '}');
}

static void say_hello(struct corelink *l)
{
    struct buf header = BUF_INIT(HELLO_MAX);
    struct json_writer w;
    json_begin(&w, &header);
    json_open(&w, '{');
    json_member_str(&w, "name", l->name);
    json_member_str(&w, "kind", "shim");
    json_member_str(&w, "request", "hello");
    json_member_str(&w, "resume", resume_secret(l->resume));
    json_member_raw(&w, "push", (struct json_span){"[\"capacity\"]", 12});
    put_window(&w);
    json_close(&w, '}');
    if (json_end(&w) == 0)
        wire_client_send(l->client, WIRE_HELLO, (const char *)header.data, header.len, NULL, 0);
    buf_clear(&header);
    l->state = LINK_GREETING;
}

void corelink_reconnect(struct corelink *l)
{
    wire_client_free(l->client, 0);
    l->client = NULL;
    set_off(l);
    loop_timer_after(l->timer, CONNECT_EVERY_MS);
}

static void keep_secret(struct corelink *l, const char *secret)
{
    l->is_lasting = resume_keep(l->resume, secret) == 0;
    if (!l->is_lasting && !l->has_complained_of_disk)
        log_error("the secret by which the core knows this shim cannot be kept: no tasks are taken "
                  "until it can",
                  LE(errno));
    l->has_complained_of_disk = !l->is_lasting;
}

static void keep_at_last(struct corelink *l)
{
    const char *secret = resume_secret(l->resume);
    if (secret != NULL)
        keep_secret(l, secret);
    if (!l->is_lasting)
        return;
    log_info("the secret by which the core knows this shim is kept now");
    l->calls->lasting(l->arg);
}

static void on_timer(void *arg)
{
    struct corelink *l = arg;
    if (l->client == NULL) {
        connect_now(l);
        return;
    }
    if (loop_now_ms(l->loop) - l->heard_ms >= patience_ms(l)) {
        complain(l, "it does not answer");
        corelink_reconnect(l);
        return;
    }
    if (l->state == LINK_UP && !l->is_lasting)
        keep_at_last(l);
    corelink_look(l);
    loop_timer_after(l->timer, l->heartbeat_ms);
}

static int64_t int_of(const struct json_doc *doc, uint32_t object, const char *key,
                      int64_t fallback)
{
    int64_t v;
    uint32_t t = json_find(doc, object, key);
    return t != 0 && json_i64(doc, t, &v) == 0 && v > 0 ? v : fallback;
}

static void read_limits(struct corelink *l, const struct json_doc *doc)
{
    uint32_t t = json_find(doc, 0, "limits");
    if (t == 0 || json_kind(doc, t) != JSON_OBJECT)
        return;
    struct corelink_limits *to = &l->limits;
    to->frame_bytes = int_of(doc, t, "frame_bytes", to->frame_bytes);
    to->message_bytes = int_of(doc, t, "message_bytes", to->message_bytes);
    to->frames = int_of(doc, t, "frames", to->frames);
    to->header_bytes = int_of(doc, t, "header_bytes", to->header_bytes);
}

/* The one that we came with is on the disk already, if it could be written. */
static void read_secret(struct corelink *l, const struct json_doc *doc)
{
    const char *had = resume_secret(l->resume);
    uint32_t t = json_find(doc, 0, "resume");
    char *secret = t != 0 ? json_strdup(doc, t) : NULL;
    if (secret != NULL && (had == NULL || strcmp(secret, had) != 0 || !l->is_lasting))
        keep_secret(l, secret);
    free(secret);
}

static void on_welcome(struct corelink *l, const struct json_doc *doc)
{
    uint32_t resumed = json_find(doc, 0, "resumed");
    bool is_kept = resumed != 0 && json_kind(doc, resumed) == JSON_TRUE;
    read_secret(l, doc);
    l->epoch = int_of(doc, 0, "epoch", 0);
    l->heartbeat_ms = int_of(doc, 0, "heartbeat_ms", HEARTBEAT_FIRST_MS);
    read_limits(l, doc);
    l->state = LINK_UP;
    l->has_complained = false;
    loop_timer_after(l->timer, l->heartbeat_ms);
    log_info("connected with the core", LI("epoch", l->epoch), LS("kept", is_kept ? "yes" : "no"));
    l->calls->up(l->arg, is_kept, doc);
}

static void on_pong(struct corelink *l, const struct json_doc *doc)
{
    if (l->state != LINK_UP || int_of(doc, 0, "epoch", 0) == l->epoch)
        return;
    log_warn("the core was restarted, or has cut its connections");
    set_off(l);
    say_hello(l);
}

static void on_message(void *arg, enum wire_verb verb, const char *header, size_t header_len,
                       const struct wire_view *body, size_t n_body)
{
    struct corelink *l = arg;
    struct json_fault fault;
    l->heard_ms = loop_now_ms(l->loop);
    if (json_scan(&l->doc, header, header_len, &fault) < 0 ||
        json_kind(&l->doc, 0) != JSON_OBJECT) {
        log_error("a message of the core is not JSON", LS("verb", wire_verb_name(verb)));
        return;
    }
    if (verb == WIRE_WELCOME) {
        on_welcome(l, &l->doc);
    } else if (verb == WIRE_PONG) {
        on_pong(l, &l->doc);
    } else if (l->state == LINK_UP) {
        const struct corelink_message m = {
            .verb = verb, .doc = &l->doc, .body = body, .n_body = n_body};
        l->calls->message(l->arg, &m);
    }
}

static void connect_now(struct corelink *l)
{
    l->client = wire_client_new(l->loop, l->endpoint, on_message, l);
    if (l->client == NULL) {
        complain(l, log_errno_text(errno));
        loop_timer_after(l->timer, CONNECT_EVERY_MS);
        return;
    }
    l->heard_ms = loop_now_ms(l->loop);
    l->heartbeat_ms = HEARTBEAT_FIRST_MS;
    say_hello(l);
    loop_timer_after(l->timer, l->heartbeat_ms);
}

struct corelink *corelink_new(struct loop *loop, const struct corelink_options *options)
{
    struct corelink *l = calloc(1, sizeof *l);
    if (l == NULL)
        return NULL;
    l->loop = loop;
    l->calls = options->calls;
    l->arg = options->arg;
    l->resume = options->resume;
    /* Small ones until WELCOME tells. */
    l->limits = (struct corelink_limits){1 << 20, 1 << 20, 8, 64 * 1024};
    l->endpoint = strdup(options->endpoint);
    l->name = strdup(options->name);
    l->timer = loop_timer_new(loop, on_timer, l);
    if (l->endpoint == NULL || l->name == NULL || l->timer == NULL) {
        corelink_free(l, 0);
        errno = ENOMEM;
        return NULL;
    }
    loop_timer_after(l->timer, 0);
    return l;
}

void corelink_free(struct corelink *l, int linger_ms)
{
    if (l == NULL)
        return;
    wire_client_free(l->client, linger_ms);
    loop_timer_free(l->timer);
    json_doc_clear(&l->doc);
    free(l->endpoint);
    free(l->name);
    free(l);
}

bool corelink_is_up(const struct corelink *l)
{
    return l->state == LINK_UP;
}

bool corelink_is_lasting(const struct corelink *l)
{
    return l->is_lasting;
}

void corelink_look(struct corelink *l)
{
    if (l->state == LINK_UP)
        wire_client_send(l->client, WIRE_PING, "{}", 2, NULL, 0);
}

const struct corelink_limits *corelink_limits(const struct corelink *l)
{
    return &l->limits;
}

int corelink_send(struct corelink *l, enum wire_verb verb, const void *header, size_t header_len,
                  const struct wire_view *body, size_t n_body)
{
    if (l->state != LINK_UP) {
        errno = ENOTCONN;
        return -1;
    }
    return wire_client_send(l->client, verb, header, header_len, body, n_body);
}
