/* wire_message.c: the form of messages, good and bad. */
#include "cmocka_all.h"

#include <string.h>

#include "wire/message.h"

enum { FRAMES = 14 };

struct row {
    const char *frames[FRAMES]; /* NULL ends; "" is an empty frame */
    enum wire_fault fault;
    size_t n_envelope, n_body;
    int is_req;
    enum wire_verb verb;
    const char *header;
};

static const struct wire_limits limits = {
    .frame_bytes = 20, .message_bytes = 60, .header_bytes = 10, .frames = 6};

static const struct row rows[] = {
    {{"id", "PEN/1", "PING"}, WIRE_OK, 1, 0, 0, WIRE_PING, "{}"},
    {{"id", "PEN/1", "PING", ""}, WIRE_OK, 1, 0, 0, WIRE_PING, "{}"},
    {{"id", "", "PEN/1", "PING", "{}"}, WIRE_OK, 2, 0, 1, WIRE_PING, "{}"},
    {{"id", "x", "PEN/1", "SUBMIT", "{\"a\":1}", "b", "c"},
     WIRE_OK,
     2,
     2,
     0,
     WIRE_SUBMIT,
     "{\"a\":1}"},
    {{"id", "1", "2", "3", "4", "5", "6", "7", "8", "PEN/1", "PING"},
     WIRE_OK,
     9,
     0,
     0,
     WIRE_PING,
     "{}"},
    {{"id", "1", "2", "3", "4", "5", "6", "7", "8", "9", "PEN/1", "PING"},
     WIRE_NO_PROTOCOL,
     0,
     0,
     0,
     0,
     "{}"},
    {{"id"}, WIRE_NO_PROTOCOL, 0, 0, 0, 0, "{}"},
    {{"PEN/1", "PING"}, WIRE_NO_PROTOCOL, 0, 0, 0, 0, "{}"}, /* the routing id may look like
                                                                anything */
    {{"id", "hello", "world"}, WIRE_NO_PROTOCOL, 0, 0, 0, 0, "{}"},
    {{"id", "PEN/2", "PING"}, WIRE_OTHER_VERSION, 1, 0, 0, 0, "{}"},
    {{"id", "PEN/1"}, WIRE_NO_VERB, 1, 0, 0, 0, "{}"},
    {{"id", "PEN/1", "ping"}, WIRE_OK, 1, 0, 0, WIRE_UNKNOWN, "{}"},
    {{"id", "PEN/1", "PINGS"}, WIRE_OK, 1, 0, 0, WIRE_UNKNOWN, "{}"},
    {{"id", "PEN/1", "SUBMIT", "{}", "1", "2", "3", "4"}, WIRE_TOO_MANY_FRAMES, 1, 0, 0, 0, "{}"},
    {{"id", "PEN/1", "SUBMIT", "{}", "123456789012345678901"}, WIRE_TOO_LARGE, 1, 0, 0, 0, "{}"},
    {{"id", "PEN/1", "SUBMIT", "{}", "12345678901234567890", "12345678901234567890",
      "12345678901234567890"},
     WIRE_TOO_LARGE,
     1,
     0,
     0,
     0,
     "{}"},
    {{"id", "PEN/1", "SUBMIT", "{\"aaaa\":12}"},
     WIRE_TOO_LARGE,
     1,
     0,
     0,
     WIRE_SUBMIT,
     "{\"aaaa\":12}"},
};

static void each_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct wire_view views[FRAMES];
        struct wire_message m;
        size_t n = 0;
        for (; rows[i].frames[n] != NULL; n++)
            views[n] = (struct wire_view){rows[i].frames[n], strlen(rows[i].frames[n])};
        assert_int_equal(wire_parse(views, n, 1, &limits, &m), rows[i].fault);
        assert_int_equal(m.n_envelope, rows[i].n_envelope);
        assert_int_equal(m.is_req, rows[i].is_req);
        assert_int_equal(m.verb, rows[i].verb);
        assert_int_equal(m.header.len, strlen(rows[i].header));
        assert_memory_equal(m.header.data, rows[i].header, m.header.len);
        if (rows[i].fault == WIRE_OK)
            assert_int_equal(m.n_body, rows[i].n_body);
    }
}

static void verbs_there_and_back(void **state)
{
    (void)state;
    for (int v = 1; v < WIRE_VERB_COUNT; v++) {
        const char *name = wire_verb_name((enum wire_verb)v);
        assert_int_equal(wire_verb_find(name, strlen(name)), v);
    }
    assert_int_equal(wire_verb_find("", 0), WIRE_UNKNOWN);
    assert_string_equal(wire_verb_name(WIRE_VERB_COUNT), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_row),
                                       cmocka_unit_test(verbs_there_and_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
