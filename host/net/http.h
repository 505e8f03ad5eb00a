#ifndef PENSTOCK_NET_HTTP_H
#define PENSTOCK_NET_HTTP_H

/*
 * http.h: an asynchronous HTTP/1.1 client on our loop (libcurl's multi interface). http and https
 * only, no redirects, no compression, no cookies, no proxy unless asked for; connections are kept
 * alive and used again. All functions and callbacks run in the loop's thread. The program ignores
 * SIGPIPE: TLS writes can raise it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct http;
struct http_call;

/* Strings are copied. What is NULL or 0 has the default in brackets. */
struct http_options {
    const char *user_agent; /* [none is sent] */
    const char *ca_file;    /* PEM certificates to trust instead of the system's [the system's] */
    const char *cert_file;  /* PEM certificate of this client, for mutual TLS [none] */
    const char *key_file;   /* its PEM key, not encrypted [inside cert_file] */
    const char *proxy;      /* "http://host:port" [none] */
    bool proxy_from_env;    /* use http_proxy, https_proxy, no_proxy; proxy is then not looked at */
    unsigned max_calls;     /* running at once; http_start fails with EAGAIN beyond it [256] */
    unsigned max_connections; /* open at once, further calls wait for one [32] */
};

/* NULL with errno. options may be NULL. */
struct http *http_new(struct loop *loop, const struct http_options *options);
/* Drops the calls still running without calling their functions. NULL is fine. Not from a done
 * function. */
void http_free(struct http *h);

struct http_request {
    const char *method;         /* "GET", "POST", "PATCH"... [GET] */
    const char *url;            /* http:// or https:// */
    const char *const *headers; /* "Name: value" each, ended by NULL [none] */
    const void *body;           /* copied; NULL: none, or an empty one for POST, PUT, PATCH */
    size_t body_size;
    int64_t timeout_ms;         /* for everything [30 s] */
    int64_t connect_timeout_ms; /* name, TCP and TLS [10 s] */
    size_t max_body;            /* of the answer, in bytes [1 MiB] */
};

enum http_failure {
    HTTP_WHOLE = 0,     /* a whole answer came, whatever its status */
    HTTP_BAD_URL,       /* not an http or https address */
    HTTP_NO_CONNECTION, /* name not found, refused, unreachable */
    HTTP_TLS_REFUSED,   /* certificate or TLS handshake */
    HTTP_TIMED_OUT,
    HTTP_CUT_SHORT, /* the connection ended before the answer did */
    HTTP_TOO_BIG,   /* body over max_body, or head over 64 KiB */
    HTTP_FAILED,    /* anything else */
    HTTP_FAILURE_COUNT
};

/* Lives as long as the done function runs; so do its pointers. */
struct http_answer {
    int status; /* 0: no whole answer */
    enum http_failure failure;
    bool was_sent;     /* bytes of the request have left: the server may have acted on it */
    const char *error; /* "" if there was none */
    const char *body;  /* never NULL, with a NUL behind it that body_size does not count */
    size_t body_size;
    const struct http_call *call;
};

/* Called once a call, never from inside http_start; may start and cancel other calls. */
typedef void (*http_done_fn)(void *arg, const struct http_answer *answer);

/* Starts a call; it ends by its done function (then the handle is gone) or by http_cancel. NULL
 * with errno: EINVAL (no URL; a control character in a header or the method), EAGAIN (max_calls),
 * ENOMEM. */
struct http_call *http_start(struct http *h, const struct http_request *request, http_done_fn done,
                             void *arg);
/* Drops a running call and its connection; its done function is not called. NULL is fine. */
void http_cancel(struct http_call *call);
size_t http_running(const struct http *h);

/* The value of the answer's header (first, if there are several; case does not matter), or NULL. */
const char *http_header(const struct http_answer *answer, const char *name);
/* Retry-After as milliseconds from now (seconds or a date; at most a day), -1 without a usable one.
 */
int64_t http_retry_after_ms(const struct http_answer *answer);
/* "timed out": a word or two for logs. */
const char *http_failure_text(enum http_failure failure);

#endif
