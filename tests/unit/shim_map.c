/* shim_map.c: Avtomatika's numbers, codes and limits; verdicts about answers; pauses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "shim/avtomatika.h"
#include "shim/avtomatika_map.h"
#include "shim/backoff.h"

static void test_priority(void **state)
{
    (void)state;
    const double ordered[] = {-INFINITY, -1e300, -100, -1, -0.5, 0,       0.25,
                              1,         2,      9,    10, 1000, INFINITY};
    assert_true(avt_priority(0) == 5);
    assert_true(avt_priority(NAN) == 5);
    assert_true(avt_priority(INFINITY) == 9 && avt_priority(-INFINITY) == 0);
    for (size_t i = 0; i < sizeof ordered / sizeof *ordered; i++) {
        double p = avt_priority(ordered[i]);
        assert_true(p >= 0 && p <= 9);
        if (i > 1 && i + 1 < sizeof ordered / sizeof *ordered)
            assert_true(p > avt_priority(ordered[i - 1]));
    }
}

static void test_deadline(void **state)
{
    (void)state;
    assert_int_equal(avt_deadline_ms(1795230469.9627852), 1795230469962);
    assert_int_equal(avt_deadline_ms(0), 0);
    assert_int_equal(avt_deadline_ms(-5), 0);
    assert_int_equal(avt_deadline_ms(NAN), 0);
    assert_true(avt_deadline_ms(1e300) > 0);
}

static const char *why_not(const char *json, int depth)
{
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault;
    assert_int_equal(json_scan(&doc, json, strlen(json), &fault), 0);
    const char *why = avt_why_not(&doc, 0, depth);
    json_doc_clear(&doc);
    return why;
}

static void test_values_the_server_takes(void **state)
{
    (void)state;
    const char *const good[] = {
        "0",   "-0.0", "12.0",   "1e-400", "18446744073709551615",      "-9223372036854775808",
        "1.5", "9e18", "1.8e19", "5e-324", "{\"a\":[1,{\"b\":\"x\"}]}", "[]"};
    const char *const bad[] = {"18446744073709551616",
                               "-9223372036854775809",
                               "1e20",
                               "1.9e19",
                               "1e300",
                               "-1e19",
                               "1e400",
                               "[1,{\"a\":1e20}]",
                               "123456789012345678901234567890"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_null(why_not(good[i], 1));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_non_null(why_not(bad[i], 1));
    assert_null(why_not("[[0]]", 28));
    assert_non_null(why_not("[[0]]", 29));
}

static void check_data(const char *data, const char *outputs, const char *expected)
{
    struct buf b = BUF_INIT(4096);
    struct json_span d = {data, data != NULL ? strlen(data) : 0};
    struct json_span o = {outputs, outputs != NULL ? strlen(outputs) : 0};
    assert_int_equal(avt_data(d, o, &b), 0);
    assert_string_equal(buf_cstr(&b), expected);
    buf_clear(&b);
}

static void test_data(void **state)
{
    (void)state;
    const char *const outs = "{\"t\":{\"uri\":\"u\"}}";
    check_data("{ \"a\" : 1.50 }", NULL, "{ \"a\" : 1.50 }");
    check_data("{ \"a\" : 1.50 }", outs, "{ \"a\" : 1.50 ,\"outputs\":{\"t\":{\"uri\":\"u\"}}}");
    check_data("{ }", outs, "{ \"outputs\":{\"t\":{\"uri\":\"u\"}}}");
    check_data(NULL, outs, "{\"outputs\":{\"t\":{\"uri\":\"u\"}}}");
    check_data("[1,2]", NULL, "{\"data\":[1,2]}");
    check_data("\"x\"", outs, "{\"data\":\"x\",\"outputs\":{\"t\":{\"uri\":\"u\"}}}");
    check_data("{\"outputs\":3}", outs,
               "{\"data\":{\"outputs\":3},\"outputs\":{\"t\":{\"uri\":\"u\"}}}");
    check_data("{\"outputs\":3}", NULL, "{\"outputs\":3}");
    check_data(NULL, NULL, "");
}

static void check_error(enum code code, const char *details, const char *expected)
{
    struct buf b = BUF_INIT(4096);
    struct json_span d = {details, details != NULL ? strlen(details) : 0};
    assert_int_equal(avt_error(code_info(code)->avtomatika, "it \"broke\"", code, d, &b), 0);
    assert_string_equal(buf_cstr(&b), expected);
    buf_clear(&b);
}

static void test_error(void **state)
{
    (void)state;
    check_error(CODE_CRASH, "{\"signal\":11}",
                "{\"code\":\"INTERNAL_ERROR\",\"message\":\"it \\\"broke\\\"\",\"details\":"
                "{\"code\":\"CRASH\",\"fault\":\"plugin\",\"details\":{\"signal\":11}}}");
    check_error(
        CODE_OOM, NULL,
        "{\"code\":\"RESOURCE_EXHAUSTED_ERROR\",\"message\":\"it \\\"broke\\\"\",\"details\":"
        "{\"code\":\"OOM\",\"fault\":\"task\"}}");
    /* Details that the server could not check the signature of are left out. */
    check_error(
        CODE_OOM, "{\"bytes\":1e30}",
        "{\"code\":\"RESOURCE_EXHAUSTED_ERROR\",\"message\":\"it \\\"broke\\\"\",\"details\":"
        "{\"code\":\"OOM\",\"fault\":\"task\"}}");
}

/* Each of our codes that can end a task has one of theirs. */
static void test_every_code(void **state)
{
    (void)state;
    for (int i = 1; i < CODE_COUNT; i++) {
        if (i != CODE_CANCELLED)
            assert_non_null(code_info((enum code)i)->avtomatika);
    }
}

static void test_verdicts(void **state)
{
    static const struct {
        const char *error;
        int status;
        enum avt_verdict verdict;
    } rows[] = {
        {"", 200, AVT_OK},
        {"", 204, AVT_OK},
        {"no connection", 0, AVT_AWAY},
        {"", 429, AVT_TOO_MANY},
        {"", 413, AVT_TOO_BIG},
        {"", 500, AVT_BROKEN},
        {"", 503, AVT_BROKEN},
        {"", 400, AVT_REFUSED},
        {"", 404, AVT_REFUSED},
        {"", 302, AVT_REFUSED},
        {"", 401, AVT_CREDENTIALS},
        {"Unauthorized: No valid token found", 403, AVT_CREDENTIALS},
        {"Immediate sender ID mismatch", 403, AVT_CREDENTIALS},
        {"Invalid cryptographic signature", 403, AVT_SIGNATURE},
        {"Missing required security context", 403, AVT_SIGNATURE},
        {"Message signer ID 'x' does not match worker ID 'y'", 403, AVT_SIGNATURE},
        {"Message timestamp expired (replay protection)", 403, AVT_CLOCK},
        {"Duplicate message detected (replay attack)", 403, AVT_REPLAY},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(avt_verdict_of(rows[i].status, rows[i].error), rows[i].verdict);
}

static void test_backoff(void **state)
{
    struct backoff b = {.first_ms = 1000, .max_ms = 60000};
    const int64_t pauses[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
    (void)state;
    for (size_t i = 0; i < sizeof pauses / sizeof *pauses; i++)
        assert_int_equal(backoff_next(&b, 0), pauses[i]);
    backoff_reset(&b);
    assert_int_equal(backoff_next(&b, UINT32_MAX), 750);
    assert_int_equal(backoff_next(&b, UINT32_MAX / 2), 1751);
    for (int i = 0; i < 100; i++)
        assert_in_range(backoff_next(&b, backoff_chance()), 1500, 60000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_priority),   cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_data),       cmocka_unit_test(test_error),
        cmocka_unit_test(test_every_code), cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_backoff),    cmocka_unit_test(test_values_the_server_takes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
