/* avtomatika_poll.c: the long poll. There is one at a time and it is never cut: the server would
 * keep it and could give a task to nobody. Runs in penstock-shim. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "loop/loop.h"
#include "net/http.h"
#include "shim/avtomatika.h"
#include "shim/corelink.h"

enum {
    LONGER_MS = 5000,     /* than the server holds a poll */
    EMPTY_APART_MS = 500, /* polls of a server that does not hold them */
    TASK_MAX = 4 * 1024 * 1024,
    /* Room that is reserved for a task: larger ones wait for it when they are here. */
    FILES_BYTES = 16 * 1024 * 1024,
    FETCH_MS = 60 * 1000, /* for the files of a task, while its room is kept */
    TTL_MOST_MS = 600 * 1000,
};

static void on_timer(void *arg)
{
    avt_poll_kick(arg);
}

int avt_poll_init(struct avt *a)
{
    a->poll.timer = loop_timer_new(a->shim->loop, on_timer, a);
    return a->poll.timer != NULL ? 0 : -1;
}

bool avt_poll_is_running(const struct avt *a)
{
    return a->poll.call != NULL;
}

static void pause_polls(struct avt *a, int64_t pause_ms)
{
    a->poll.not_before_ms = clock_mono_ms() + pause_ms;
    loop_timer_after(a->poll.timer, pause_ms);
}

static void on_failure(struct avt *a, enum avt_verdict verdict, const struct http_answer *answer,
                       const char *error)
{
    avt_complain(&a->poll, verdict, "poll", error);
    if (answer->failure == HTTP_TOO_BIG)
        log_error("a task was too large to be read, it is lost to this worker",
                  LI("limit", TASK_MAX));
    pause_polls(a, avt_pause(&a->poll, verdict, answer));
    if (verdict == AVT_AWAY && answer->failure != HTTP_TIMED_OUT && answer->failure != HTTP_TOO_BIG)
        avt_presence_lost(a);
}

static void on_polled(void *arg, const struct http_answer *answer)
{
    struct avt *a = arg;
    char error[AVT_ERROR_TEXT];
    a->poll.call = NULL;
    enum avt_verdict verdict = avt_judge(answer, error);
    if (verdict != AVT_OK) {
        on_failure(a, verdict, answer, error);
    } else {
        int64_t held_ms = clock_mono_ms() - a->poll_started_ms;
        avt_pause(&a->poll, AVT_OK, answer);
        if (answer->status == 200)
            avt_task_take(a, answer->body, answer->body_size);
        else if (held_ms < EMPTY_APART_MS)
            pause_polls(a, EMPTY_APART_MS - held_ms);
    }
    avt_poll_kick(a);
    avt_check_drained(a);
}

static bool is_wanted(const struct avt *a)
{
    return a->is_registered && !a->shim->is_draining && a->poll.call == NULL &&
           bridge_has_room(a->shim->bridge) && !avt_is_full(a);
}

static int64_t count_fetching(const struct avt *a)
{
    int64_t n = 0;
    for (const struct avt_task *t = a->first; t != NULL; t = t->next)
        n += t->phase == AVT_FETCHING;
    return n;
}

/* What the poll brings cannot be given back: first room, then the task. */
static bool has_reserved(struct avt *a)
{
    const struct corelink_limits *limits = bridge_limits(a->shim->bridge);
    bool has_files = a->shim->conf->files == CONF_FILES_ORCHESTRATOR;
    int64_t bytes = has_files ? FILES_BYTES : limits->header_bytes;
    int64_t ttl_ms = a->shim->conf->poll_timeout_ms + LONGER_MS + FETCH_MS;
    const struct bridge_need need = {.fetching = count_fetching(a),
                                     .bytes = bytes < limits->message_bytes ? bytes
                                                                            : limits->message_bytes,
                                     .ttl_ms = ttl_ms < TTL_MOST_MS ? ttl_ms : TTL_MOST_MS};
    return bridge_reserve(a->shim->bridge, &need);
}

static void poll_now(struct avt *a)
{
    char path[256];
    int64_t timeout_ms = a->shim->conf->poll_timeout_ms;
    snprintf(path, sizeof path, "/_worker/workers/%s/tasks/next?timeout=%lld", a->shim->worker_id,
             (long long)((timeout_ms + 999) / 1000));
    const struct avt_call call = {
        .method = "GET", .path = path, .timeout_ms = timeout_ms + LONGER_MS, .max_body = TASK_MAX};
    a->poll_started_ms = clock_mono_ms();
    if (avt_start(a, &a->poll, &call, on_polled, a) < 0) {
        log_error("no poll could be started", LE(errno));
        pause_polls(a, LONGER_MS);
    }
}

void avt_poll_kick(struct avt *a)
{
    int64_t wait = a->poll.not_before_ms - clock_mono_ms();
    bool is_idle = a->poll.call == NULL && count_fetching(a) == 0;
    if (!is_wanted(a)) {
        if (is_idle)
            bridge_unreserve(a->shim->bridge);
    } else if (wait > 0) {
        loop_timer_after(a->poll.timer, wait);
    } else if (has_reserved(a)) {
        poll_now(a);
    }
}
