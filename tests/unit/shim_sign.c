/* shim_sign.c: signatures of Avtomatika's protocol. The vectors were made with rxon 1.0b17 (whose
 * own code the server checks with) and again with a few lines of Python of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "shim/avtomatika_map.h"

static const char secret[] = "worker-secret";

static void check(const char *body, const char *unsigned_name, const char *signature)
{
    char expected[4096];
    struct buf b = BUF_INIT(1 << 20);
    assert_int_equal(buf_append_str(&b, body), 0);
    assert_int_equal(avt_sign(secret, "w-1", &b, unsigned_name), 0);
    /* What was there stays byte for byte. */
    snprintf(expected, sizeof expected,
             "%.*s,\"security\":{\"signature\":\"%s\",\"signer_id\":\"w-1\"}}",
             (int)strlen(body) - 1, body, signature);
    assert_string_equal(buf_cstr(&b), expected);
    buf_clear(&b);
}

static void test_vectors(void **state)
{
    (void)state;
    check("{\"worker_id\":\"w\",\"timestamp\":1795230351}", NULL,
          "33ab661679928af92a910489bdd398b247aa1a64ffc5c25eaaa58999f2706e1f");
    /* Non-ASCII as it is and escaped, nulls in objects and arrays, keys beyond ASCII. */
    check("{\"b\":1,\"a\":\"\\u00e4\\u4e2d\\ud83d\\ude00 "
          "ä中\",\"é\":[null,{\"x\":null,\"y\":[null]}],"
          "\"n\":null,\"z\":{\"q\":null}}",
          NULL, "7a3f8bf2da38e5c4205d2c7f4f6be57c1ef14522f96bac2ae431f666fea76300");
    check("{\"data\":{\"f\":0.1,\"g\":1e-7,\"h\":12.0,\"i\":-0.0,\"j\":1E3,\"k\":123456789012345.6,"
          "\"l\":0.30000000000000004,\"m\":2.5e-300}}",
          NULL, "eb3c1de5a030541402f9b595e86a1ed4c6e569f6a8e51b86369abd0b44014820");
    check("{\"data\":{\"a\":0.00001,\"b\":0.000001,\"c\":1.0000000000000002,"
          "\"d\":100000000000000000000.0e-3,\"e\":-1.5,\"f\":9007199254740993,"
          "\"g\":18446744073709551615,\"h\":-0}}",
          NULL, "f88c15e76084744951c9b01e0be058832c5264e17a7749c7cad3f0778354d7cf");
    check("{\"event_type\":\"progress\",\"bubbling_chain\":[\"a\",\"b\"],"
          "\"payload\":{\"progress\":0.25,\"message\":\"hälf \\\"q\\\" \\\\ \\/ \\n\\u0001\"}}",
          "bubbling_chain", "5d8d793533ebd2413c30869953ceeaa6e20b48d7662fb23b44bac9a6557df7d1");
}

static void refuse(const char *body, size_t room, int error)
{
    struct buf b = BUF_INIT(room);
    assert_int_equal(buf_append_str(&b, body), 0);
    assert_int_equal(avt_sign(secret, "w-1", &b, NULL), -1);
    assert_int_equal(errno, error);
    buf_clear(&b);
}

static void test_refused(void **state)
{
    (void)state;
    refuse("{\"a\":1,\"a\":2}", 1000, EINVAL);
    refuse("{\"a\":\"\\u0000\"}", 1000, EINVAL);
    refuse("{\"a\":", 1000, EINVAL);
    refuse("{\"a\":1}", 50, EMSGSIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_vectors),
                                       cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
