/* core_peers.c: clients, their secrets, and what the core keeps of them. */
#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "core/core.h"
#include "core/peers.h"
#include "loop/loop.h"

/* A core with nothing but peers. */
static int setup(void **state)
{
    struct core *c = calloc(1, sizeof *c);
    assert_non_null(c);
    c->loop = loop_new();
    c->peers = table_new();
    c->clients = table_new();
    assert_true(c->loop != NULL && c->peers != NULL && c->clients != NULL);
    *state = c;
    return 0;
}

static int teardown(void **state)
{
    struct core *c = *state;
    peers_clear(c);
    loop_free(c->loop);
    free(c);
    return 0;
}

/* A connection that ZeroMQ calls so. */
static struct peer *connection(struct core *c, const char *name)
{
    const struct wire_view frame = {name, strlen(name)};
    struct peer *p = peer_of(c, NULL, "", &frame, 1, false);
    assert_non_null(p);
    return p;
}

static struct owner *hello(struct core *c, struct peer *p, char *secret, bool expected)
{
    bool is_resumed;
    struct owner *o = peer_hello(c, p, secret, &is_resumed);
    assert_non_null(o);
    assert_int_equal(is_resumed, expected);
    return o;
}

static void the_secret_opens_the_client(void **state)
{
    struct core *c = *state;
    char made[RESUME_TEXT] = "", shown[RESUME_TEXT];
    struct owner *o = hello(c, connection(c, "a"), made, false);
    assert_int_equal(strlen(made), 2 * RESUME_BYTES);
    strcpy(shown, made);
    assert_ptr_equal(hello(c, connection(c, "b"), shown, true), o);
    assert_string_equal(shown, made);
}

static void what_opens_nothing_is_replaced(void **state)
{
    struct core *c = *state;
    char made[RESUME_TEXT] = "";
    struct owner *o = hello(c, connection(c, "a"), made, false);
    char wrong[][RESUME_TEXT] = {"unknown", "", ""};
    memcpy(wrong[1], made, 2 * RESUME_BYTES - 1); /* one digit is missing */
    memcpy(wrong[2], made, 2 * RESUME_BYTES);
    wrong[2][2 * RESUME_BYTES] = 'x';
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char name[2] = {(char)('b' + (int)i), '\0'}, before[RESUME_TEXT];
        strcpy(before, wrong[i]);
        assert_ptr_not_equal(hello(c, connection(c, name), wrong[i], false), o);
        assert_string_not_equal(wrong[i], before);
        assert_string_not_equal(wrong[i], made);
    }
}

/* Whoever reads the core's memory, or its journal, cannot present himself as the client by it. */
static void the_secret_is_not_kept(void **state)
{
    struct core *c = *state;
    char made[RESUME_TEXT] = "", hash[RESUME_TEXT] = "";
    struct owner *o = hello(c, connection(c, "a"), made, false);
    assert_null(memmem(o, sizeof *o, made, 2 * RESUME_BYTES));
    assert_int_equal(strlen(o->resume_hash), DIGEST_HEX - 1);
    memcpy(hash, o->resume_hash, RESUME_TEXT - 1);
    assert_ptr_not_equal(hello(c, connection(c, "b"), hash, false), o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_secret_opens_the_client, setup, teardown),
        cmocka_unit_test_setup_teardown(what_opens_nothing_is_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(the_secret_is_not_kept, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
