/* file_fetch.c: gets a task's files from the orchestrator's store. Runs in penstock-shim. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "loop/loop.h"
#include "net/http.h"
#include "shim/backoff.h"
#include "shim/corelink.h"
#include "shim/files.h"

enum { TRIES = 4, FIRST_PAUSE_MS = 1000, MAX_PAUSE_MS = 60 * 1000, FETCH_MS = 5 * 60 * 1000 };

struct fetch {
    const struct files_place *place;
    struct file_refs refs;
    struct bridge_input *inputs;
    size_t n; /* that are here */
    int64_t room, frame_bytes;
    struct backoff backoff;
    struct http_call *call;
    struct loop_timer *timer;
    fetch_fn done;
    void *arg;
};

void fetch_cancel(struct fetch *f)
{
    if (f == NULL)
        return;
    http_cancel(f->call);
    loop_timer_free(f->timer);
    bridge_inputs_clear(f->inputs, f->n);
    file_refs_clear(&f->refs);
    free(f);
}

static void finish(struct fetch *f, enum code code, const char *message)
{
    struct bridge_input *inputs = code == CODE_OK ? f->inputs : NULL;
    size_t n = code == CODE_OK ? f->n : 0;
    fetch_fn done = f->done;
    void *arg = f->arg;
    if (inputs != NULL) {
        f->inputs = NULL;
        f->n = 0;
    }
    fetch_cancel(f);
    done(arg, code, message, inputs, n);
}

static void fail(struct fetch *f, enum code code, const char *why)
{
    char message[512];
    const struct file_ref *ref = &f->refs.items[f->n];
    snprintf(message, sizeof message,
             "the file for \"%.100s\" could not be fetched from %.200s: %s", ref->name, ref->url,
             why);
    log_warn("file not fetched", LS("url", ref->url), LS("reason", why));
    finish(f, code, message);
}

static void try_again(struct fetch *f, const struct http_answer *answer)
{
    char why[128];
    int64_t pause = http_retry_after_ms(answer);
    if (f->backoff.failures + 1 < TRIES) {
        int64_t own = backoff_next(&f->backoff, backoff_chance());
        pause = pause > own ? pause : own;
        loop_timer_after(f->timer, pause < MAX_PAUSE_MS ? pause : MAX_PAUSE_MS);
        return;
    }
    snprintf(why, sizeof why, "%s (status %d, tried %d times)", http_failure_text(answer->failure),
             answer->status, TRIES);
    fail(f, CODE_TRANSIENT, why);
}

static int keep(struct fetch *f, const struct http_answer *answer)
{
    struct bridge_input *in = &f->inputs[f->n];
    const char *type = http_header(answer, "Content-Type");
    *in = (struct bridge_input){.name = strdup(f->refs.items[f->n].name),
                                .media_type = type != NULL ? strdup(type) : NULL,
                                .bytes = malloc(answer->body_size + 1),
                                .len = answer->body_size};
    f->n++;
    if (in->name == NULL || in->bytes == NULL || (type != NULL && in->media_type == NULL))
        return -1;
    memcpy(in->bytes, answer->body, answer->body_size);
    f->room -= (int64_t)answer->body_size;
    backoff_reset(&f->backoff);
    return 0;
}

static void on_done(void *arg, const struct http_answer *answer)
{
    struct fetch *f = arg;
    f->call = NULL;
    int status = answer->status;
    if (answer->failure == HTTP_TOO_BIG) {
        fail(f, CODE_TOO_LARGE, "it is larger than the host takes");
    } else if (answer->failure == HTTP_BAD_URL) {
        fail(f, CODE_INVALID_INPUT, "it is no address");
    } else if (status == 0 || status >= 500 || status == 429) {
        try_again(f, answer);
    } else if (status == 404 || status == 410) {
        fail(f, CODE_INVALID_INPUT, "the orchestrator has no such file");
    } else if (status != 200) {
        char why[64];
        snprintf(why, sizeof why, "the orchestrator answered %d", status);
        fail(f, CODE_STAGING_FAILED, why);
    } else if (keep(f, answer) < 0) {
        finish(f, CODE_INTERNAL, "the worker had no memory for an input");
    } else {
        loop_timer_after(f->timer, 0);
    }
}

static void on_timer(void *arg)
{
    struct fetch *f = arg;
    if (f->n == f->refs.n) {
        finish(f, CODE_OK, NULL);
        return;
    }
    if (f->room <= 0) {
        fail(f, CODE_TOO_LARGE, "all files together are larger than the host takes");
        return;
    }
    const struct http_request request = {
        .url = f->refs.items[f->n].url,
        .headers = f->place->headers,
        .timeout_ms = FETCH_MS,
        .max_body = (size_t)(f->room < f->frame_bytes ? f->room : f->frame_bytes),
    };
    f->call = http_start(f->place->http, &request, on_done, f);
    if (f->call == NULL)
        loop_timer_after(f->timer, FIRST_PAUSE_MS);
}

struct fetch *fetch_start(const struct files_place *place, struct file_refs *refs,
                          const struct corelink_limits *limits, fetch_fn done, void *arg)
{
    struct fetch *f = calloc(1, sizeof *f);
    if (f == NULL)
        return NULL;
    f->place = place;
    f->room = limits->message_bytes - limits->header_bytes;
    f->frame_bytes = limits->frame_bytes;
    f->backoff = (struct backoff){.first_ms = FIRST_PAUSE_MS, .max_ms = MAX_PAUSE_MS};
    f->done = done;
    f->arg = arg;
    f->inputs = calloc(refs->n + 1, sizeof *f->inputs);
    f->timer = loop_timer_new(place->loop, on_timer, f);
    if (f->inputs == NULL || f->timer == NULL) {
        fetch_cancel(f);
        errno = ENOMEM;
        return NULL;
    }
    f->refs = *refs;
    *refs = (struct file_refs){.n = 0};
    loop_timer_after(f->timer, 0);
    return f;
}
