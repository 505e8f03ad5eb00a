/* net_tls.c: the HTTP client's certificates: the server's is checked, its own is shown. The server
 * is a child (net_tls_server.py, argument 1) that makes the certificates in this test's temporary
 * directory. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "loop/loop.h"
#include "net/http.h"

struct peer {
    pid_t pid;
    int stdin_fd;
    char directory[128];
    char script[512];
    int64_t port, strict_port;
};

struct seen {
    struct loop *loop;
    int status;
    enum http_failure failure;
    char body[64];
};

static void run_server(const struct peer *p, int in, int out)
{
    dup2(in, 0);
    dup2(out, 1);
    execl("/usr/bin/python3", "python3", p->script, p->directory, (char *)NULL);
    _exit(127);
}

static int start_server(struct peer *p)
{
    int in[2];
    int out[2];
    char line[64] = "";
    if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
        return -1;
    p->pid = fork();
    if (p->pid == 0)
        run_server(p, in[0], out[1]);
    close(in[0]);
    close(out[1]);
    p->stdin_fd = in[1];
    FILE *ready = fdopen(out[0], "r");
    char *space = fgets(line, sizeof line, ready) != NULL ? strchr(line, ' ') : NULL;
    fclose(ready);
    if (space == NULL)
        return -1;
    *space = '\0';
    line[strcspn(line, "\n")] = '\0';
    space[1 + strcspn(space + 1, "\n")] = '\0';
    return text_parse_i64(line, &p->port) < 0 ? -1 : text_parse_i64(space + 1, &p->strict_port);
}

static void stop_server(const struct peer *p)
{
    close(p->stdin_fd);
    waitpid(p->pid, NULL, 0);
}

static void on_done(void *arg, const struct http_answer *a)
{
    struct seen *s = arg;
    s->status = a->status;
    s->failure = a->failure;
    snprintf(s->body, sizeof s->body, "%s", a->body);
    loop_stop(s->loop);
}

static struct seen get(int64_t port, const struct http_options *options)
{
    char url[64];
    struct seen s = {.loop = loop_new()};
    struct http *http = http_new(s.loop, options);
    snprintf(url, sizeof url, "https://127.0.0.1:%d/", (int)port);
    const struct http_request request = {.url = url};
    assert_non_null(http_start(http, &request, on_done, &s));
    assert_int_equal(loop_run(s.loop), 0);
    http_free(http);
    loop_free(s.loop);
    return s;
}

static const char *path_of(const struct peer *p, const char *name, char *out)
{
    snprintf(out, 160, "%s/%s", p->directory, name);
    return out;
}

static void test_known_authority(void **state)
{
    const struct peer *p = *state;
    char ca[160];
    const struct http_options options = {.ca_file = path_of(p, "ca.pem", ca)};
    struct seen s = get(p->port, &options);
    assert_int_equal(s.status, 200);
    assert_string_equal(s.body, "nobody");
}

static void test_unknown_authority(void **state)
{
    const struct peer *p = *state;
    char ca[160];
    const struct http_options stranger = {.ca_file = path_of(p, "stranger.pem", ca)};
    const struct http_options missing = {.ca_file = "/nonexistent.pem"};
    assert_int_equal(get(p->port, &stranger).failure, HTTP_TLS_REFUSED);
    assert_int_equal(get(p->port, &missing).failure, HTTP_TLS_REFUSED);
    assert_int_equal(get(p->port, NULL).failure, HTTP_TLS_REFUSED); /* the system's */
}

static void test_client_certificate(void **state)
{
    const struct peer *p = *state;
    char ca[160];
    char cert[160];
    char key[160];
    struct http_options options = {.ca_file = path_of(p, "ca.pem", ca)};
    assert_int_equal(get(p->strict_port, &options).failure, HTTP_TLS_REFUSED);
    options.cert_file = path_of(p, "worker-1.pem", cert);
    assert_int_equal(get(p->strict_port, &options).failure,
                     HTTP_TLS_REFUSED); /* no key in that file */
    options.key_file = path_of(p, "worker-1.key", key);
    struct seen s = get(p->strict_port, &options);
    assert_int_equal(s.status, 200);
    assert_string_equal(s.body, "worker-1");
    options.cert_file = path_of(p, "stranger.pem", cert);
    options.key_file = path_of(p, "stranger.key", key);
    assert_int_equal(get(p->strict_port, &options).failure, HTTP_TLS_REFUSED);
}

int main(int argc, char **argv)
{
    struct peer peer = {.stdin_fd = -1};
    const char *tmp = getenv("TMPDIR");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_known_authority, &peer),
        cmocka_unit_test_prestate(test_unknown_authority, &peer),
        cmocka_unit_test_prestate(test_client_certificate, &peer),
    };
    if (argc != 2 || tmp == NULL)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    snprintf(peer.directory, sizeof peer.directory, "%s", tmp);
    snprintf(peer.script, sizeof peer.script, "%s", argv[1]);
    if (start_server(&peer) < 0)
        return 2;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    stop_server(&peer);
    return failed;
}
