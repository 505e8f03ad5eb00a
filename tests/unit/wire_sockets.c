/* wire_sockets.c: a ROUTER and a DEALER over a real ipc socket: whole messages, bodies, limits,
 * peers that are gone. */
#include "cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loop/loop.h"
#include "wire/client.h"
#include "wire/router.h"

enum { GIVE_UP_MS = 10000, FRAMES_MAX = 8 };

struct fixture {
    struct loop *loop;
    void *context;
    struct router *router;
    struct wire_client *client;
    int fd; /* listens at path */
    char path[256], endpoint[300];
    /* what came */
    int to_router, to_client, was_cut;
    size_t router_frames;
    struct router_peer peer;
    char identity[64];
    enum wire_verb verb;
    char header[256];
    char body[64];
    size_t n_body;
};

static void on_router(void *arg, struct router *r, zmq_msg_t *frames, size_t n, int is_cut)
{
    struct fixture *f = arg;
    f->to_router++;
    f->was_cut = is_cut;
    f->router_frames = n;
    size_t len = zmq_msg_size(&frames[0]);
    memcpy(f->identity, zmq_msg_data(&frames[0]), len);
    f->peer = (struct router_peer){.n = 1, .frames = {{f->identity, len}}};
    zmq_msg_t body;
    zmq_msg_t *list[] = {&body};
    zmq_msg_init_size(&body, 5);
    memcpy(zmq_msg_data(&body), "bytes", 5);
    assert_int_equal(router_send(r, &f->peer, WIRE_RESULT, "{\"a\":1}", 7, list, 1), 0);
    zmq_msg_close(&body);
}

static void on_client(void *arg, enum wire_verb verb, const char *header, size_t len,
                      const struct wire_view *body, size_t n_body)
{
    struct fixture *f = arg;
    f->to_client++;
    f->verb = verb;
    f->n_body = n_body;
    snprintf(f->header, sizeof f->header, "%.*s", (int)len, header);
    if (n_body > 0)
        snprintf(f->body, sizeof f->body, "%.*s", (int)body[0].len, (const char *)body[0].data);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    const struct router_options o = {.max_frame_bytes = 1 << 16, .max_frames = FRAMES_MAX};
    const char *dir = getenv("TMPDIR");
    snprintf(f->path, sizeof f->path, "%s/wire-%d.sock", dir != NULL ? dir : "/tmp", rand());
    snprintf(f->endpoint, sizeof f->endpoint, "ipc://%s", f->path);
    f->loop = loop_new();
    f->context = zmq_ctx_new();
    f->router = router_new(f->loop, f->context, &o, on_router, f);
    f->fd = router_listen_ipc(f->path, 0660, (gid_t)-1);
    assert_int_equal(router_bind_ipc(f->router, f->path, f->fd), 0);
    f->client = wire_client_new(f->loop, f->endpoint, on_client, f);
    assert_non_null(f->client);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    wire_client_free(f->client, 0);
    router_free(f->router, 0);
    close(f->fd);
    zmq_ctx_term(f->context);
    loop_free(f->loop);
    free(f);
    return 0;
}

static void turn_until(struct fixture *f, const int *counter, int wanted)
{
    for (int i = 0; *counter < wanted && i < GIVE_UP_MS; i++) {
        loop_turn(f->loop, 1);
        router_serve(f->router, 64);
    }
    assert_int_equal(*counter, wanted);
}

static void there_and_back(void **state)
{
    struct fixture *f = *state;
    const struct wire_view body = {"input", 5};
    for (int i = 1; i <= 50; i++)
        assert_int_equal(wire_client_send(f->client, WIRE_SUBMIT, "{}", 2, &body, 1), 0);
    turn_until(f, &f->to_router, 50);
    assert_int_equal(f->router_frames, 5);
    turn_until(f, &f->to_client, 50);
    assert_int_equal(f->verb, WIRE_RESULT);
    assert_string_equal(f->header, "{\"a\":1}");
    assert_string_equal(f->body, "bytes");
    assert_int_equal(f->n_body, 1);
}

static void too_many_frames_are_cut(void **state)
{
    struct fixture *f = *state;
    struct wire_view body[40];
    for (size_t i = 0; i < 40; i++)
        body[i] = (struct wire_view){"x", 1};
    assert_int_equal(wire_client_send(f->client, WIRE_SUBMIT, "{}", 2, body, 40), 0);
    turn_until(f, &f->to_router, 1);
    assert_true(f->was_cut);
    assert_int_equal(wire_client_send(f->client, WIRE_PING, "{}", 2, NULL, 0), 0);
    turn_until(f, &f->to_router, 2);
    assert_false(f->was_cut);
    assert_int_equal(f->router_frames, 4);
}

static void the_socket_has_its_mode(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0660);
}

/* The router goes with all its connections; the place stays, and the next router serves whoever comes. */
static void a_place_outlives_its_router(void **state)
{
    struct fixture *f = *state;
    const struct router_options o = {.max_frame_bytes = 1 << 16, .max_frames = FRAMES_MAX};
    char before[256] = "", bound[256] = "";
    int tcp = router_listen_tcp("127.0.0.1:0");
    assert_true(tcp >= 0);
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(router_bind_tcp(f->router, tcp, bound), 0);
        assert_true(i == 1 || strcmp(before, bound) == 0);
        memcpy(before, bound, sizeof bound);
        assert_int_equal(wire_client_send(f->client, WIRE_PING, "{}", 2, NULL, 0), 0);
        turn_until(f, &f->to_router, i);
        router_free(f->router, 0);
        assert_int_equal(access(f->path, F_OK), 0);
        f->router = router_new(f->loop, f->context, &o, on_router, f);
        assert_int_equal(router_bind_ipc(f->router, f->path, f->fd), 0);
        wire_client_free(f->client, 0);
        f->client = wire_client_new(f->loop, f->endpoint, on_client, f);
    }
    close(tcp);
}

static void addresses(void **state)
{
    static const char *const wrong[] = {"127.0.0.1",   ":7",          "",
                                        "localhost:0", "127.0.0.1:x", "[::1]"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(router_listen_tcp(wrong[i]), -1);
}

static void nobody_there(void **state)
{
    struct fixture *f = *state;
    const struct router_peer nobody = {.n = 1, .frames = {{"nobody", 6}}};
    assert_int_equal(router_send(f->router, &nobody, WIRE_PONG, "{}", 2, NULL, 0), -1);
    assert_int_equal(errno, EHOSTUNREACH);
    assert_null(wire_client_new(f->loop, "ipc:///nowhere/at/all.sock", on_client, f));
    assert_int_equal(errno, ENOENT);
}

/* Who may connect is settled before anybody can, and what an earlier host has left is no hindrance. */
static void a_place_is_taken_over(void **state)
{
    const struct fixture *f = *state;
    char path[300], too_long[200];
    struct stat st;
    snprintf(path, sizeof path, "%s.other", f->path);
    memset(too_long, 'x', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = '\0';
    for (int i = 0; i < 2; i++) {
        int fd = router_listen_ipc(path, 0620, getegid());
        assert_true(fd >= 0);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode, S_IFSOCK | 0620);
        assert_int_equal(st.st_gid, getegid());
        close(fd); /* the file stays */
    }
    unlink(path);
    assert_int_equal(router_listen_ipc(too_long, 0600, (gid_t)-1), -1);
    assert_int_equal(errno, ENAMETOOLONG);
    assert_int_equal(router_listen_ipc("/nowhere/at/all.sock", 0600, (gid_t)-1), -1);
    assert_int_equal(errno, ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(there_and_back, setup, teardown),
        cmocka_unit_test_setup_teardown(too_many_frames_are_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(the_socket_has_its_mode, setup, teardown),
        cmocka_unit_test_setup_teardown(a_place_outlives_its_router, setup, teardown),
        cmocka_unit_test(addresses),
        cmocka_unit_test_setup_teardown(nobody_there, setup, teardown),
        cmocka_unit_test_setup_teardown(a_place_is_taken_over, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
