/* worker_host.c: what the host offers to a plugin's run. Runs in tasks and warm workers. Checks
 * here are for honest plugins, who get words; the core checks everything again. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "sandbox/crash.h"
#include "sandbox/worker_internal.h"

enum { LOGS_MAX = 1000 /* lines a task */ };

static struct iovec part(const void *bytes, size_t n)
{
    return (struct iovec){.iov_base = (void *)(uintptr_t)bytes, .iov_len = n};
}

/* At most max bytes, and no half character at the end. */
static size_t cut(const char *text, size_t max)
{
    size_t n = strnlen(text, max + 1);
    if (n <= max)
        return n;
    n = max;
    while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
        n--;
    return n;
}

bool worker_should_stop(const struct worker *w)
{
    const int64_t deadline_ms = w->task.task.deadline_ms;
    return atomic_load(&w->setup.page->stop_nonce) == w->nonce ||
           (deadline_ms > 0 && clock_wall_ms() >= deadline_ms);
}

static int host_should_stop(const pen_host *host)
{
    return worker_should_stop(worker_of(host));
}

static void put_log(struct worker *w, int level, const char *text, size_t n)
{
    uint32_t word = level < PEN_LOG_ERROR   ? PEN_LOG_ERROR
                    : level > PEN_LOG_DEBUG ? PEN_LOG_DEBUG
                                            : (uint32_t)level;
    const struct iovec parts[] = {part(&word, sizeof word), part(text, n)};
    frames_out_put(&w->out, DATA_LOG, parts, 2);
    frames_out_flush(&w->out);
}

static void host_log(const pen_host *host, int level, const char *text)
{
    static const char enough[] = "this task has said enough; the rest is dropped";
    struct worker *w = worker_of(host);
    unsigned n = atomic_fetch_add(&w->n_logs, 1);
    if (n == LOGS_MAX)
        put_log(w, PEN_LOG_WARN, enough, sizeof enough - 1);
    if (n < LOGS_MAX && text != NULL)
        put_log(w, level, text, cut(text, DATA_TEXT_MAX));
}

static void put_fail(struct worker *w, int32_t status, const char *why)
{
    const struct iovec parts[] = {part(&status, sizeof status), part(why, cut(why, DATA_TEXT_MAX))};
    w->is_doubled = w->is_doubled || w->has_fail;
    w->is_broken = w->is_broken || status == PEN_E_INTERNAL;
    w->has_fail = true;
    frames_out_put(&w->out, DATA_FAIL, parts, 2);
}

pen_status worker_refuse(struct worker *w, const char *format, ...)
{
    char why[512];
    va_list ap;
    va_start(ap, format);
    vsnprintf(why, sizeof why, format, ap);
    va_end(ap);
    if (!w->has_fail)
        put_fail(w, DATA_FAIL_CONTRACT, why);
    w->is_refused = true;
    return PEN_E_INTERNAL;
}

static pen_status host_fail(const pen_host *host, pen_status status, const char *why)
{
    struct worker *w = worker_of(host);
    /* After a wrong call a plugin does well to fail; that is no second failure. */
    if (w->is_running && !w->is_refused)
        put_fail(w, status, why != NULL ? why : "");
    return status < 0 ? status : PEN_E_INTERNAL;
}

static bool is_status_known(const struct worker *w, const char *status)
{
    const char *const *at = w->setup.pipeline->output_statuses;
    if (strcmp(status, "success") == 0)
        return true;
    for (; at != NULL && *at != NULL; at++) {
        if (strcmp(*at, status) == 0)
            return true;
    }
    return false;
}

static pen_status host_result(const pen_host *host, const char *status, pen_bytes json)
{
    struct worker *w = worker_of(host);
    const char *word = status != NULL ? status : "success";
    uint32_t len = (uint32_t)strnlen(word, WORKER_NAME_MAX);
    bool is_second = w->has_result;
    if (!w->is_running)
        return PEN_E_INTERNAL;
    if (!is_status_known(w, word))
        return worker_refuse(w, "result: status \"%.64s\" is not one of output_statuses", word);
    const struct iovec parts[] = {part(&len, sizeof len), part(word, len),
                                  part(json.data, json.len)};
    w->is_doubled = w->is_doubled || is_second;
    w->has_result = true;
    frames_out_put(&w->out, DATA_RESULT, parts, 3);
    return is_second ? PEN_E_INTERNAL : PEN_OK;
}

static bool is_media_type(const char *s)
{
    size_t n = strnlen(s, WORKER_MEDIA_MAX + 1);
    for (size_t i = 0; i < n; i++) {
        if (s[i] < ' ' || s[i] > '~')
            return false;
    }
    return n <= WORKER_MEDIA_MAX;
}

static int keep_name(struct worker *w, const char *name)
{
    if (w->n_outputs == w->cap_outputs) {
        size_t cap = w->cap_outputs > 0 ? w->cap_outputs * 2 : 8;
        void *grown = realloc(w->outputs, cap * sizeof *w->outputs);
        if (grown == NULL)
            return -1;
        w->outputs = grown;
        w->cap_outputs = cap;
    }
    snprintf(w->outputs[w->n_outputs++], WORKER_NAME_MAX, "%s", name);
    return 0;
}

pen_status worker_note_output(struct worker *w, const char *name, const char *media_type)
{
    if (!w->is_running)
        return PEN_E_INTERNAL;
    if (name == NULL || !text_is_name(name))
        return worker_refuse(w, "output: the name \"%.80s\" is not [A-Za-z0-9][A-Za-z0-9._-]{0,62}",
                             name != NULL ? name : "");
    if (media_type != NULL && !is_media_type(media_type))
        return worker_refuse(w, "output %s: the media type is not up to %d printable characters",
                             name, WORKER_MEDIA_MAX);
    for (size_t i = 0; i < w->n_outputs; i++) {
        if (strcmp(w->outputs[i], name) == 0)
            return worker_refuse(w, "output %s: the name is used already", name);
    }
    if (w->n_outputs == DATA_OUTPUTS_MAX)
        return worker_refuse(w, "output %s: a task has at most %d outputs", name, DATA_OUTPUTS_MAX);
    if (keep_name(w, name) < 0)
        crash_out_of_memory();
    return PEN_OK;
}

size_t worker_two_names(struct iovec *parts, uint32_t *lengths, const char *a, const char *b)
{
    lengths[0] = (uint32_t)strlen(a);
    lengths[1] = (uint32_t)strlen(b);
    parts[0] = part(lengths, 2 * sizeof *lengths);
    parts[1] = part(a, lengths[0]);
    parts[2] = part(b, lengths[1]);
    return 3;
}

static pen_status host_output(const pen_host *host, const char *name, const char *media_type,
                              pen_bytes bytes)
{
    struct worker *w = worker_of(host);
    struct iovec parts[4];
    uint32_t lengths[2];
    pen_status status = worker_note_output(w, name, media_type);
    if (status != PEN_OK)
        return status;
    size_t n = worker_two_names(parts, lengths, name, media_type != NULL ? media_type : "");
    parts[n] = part(bytes.data, bytes.len);
    frames_out_put(&w->out, DATA_OUTPUT, parts, n + 1);
    return PEN_OK;
}

void worker_host_init(struct worker *w)
{
    w->host = (pen_host){.size = sizeof w->host,
                         .abi_major = PEN_ABI_MAJOR,
                         .abi_minor = PEN_ABI_MINOR,
                         .ctx = w,
                         .log = host_log,
                         .should_stop = host_should_stop,
                         .result = host_result,
                         .output = host_output,
                         .fail = host_fail,
                         .extension = worker_extension};
}
