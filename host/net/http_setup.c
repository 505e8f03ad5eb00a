/* http_setup.c: a request as curl options, and curl's verdict as an answer. Runs where http.c runs.
 */
#include "net/http_setup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    CALLS_DEFAULT = 256,
    CONNECTIONS_DEFAULT = 32,
    TIMEOUT_DEFAULT_MS = 30000,
    CONNECT_DEFAULT_MS = 10000,
    BODY_DEFAULT = 1024 * 1024,
    HEAD_MAX = 64 * 1024
};

static int copy(const char **to, const char *from)
{
    *to = from != NULL ? strdup(from) : NULL;
    return from == NULL || *to != NULL ? 0 : -1;
}

int http_options_copy(struct http *h, const struct http_options *options)
{
    struct http_options *o = &h->options;
    o->proxy_from_env = options->proxy_from_env;
    o->max_calls = options->max_calls > 0 ? options->max_calls : CALLS_DEFAULT;
    o->max_connections =
        options->max_connections > 0 ? options->max_connections : CONNECTIONS_DEFAULT;
    if (copy(&o->user_agent, options->user_agent) < 0 || copy(&o->ca_file, options->ca_file) < 0 ||
        copy(&o->cert_file, options->cert_file) < 0 || copy(&o->key_file, options->key_file) < 0 ||
        copy(&o->proxy, options->proxy) < 0)
        return -1;
    return 0;
}

void http_options_clear(struct http *h)
{
    free((char *)h->options.user_agent);
    free((char *)h->options.ca_file);
    free((char *)h->options.cert_file);
    free((char *)h->options.key_file);
    free((char *)h->options.proxy);
}

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
    struct http_call *call = arg;
    if (buf_append(&call->body, bytes, size * n) < 0) {
        call->is_too_big = errno == EMSGSIZE;
        return 0;
    }
    return size * n;
}

/* curl keeps every header line for us; this only sees to it that they are not endless. */
/* NOLINTNEXTLINE: the type is curl's */
static size_t on_head(char *bytes, size_t size, size_t n, void *arg)
{
    struct http_call *call = arg;
    (void)bytes;
    call->head_size += size * n;
    call->is_too_big = call->head_size > HEAD_MAX;
    return call->is_too_big ? 0 : size * n;
}

static bool is_plain(const char *s)
{
    for (; *s != '\0'; s++) {
        if ((unsigned char)*s < ' ' || *s == 0x7f)
            return false;
    }
    return true;
}

static int add_header(struct http_call *call, const char *line)
{
    struct curl_slist *list = curl_slist_append(call->headers, line);
    if (list == NULL) {
        errno = ENOMEM;
        return -1;
    }
    call->headers = list;
    return 0;
}

static int set_headers(struct http_call *call, const char *const *lines)
{
    bool has_type = false;
    for (; lines != NULL && *lines != NULL; lines++) {
        if (!is_plain(*lines) || strchr(*lines, ':') == NULL) {
            errno = EINVAL;
            return -1;
        }
        has_type = has_type || strncasecmp(*lines, "Content-Type:", 13) == 0;
        if (add_header(call, *lines) < 0)
            return -1;
    }
    /* An empty value takes a header of curl's own out: a form type for our bodies, and the pause of
     * "Expect: 100-continue" before bigger ones. */
    if (add_header(call, "Expect:") < 0 || (!has_type && add_header(call, "Content-Type:") < 0))
        return -1;
    curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers);
    return 0;
}

static CURLcode set_body(const struct http_call *call, const struct http_request *request)
{
    const char *method = request->method != NULL ? request->method : "GET";
    /* Servers want a Content-Length with these, even of nothing. */
    bool needs_body =
        strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 || strcmp(method, "PATCH") == 0;
    if (request->body != NULL || needs_body) {
        size_t size = request->body != NULL ? request->body_size : 0;
        curl_easy_setopt(call->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size);
        CURLcode rc =
            curl_easy_setopt(call->easy, CURLOPT_COPYPOSTFIELDS, size > 0 ? request->body : "");
        if (rc != CURLE_OK)
            return rc;
    } else if (strcmp(method, "HEAD") == 0) {
        curl_easy_setopt(call->easy, CURLOPT_NOBODY, 1L);
    }
    return curl_easy_setopt(call->easy, CURLOPT_CUSTOMREQUEST, method);
}

static void set_limits(struct http_call *call, const struct http_request *request)
{
    int64_t timeout = request->timeout_ms > 0 ? request->timeout_ms : TIMEOUT_DEFAULT_MS;
    int64_t connect =
        request->connect_timeout_ms > 0 ? request->connect_timeout_ms : CONNECT_DEFAULT_MS;
    curl_easy_setopt(call->easy, CURLOPT_TIMEOUT_MS, (long)timeout);
    curl_easy_setopt(call->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect);
    buf_init(&call->body, request->max_body > 0 ? request->max_body : BODY_DEFAULT);
    /* Said beforehand by Content-Length; on_body catches what is not. */
    curl_easy_setopt(call->easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)call->body.max);
}

static void set_rules(struct http_call *call)
{
    const struct http_options *o = &call->http->options;
    CURL *easy = call->easy;
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, o->user_agent);
    if (!o->proxy_from_env) /* "" and not NULL: only that switches the environment off */
        curl_easy_setopt(easy, CURLOPT_PROXY, o->proxy != NULL ? o->proxy : "");
    if (o->ca_file != NULL) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, o->ca_file);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL); /* or the system's would be trusted too */
    }
    if (o->cert_file != NULL) {
        curl_easy_setopt(easy, CURLOPT_SSLCERT, o->cert_file);
        curl_easy_setopt(easy, CURLOPT_SSLKEY, o->key_file != NULL ? o->key_file : o->cert_file);
    }
}

static int set_up(struct http_call *call, const struct http_request *request)
{
    CURL *easy = call->easy;
    set_rules(call);
    set_limits(call, request);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->error);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
    if (set_headers(call, request->headers) < 0)
        return -1;
    if (set_body(call, request) != CURLE_OK ||
        curl_easy_setopt(easy, CURLOPT_URL, request->url) != CURLE_OK) {
        errno = ENOMEM;
        return -1;
    }
    return 0;
}

struct http_call *http_call_new(struct http *h, const struct http_request *request)
{
    if (request->url == NULL || (request->method != NULL && !is_plain(request->method))) {
        errno = EINVAL;
        return NULL;
    }
    struct http_call *call = calloc(1, sizeof *call);
    if (call == NULL)
        return NULL;
    call->http = h;
    call->easy = curl_easy_init();
    if (call->easy == NULL)
        errno = ENOMEM;
    if (call->easy == NULL || set_up(call, request) < 0) {
        http_call_free(call);
        return NULL;
    }
    return call;
}

void http_call_free(struct http_call *call)
{
    int kept = errno;
    curl_easy_cleanup(call->easy);
    curl_slist_free_all(call->headers);
    buf_clear(&call->body);
    free(call);
    errno = kept;
}

static const struct {
    CURLcode result;
    enum http_failure failure;
} verdicts[] = {
    {CURLE_OK, HTTP_WHOLE},
    {CURLE_URL_MALFORMAT, HTTP_BAD_URL},
    {CURLE_UNSUPPORTED_PROTOCOL, HTTP_BAD_URL},
    {CURLE_COULDNT_RESOLVE_HOST, HTTP_NO_CONNECTION},
    {CURLE_COULDNT_RESOLVE_PROXY, HTTP_NO_CONNECTION},
    {CURLE_COULDNT_CONNECT, HTTP_NO_CONNECTION},
    {CURLE_PROXY, HTTP_NO_CONNECTION},
    {CURLE_SSL_CONNECT_ERROR, HTTP_TLS_REFUSED},
    {CURLE_PEER_FAILED_VERIFICATION, HTTP_TLS_REFUSED},
    {CURLE_SSL_CACERT_BADFILE, HTTP_TLS_REFUSED},
    {CURLE_SSL_CERTPROBLEM, HTTP_TLS_REFUSED},
    {CURLE_SSL_ISSUER_ERROR, HTTP_TLS_REFUSED},
    {CURLE_SSL_CLIENTCERT, HTTP_TLS_REFUSED},
    {CURLE_OPERATION_TIMEDOUT, HTTP_TIMED_OUT},
    {CURLE_PARTIAL_FILE, HTTP_CUT_SHORT},
    {CURLE_GOT_NOTHING, HTTP_CUT_SHORT},
    {CURLE_RECV_ERROR, HTTP_CUT_SHORT},
    {CURLE_SEND_ERROR, HTTP_CUT_SHORT},
    {CURLE_FILESIZE_EXCEEDED, HTTP_TOO_BIG},
};

static enum http_failure failure_of(const struct http_call *call, CURLcode result, bool was_sent)
{
    if (result == CURLE_WRITE_ERROR && call->is_too_big)
        return HTTP_TOO_BIG;
    /* curl's name also for an answer that does not begin like HTTP/1. */
    if (result == CURLE_UNSUPPORTED_PROTOCOL && was_sent)
        return HTTP_FAILED;
    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++) {
        if (verdicts[i].result == result)
            return verdicts[i].failure;
    }
    return HTTP_FAILED;
}

const char *http_failure_text(enum http_failure failure)
{
    static const char *const texts[HTTP_FAILURE_COUNT] = {
        [HTTP_WHOLE] = "answered",
        [HTTP_BAD_URL] = "bad address",
        [HTTP_NO_CONNECTION] = "no connection",
        [HTTP_TLS_REFUSED] = "TLS refused",
        [HTTP_TIMED_OUT] = "timed out",
        [HTTP_CUT_SHORT] = "connection broke",
        [HTTP_TOO_BIG] = "answer too big",
        [HTTP_FAILED] = "failed",
    };
    return (size_t)failure < HTTP_FAILURE_COUNT ? texts[failure] : texts[HTTP_FAILED];
}

static const char *error_text(const struct http_call *call, CURLcode result,
                              enum http_failure failure)
{
    if (failure == HTTP_WHOLE)
        return "";
    if (failure == HTTP_TOO_BIG)
        return call->head_size > HEAD_MAX ? "headers over the limit" : "body over the limit";
    return call->error[0] != '\0' ? call->error : curl_easy_strerror(result);
}

void http_call_answer(struct http_call *call, CURLcode result, struct http_answer *answer)
{
    long status = 0;
    long sent = 0;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(call->easy, CURLINFO_REQUEST_SIZE, &sent);
    enum http_failure failure = failure_of(call, result, sent > 0);
    const char *body = buf_cstr(&call->body);
    *answer = (struct http_answer){
        .status = failure == HTTP_WHOLE ? (int)status : 0,
        .failure = failure,
        .was_sent = sent > 0,
        .error = error_text(call, result, failure),
        .body = body != NULL ? body : "",
        .body_size = body != NULL ? call->body.len : 0,
        .call = call,
    };
}
