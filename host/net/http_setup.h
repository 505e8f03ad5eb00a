#ifndef PENSTOCK_NET_HTTP_SETUP_H
#define PENSTOCK_NET_HTTP_SETUP_H

/* http_setup.h: shared by http.c and http_setup.c only: what a client and a call hold, and how a
 * request becomes curl options and curl's verdict becomes an answer. */

#include <curl/curl.h>

#include "base/buf.h"
#include "net/http.h"

struct http {
    struct loop *loop;
    struct loop_timer *timer;
    CURLM *multi;
    struct http_options options; /* strings owned, numbers never 0 */
    struct http_call *calls;
    size_t n_calls;
};

struct http_call {
    struct http *http;
    struct http_call *prev, *next;
    CURL *easy;
    struct curl_slist *headers;
    http_done_fn done;
    void *arg;
    struct buf body;
    size_t head_size;
    bool is_done;
    bool is_too_big;
    char error[CURL_ERROR_SIZE];
};

/* Copies with defaults filled in; -1: ENOMEM, and http_options_clear is still due. */
int http_options_copy(struct http *h, const struct http_options *options);
void http_options_clear(struct http *h);

/* A call with its easy handle set up, not yet started. NULL: EINVAL, ENOMEM. */
struct http_call *http_call_new(struct http *h, const struct http_request *request);
void http_call_free(struct http_call *call);
/* Fills the answer; it borrows from the call. */
void http_call_answer(struct http_call *call, CURLcode result, struct http_answer *answer);
/* Takes the call off the client, tells the owner, frees it. */
void http_call_finish(struct http_call *call, CURLcode result);

#endif
