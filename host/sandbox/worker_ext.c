/* worker_ext.c: the extensions pen.progress/1 and pen.next/1. Runs in tasks and warm workers. */
#include <string.h>

#include <penstock/ext/files.h>
#include <penstock/ext/next.h>
#include <penstock/ext/progress.h>

#include "base/clock.h"
#include "base/text.h"
#include "sandbox/worker_internal.h"

enum { PROGRESS_STEP_MS = 50 };

void worker_progress_begin(struct worker *w)
{
    w->progress.sent_ms = 0;
    w->progress.is_pending = false;
}

/* Under the lock. */
static void send_progress(struct worker *w)
{
    struct worker_progress *p = &w->progress;
    const struct iovec parts[] = {{&p->fraction, sizeof p->fraction}, {p->message, p->len}};
    p->is_pending = false;
    frames_out_put(&w->out, DATA_PROGRESS, parts, 2);
}

void worker_progress_end(struct worker *w)
{
    pthread_mutex_lock(&w->progress.lock);
    if (w->progress.is_pending)
        send_progress(w);
    pthread_mutex_unlock(&w->progress.lock);
}

static void keep_progress(struct worker_progress *p, double fraction, const char *message)
{
    p->fraction = fraction < 0 ? 0 : fraction > 1 ? 1 : fraction; /* NaN stays */
    p->len = message != NULL ? strnlen(message, sizeof p->message) : 0;
    if (p->len > 0)
        memcpy(p->message, message, p->len);
    p->is_pending = true;
}

static pen_status progress_report(const pen_host *host, double fraction, const char *message)
{
    struct worker *w = worker_of(host);
    const int64_t now_ms = clock_mono_ms();
    pthread_mutex_lock(&w->progress.lock);
    keep_progress(&w->progress, fraction, message);
    if (w->progress.sent_ms == 0 || now_ms - w->progress.sent_ms >= PROGRESS_STEP_MS) {
        w->progress.sent_ms = now_ms;
        send_progress(w);
        frames_out_flush(&w->out);
    }
    pthread_mutex_unlock(&w->progress.lock);
    return worker_should_stop(w) ? PEN_E_CANCELLED : PEN_OK;
}

static pen_status next_add(const pen_host *host, const char *pipeline, pen_bytes params,
                           const char *step)
{
    struct worker *w = worker_of(host);
    struct iovec parts[4];
    uint32_t lengths[2];
    const char *name = step != NULL ? step : pipeline;
    if (!w->is_running)
        return PEN_E_INTERNAL;
    if (pipeline == NULL || !text_is_name(pipeline) || !text_is_name(name))
        return worker_refuse(w, "next: the name of the pipeline or step is not a name");
    if (w->n_children == DATA_CHILDREN_MAX)
        return worker_refuse(w, "next: a task has at most %d children", DATA_CHILDREN_MAX);
    w->n_children++;
    size_t n = worker_two_names(parts, lengths, pipeline, name);
    parts[n] = (struct iovec){.iov_base = (void *)(uintptr_t)params.data, .iov_len = params.len};
    frames_out_put(&w->out, DATA_CHILD, parts, n + 1);
    return PEN_OK;
}

const void *worker_extension(const pen_host *host, const char *id)
{
    static const pen_progress progress = {.size = sizeof progress, .report = progress_report};
    static const pen_next next = {.size = sizeof next, .add = next_add};
    const struct worker *w = worker_of(host);
    if (id == NULL || !worker_needs(w->setup.pipeline, id))
        return NULL;
    if (strcmp(id, PEN_EXT_PROGRESS) == 0)
        return &progress;
    if (strcmp(id, PEN_EXT_NEXT) == 0)
        return &next;
    if (strcmp(id, PEN_EXT_FILES) == 0 && w->files.is_on)
        return worker_files_extension();
    return NULL;
}
