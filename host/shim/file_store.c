/* file_store.c: puts a task's outputs into the orchestrator's store. Runs in penstock-shim. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "loop/loop.h"
#include "net/http.h"
#include "shim/files.h"

enum {
    STORE_MS = 5 * 60 * 1000,
    LIST_MAX = 512 * 1024, /* of the addresses; a result body holds 1 MiB in all */
    URI_MAX = 4096,
    HEADERS_MAX = 8,
};

struct item {
    char *name, *media_type, *bytes;
    size_t len;
};

struct store {
    const struct files_place *place;
    struct item *items;
    size_t n, at; /* at: the one that is being stored */
    char *url;
    struct buf list;
    struct json_writer w;
    struct http_call *call;
    struct loop_timer *timer;
    store_fn done;
    void *arg;
};

void store_cancel(struct store *s)
{
    if (s == NULL)
        return;
    http_cancel(s->call);
    loop_timer_free(s->timer);
    for (size_t i = 0; i < s->n; i++) {
        free(s->items[i].name);
        free(s->items[i].media_type);
        free(s->items[i].bytes);
    }
    free(s->items);
    free(s->url);
    buf_clear(&s->list);
    free(s);
}

static void finish(struct store *s, enum code code, const char *message)
{
    store_fn done = s->done;
    void *arg = s->arg;
    struct buf list = s->list;
    s->list = (struct buf)BUF_INIT(LIST_MAX);
    store_cancel(s);
    done(arg, code, message, 0, (struct json_span){(const char *)list.data, list.len});
    buf_clear(&list);
}

static void fail(struct store *s, enum code code, const char *why)
{
    char message[256];
    snprintf(message, sizeof message, "the output \"%.100s\" could not be stored: %s",
             s->items[s->at].name, why);
    log_error("output not stored", LS("url", s->url), LS("reason", why));
    finish(s, code, message);
}

static void note(struct store *s, const char *uri)
{
    const struct item *item = &s->items[s->at];
    json_key(&s->w, item->name);
    json_open(&s->w, '{');
    json_member_str(&s->w, "uri", uri);
    json_member_int(&s->w, "size", (int64_t)item->len);
    json_member_str(&s->w, "media_type", item->media_type);
    json_close(&s->w, '}');
}

/* The answer's "uri", owned by the caller, or NULL. */
static char *read_uri(const struct http_answer *answer)
{
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault;
    char *uri = NULL;
    if (json_scan(&doc, answer->body, answer->body_size, &fault) == 0 &&
        json_kind(&doc, 0) == JSON_OBJECT) {
        uint32_t t = json_find(&doc, 0, "uri");
        uri = t != 0 && doc.tokens[t].len <= URI_MAX ? json_strdup(&doc, t) : NULL;
    }
    json_doc_clear(&doc);
    return uri;
}

static void on_stored(struct store *s, const struct http_answer *answer)
{
    char *uri = read_uri(answer);
    if (uri == NULL) {
        fail(s, CODE_STAGING_FAILED, "the orchestrator's answer has no \"uri\"");
        return;
    }
    note(s, uri);
    free(uri);
    free(s->items[s->at].bytes);
    s->items[s->at].bytes = NULL;
    s->at++;
    loop_timer_after(s->timer, 0);
}

static void not_now(struct store *s, const char *why, int64_t pause_ms)
{
    log_warn("output not stored, trying again", LS("url", s->url), LS("reason", why));
    s->done(s->arg, CODE_TRANSIENT, why, pause_ms, (struct json_span){.at = NULL});
}

static void on_unavailable(struct store *s, const struct http_answer *answer)
{
    char why[96];
    int64_t asked = http_retry_after_ms(answer);
    snprintf(why, sizeof why, "the orchestrator answered %d", answer->status);
    not_now(s, answer->status > 0 ? why : http_failure_text(answer->failure),
            asked > 0 ? asked : 0);
}

static void on_done(void *arg, const struct http_answer *answer)
{
    struct store *s = arg;
    char why[96];
    int status = answer->status;
    s->call = NULL;
    if (answer->failure == HTTP_TOO_BIG || answer->failure == HTTP_BAD_URL) {
        fail(s, CODE_STAGING_FAILED, http_failure_text(answer->failure));
    } else if (status == 0 || status >= 500 || status == 429) {
        on_unavailable(s, answer);
    } else if (status == 200 || status == 201) {
        on_stored(s, answer);
    } else if (status == 404 || status == 405) {
        fail(s, CODE_STAGING_FAILED,
             "the orchestrator has no file store (POST /files is unknown there)");
    } else if (status == 413) {
        fail(s, CODE_TOO_LARGE, "it is larger than the orchestrator takes");
    } else {
        snprintf(why, sizeof why, "the orchestrator answered %d", status);
        fail(s, CODE_STAGING_FAILED, why);
    }
}

static void post(struct store *s)
{
    char type[160];
    const char *headers[HEADERS_MAX + 2];
    size_t n = 0;
    const struct item *item = &s->items[s->at];
    snprintf(type, sizeof type, "Content-Type: %.128s",
             item->media_type != NULL ? item->media_type : "application/octet-stream");
    while (n < HEADERS_MAX && s->place->headers[n] != NULL) {
        headers[n] = s->place->headers[n];
        n++;
    }
    headers[n++] = type;
    headers[n] = NULL;
    const struct http_request request = {.method = "POST",
                                         .url = s->url,
                                         .headers = headers,
                                         .body = item->bytes,
                                         .body_size = item->len,
                                         .timeout_ms = STORE_MS};
    s->call = http_start(s->place->http, &request, on_done, s);
    if (s->call == NULL && errno == EINVAL)
        fail(s, CODE_CONTRACT_VIOLATION, "its media type is no text for a header");
    else if (s->call == NULL)
        not_now(s, log_errno_text(errno), 0);
}

static void on_timer(void *arg)
{
    struct store *s = arg;
    if (s->at < s->n) {
        post(s);
        return;
    }
    json_close(&s->w, '}');
    if (json_end(&s->w) == 0)
        finish(s, CODE_OK, NULL);
    else
        finish(s, CODE_INTERNAL, "the addresses of the outputs do not fit a result");
}

static int copy(struct item *to, const struct bridge_output *from)
{
    *to = (struct item){.name = strdup(from->name),
                        .media_type = from->media_type != NULL ? strdup(from->media_type) : NULL,
                        .bytes = malloc(from->bytes.len + 1),
                        .len = from->bytes.len};
    if (to->name == NULL || to->bytes == NULL ||
        (from->media_type != NULL && to->media_type == NULL))
        return -1;
    memcpy(to->bytes, from->bytes.data, from->bytes.len);
    return 0;
}

static int copy_all(struct store *s, const struct bridge_output *outputs, size_t n)
{
    size_t room = strlen(s->place->url) + sizeof "/files";
    s->items = calloc(n + 1, sizeof *s->items);
    s->url = malloc(room);
    if (s->items == NULL || s->url == NULL)
        return -1;
    snprintf(s->url, room, "%s/files", s->place->url);
    for (; s->n < n; s->n++) {
        if (copy(&s->items[s->n], &outputs[s->n]) < 0) {
            s->n++; /* to be freed as far as it came */
            return -1;
        }
    }
    return 0;
}

void store_go(struct store *s)
{
    loop_timer_after(s->timer, 0);
}

struct store *store_prepare(const struct files_place *place, const struct bridge_output *outputs,
                            size_t n, store_fn done, void *arg)
{
    struct store *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->place = place;
    s->done = done;
    s->arg = arg;
    buf_init(&s->list, LIST_MAX);
    s->timer = loop_timer_new(place->loop, on_timer, s);
    if (s->timer == NULL || copy_all(s, outputs, n) < 0) {
        store_cancel(s);
        errno = ENOMEM;
        return NULL;
    }
    json_begin(&s->w, &s->list);
    json_open(&s->w, '{');
    return s;
}
