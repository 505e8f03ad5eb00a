/* base_text.c: durations, sizes, names, near misses, UTF-8, ids, times, digests, codes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"

#include "base/clock.h"
#include "base/codes.h"
#include "base/digest.h"
#include "base/text.h"

enum { BAD = -1 };

struct number_case {
    const char *text;
    int rc;
    int64_t value;
    const char *formatted; /* NULL: not looked at */
};

static const struct number_case durations[] = {
    {"0", 0, 0, "0"},
    {"500ms", 0, 500, "500ms"},
    {"1000ms", 0, 1000, "1s"},
    {"30s", 0, 30000, "30s"},
    {"90s", 0, 90000, "90s"},
    {"2m", 0, 120000, "2m"},
    {"1h", 0, 3600000, "1h"},
    {"24h", 0, 86400000, "1d"},
    {"7d", 0, 604800000, "7d"},
    {"0s", 0, 0, "0"},
    {"106751991167d", 0, 106751991167 * INT64_C(86400000), NULL},
    {"106751991168d", BAD, 0, NULL}, /* overflow */
    {"99999999999999999999s", BAD, 0, NULL},
    {"30", BAD, 0, NULL},
    {"", BAD, 0, NULL},
    {"s", BAD, 0, NULL},
    {"-1s", BAD, 0, NULL},
    {"+1s", BAD, 0, NULL},
    {" 1s", BAD, 0, NULL},
    {"1s ", BAD, 0, NULL},
    {"1 s", BAD, 0, NULL},
    {"1.5s", BAD, 0, NULL},
    {"1S", BAD, 0, NULL},
    {"1w", BAD, 0, NULL},
    {"1sm", BAD, 0, NULL},
    {"0x1s", BAD, 0, NULL},
};

static const struct number_case sizes[] = {
    {"0", 0, 0, "0"},
    {"4096", 0, 4096, "4Ki"},
    {"4095", 0, 4095, "4095"},
    {"512M", 0, 512000000, "512M"},
    {"512Mi", 0, 536870912, "512Mi"},
    {"1k", 0, 1000, "1K"},
    {"1K", 0, 1000, "1K"},
    {"1KB", 0, 1000, NULL},
    {"1KiB", 0, 1024, "1Ki"},
    {"16B", 0, 16, "16"},
    {"2G", 0, 2000000000, "2G"},
    {"2Gi", 0, INT64_C(2147483648), "2Gi"},
    {"8589934591Gi", 0, INT64_C(8589934591) << 30, NULL},
    {"8589934592Gi", BAD, 0, NULL}, /* overflow */
    {"B", BAD, 0, NULL},
    {"", BAD, 0, NULL},
    {"5BB", BAD, 0, NULL},
    {"5T", BAD, 0, NULL},
    {"5m", BAD, 0, NULL},
    {"5ki", BAD, 0, NULL},
    {"-5", BAD, 0, NULL},
    {"1.5M", BAD, 0, NULL},
    {"5 M", BAD, 0, NULL},
    {"00000000000000000000000000000000001", BAD, 0, NULL},
};

static const struct number_case integers[] = {
    {"0", 0, 0, NULL},
    {"-7", 0, -7, NULL},
    {"9223372036854775807", 0, INT64_MAX, NULL},
    {"-9223372036854775808", 0, INT64_MIN, NULL},
    {"9223372036854775808", BAD, 0, NULL},
    {"", BAD, 0, NULL},
    {"-", BAD, 0, NULL},
    {"+1", BAD, 0, NULL},
    {" 1", BAD, 0, NULL},
    {"1 ", BAD, 0, NULL},
    {"1a", BAD, 0, NULL},
};

static void check_numbers(const struct number_case *cases, size_t n,
                          int (*parse)(const char *, int64_t *), void (*format)(int64_t, char *))
{
    for (size_t i = 0; i < n; i++) {
        char out[32];
        int64_t v = 0;
        if (parse(cases[i].text, &v) != cases[i].rc || (cases[i].rc == 0 && v != cases[i].value))
            fail_msg("%s: %lld", cases[i].text, (long long)v);
        if (cases[i].rc < 0 || format == NULL)
            continue;
        format(v, out);
        if (cases[i].formatted != NULL)
            assert_string_equal(out, cases[i].formatted);
        int64_t again;
        assert_int_equal(parse(out, &again), 0);
        assert_int_equal(again, v);
    }
}

static void test_numbers(void **state)
{
    (void)state;
    check_numbers(durations, sizeof durations / sizeof *durations, text_parse_duration,
                  text_format_duration);
    check_numbers(sizes, sizeof sizes / sizeof *sizes, text_parse_size, text_format_size);
    check_numbers(integers, sizeof integers / sizeof *integers, text_parse_i64, NULL);
}

static void test_names(void **state)
{
    (void)state;
    static const char *const good[] = {
        "a",       "Z9", "make_thumb",
        "a.b-c_d", "0",  "a23456789012345678901234567890123456789012345678901234567890123"};
    static const char *const bad[] = {
        "",      ".a",
        "-a",    "_a",
        "a b",   "a/b",
        "a\n",   "\xc3\xa9",
        "a\xe9", "a234567890123456789012345678901234567890123456789012345678901234"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(text_is_name(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(text_is_name(bad[i]));
}

static void test_nearest(void **state)
{
    (void)state;
    static const char *const words[] = {"timeout", "max_memory", "output_dir", "log_level"};
    enum { N = sizeof words / sizeof *words };
    assert_string_equal(text_nearest("timeuot", words, N), "timeout");
    assert_string_equal(text_nearest("timeout", words, N), "timeout");
    assert_string_equal(text_nearest("maxmemory", words, N), "max_memory");
    assert_string_equal(text_nearest("log-level", words, N), "log_level");
    assert_null(text_nearest("sandbox", words, N));
    assert_null(text_nearest("timeout", words, 0));
    assert_int_equal(text_distance("", ""), 0);
    assert_int_equal(text_distance("abc", ""), 3);
    assert_int_equal(text_distance("ca", "ac"), 1);
    assert_int_equal(text_distance("kitten", "sitting"), 3);
    char longer[70];
    memset(longer, 'a', sizeof longer);
    longer[65] = '\0';
    assert_int_equal(text_distance(longer, longer), 64);
    longer[64] = '\0';
    assert_int_equal(text_distance(longer, longer), 0);
    assert_int_equal(text_distance(longer, "b"), 64);
}

static void test_utf8(void **state)
{
    (void)state;
    static const char *const good[] = {"",
                                       "abc\n",
                                       "\xc2\x80",
                                       "\xdf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80",
                                      "\xbf",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xff",
                                      "\xc3",
                                      "\xe2\x82",
                                      "\xf0\x9f\x98",
                                      "\xe2\x28\xa1",
                                      "\xc3\xa9\xc3"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(text_is_utf8(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(text_is_utf8(bad[i], strlen(bad[i])));
    assert_false(text_is_utf8("a\0b", 3));
}

static void test_ids(void **state)
{
    (void)state;
    char a[ID_TEXT], b[ID_TEXT], secret[2 * 32 + 1], other[2 * 32 + 1];
    int64_t before = clock_wall_ms();
    id_new(a);
    id_new(b);
    assert_int_equal(strlen(a), ID_TEXT - 1);
    assert_string_not_equal(a, b);
    assert_int_equal(a[14], '7');
    assert_non_null(strchr("89ab", a[19]));
    assert_int_equal(strspn(a, "0123456789abcdef-"), ID_TEXT - 1);
    char time[13];
    snprintf(time, sizeof time, "%.8s%.4s", a, a + 9);
    int64_t ms = strtoll(time, NULL, 16);
    assert_true(ms >= before && ms <= clock_wall_ms());
    id_secret(secret, 32);
    id_secret(other, 32);
    assert_int_equal(strlen(secret), 64);
    assert_string_not_equal(secret, other);
}

static void test_clock(void **state)
{
    (void)state;
    char text[CLOCK_TEXT];
    clock_format(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    clock_format(INT64_C(1769862896789), text);
    assert_string_equal(text, "2026-01-31T12:34:56.789Z");
    clock_format(INT64_C(253402300799999), text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
    int64_t us = clock_mono_us(), ms = clock_mono_ms();
    assert_true(ms >= us / 1000 && clock_mono_us() >= us);
}

static void test_digests(void **state)
{
    (void)state;
    char hex[DIGEST_HEX], key[200];
    digest_sha256("", 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    digest_sha256("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    digest_hmac("Jefe", 4, "what do ya want for nothing?", 28, hex);
    assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key); /* RFC 4231, case 6: a key longer than a block */
    digest_hmac(key, 131, "Test Using Larger Than Block-Size Key - Hash Key First", 54, hex);
    assert_string_equal(hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    assert_true(digest_equal(hex, hex));
    assert_true(digest_equal("", ""));
    assert_false(digest_equal("abc", "abd"));
    assert_false(digest_equal("abc", "abcd"));
}

static void test_codes(void **state)
{
    (void)state;
    for (int i = 0; i < CODE_COUNT; i++) {
        const struct code_info *info = code_info((enum code)i);
        assert_non_null(info->name);
        assert_true(info->help != NULL && info->help[0] != '\0');
        assert_int_equal(code_find(info->name), i);
        assert_string_equal(code_name((enum code)i), info->name);
        assert_non_null(code_fault_name((enum code)i));
        assert_true((info->exit_code == 0) == (i == CODE_OK));
    }
    assert_int_equal(code_find("ok"), CODE_COUNT);
    assert_int_equal(code_find(""), CODE_COUNT);
    assert_ptr_equal(code_info(CODE_COUNT), code_info(CODE_INTERNAL));
    assert_ptr_equal(code_info((enum code) - 1), code_info(CODE_INTERNAL));
    assert_int_equal(code_of_abi_status(-1), CODE_INVALID_INPUT);
    assert_int_equal(code_of_abi_status(-2), CODE_TRANSIENT);
    assert_int_equal(code_of_abi_status(-3), CODE_CANCELLED);
    assert_int_equal(code_of_abi_status(-4), CODE_PERMANENT);
    assert_int_equal(code_of_abi_status(-5), CODE_PERMANENT);
    assert_int_equal(code_of_abi_status(-6), CODE_CONTRACT_VIOLATION);
    assert_int_equal(code_of_abi_status(0), CODE_CONTRACT_VIOLATION);
    assert_int_equal(code_of_abi_status(1), CODE_CONTRACT_VIOLATION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers), cmocka_unit_test(test_names),
        cmocka_unit_test(test_nearest), cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_ids),     cmocka_unit_test(test_clock),
        cmocka_unit_test(test_digests), cmocka_unit_test(test_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
