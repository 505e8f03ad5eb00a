/* base_json.c: the JSON scanner, its accessors, and the canonical form. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "cmocka_all.h"

#include "base/buf.h"
#include "base/json.h"

/* An exact copy on the heap: a sanitizer sees a read past the end. */
static char *exact(const char *text, size_t n)
{
    char *copy = malloc(n > 0 ? n : 1);
    assert_non_null(copy);
    memcpy(copy, text, n);
    return copy;
}

static void scan_ok(struct json_doc *doc, const char *text)
{
    struct json_fault fault = {.what = "none"};
    if (json_scan(doc, text, strlen(text), &fault) < 0)
        fail_msg("%s: %s at %zu", text, fault.what, fault.offset);
}

static const char *const accepted[] = {
    "0",
    "-0",
    "1.5e-7",
    "1E+400",
    "true",
    "false",
    "null",
    "\"\"",
    "[]",
    "{}",
    " \t\r\n[ 1 , 2 ]\n",
    "{\"a\":{\"b\":[{\"c\":null}]}}",
    "\"\\u0041\\n\\/\\\"\\\\\"",
    "\"\\ud83d\\ude00\"",
    "\"\xf0\x9f\x98\x80\"",
    "\"\x7f\"",
    "{\"a\":1,\"A\":2,\"aa\":3,\"\":4}",
    "[[],{},\"\",0,-1,true,false,null]",
    "\"\xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82 abcdefghij\"",
    "123456789012345678901234567890.5"};

static const struct refusal {
    const char *text;
    size_t offset;
    const char *what;
} refused[] = {
    {"", 0, "the text ends where a value should be"},
    {"  ", 2, "the text ends where a value should be"},
    {"tru", 0, "expected a value"},
    {"nul", 0, "expected a value"},
    {"NaN", 0, "expected a value"},
    {"Infinity", 0, "expected a value"},
    {"'a'", 0, "expected a value"},
    {"+1", 0, "expected a value"},
    {".5", 0, "expected a value"},
    {"\xef\xbb\xbf{}", 0, "expected a value"},
    {"-", 1, "a digit is missing"},
    {"1.", 2, "a digit is missing"},
    {"1.e5", 2, "a digit is missing"},
    {"1e", 2, "a digit is missing"},
    {"1e+", 3, "a digit is missing"},
    {"01", 1, "something follows the value"},
    {"-01", 2, "something follows the value"},
    {"0x10", 1, "something follows the value"},
    {"1 2", 2, "something follows the value"},
    {"{}}", 2, "something follows the value"},
    {"{} //", 3, "something follows the value"},
    {"[1,]", 3, "expected a value"},
    {"[1 2]", 3, "expected , or ]"},
    {"[1", 2, "expected , or ]"},
    {"[1}", 2, "expected , or ]"},
    {"[", 1, "the text ends where a value should be"},
    {"{", 1, "expected a member name"},
    {"{,}", 1, "expected a member name"},
    {"{1:2}", 1, "expected a member name"},
    {"{\"a\":1,}", 7, "expected a member name"},
    {"{\"a\"}", 4, "expected :"},
    {"{\"a\" 1}", 5, "expected :"},
    {"{\"a\":}", 5, "expected a value"},
    {"{\"a\":1]", 6, "expected , or }"},
    {"{\"a\":1 \"b\":2}", 7, "expected , or }"},
    {"\"abc", 0, "the text ends inside a string"},
    {"\"abc\\", 4, "the text ends inside a string"},
    {"\"a\nb\"", 2, "a control character in a string"},
    {"\"0123456789\x1f\"", 11, "a control character in a string"},
    {"\"\\x41\"", 1, "unknown escape"},
    {"\"\\u00g0\"", 1, "\\u needs four hex digits"},
    {"\"\\u12", 1, "\\u needs four hex digits"},
    {"\"a\\u0000\"", 2, "\\u0000 is not accepted"},
    {"\"\\ud800\"", 1, "a surrogate without its other half"},
    {"\"\\ud800x\"", 1, "a surrogate without its other half"},
    {"\"\\ud800\\u0041\"", 1, "a surrogate without its other half"},
    {"\"\\ud800\\ud800\"", 1, "a surrogate without its other half"},
    {"\"\\udc00\"", 1, "a surrogate without its other half"},
    {"\"\x80\"", 1, "invalid UTF-8"},
    {"\"\xc0\xaf\"", 1, "invalid UTF-8"},
    {"\"\xed\xa0\x80\"", 1, "invalid UTF-8"},
    {"\"\xf4\x90\x80\x80\"", 1, "invalid UTF-8"},
    {"\"\xe2\x82\"", 1, "invalid UTF-8"},
    {"\"ok\xe2\x82", 3, "invalid UTF-8"},
    {"{\"a\":1,\"a\":2}", 7, "a name stands twice in an object"},
    {"{\"a\":1,\"b\":0,\"\\u0061\":2}", 13, "a name stands twice in an object"},
    {"{\"\\u0061\":1,\"\\u0061\":2}", 12, "a name stands twice in an object"},
    {"[{\"x\":{\"\":1,\"\":2}}]", 12, "a name stands twice in an object"},
};

static void test_accepts(void **state)
{
    (void)state;
    struct json_doc doc = JSON_DOC_INIT;
    for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++) {
        struct json_fault fault = {.what = "none"};
        size_t n = strlen(accepted[i]);
        char *text = exact(accepted[i], n);
        if (json_scan(&doc, text, n, &fault) < 0)
            fail_msg("%s: %s at %zu", accepted[i], fault.what, fault.offset);
        assert_int_equal(doc.tokens[0].next, doc.n);
        free(text);
    }
    json_doc_clear(&doc);
}

static void test_refuses(void **state)
{
    (void)state;
    struct json_doc doc = JSON_DOC_INIT;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const struct refusal *r = &refused[i];
        struct json_fault fault = {.what = "none"};
        char *text = exact(r->text, strlen(r->text));
        if (json_scan(&doc, text, strlen(r->text), &fault) == 0)
            fail_msg("accepted: %s", r->text);
        if (fault.offset != r->offset || strcmp(fault.what, r->what) != 0)
            fail_msg("%s: %s at %zu, expected %s at %zu", r->text, fault.what, fault.offset,
                     r->what, r->offset);
        free(text);
    }
    json_doc_clear(&doc);
}

/* Each text cut at each place: refused or read, never read past. */
static void test_cut_texts(void **state)
{
    (void)state;
    static const char text[] =
        "{\"k\\u00e9y\":[1.5e3,-2,true,null,\"\xd0\xbf\\ud83d\\ude00\"],\"z\":{}}";
    struct json_doc doc = JSON_DOC_INIT;
    for (size_t n = 0; n < sizeof text; n++) {
        struct json_fault fault;
        char *cut = exact(text, n);
        assert_int_equal(json_scan(&doc, cut, n, &fault), n == sizeof text - 1 ? 0 : -1);
        free(cut);
    }
    json_doc_clear(&doc);
}

static void test_nul_bytes(void **state)
{
    (void)state;
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault;
    assert_int_equal(json_scan(&doc, "\"a\0b\"", 5, &fault), -1);
    assert_int_equal(json_scan(&doc, "{}\0", 3, &fault), -1);
    assert_int_equal(json_scan(&doc, "\"\\\0\"", 4, &fault), -1);
    json_doc_clear(&doc);
}

static void test_depth(void **state)
{
    (void)state;
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault;
    char text[2 * (JSON_DEPTH_MAX + 1)];
    memset(text, '[', JSON_DEPTH_MAX + 1);
    memset(text + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
    assert_int_equal(json_scan(&doc, text + 1, 2 * JSON_DEPTH_MAX, &fault), 0);
    assert_int_equal(json_scan(&doc, text, 2 * (JSON_DEPTH_MAX + 1), &fault), -1);
    assert_string_equal(fault.what, "nested too deeply");
    assert_int_equal(fault.offset, JSON_DEPTH_MAX);
    json_doc_clear(&doc);
}

static void test_too_many_values(void **state)
{
    (void)state;
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault;
    size_t n = (size_t)JSON_TOKENS_MAX * 2;
    char *text = malloc(n + 2);
    assert_non_null(text);
    for (size_t i = 0; i < n; i += 2)
        memcpy(text + i, i == 0 ? "[0" : ",0", 2);
    text[n] = ']';
    assert_int_equal(json_scan(&doc, text, n + 1, &fault), -1);
    assert_string_equal(fault.what, "too many values");
    text[n - 2] = ']';
    assert_int_equal(json_scan(&doc, text, n - 1, &fault), 0);
    assert_int_equal(doc.n, JSON_TOKENS_MAX);
    free(text);
    json_doc_clear(&doc);
}

/* Objects of n members, without and with a name twice (plain, and escaped differently). */
static void big_object(struct buf *b, int n, const char *last)
{
    buf_reset(b);
    buf_append_char(b, '{');
    for (int i = 0; i < n; i++)
        buf_printf(b, "\"key%d\":%d,", i, i);
    buf_printf(b, "\"%s\":0}", last);
}

static void test_repeated_names_in_large_objects(void **state)
{
    (void)state;
    static const int counts[] = {3, 31, 32, 33, 1000, 50000};
    struct json_doc doc = JSON_DOC_INIT;
    struct buf b = BUF_INIT(4 << 20);
    struct json_fault fault;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        big_object(&b, counts[i], "other");
        assert_int_equal(json_scan(&doc, (char *)b.data, b.len, &fault), 0);
        big_object(&b, counts[i], "key1");
        assert_int_equal(json_scan(&doc, (char *)b.data, b.len, &fault), -1);
        assert_int_equal(fault.offset, b.len - strlen("\"key1\":0}"));
        big_object(&b, counts[i], "k\\u0065y2");
        assert_int_equal(json_scan(&doc, (char *)b.data, b.len, &fault), -1);
        assert_string_equal(fault.what, "a name stands twice in an object");
    }
    buf_clear(&b);
    json_doc_clear(&doc);
}

static void test_tokens(void **state)
{
    (void)state;
    static const char text[] = " {\"a\": [1, {\"b\": 2}, []], \"c\": \"x\"} ";
    struct json_doc doc = JSON_DOC_INIT;
    scan_ok(&doc, text);
    assert_int_equal(json_kind(&doc, 0), JSON_OBJECT);
    assert_int_equal(doc.tokens[0].count, 2);
    assert_int_equal(json_at(&doc, 0).len, strlen(text) - 2);
    uint32_t a = json_find(&doc, 0, "a");
    assert_int_equal(json_kind(&doc, a), JSON_ARRAY);
    assert_int_equal(doc.tokens[a].count, 3);
    uint32_t e = json_first(a);
    assert_int_equal(json_kind(&doc, e), JSON_NUMBER);
    e = json_next(&doc, e);
    struct json_span s = json_at(&doc, e);
    assert_int_equal(s.len, 8);
    assert_memory_equal(s.at, "{\"b\": 2}", 8);
    e = json_next(&doc, e);
    assert_int_equal(doc.tokens[e].count, 0);
    assert_true(json_string_is(&doc, json_find(&doc, 0, "c"), "x"));
    assert_int_equal(json_find(&doc, 0, "b"), 0);
    assert_int_equal(json_find(&doc, a, "a"), 0);
    json_doc_clear(&doc);
}

static const struct string_case {
    const char *json, *text;
} strings[] = {
    {"\"\"", ""},
    {"\"plain\"", "plain"},
    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
    {"\"a\\u0062c\"", "abc"},
    {"\"\\u00e9\\u20AC\"", "\xc3\xa9\xe2\x82\xac"},
    {"\"\\ud83d\\uDE00!\"", "\xf0\x9f\x98\x80!"},
    {"\"\\u0001\\u007f\\u0080\\u07ff\\u0800\\uffff\"",
     "\x01\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf"},
    {"\"\\ud800\\udc00\\udbff\\udfff\"", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"},
};

static void test_strings(void **state)
{
    (void)state;
    struct json_doc doc = JSON_DOC_INIT;
    struct buf b = BUF_INIT(100);
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
        const struct string_case *c = &strings[i];
        scan_ok(&doc, c->json);
        buf_reset(&b);
        assert_int_equal(json_string(&doc, 0, &b), 0);
        assert_string_equal(buf_cstr(&b), c->text);
        char *copy = json_strdup(&doc, 0);
        assert_string_equal(copy, c->text);
        free(copy);
        assert_true(json_string_is(&doc, 0, c->text));
        assert_false(json_string_is(&doc, 0, "other"));
    }
    scan_ok(&doc, "\"\\u0061bcd\"");
    assert_false(json_string_is(&doc, 0, "abc"));
    assert_false(json_string_is(&doc, 0, "abcde"));
    struct buf exact_room = BUF_INIT(4), too_small = BUF_INIT(3);
    assert_int_equal(json_string(&doc, 0, &exact_room), 0);
    assert_int_equal(json_string(&doc, 0, &too_small), -1);
    assert_int_equal(too_small.len, 0);
    buf_clear(&exact_room);
    buf_clear(&too_small);
    scan_ok(&doc, "17");
    assert_null(json_strdup(&doc, 0));
    assert_false(json_string_is(&doc, 0, "17"));
    buf_clear(&b);
    json_doc_clear(&doc);
}

static const struct integer_case {
    const char *json;
    int rc;
    int64_t value;
} integers[] = {
    {"0", 0, 0},
    {"-0", 0, 0},
    {"-0.0e5", 0, 0},
    {"0e99999999999999999999", 0, 0},
    {"1.0", 0, 1},
    {"1e2", 0, 100},
    {"120e-1", 0, 12},
    {"1.5e1", 0, 15},
    {"0.0012E+4", 0, 12},
    {"9007199254740993", 0, 9007199254740993},
    {"9223372036854775807", 0, INT64_MAX},
    {"-9223372036854775808", 0, INT64_MIN},
    {"9223372036854775807.000", 0, INT64_MAX},
    {"9223372036854775808", -1, 0},
    {"-9223372036854775809", -1, 0},
    {"18446744073709551617", -1, 0},
    {"1e19", -1, 0},
    {"1e18", 0, 1000000000000000000},
    {"1.5", -1, 0},
    {"15e-1", -1, 0},
    {"1e-1", -1, 0},
    {"1e999999999999999999999999", -1, 0},
    {"1e-999999999999999999999999", -1, 0},
    {"\"1\"", -1, 0},
    {"true", -1, 0},
};

static void test_integers(void **state)
{
    (void)state;
    struct json_doc doc = JSON_DOC_INIT;
    for (size_t i = 0; i < sizeof integers / sizeof *integers; i++) {
        const struct integer_case *c = &integers[i];
        int64_t v = 0;
        scan_ok(&doc, c->json);
        if (json_i64(&doc, 0, &v) != c->rc || v != c->value)
            fail_msg("%s: %lld", c->json, (long long)v);
    }
    json_doc_clear(&doc);
}

static const struct double_case {
    const char *json;
    int rc;
    double value;
} doubles[] = {
    {"0", 0, 0.0},
    {"-1.25", 0, -1.25},
    {"0.1", 0, 0.1},
    {"1e22", 0, 1e22},
    {"1e23", 0, 1e23},
    {"123456789012345678", 0, 123456789012345678.0},
    {"9007199254740993", 0, 9007199254740992.0},
    {"1.7976931348623157e308", 0, 1.7976931348623157e308},
    {"5e-324", 0, 5e-324},
    {"1e-400", 0, 0.0},
    {"1e-99999999999999999999", 0, 0.0},
    {"1e400", -1, 0},
    {"-1e309", -1, 0},
    {"1e99999999999999999999", -1, 0},
    {"\"1\"", -1, 0},
};

static void test_doubles(void **state)
{
    (void)state;
    struct json_doc doc = JSON_DOC_INIT;
    for (size_t i = 0; i < sizeof doubles / sizeof *doubles; i++) {
        const struct double_case *c = &doubles[i];
        double v = 0;
        scan_ok(&doc, c->json);
        if (json_f64(&doc, 0, &v) != c->rc || (c->rc == 0 && v != c->value))
            fail_msg("%s: %.17g", c->json, v);
    }
    json_doc_clear(&doc);
}

/* 1 + 2^-53 lies between two doubles: with one more digit far behind it must be rounded up. */
static void test_double_with_many_digits(void **state)
{
    (void)state;
    static const char half[] = "1.00000000000000011102230246251565404236316680908203125";
    struct json_doc doc = JSON_DOC_INIT;
    struct buf b = BUF_INIT(2000);
    double v;
    scan_ok(&doc, half);
    assert_int_equal(json_f64(&doc, 0, &v), 0);
    assert_true(v == 1.0);
    buf_append_str(&b, half);
    for (int i = 0; i < 1000; i++)
        buf_append_char(&b, '0');
    buf_append_str(&b, "1");
    scan_ok(&doc, buf_cstr(&b));
    assert_int_equal(json_f64(&doc, 0, &v), 0);
    assert_true(v == 1.0 + 0x1p-52);
    buf_clear(&b);
    json_doc_clear(&doc);
}

static const struct pair_case {
    const char *a, *b;
    int order; /* of numbers; for others only 0 and not 0 count */
} pairs[] = {
    {"1", "1.0", 0},
    {"1e2", "100.00", 0},
    {"0", "-0.0e7", 0},
    {"9007199254740993", "9007199254740992", 1},
    {"9007199254740993", "9007199254740993.0", 0},
    {"0.1", "0.10000000000000000001", -1},
    {"-1", "1", -1},
    {"-2", "-1.5", -1},
    {"-0.5", "0", -1},
    {"10", "9", 1},
    {"1e400", "1e401", -1},
    {"123e-2", "1.23", 0},
    {"12", "1.2", 1},
    {"1.20", "1.2e0", 0},
    {"100", "1e3", -1},
    {"\"a\\u0062\"", "\"ab\"", 0},
    {"\"a\"", "\"ab\"", 1},
    {"\"\\u0061\\u0062c\"", "\"abc\"", 0},
    {"\"\\u0061\"", "\"b\"", 1},
    {"true", "true", 0},
    {"true", "false", 1},
    {"null", "false", 1},
    {"1", "true", 1},
    {"[]", "{}", 1},
    {"[1,[2]]", "[1.0,[2]]", 0},
    {"[1,2]", "[2,1]", 1},
    {"[1]", "[1,1]", 1},
    {"{\"a\":1,\"b\":[2]}", "{\"b\":[2],\"\\u0061\":1.0}", 0},
    {"{\"a\":1}", "{\"a\":1,\"b\":2}", 1},
    {"{\"a\":1}", "{\"b\":1}", 1},
    {"{\"a\":1}", "{\"a\":2}", 1},
};

static void test_equal(void **state)
{
    (void)state;
    struct json_doc a = JSON_DOC_INIT, b = JSON_DOC_INIT;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        const struct pair_case *c = &pairs[i];
        scan_ok(&a, c->a);
        scan_ok(&b, c->b);
        if (json_equal(&a, 0, &b, 0) != (c->order == 0) ||
            json_equal(&b, 0, &a, 0) != (c->order == 0))
            fail_msg("%s and %s", c->a, c->b);
        if (json_kind(&a, 0) != JSON_NUMBER || json_kind(&b, 0) != JSON_NUMBER)
            continue;
        int order = json_number_order(&a, 0, &b, 0), back = json_number_order(&b, 0, &a, 0);
        if ((order > 0) - (order < 0) != c->order || (back > 0) - (back < 0) != -c->order)
            fail_msg("order of %s and %s: %d", c->a, c->b, order);
    }
    json_doc_clear(&a);
    json_doc_clear(&b);
}

static void test_equal_large_objects(void **state)
{
    (void)state;
    enum { N = 20000 };
    struct json_doc a = JSON_DOC_INIT, b = JSON_DOC_INIT;
    struct buf up = BUF_INIT(1 << 20), down = BUF_INIT(1 << 20);
    for (int i = 0; i < N; i++) {
        buf_printf(&up, "%c\"k%d\":%d", i == 0 ? '{' : ',', i, i);
        buf_printf(&down, "%c\"k%d\":%d", i == 0 ? '{' : ',', N - 1 - i, N - 1 - i);
    }
    buf_append_char(&up, '}');
    buf_append_char(&down, '}');
    scan_ok(&a, buf_cstr(&up));
    scan_ok(&b, buf_cstr(&down));
    assert_true(json_equal(&a, 0, &b, 0));
    down.data[down.len - 2] = '1'; /* "k0":0 */
    assert_false(json_equal(&a, 0, &b, 0));
    buf_clear(&up);
    buf_clear(&down);
    json_doc_clear(&a);
    json_doc_clear(&b);
}

static const struct multiple_case {
    const char *a, *b;
    int rc;
} multiples[] = {
    {"10", "5", 1},
    {"11", "5", 0},
    {"0", "7", 1},
    {"4.5", "1.5", 1},
    {"0.3", "0.1", 1},
    {"0.35", "0.1", 0},
    {"1.1e0", "0.01", 1},
    {"0.0075", "0.0001", 1},
    {"0.00751", "0.0001", 0},
    {"-12", "4", 1},
    {"9007199254740993", "3", 1},
    {"9007199254740993", "2", 0},
    {"1e308", "0.123456789", 0},
    {"1e308", "0.5", 1},
    {"1e1000000", "7", 0},
    {"7e1000000", "7", 1},
    {"123456789012345678901234567890", "123456789012345678", 0},
    {"123456789012345678000000000000", "123456789012345678", 1},
    {"1", "0", -1},
    {"1", "12345678901234567891", -1},
    {"1", "0.3333333333333333333333", -1},
};

static void test_multiples(void **state)
{
    (void)state;
    struct json_doc a = JSON_DOC_INIT, b = JSON_DOC_INIT;
    for (size_t i = 0; i < sizeof multiples / sizeof *multiples; i++) {
        const struct multiple_case *c = &multiples[i];
        scan_ok(&a, c->a);
        scan_ok(&b, c->b);
        if (json_multiple_of(&a, 0, &b, 0) != c->rc)
            fail_msg("%s of %s", c->a, c->b);
    }
    scan_ok(&a, "[1.0,1e300,0.0,1.5,\"1\"]");
    static const bool integral[] = {true, true, true, false, false};
    uint32_t at = json_first(0);
    for (size_t i = 0; i < 5; i++, at = json_next(&a, at))
        assert_int_equal(json_is_integral(&a, at), integral[i]);
    json_doc_clear(&a);
    json_doc_clear(&b);
}

static const struct canonical_case {
    const char *json, *canonical;
} canonicals[] = {
    {"{ \"b\" : 1 , \"a\" : [ 1 , null ] }", "{\"a\":[1,null],\"b\":1}"},
    {"{\"a\":null,\"b\":{\"c\":null,\"d\":[{\"e\":null}]}}", "{\"b\":{\"d\":[{}]}}"},
    {"[12.0,1e2,-0.0,-0,0.25,1e-7,1E-07,0.10,2.50e1]", "[12,100,0,0,0.25,1e-7,1e-7,0.1,25]"},
    {"[9007199254740993,9007199254740993.0]", "[9007199254740993,9007199254740992]"},
    {"[18446744073709551615,1e19,1e20,-1e18]",
     "[18446744073709551615,10000000000000000000,1e20,-1000000000000000000]"},
    {"[0.00001,0.000001,123456.789e3,1.5e-9,1e400]", "[0.00001,1e-6,123456789,1.5e-9,1e400]"},
    {"[0.1234567890123456789,5e-324,5.684341886080801486e-14]",
     "[0.12345678901234568,5e-324,5.684341886080802e-14]"},
    {"\"\\u0041\\/\\u00e9\\u001f\\u000a\\\"\\\\\\b\\f\\r\\t\\u007f\"",
     "\"A/\xc3\xa9\\u001f\\n\\\"\\\\\\b\\f\\r\\t\x7f\""},
    {"{\"\xef\xbf\xbd\":1,\"\xf0\x9f\x98\x80\":2,\"Z\":3,\"a\":4,\"\":5,\"aa\":6}",
     "{\"\":5,\"Z\":3,\"a\":4,\"aa\":6,\"\xef\xbf\xbd\":1,\"\xf0\x9f\x98\x80\":2}"},
    {"{\"b\":1,\"\\u0061\":2}", "{\"a\":2,\"b\":1}"},
    {"{\"security\":{},\"x\":{\"security\":1}}", "{\"x\":{\"security\":1}}"},
};

static void test_canonical(void **state)
{
    (void)state;
    static const char *const drop[] = {"security", NULL};
    struct json_doc doc = JSON_DOC_INIT;
    struct buf b = BUF_INIT(1000);
    for (size_t i = 0; i < sizeof canonicals / sizeof *canonicals; i++) {
        scan_ok(&doc, canonicals[i].json);
        buf_reset(&b);
        assert_int_equal(json_canonical(&doc, 0, drop, &b), 0);
        assert_string_equal(buf_cstr(&b), canonicals[i].canonical);
        struct buf small = BUF_INIT(b.len - 1);
        assert_int_equal(json_canonical(&doc, 0, drop, &small), -1);
        assert_int_equal(small.len, 0);
        buf_clear(&small);
    }
    buf_clear(&b);
    json_doc_clear(&doc);
}

static void test_exact(void **state)
{
    (void)state;
    struct json_doc doc = JSON_DOC_INIT;
    struct buf b = BUF_INIT(1000);
    scan_ok(&doc,
            "{ \"b\" : [1.50, null, -0, 1e400], \"\\u0061\" : {\"d\":null,\"c\":\"\\u00e9\\/\"} }");
    assert_int_equal(json_exact(&doc, 0, &b), 0);
    assert_string_equal(buf_cstr(&b),
                        "{\"a\":{\"c\":\"\xc3\xa9/\",\"d\":null},\"b\":[1.50,null,-0,1e400]}");
    buf_clear(&b);
    json_doc_clear(&doc);
}

static void test_canonical_of_many_members(void **state)
{
    (void)state;
    struct json_doc doc = JSON_DOC_INIT;
    struct buf b = BUF_INIT(100000), out = BUF_INIT(100000), sorted = BUF_INIT(100000);
    for (int i = 999; i >= 100; i--)
        buf_printf(&b, "%c \"%d\": %d.0", i == 999 ? '{' : ',', i, i);
    buf_append_char(&b, '}');
    for (int i = 100; i <= 999; i++)
        buf_printf(&sorted, "%c\"%d\":%d", i == 100 ? '{' : ',', i, i);
    buf_append_char(&sorted, '}');
    scan_ok(&doc, buf_cstr(&b));
    assert_int_equal(json_canonical(&doc, 0, NULL, &out), 0);
    assert_string_equal(buf_cstr(&out), buf_cstr(&sorted));
    buf_clear(&b);
    buf_clear(&out);
    buf_clear(&sorted);
    json_doc_clear(&doc);
}

static void test_writer(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(1000);
    struct json_writer w;
    json_begin(&w, &b);
    json_open(&w, '{');
    json_member_str(&w, "s", "a\"b\\c\n\x01\x7f/\xc3\xa9\xff.");
    json_member_str(&w, "none", NULL);
    json_member_int(&w, "min", INT64_MIN);
    json_member_double(&w, "d", 0.1);
    json_member_bool(&w, "t", true);
    json_member_raw(&w, "raw", (struct json_span){"[1, 2]", 6});
    json_key(&w, "list");
    json_open(&w, '[');
    json_put_null(&w);
    json_put_str(&w, NULL);
    json_put_strn(&w, "abc", 2);
    json_put_double(&w, 3);
    json_put_double(&w, 1.0 / 0.0);
    json_put_double(&w, -1e300);
    json_put_bool(&w, false);
    json_open(&w, '{');
    json_close(&w, '}');
    json_close(&w, ']');
    json_close(&w, '}');
    assert_int_equal(json_end(&w), 0);
    assert_string_equal(
        buf_cstr(&b),
        "{\"s\":\"a\\\"b\\\\c\\n\\u0001\x7f/\xc3\xa9\xef\xbf\xbd.\",\"min\":-9223372036854775808,"
        "\"d\":0.1,\"t\":true,\"raw\":[1, 2],"
        "\"list\":[null,null,\"ab\",3,null,-1e300,false,{}]}");
    struct buf small = BUF_INIT(5);
    json_begin(&w, &small);
    json_open(&w, '[');
    json_put_str(&w, "longer");
    json_close(&w, ']');
    assert_int_equal(json_end(&w), -1);
    buf_clear(&small);
    buf_clear(&b);
}

static void test_tree(void **state)
{
    (void)state;
    struct json_fault fault;
    static const char text[] = "{\"a\":[1,2]}trailing";
    cJSON *tree = json_tree(text, 11, &fault);
    assert_non_null(tree);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(tree, "a")), 2);
    cJSON_Delete(tree);
    assert_null(json_tree(text, sizeof text - 1, &fault));
    assert_int_equal(fault.offset, 11);
    assert_null(json_tree("{\"a\":1,\"a\":2}", 13, &fault));
}

/* A doc is used again after faults and after larger texts. */
static void test_reuse(void **state)
{
    (void)state;
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault;
    scan_ok(&doc, "[1,2,3,4,5,6,7,8,9]");
    const struct json_token *memory = doc.tokens;
    assert_int_equal(json_scan(&doc, "[1,", 3, &fault), -1);
    scan_ok(&doc, "{\"a\":1}");
    assert_int_equal(doc.n, 3);
    assert_ptr_equal(doc.tokens, memory);
    json_doc_clear(&doc);
    json_doc_clear(&doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepts),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_cut_texts),
        cmocka_unit_test(test_nul_bytes),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_too_many_values),
        cmocka_unit_test(test_repeated_names_in_large_objects),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_doubles),
        cmocka_unit_test(test_double_with_many_digits),
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_equal_large_objects),
        cmocka_unit_test(test_multiples),
        cmocka_unit_test(test_canonical),
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_canonical_of_many_members),
        cmocka_unit_test(test_writer),
        cmocka_unit_test(test_tree),
        cmocka_unit_test(test_reuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
