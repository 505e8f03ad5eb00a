/* reserve.c: RESERVE: room first, then the task. Runs in the core. */
#include "core/reserve.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "core/answer.h"
#include "core/peers.h"
#include "core/pipelines.h"
#include "core/quota.h"
#include "core/submission.h"
#include "core/verbs.h"
#include "journal/journal.h"
#include "loop/loop.h"

enum {
    SILENT_HEARTBEATS = 3,
    TICK_LEAST_MS = 100,
    PIPELINES_MAX = 1000,
    TTL_LEAST_MS = 1000,
    TTL_MOST_MS = 600000,
    TTL_MS = 60000,
    TASK_BYTES = 1 << 20
};

struct reservation {
    struct reservation *prev, *next;
    struct owner *owner;
    size_t n, bytes;  /* tasks, and the bytes of each */
    int64_t until_ms; /* monotonic */
    bool is_for_any;
    size_t n_slugs;
    char slugs[]; /* one behind the other, each with its end */
};

struct reserves {
    struct reservation *first;
    struct amount total;
    struct loop_timer *timer;
};

/* ---- coming and going
 * ----------------------------------------------------------------------------- */

struct amount reserve_total(const struct core *c)
{
    return c->reserves->total;
}

struct amount reserve_of(const struct owner *o)
{
    const struct reservation *r = o->reservation;
    return r != NULL ? (struct amount){r->n, r->n * r->bytes} : (struct amount){0, 0};
}

static void count(struct core *c, const struct reservation *r, size_t n)
{
    c->reserves->total.n += n;
    c->reserves->total.bytes += n * r->bytes;
}

void reserve_drop(struct core *c, struct owner *o)
{
    struct reservation *r = o->reservation;
    if (r == NULL)
        return;
    count(c, r, -r->n);
    *(r->prev != NULL ? &r->prev->next : &c->reserves->first) = r->next;
    if (r->next != NULL)
        r->next->prev = r->prev;
    o->reservation = NULL;
    free(r);
}

void reserve_use(struct core *c, struct owner *o)
{
    struct reservation *r = o->reservation;
    count(c, r, -(size_t)1);
    if (--r->n == 0)
        reserve_drop(c, o);
}

static bool is_for(const struct reservation *r, const char *slug)
{
    const char *at = r->slugs;
    for (size_t i = 0; i < r->n_slugs; i++, at += strlen(at) + 1) {
        if (strcmp(at, slug) == 0)
            return true;
    }
    return r->is_for_any;
}

bool reserve_covers(const struct owner *o, const char *slug, size_t bytes)
{
    const struct reservation *r = o->reservation;
    return r != NULL && bytes <= r->bytes && is_for(r, slug);
}

/* The sooner of its end and the next look at who is silent. */
static int64_t next_tick_ms(const struct core *c, int64_t now)
{
    int64_t wait = c->host->heartbeat_ms;
    for (const struct reservation *r = c->reserves->first; r != NULL; r = r->next)
        wait = r->until_ms - now < wait ? r->until_ms - now : wait;
    return wait > TICK_LEAST_MS ? wait : TICK_LEAST_MS;
}

static int64_t last_word_ms(const struct owner *o)
{
    const int64_t said = o->peer != NULL ? o->peer->last_seen_ms : 0;
    return said > o->last_seen_ms ? said : o->last_seen_ms;
}

static void on_tick(void *arg)
{
    struct core *c = arg;
    const int64_t now = loop_now_ms(c->loop),
                  heard = now - SILENT_HEARTBEATS * c->host->heartbeat_ms;
    for (struct reservation *r = c->reserves->first, *next; r != NULL; r = next) {
        next = r->next;
        if (r->until_ms <= now || last_word_ms(r->owner) < heard)
            reserve_drop(c, r->owner);
    }
    if (c->reserves->first != NULL)
        loop_timer_after(c->reserves->timer, next_tick_ms(c, now));
    core_check_idle(c);
}

int reserve_init(struct core *c)
{
    c->reserves = calloc(1, sizeof *c->reserves);
    if (c->reserves == NULL)
        return -1;
    c->reserves->timer = loop_timer_new(c->loop, on_tick, c);
    return c->reserves->timer != NULL ? 0 : -1;
}

/* Clients have gone by now. */
void reserve_clear(struct core *c)
{
    if (c->reserves == NULL)
        return;
    loop_timer_free(c->reserves->timer);
    free(c->reserves);
    c->reserves = NULL;
}

/* ---- the verb
 * ------------------------------------------------------------------------------------- */

struct wish {
    int64_t count, bytes, ttl_ms;
    uint32_t pipelines; /* token; 0: any */
    size_t slugs_size;
};

/* token 0: the fallback. -1: it is no integer from least to most. */
static int read_number(const struct json_doc *doc, const char *name, int64_t least, int64_t most,
                       int64_t *to)
{
    const uint32_t t = json_find(doc, 0, name);
    if (t == 0)
        return *to >= 0 ? 0 : -1;
    return json_kind(doc, t) == JSON_NUMBER && json_i64(doc, t, to) == 0 && *to >= least &&
                   *to <= most
               ? 0
               : -1;
}

static int read_pipelines(const struct json_doc *doc, struct wish *x)
{
    x->pipelines = json_find(doc, 0, "pipelines");
    if (x->pipelines == 0)
        return 0;
    if (json_kind(doc, x->pipelines) != JSON_ARRAY ||
        doc->tokens[x->pipelines].count > PIPELINES_MAX)
        return -1;
    uint32_t t = json_first(x->pipelines);
    for (uint32_t n = doc->tokens[x->pipelines].count; n > 0; n--, t = json_next(doc, t)) {
        if (json_kind(doc, t) != JSON_STRING)
            return -1;
        x->slugs_size += json_at(doc, t).len;
    }
    return 0;
}

/* NULL: it is fine. */
static const char *read_wish(const struct core *c, struct wish *x)
{
    *x = (struct wish){.count = -1, .bytes = TASK_BYTES, .ttl_ms = TTL_MS};
    if (read_number(&c->doc, "count", 0, INT32_MAX, &x->count) < 0)
        return "/count: expected how many tasks, 0 or more";
    if (read_number(&c->doc, "bytes", 1, c->host->max_message_bytes, &x->bytes) < 0)
        return "/bytes: expected 1 to the limit of a message";
    if (read_number(&c->doc, "ttl_ms", TTL_LEAST_MS, TTL_MOST_MS, &x->ttl_ms) < 0)
        return "/ttl_ms: expected 1000 to 600000";
    if (read_pipelines(&c->doc, x) < 0)
        return "/pipelines: expected at most 1000 strings";
    return NULL;
}

static bool is_available(const struct core *c, const char *slug)
{
    const struct pipeline *p = pipeline_find(c, slug, strlen(slug));
    return p != NULL && pipeline_quarantine_ms(p) == 0;
}

/* Copies the names; in w those that cannot run now. Returns how many can. */
static size_t take_slugs(const struct core *c, const struct wish *x, struct reservation *r,
                         struct json_writer *w)
{
    char *at = r->slugs;
    size_t n = 0;
    uint32_t t = json_first(x->pipelines);
    for (uint32_t i = c->doc.tokens[x->pipelines].count; i > 0; i--, t = json_next(&c->doc, t)) {
        struct buf name = {.data = (unsigned char *)at,
                           .cap = json_at(&c->doc, t).len,
                           .max = json_at(&c->doc, t).len};
        json_string(&c->doc, t, &name); /* unescaped it is shorter by its quotes: there is room */
        at[name.len] = '\0';
        if (is_available(c, at))
            n++;
        else
            json_put_str(w, at);
        at += strlen(at) + 1;
        r->n_slugs++;
    }
    return n;
}

static struct reservation *reservation_new(const struct core *c, struct owner *o,
                                           const struct wish *x)
{
    struct reservation *r = calloc(1, sizeof *r + x->slugs_size);
    if (r == NULL)
        return NULL;
    r->owner = o;
    r->n = (size_t)x->count;
    r->bytes = (size_t)x->bytes;
    r->is_for_any = x->pipelines == 0;
    r->until_ms = loop_now_ms(c->loop) + x->ttl_ms;
    return r;
}

static void keep(struct core *c, struct reservation *r)
{
    struct reserves *all = c->reserves;
    r->next = all->first;
    if (r->next != NULL)
        r->next->prev = r;
    all->first = r;
    r->owner->reservation = r;
    count(c, r, r->n);
    loop_timer_after(all->timer, next_tick_ms(c, loop_now_ms(c->loop)));
}

static bool is_storage_shut(const struct core *c, struct refusal *why)
{
    const char *reason;
    if (!c->host->durable || journal_takes(c->journal, &reason))
        return false;
    why->retry_after_ms = STORAGE_RETRY_MS;
    refuse(why, CODE_STORAGE_UNAVAILABLE, "%s", reason);
    return true;
}

/* How much of it there is room for; why says what is missing. */
static size_t room_for(struct core *c, const struct reservation *r, bool can_run,
                       struct refusal *why)
{
    if (!can_run) {
        refuse(why, CODE_UNKNOWN_PIPELINE, "none of the pipelines can run here now");
        return 0;
    }
    return is_storage_shut(c, why) ? 0 : quota_room(c, r->owner, r->n, r->bytes, why);
}

static void write_less(struct json_writer *w, const struct refusal *why)
{
    if (why->retry_after_ms > 0)
        json_member_int(w, "retry_after_ms", why->retry_after_ms);
    if (why->code != CODE_OK)
        json_member_str(w, "reason", why->message);
}

/* The client's old one is gone already. */
static void grant(struct core *c, struct peer *p, struct reservation *r, const struct wish *x)
{
    struct json_writer w;
    struct refusal why = REFUSAL_INIT;
    bool can_run = true;
    answer_begin(c, &w);
    if (!r->is_for_any) {
        json_key(&w, "unavailable");
        json_open(&w, '[');
        can_run = take_slugs(c, x, r, &w) > 0;
        json_close(&w, ']');
    }
    r->n = room_for(c, r, can_run, &why);
    json_member_int(&w, "granted", (int64_t)r->n);
    json_member_int(&w, "until", clock_wall_ms() + x->ttl_ms);
    write_less(&w, &why);
    if (r->n > 0)
        keep(c, r);
    else
        free(r);
    refusal_clear(&why);
    answer_send(c, p, WIRE_INFO, &w);
}

static void answer_nothing(struct core *c, struct peer *p)
{
    struct json_writer w;
    answer_begin(c, &w);
    json_member_int(&w, "granted", 0);
    json_member_int(&w, "until", clock_wall_ms());
    if (c->phase >= CORE_DRAINING)
        json_member_bool(&w, "draining", true);
    answer_send(c, p, WIRE_INFO, &w);
}

static void answer_wish(struct core *c, struct peer *p, struct owner *o, const struct wish *x)
{
    const bool is_draining = c->phase >= CORE_DRAINING;
    struct reservation *r = x->count > 0 && !is_draining ? reservation_new(c, o, x) : NULL;
    if (x->count > 0 && !is_draining && r == NULL) {
        answer_refused(c, p, CODE_OVERLOADED, "no memory for the reservation");
        return;
    }
    if (x->count == 0 || r != NULL)
        reserve_drop(c, o);
    if (r != NULL)
        grant(c, p, r, x);
    else
        answer_nothing(c, p);
    core_check_idle(c);
}

void verbs_reserve(struct core *c, struct request *q)
{
    struct owner *o = peer_owner(c, q->peer);
    struct wish x;
    const char *fault = read_wish(c, &x);
    if (o == NULL || !o->is_client)
        answer_refused(c, q->peer, CODE_MALFORMED, "RESERVE is for clients that have said HELLO");
    else if (fault != NULL)
        answer_refused(c, q->peer, CODE_INVALID_INPUT, fault);
    else
        answer_wish(c, q->peer, o, &x);
}
