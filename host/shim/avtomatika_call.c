/* avtomatika_call.c: one HTTP call: headers, signature, and what its answer means. Runs in
 * penstock-shim. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "loop/loop.h"
#include "net/http.h"
#include "shim/avtomatika.h"

enum {
    TOO_MANY_FIRST_MS = 61 * 1000, /* the server counts until it has not heard us for 60 s */
    TOO_MANY_MAX_MS = 8 * 60 * 1000,
    BROKEN_MS = 5 * 1000,
    CREDENTIALS_MS = 60 * 1000,
    AWAY_MS = 1000,
    URL_MAX = 4096,
    NONCE_BYTES = 16,
};

static const struct {
    const char *start;
    enum avt_verdict verdict;
} forbidden[] = {
    {"Duplicate message", AVT_REPLAY},   {"Message timestamp", AVT_CLOCK},
    {"Missing required", AVT_SIGNATURE}, {"Invalid cryptographic", AVT_SIGNATURE},
    {"Message signer", AVT_SIGNATURE},
};

enum avt_verdict avt_verdict_of(int status, const char *error)
{
    if (status == 0)
        return AVT_AWAY;
    if (status >= 200 && status < 300)
        return AVT_OK;
    if (status == 429)
        return AVT_TOO_MANY;
    if (status == 413)
        return AVT_TOO_BIG;
    if (status >= 500)
        return AVT_BROKEN;
    if (status != 403 && status != 401)
        return AVT_REFUSED;
    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++) {
        if (strncmp(error, forbidden[i].start, strlen(forbidden[i].start)) == 0)
            return forbidden[i].verdict;
    }
    return AVT_CREDENTIALS;
}

/* The member "error" of the body, or the beginning of the body. */
static void read_error(const struct http_answer *answer, char *error)
{
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault;
    char *text = NULL;
    if (json_scan(&doc, answer->body, answer->body_size, &fault) == 0 &&
        json_kind(&doc, 0) == JSON_OBJECT) {
        uint32_t t = json_find(&doc, 0, "error");
        text = t != 0 ? json_strdup(&doc, t) : NULL;
    }
    snprintf(error, AVT_ERROR_TEXT, "%s", text != NULL ? text : answer->body);
    free(text);
    json_doc_clear(&doc);
}

enum avt_verdict avt_judge(const struct http_answer *answer, char *error)
{
    error[0] = '\0';
    if (answer->status == 0)
        snprintf(error, AVT_ERROR_TEXT, "%s: %s", http_failure_text(answer->failure),
                 answer->error);
    else if (answer->status >= 300)
        read_error(answer, error);
    return avt_verdict_of(answer->status, error);
}

int avt_start(struct avt *a, struct avt_line *line, const struct avt_call *call, avt_done_fn done,
              void *arg)
{
    char url[URL_MAX];
    const char *headers[8];
    size_t n = 0;
    for (; a->headers[n] != NULL; n++)
        headers[n] = a->headers[n];
    if (call->body != NULL)
        headers[n++] = "Content-Type: application/json";
    headers[n] = NULL;
    if ((size_t)snprintf(url, sizeof url, "%s%s", a->shim->url, call->path) >= sizeof url) {
        errno = ENAMETOOLONG;
        return -1;
    }
    const struct http_request request = {.method = call->method,
                                         .url = url,
                                         .headers = headers,
                                         .body = call->body,
                                         .body_size = call->body_size,
                                         .timeout_ms = call->timeout_ms,
                                         .max_body = call->max_body};
    line->call = http_start(a->shim->http, &request, done, arg);
    return line->call != NULL ? 0 : -1;
}

int avt_seal(const struct avt *a, struct json_writer *w, struct buf *body,
             const char *unsigned_name)
{
    char nonce[2 * NONCE_BYTES + 1];
    id_secret(nonce, NONCE_BYTES);
    json_member_int(w, "timestamp", clock_wall_ms() / 1000);
    /* The same words twice within the server's memory would count as a replay. */
    json_member_str(w, "nonce", nonce);
    json_close(w, '}');
    if (json_end(w) < 0) {
        errno = EMSGSIZE;
        return -1;
    }
    if (a->shim->token[0] == '\0')
        return 0;
    return avt_sign(a->shim->token, a->shim->worker_id, body, unsigned_name);
}

static int64_t pause_for_too_many(struct avt_line *line, const struct http_answer *answer)
{
    int64_t asked = http_retry_after_ms(answer);
    line->backoff.first_ms = TOO_MANY_FIRST_MS;
    line->backoff.max_ms = TOO_MANY_MAX_MS;
    int64_t own = backoff_next(&line->backoff, 0);
    return asked >= 0 ? asked : own;
}

int64_t avt_pause(struct avt_line *line, enum avt_verdict verdict, const struct http_answer *answer)
{
    int64_t pause = 0;
    switch (verdict) {
    case AVT_TOO_MANY:
        pause = pause_for_too_many(line, answer);
        break;
    case AVT_BROKEN:
        pause = BROKEN_MS;
        break;
    case AVT_AWAY:
    case AVT_REPLAY:
        pause = AWAY_MS;
        break;
    case AVT_TOO_BIG:
    case AVT_CREDENTIALS:
    case AVT_CLOCK:
    case AVT_SIGNATURE:
    case AVT_REFUSED:
        pause = CREDENTIALS_MS;
        break;
    default:
        backoff_reset(&line->backoff);
        line->has_complained = false;
        break;
    }
    line->not_before_ms = pause > 0 ? clock_mono_ms() + pause : 0;
    return pause;
}

void avt_complain(struct avt_line *line, enum avt_verdict verdict, const char *what,
                  const char *error)
{
    static const char *const causes[] = {
        [AVT_CREDENTIALS] = "the orchestrator does not accept this worker's token or id",
        [AVT_CLOCK] = "the orchestrator's clock and ours differ by more than a minute",
        [AVT_SIGNATURE] =
            "the orchestrator does not accept this worker's signature (is the token its own?)",
        [AVT_REFUSED] = "the orchestrator refuses this",
    };
    bool is_known = (size_t)verdict < sizeof causes / sizeof *causes && causes[verdict] != NULL;
    if (!is_known) {
        log_warn("the orchestrator did not take this, trying again", LS("what", what),
                 LS("reason", error));
    } else if (!line->has_complained) {
        line->has_complained = true;
        log_error(causes[verdict], LS("what", what), LS("answer", error));
    }
}
