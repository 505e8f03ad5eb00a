/* net_http.c: the HTTP client against a server of the test's own: good answers, and each way a call
 * can fail. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/fdutil.h"
#include "loop/loop.h"
#include "net/http.h"
#include "net_server.h"

struct fixture {
    struct server *server;
    struct loop *loop;
    struct http *http;
    int waiting;
};

/* What a done function saw, copied, because an answer dies with it. */
struct seen {
    struct fixture *f;
    int times;
    int status;
    enum http_failure failure;
    bool was_sent;
    char error[256];
    char *body;
    size_t body_size;
    char type[64];
    char twice[64];
    int64_t retry_after_ms;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->server = server_start();
    f->loop = loop_new();
    f->http = http_new(f->loop, NULL);
    assert_non_null(f->http);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    http_free(f->http);
    loop_free(f->loop);
    server_stop(f->server);
    free(f);
    return 0;
}

static void keep(char *to, size_t n, const char *from)
{
    snprintf(to, n, "%s", from != NULL ? from : "");
}

static void on_done(void *arg, const struct http_answer *a)
{
    struct seen *s = arg;
    s->times++;
    s->status = a->status;
    s->failure = a->failure;
    s->was_sent = a->was_sent;
    s->body_size = a->body_size;
    s->body = calloc(1, a->body_size + 1);
    memcpy(s->body, a->body, a->body_size);
    keep(s->error, sizeof s->error, a->error);
    keep(s->type, sizeof s->type, http_header(a, "content-TYPE"));
    keep(s->twice, sizeof s->twice, http_header(a, "X-Twice"));
    s->retry_after_ms = http_retry_after_ms(a);
    s->f->waiting--;
}

static char *url_of(const struct fixture *f, const char *path, char *out, size_t n)
{
    snprintf(out, n, "http://127.0.0.1:%d%s", server_port(f->server), path);
    return out;
}

static void run_until_done(struct fixture *f)
{
    while (f->waiting > 0)
        assert_int_equal(loop_turn(f->loop, 10000), 0);
}

/* One call from start to end; the caller frees body. */
static struct seen call(struct fixture *f, struct http_request request, const char *path)
{
    char url[128];
    struct seen s = {.f = f};
    if (request.url == NULL)
        request.url = url_of(f, path, url, sizeof url);
    f->waiting++;
    assert_non_null(http_start(f->http, &request, on_done, &s));
    assert_int_equal(s.times, 0);
    run_until_done(f);
    assert_int_equal(s.times, 1);
    assert_int_equal(http_running(f->http), 0);
    return s;
}

static struct seen get(struct fixture *f, const char *path)
{
    return call(f, (struct http_request){.method = "GET"}, path);
}

static void test_good(void **state)
{
    struct seen s = get(*state, "/good");
    assert_int_equal(s.status, 200);
    assert_int_equal(s.failure, HTTP_WHOLE);
    assert_true(s.was_sent);
    assert_string_equal(s.body, "hello");
    assert_string_equal(s.error, "");
    assert_string_equal(s.type, "text/plain");
    assert_string_equal(s.twice, "one");
    assert_true(s.retry_after_ms == -1);
    free(s.body);
}

static void test_no_content(void **state)
{
    struct seen s = get(*state, "/nothing");
    assert_int_equal(s.status, 204);
    assert_int_equal(s.body_size, 0);
    assert_string_equal(s.type, "");
    free(s.body);
}

static void test_other_statuses(void **state)
{
    struct seen s = get(*state, "/not-there");
    assert_int_equal(s.status, 404);
    assert_int_equal(s.failure, HTTP_WHOLE);
    free(s.body);
    s = get(*state, "/elsewhere"); /* and not followed */
    assert_int_equal(s.status, 302);
    free(s.body);
}

static void test_retry_after(void **state)
{
    struct seen s = get(*state, "/busy");
    assert_int_equal(s.status, 429);
    assert_true(s.retry_after_ms == 7000);
    free(s.body);
    s = get(*state, "/dated"); /* a date that has passed */
    assert_int_equal(s.status, 503);
    assert_true(s.retry_after_ms == 0);
    free(s.body);
}

static void test_request_as_written(void **state)
{
    static const char *const headers[] = {"X-Worker-ID: w-1", "Content-Type: application/json",
                                          NULL};
    struct http_request request = {
        .method = "PATCH", .headers = headers, .body = "{\"a\":1}", .body_size = 7};
    struct seen s = call(*state, request, "/echo");
    assert_int_equal(s.status, 200);
    assert_non_null(strstr(s.body, "PATCH /echo HTTP/1.1\r\n"));
    assert_non_null(strstr(s.body, "X-Worker-ID: w-1\r\n"));
    assert_non_null(strstr(s.body, "Content-Type: application/json\r\n"));
    assert_non_null(strstr(s.body, "\r\n\r\n{\"a\":1}"));
    assert_null(strstr(s.body, "Accept-Encoding"));
    assert_null(strstr(s.body, "User-Agent"));
    assert_null(strstr(s.body, "Expect"));
    free(s.body);
}

static void test_body_is_copied(void **state)
{
    struct fixture *f = *state;
    char body[] = "first words";
    char url[128];
    struct seen s = {.f = f};
    struct http_request request = {.method = "POST",
                                   .url = url_of(f, "/echo", url, sizeof url),
                                   .body = body,
                                   .body_size = sizeof body - 1};
    f->waiting++;
    assert_non_null(http_start(f->http, &request, on_done, &s));
    memset(body, '?', sizeof body - 1);
    memset(url, '?', sizeof url - 1);
    run_until_done(f);
    assert_non_null(strstr(s.body, "first words"));
    assert_null(strstr(s.body, "Content-Type"));
    free(s.body);
}

static void test_empty_post(void **state)
{
    struct seen s = call(*state, (struct http_request){.method = "POST"}, "/echo");
    assert_non_null(strstr(s.body, "POST /echo HTTP/1.1\r\n"));
    assert_non_null(strstr(s.body, "Content-Length: 0\r\n"));
    free(s.body);
}

static void test_big_body_travels(void **state)
{
    enum { SIZE = 3 * 1024 * 1024 };
    char *body = malloc(SIZE);
    memset(body, 'b', SIZE);
    struct http_request request = {
        .method = "PUT", .body = body, .body_size = SIZE, .max_body = SIZE + 4096};
    struct seen s = call(*state, request, "/echo");
    assert_int_equal(s.status, 200);
    assert_true(s.body_size > SIZE);
    assert_memory_equal(s.body + s.body_size - SIZE, body, SIZE);
    free(s.body);
    free(body);
}

static void test_body_over_the_cap(void **state)
{
    static const char *const ways[] = {"/big", "/chunked"};
    for (size_t i = 0; i < 2; i++) {
        struct seen s = call(*state, (struct http_request){.max_body = 50000}, ways[i]);
        assert_int_equal(s.status, 0);
        assert_int_equal(s.failure, HTTP_TOO_BIG);
        assert_string_equal(s.error, "body over the limit");
        assert_true(s.body_size <= 50000);
        free(s.body);
    }
    struct seen s = call(*state, (struct http_request){.max_body = 100000}, "/chunked");
    assert_int_equal(s.status, 200); /* exactly at the cap */
    assert_int_equal(s.body_size, 100000);
    free(s.body);
}

static void test_head_over_the_cap(void **state)
{
    struct seen s = get(*state, "/heads");
    assert_int_equal(s.failure, HTTP_TOO_BIG);
    assert_string_equal(s.error, "headers over the limit");
    free(s.body);
}

static void test_refused(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    char url[64];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    /* Bound and not listening: nobody else can get the port meanwhile. */
    assert_int_equal(bind(fd, (struct sockaddr *)&at, n), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", ntohs(at.sin_port));
    struct seen s = call(f, (struct http_request){.url = url}, NULL);
    assert_int_equal(s.status, 0);
    assert_int_equal(s.failure, HTTP_NO_CONNECTION);
    assert_false(s.was_sent);
    assert_true(strlen(s.error) > 0);
    free(s.body);
    close(fd);
}

static void test_timed_out(void **state)
{
    struct seen s = call(*state, (struct http_request){.timeout_ms = 80}, "/silent");
    assert_int_equal(s.status, 0);
    assert_int_equal(s.failure, HTTP_TIMED_OUT);
    assert_true(s.was_sent);
    free(s.body);
}

static void test_connection_broke(void **state)
{
    static const char *const ways[] = {"/half", "/drop"};
    for (size_t i = 0; i < 2; i++) {
        struct seen s = get(*state, ways[i]);
        assert_int_equal(s.status, 0);
        assert_int_equal(s.failure, HTTP_CUT_SHORT);
        assert_true(s.was_sent);
        free(s.body);
    }
}

static void test_not_http(void **state)
{
    struct seen s = get(*state, "/rubbish");
    assert_int_equal(s.status, 0);
    assert_int_equal(s.failure, HTTP_FAILED);
    free(s.body);
}

static void test_bad_url(void **state)
{
    static const char *const urls[] = {"file:///etc/passwd", "ftp://127.0.0.1/x", "http://",
                                       "nonsense://x", ""};
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct seen s = call(*state, (struct http_request){.url = urls[i]}, NULL);
        assert_int_equal(s.status, 0);
        assert_int_equal(s.failure, HTTP_BAD_URL);
        free(s.body);
    }
}

static void refuse_start(struct fixture *f, struct http_request request, int number)
{
    errno = 0;
    assert_null(http_start(f->http, &request, on_done, NULL));
    assert_int_equal(errno, number);
    assert_int_equal(http_running(f->http), 0);
}

static void test_start_refuses(void **state)
{
    static const char *const split[] = {"X-A: b\r\nX-Injected: c", NULL};
    static const char *const no_colon[] = {"just words", NULL};
    struct fixture *f = *state;
    refuse_start(f, (struct http_request){.url = NULL}, EINVAL);
    refuse_start(f, (struct http_request){.url = "http://x/", .headers = split}, EINVAL);
    refuse_start(f, (struct http_request){.url = "http://x/", .headers = no_colon}, EINVAL);
    refuse_start(f, (struct http_request){.url = "http://x/", .method = "GET / HTTP/1.1\r\nX: y"},
                 EINVAL);
}

static void test_keep_alive(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 5; i++)
        free(get(f, "/good").body);
    assert_int_equal(server_connections(f->server), 1);
}

static void test_connection_lost_while_idle(void **state)
{
    struct fixture *f = *state;
    free(get(f, "/half").body);
    struct seen s = get(f, "/good");
    assert_int_equal(s.status, 200);
    free(s.body);
}

/* Waits in the loop for one byte of the server's events. */
struct event_wait {
    struct loop_io *io;
    int fd;
    char got;
};

static void on_event(void *arg, uint32_t events)
{
    struct event_wait *w = arg;
    (void)events;
    assert_int_equal(read(w->fd, &w->got, 1), 1);
}

static void await_event(struct fixture *f, char which)
{
    struct event_wait w = {.fd = server_events_fd(f->server)};
    w.io = loop_io_add(f->loop, w.fd, EPOLLIN, on_event, &w);
    while (w.got != which)
        assert_int_equal(loop_turn(f->loop, 10000), 0);
    loop_io_del(w.io);
}

static void test_cancel_in_flight(void **state)
{
    struct fixture *f = *state;
    char url[128];
    struct seen s = {.f = f};
    struct http_request request = {.url = url_of(f, "/silent", url, sizeof url)};
    struct http_call *c = http_start(f->http, &request, on_done, &s);
    await_event(f, 'r');
    assert_int_equal(http_running(f->http), 1);
    http_cancel(c);
    assert_int_equal(http_running(f->http), 0);
    await_event(f, 'e'); /* the server sees the connection go */
    assert_int_equal(s.times, 0);
    http_cancel(NULL);
}

static void test_cancel_at_once(void **state)
{
    struct fixture *f = *state;
    char url[128];
    struct http_request request = {.url = url_of(f, "/good", url, sizeof url)};
    for (int i = 0; i < 10; i++)
        http_cancel(http_start(f->http, &request, on_done, NULL));
    assert_int_equal(http_running(f->http), 0);
    struct seen s = get(f, "/good");
    assert_int_equal(s.status, 200);
    free(s.body);
}

static void test_free_with_calls_in_flight(void **state)
{
    struct fixture *f = *state;
    char url[128];
    struct seen s = {.f = f};
    struct http_request request = {.url = url_of(f, "/silent", url, sizeof url)};
    for (int i = 0; i < 3; i++)
        assert_non_null(http_start(f->http, &request, on_done, &s));
    await_event(f, 'r');
    http_free(f->http);
    f->http = http_new(f->loop, NULL);
    assert_int_equal(s.times, 0);
}

static void test_many_at_once(void **state)
{
    enum { MANY = 200 };
    static const char *const ways[] = {"/good", "/nothing", "/big", "/half", "/echo"};
    static const int statuses[] = {200, 204, 200, 0, 200};
    struct fixture *f = *state;
    struct seen *seen = calloc(MANY, sizeof *seen);
    for (int i = 0; i < MANY; i++) {
        char url[128];
        struct http_request request = {.url = url_of(f, ways[i % 5], url, sizeof url)};
        seen[i].f = f;
        f->waiting++;
        assert_non_null(http_start(f->http, &request, on_done, &seen[i]));
    }
    assert_int_equal(http_running(f->http), MANY);
    run_until_done(f);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(seen[i].times, 1);
        assert_int_equal(seen[i].status, statuses[i % 5]);
        free(seen[i].body);
    }
    free(seen);
    assert_true(server_connections(f->server) <= 100);
}

static void test_limits_of_a_client(void **state)
{
    struct fixture *f = *state;
    const struct http_options options = {
        .max_calls = 2, .max_connections = 1, .user_agent = "penstock-test"};
    char url[128];
    struct http *small = http_new(f->loop, &options);
    struct http_request request = {.url = url_of(f, "/echo", url, sizeof url)};
    struct seen seen[2] = {{.f = f}, {.f = f}};
    for (int i = 0; i < 2; i++)
        assert_non_null(http_start(small, &request, on_done, &seen[i]));
    assert_null(http_start(small, &request, on_done, NULL));
    assert_int_equal(errno, EAGAIN);
    f->waiting = 2;
    run_until_done(f);
    assert_non_null(strstr(seen[0].body, "User-Agent: penstock-test\r\n"));
    assert_int_equal(server_connections(f->server), 1);
    free(seen[0].body);
    free(seen[1].body);
    http_free(small);
}

/* A done function that starts the next call and cancels another one. */
struct chain {
    struct fixture *f;
    struct http_call *victim;
    int left;
    char url[128];
};

static void on_chain(void *arg, const struct http_answer *a)
{
    struct chain *c = arg;
    assert_int_equal(a->status, 200);
    http_cancel(c->victim);
    c->victim = NULL;
    if (--c->left == 0) {
        c->f->waiting = 0;
        return;
    }
    struct http_request request = {.url = c->url};
    assert_non_null(http_start(c->f->http, &request, on_chain, c));
}

static void test_calls_from_a_done_function(void **state)
{
    struct fixture *f = *state;
    struct chain c = {.f = f, .left = 5};
    char url[128];
    struct http_request silent = {.url = url_of(f, "/silent", url, sizeof url)};
    struct http_request first = {.url = url_of(f, "/good", c.url, sizeof c.url)};
    c.victim = http_start(f->http, &silent, on_done, NULL);
    f->waiting = 1;
    assert_non_null(http_start(f->http, &first, on_chain, &c));
    run_until_done(f);
    assert_int_equal(http_running(f->http), 0);
}

static void test_proxy_of_the_environment(void **state)
{
    struct fixture *f = *state;
    char proxy[64];
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", server_port(f->server));
    assert_int_equal(setenv("http_proxy", proxy, 1), 0);
    const struct http_options options = {.proxy_from_env = true};
    struct http *through = http_new(f->loop, &options);
    struct http *plain = f->http;
    f->http = through;
    /* The server takes the whole URL for a path it does not know: so the proxy was asked. */
    struct seen s = call(f, (struct http_request){.url = "http://127.0.0.1:1/good"}, NULL);
    assert_int_equal(s.status, 404);
    free(s.body);
    f->http = plain;
    http_free(through);
    s = call(f, (struct http_request){.url = "http://127.0.0.1:1/good"}, NULL);
    assert_int_equal(s.failure, HTTP_NO_CONNECTION);
    free(s.body);
    unsetenv("http_proxy");
}

static void test_descriptors_come_back(void **state)
{
    struct fixture *f = *state;
    free(get(f, "/good").body);
    http_free(f->http);
    int before = fd_count();
    for (int i = 0; i < 5; i++) {
        f->http = http_new(f->loop, NULL);
        free(get(f, "/nothing").body);
        http_free(f->http);
    }
    f->http = NULL;
    /* The server's side of each connection stays until it is stopped. */
    assert_int_equal(fd_count(), before + 5);
}

int main(void)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_good),
        CASE(test_no_content),
        CASE(test_other_statuses),
        CASE(test_retry_after),
        CASE(test_request_as_written),
        CASE(test_body_is_copied),
        CASE(test_empty_post),
        CASE(test_big_body_travels),
        CASE(test_body_over_the_cap),
        CASE(test_head_over_the_cap),
        CASE(test_refused),
        CASE(test_timed_out),
        CASE(test_connection_broke),
        CASE(test_not_http),
        CASE(test_bad_url),
        CASE(test_start_refuses),
        CASE(test_keep_alive),
        CASE(test_connection_lost_while_idle),
        CASE(test_cancel_in_flight),
        CASE(test_cancel_at_once),
        CASE(test_free_with_calls_in_flight),
        CASE(test_many_at_once),
        CASE(test_limits_of_a_client),
        CASE(test_calls_from_a_done_function),
        CASE(test_proxy_of_the_environment),
        CASE(test_descriptors_come_back),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
