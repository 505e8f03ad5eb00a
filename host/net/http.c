/* http.c: libcurl's multi socket interface on the loop: curl says which sockets and which timer it
 * wants, the loop calls it back, and finished transfers become done calls. Runs in whatever program
 * links it (shim, stager). */
#include "net/http.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "loop/loop.h"
#include "net/http_setup.h"

/* curl's view of one socket; the loop wants an argument that names both the client and the
 * descriptor. */
struct watch {
    struct http *http;
    struct loop_io *io;
    curl_socket_t fd;
};

static void drain(struct http *h)
{
    struct CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(h->multi, &left)) != NULL) {
        struct http_call *call = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode result = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
        http_call_finish(call, result);
    }
}

static void act(struct http *h, curl_socket_t fd, int what)
{
    int running;
    curl_multi_socket_action(h->multi, fd, what, &running);
    drain(h);
}

static void on_socket(void *arg, uint32_t events)
{
    const struct watch *w = arg;
    int what = 0;
    if (events & EPOLLIN)
        what |= CURL_CSELECT_IN;
    if (events & EPOLLOUT)
        what |= CURL_CSELECT_OUT;
    /* A hang-up is read like the end of the stream; curl then tells what was missing. */
    if (events & (EPOLLHUP | EPOLLERR))
        what |= CURL_CSELECT_IN | CURL_CSELECT_ERR;
    act(w->http, w->fd, what);
}

static void on_timer(void *arg)
{
    act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static struct watch *watch_new(struct http *h, curl_socket_t fd, uint32_t events)
{
    struct watch *w = malloc(sizeof *w);
    if (w == NULL)
        return NULL;
    *w = (struct watch){.http = h, .fd = fd};
    w->io = loop_io_add(h->loop, fd, events, on_socket, w);
    if (w->io == NULL) {
        free(w);
        return NULL;
    }
    curl_multi_assign(h->multi, fd, w);
    return w;
}

/* curl: watch this socket. Never -1 to curl, which would end all calls of the client: a socket that
 * cannot be watched costs only its own call, by its time limit. */
static int want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    struct http *h = arg;
    struct watch *w = socket_arg;
    uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0U) | (what & CURL_POLL_OUT ? EPOLLOUT : 0U);
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (w != NULL) {
            loop_io_del(w->io);
            free(w);
            curl_multi_assign(h->multi, fd, NULL);
        }
    } else if (w != NULL ? loop_io_set(w->io, events) < 0 : watch_new(h, fd, events) == NULL) {
        log_warn("socket of an HTTP call cannot be watched", LE(errno));
    }
    return 0;
}

static int want_timer(CURLM *multi, long timeout_ms, void *arg)
{
    const struct http *h = arg;
    (void)multi;
    if (timeout_ms < 0)
        loop_timer_off(h->timer);
    else
        loop_timer_after(h->timer, timeout_ms);
    return 0;
}

struct http *http_new(struct loop *loop, const struct http_options *options)
{
    static const struct http_options none = {.user_agent = NULL};
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        errno = ENOMEM;
        return NULL;
    }
    struct http *h = calloc(1, sizeof *h);
    if (h == NULL) {
        curl_global_cleanup();
        return NULL;
    }
    h->loop = loop;
    if (http_options_copy(h, options != NULL ? options : &none) < 0 ||
        (h->timer = loop_timer_new(loop, on_timer, h)) == NULL ||
        (h->multi = curl_multi_init()) == NULL) {
        http_free(h);
        errno = ENOMEM;
        return NULL;
    }
    curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
    curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
    curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, want_timer);
    curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
    curl_multi_setopt(h->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)h->options.max_connections);
    return h;
}

void http_free(struct http *h)
{
    if (h == NULL)
        return;
    while (h->calls != NULL)
        http_cancel(h->calls);
    /* Idle connections are closed here, and want_socket is called for them. */
    if (h->multi != NULL)
        curl_multi_cleanup(h->multi);
    loop_timer_free(h->timer);
    http_options_clear(h);
    free(h);
    curl_global_cleanup();
}

struct http_call *http_start(struct http *h, const struct http_request *request, http_done_fn done,
                             void *arg)
{
    if (h->n_calls >= h->options.max_calls) {
        errno = EAGAIN;
        return NULL;
    }
    struct http_call *call = http_call_new(h, request);
    if (call == NULL)
        return NULL;
    call->done = done;
    call->arg = arg;
    if (curl_multi_add_handle(h->multi, call->easy) != CURLM_OK) {
        http_call_free(call);
        errno = ENOMEM;
        return NULL;
    }
    call->next = h->calls;
    if (call->next != NULL)
        call->next->prev = call;
    h->calls = call;
    h->n_calls++;
    return call;
}

static void unlink_call(struct http_call *call)
{
    struct http *h = call->http;
    curl_multi_remove_handle(h->multi, call->easy);
    if (call->prev != NULL)
        call->prev->next = call->next;
    else
        h->calls = call->next;
    if (call->next != NULL)
        call->next->prev = call->prev;
    h->n_calls--;
}

void http_cancel(struct http_call *call)
{
    if (call == NULL || call->is_done)
        return;
    unlink_call(call);
    http_call_free(call);
}

size_t http_running(const struct http *h)
{
    return h->n_calls;
}

void http_call_finish(struct http_call *call, CURLcode result)
{
    unlink_call(call);
    call->is_done = true;
    struct http_answer answer;
    http_call_answer(call, result, &answer);
    call->done(call->arg, &answer);
    http_call_free(call);
}

const char *http_header(const struct http_answer *answer, const char *name)
{
    struct curl_header *header;
    if (curl_easy_header(answer->call->easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return NULL;
    return header->value;
}

int64_t http_retry_after_ms(const struct http_answer *answer)
{
    enum { DAY_S = 86400 };
    const char *value = http_header(answer, "Retry-After");
    int64_t seconds;
    if (value == NULL)
        return -1;
    if (text_parse_i64(value, &seconds) < 0) {
        time_t at = curl_getdate(value, NULL);
        if (at == (time_t)-1)
            return -1;
        seconds = at - clock_wall_ms() / 1000;
        seconds = seconds < 0 ? 0 : seconds;
    }
    if (seconds < 0)
        return -1;
    return (seconds > DAY_S ? DAY_S : seconds) * 1000;
}
