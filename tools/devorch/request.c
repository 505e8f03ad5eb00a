/* request.c: what a handler asks a request, and how it answers: at once, or later while
 * libmicrohttpd keeps the connection suspended. Runs in penstock-devorch. */
#include "request.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loop/loop.h"
#include "protocol.h"

enum { ANSWER_MAX = 256 * 1024 * 1024, ERROR_MAX = 2 * 1024 * 1024 };

const char *request_header(struct request *r, const char *name)
{
    return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

const char *request_query(struct request *r, const char *name)
{
    return MHD_lookup_connection_value(r->connection, MHD_GET_ARGUMENT_KIND, name);
}

const char *request_segment(const struct request *r)
{
    return r->segment;
}

struct json_span request_body(struct request *r)
{
    const char *text = buf_cstr(&r->body);
    return (struct json_span){.at = text != NULL ? text : "",
                              .len = text != NULL ? r->body.len : 0};
}

int request_take_file(struct request *r, size_t *size)
{
    int fd = r->fd;
    r->fd = -1;
    *size = r->got;
    return fd;
}

static void on_waited(void *arg)
{
    struct request *r = arg;
    request_ended_fn ended = r->ended;
    r->ended = NULL;
    ended(r->ended_arg, r, false);
}

void request_hold(struct request *r, int64_t wait_ms, request_ended_fn ended, void *arg)
{
    r->timer = loop_timer_new(r->server->loop, on_waited, r);
    if (r->timer == NULL) {
        ended(arg, r, false);
        return;
    }
    loop_timer_after(r->timer, wait_ms);
    r->ended = ended;
    r->ended_arg = arg;
}

bool request_is_alive(struct request *r)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    char byte;
    ssize_t n = recv(info->connect_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static void reply(struct request *r, unsigned status, struct MHD_Response *response)
{
    r->ended = NULL;
    if (r->timer != NULL)
        loop_timer_off(r->timer);
    if (response == NULL) /* out of memory: an empty answer is what is left */
        response = MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
    MHD_add_response_header(response, "X-RXON-Version", PROTOCOL_VERSION);
    r->response = response;
    r->status = status;
    if (r->is_suspended) {
        r->is_suspended = false;
        MHD_resume_connection(r->connection);
    }
}

void reply_empty(struct request *r, unsigned status)
{
    reply(r, status, MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT));
}

void reply_file(struct request *r, int fd, size_t size)
{
    struct MHD_Response *response = MHD_create_response_from_fd64(size, fd);
    if (response == NULL)
        close(fd);
    else
        MHD_add_response_header(response, "Content-Type", "application/octet-stream");
    reply(r, response != NULL ? MHD_HTTP_OK : MHD_HTTP_INTERNAL_SERVER_ERROR, response);
}

void answer_begin(struct answer *a)
{
    buf_init(&a->text, ANSWER_MAX);
    json_begin(&a->w, &a->text);
}

void answer_send(struct request *r, unsigned status, struct answer *a)
{
    size_t n = a->text.len;
    char *text = json_end(&a->w) == 0 ? buf_detach(&a->text) : NULL;
    struct MHD_Response *response = NULL;
    if (text != NULL)
        response = MHD_create_response_from_buffer(n, text, MHD_RESPMEM_MUST_FREE);
    if (response != NULL)
        MHD_add_response_header(response, "Content-Type", "application/json");
    else
        free(text);
    buf_clear(&a->text);
    reply(r, response != NULL ? status : MHD_HTTP_INTERNAL_SERVER_ERROR, response);
}

void reply_error(struct request *r, unsigned status, const char *format, ...)
{
    struct buf text = BUF_INIT(ERROR_MAX);
    struct answer a;
    va_list ap;
    va_start(ap, format);
    buf_vprintf(&text, format, ap);
    va_end(ap);
    answer_begin(&a);
    json_open(&a.w, '{');
    json_member_str(&a.w, "error", text.len > 0 ? buf_cstr(&text) : "out of memory");
    json_close(&a.w, '}');
    answer_send(r, status, &a);
    buf_clear(&text);
}
