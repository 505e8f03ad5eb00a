/* bridge_reserve.c: room in the core for what the next poll may bring. Runs in penstock-shim. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "loop/loop.h"
#include "shim/bridge_internal.h"

enum {
    ANSWER_MS = 10 * 1000,
    FRESH_MS = 1000, /* a poll starts at once, or room is asked for again */
    PAUSE_LEAST_MS = 250,
    PAUSE_MOST_MS = 10 * 1000,
    BYTES_LEAST = 64 * 1024,
    PIPELINES_MAX = 1000, /* more are not named: any */
    HEADER_MAX = 512 * 1024,
};

static int64_t count_waiting(const struct bridge *b)
{
    int64_t n = 0;
    for (const struct bridge_task *t = b->first; t != NULL; t = t->next)
        n += t->state == BRIDGE_WAITING;
    return n;
}

static void write_request(const struct bridge *b, struct json_writer *w, struct buf *out,
                          int64_t count)
{
    char request[24];
    snprintf(request, sizeof request, "r%u", b->reserve.number);
    json_begin(w, out);
    json_open(w, '{');
    json_member_str(w, "request", request);
    json_member_int(w, "count", count);
}

static void finish_and_send(struct bridge *b, struct json_writer *w, struct buf *out)
{
    json_close(w, '}');
    if (json_end(w) == 0)
        corelink_send(b->link, WIRE_RESERVE, out->data, out->len, NULL, 0);
    buf_clear(out);
}

static void put_pipelines(const struct bridge *b, struct json_writer *w)
{
    if (b->pipelines.n > PIPELINES_MAX)
        return;
    json_key(w, "pipelines");
    json_open(w, '[');
    for (size_t i = 0; i < b->pipelines.n; i++)
        json_put_str(w, b->pipelines.items[i].slug);
    json_close(w, ']');
}

static void ask(struct bridge *b, const struct bridge_need *need)
{
    struct buf header = BUF_INIT(HEADER_MAX);
    struct json_writer w;
    struct bridge_reserve *r = &b->reserve;
    if (r->bytes == 0 || r->bytes > need->bytes)
        r->bytes = need->bytes;
    r->bytes_most = need->bytes;
    r->state = RESERVE_ASKED;
    r->since_ms = clock_mono_ms();
    r->count = need->fetching + count_waiting(b) + 1;
    r->number++;
    write_request(b, &w, &header, r->count);
    put_pipelines(b, &w);
    json_member_int(&w, "bytes", r->bytes);
    json_member_int(&w, "ttl_ms", need->ttl_ms);
    finish_and_send(b, &w, &header);
    loop_timer_after(r->timer, ANSWER_MS);
}

bool bridge_reserve(struct bridge *b, const struct bridge_need *need)
{
    struct bridge_reserve *r = &b->reserve;
    int64_t now = clock_mono_ms();
    if (r->state == RESERVE_GRANTED && now - r->since_ms < FRESH_MS) {
        r->state = RESERVE_USED;
        return true;
    }
    bool is_asked = r->state == RESERVE_ASKED && now - r->since_ms < ANSWER_MS;
    if (!is_asked && now >= r->not_before_ms && corelink_is_up(b->link))
        ask(b, need);
    return false;
}

bool bridge_is_short(const struct bridge *b)
{
    return b->reserve.is_short;
}

void bridge_unreserve(struct bridge *b)
{
    struct buf header = BUF_INIT(HEADER_MAX);
    struct json_writer w;
    if (b->reserve.state == RESERVE_NONE)
        return;
    b->reserve.state = RESERVE_NONE;
    b->reserve.number++; /* an answer that is still to come means nothing */
    write_request(b, &w, &header, 0);
    finish_and_send(b, &w, &header);
}

/* Too large a wish may never be granted where the queue is small. */
static void wait_for_room(struct bridge *b, int64_t pause_ms, bool is_smaller)
{
    struct bridge_reserve *r = &b->reserve;
    int64_t pause = pause_ms < PAUSE_LEAST_MS ? PAUSE_LEAST_MS : pause_ms;
    pause = pause > PAUSE_MOST_MS ? PAUSE_MOST_MS : pause;
    r->state = RESERVE_NONE;
    r->is_short = true;
    r->not_before_ms = clock_mono_ms() + pause;
    if (is_smaller)
        r->bytes = r->bytes / 2 > BYTES_LEAST ? r->bytes / 2 : BYTES_LEAST;
    loop_timer_after(r->timer, pause);
    b->calls->room(b->arg);
}

static int64_t int_of(const struct json_doc *doc, const char *key)
{
    int64_t v = 0;
    uint32_t t = json_find(doc, 0, key);
    return t != 0 && json_i64(doc, t, &v) == 0 ? v : 0;
}

static bool is_current(const struct bridge *b, const char *number)
{
    return b->reserve.state == RESERVE_ASKED &&
           strtoul(number, NULL, 10) == (unsigned long)b->reserve.number;
}

void bridge_reserved(struct bridge *b, const struct json_doc *doc, const char *number)
{
    struct bridge_reserve *r = &b->reserve;
    if (!is_current(b, number))
        return;
    if (int_of(doc, "granted") < r->count) {
        char *reason = bridge_text(doc, 0, "reason");
        if (!r->is_short)
            log_info("the core has no room to reserve: no poll for now", LS("reason", reason),
                     LI("bytes", r->bytes));
        free(reason);
        wait_for_room(b, int_of(doc, "retry_after_ms"), true);
        return;
    }
    r->state = RESERVE_GRANTED;
    r->since_ms = clock_mono_ms();
    r->is_short = false;
    r->refusals = 0;
    r->bytes = r->bytes * 2 < r->bytes_most ? r->bytes * 2 : r->bytes_most;
    loop_timer_off(r->timer);
    b->calls->room(b->arg);
}

void bridge_reserve_refused(struct bridge *b, const char *number, const char *why)
{
    if (!is_current(b, number))
        return;
    /* The first time it may be a new core, which has not yet heard who we are. */
    if (++b->reserve.refusals == 2)
        log_error("the core does not let this shim reserve room, so it takes no tasks",
                  LS("reason", why));
    corelink_look(b->link);
    wait_for_room(b, b->reserve.refusals == 1 ? PAUSE_LEAST_MS : PAUSE_MOST_MS, false);
}

static void on_timer(void *arg)
{
    struct bridge *b = arg;
    b->calls->room(b->arg);
}

int bridge_reserve_init(struct bridge *b)
{
    b->reserve.timer = loop_timer_new(b->loop, on_timer, b);
    return b->reserve.timer != NULL ? 0 : -1;
}

void bridge_reserve_lost(struct bridge *b)
{
    b->reserve.state = RESERVE_NONE;
    b->reserve.not_before_ms = 0;
    b->reserve.is_short = false;
    b->reserve.refusals = 0;
    loop_timer_off(b->reserve.timer);
}
