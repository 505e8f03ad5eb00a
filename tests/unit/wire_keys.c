/* wire_keys.c: keys of CURVE, their files, the list of those that are allowed, and what libzmq asks about them. */
#include "cmocka_all.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <zmq.h>

#include "wire/allowed.h"
#include "wire/curve.h"
#include "wire/zap.h"

/* A pair of RFC 26's documentation: public key in both forms. */
#define Z85_A "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
#define HEX_A "54fcba24e93249969316fb617c872bb0c1d1ff14800427c594cbfacf1bc2d652"
#define HEX_B "00000000000000000000000000000000000000000000000000000000000000ff"

/* ---- keys ---- */

static void forms(void **state)
{
    static const struct {
        const char *text;
        bool is_key;
    } rows[] = {
        {HEX_A, true},
        {Z85_A, true},
        {HEX_B, true},
        {"", false},
        {"54fcba24", false},
        {HEX_A "0", false},
        {Z85_A "0", false},
        {"54FCBA24E93249969316FB617C872BB0C1D1FF14800427C594CBFACF1BC2D652", false},
        {"g4fcba24e93249969316fb617c872bb0c1d1ff14800427c594cbfacf1bc2d652", false},
        {"rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf", false},
        {"rq rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7", false},
        {"#####>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7", false}, /* more than 32 bits in five */
        {"0000000000000000000000000000000000000000000000000000000000000000", false},
        {"0000000000000000000000000000000000000000", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct curve_key key;
        const int rc = curve_key_parse(&key, rows[i].text, strlen(rows[i].text));
        if ((rc == 0) != rows[i].is_key)
            fail_msg("%s: %d", rows[i].text, rc);
    }
}

static void both_forms_are_one_key(void **state)
{
    struct curve_key a, b;
    char hex[CURVE_HEX], z85[CURVE_Z85];
    (void)state;
    assert_int_equal(curve_key_parse(&a, HEX_A, strlen(HEX_A)), 0);
    assert_int_equal(curve_key_parse(&b, Z85_A, strlen(Z85_A)), 0);
    assert_memory_equal(&a, &b, sizeof a);
    curve_key_hex(&b, hex);
    curve_key_z85(&a, z85);
    assert_string_equal(hex, HEX_A);
    assert_string_equal(z85, Z85_A);
}

/* What we make is what libzmq makes. */
static void pairs(void **state)
{
    struct curve_pair pair, other;
    struct buf text = BUF_INIT(CURVE_FILE_MAX);
    char secret[CURVE_Z85], expected[CURVE_Z85], found[CURVE_Z85];
    (void)state;
    assert_int_equal(curve_pair_new(&pair), 0);
    zmq_z85_encode(secret, pair.secret, CURVE_BYTES);
    assert_int_equal(zmq_curve_public(expected, secret), 0);
    curve_key_z85(&pair.public_part, found);
    assert_string_equal(found, expected);

    assert_int_equal(curve_pair_write(&pair, &text), 0);
    assert_int_equal(curve_pair_parse(&other, (const char *)text.data, text.len), 0);
    assert_memory_equal(&pair, &other, sizeof pair);
    for (size_t n = 0; n < text.len; n++)
        assert_int_equal(curve_pair_parse(&other, (const char *)text.data, n), -1);
    assert_int_equal(buf_append_char(&text, '\n'), 0);
    assert_int_equal(curve_pair_parse(&other, (const char *)text.data, text.len), -1);
    buf_clear(&text);
    curve_pair_clear(&pair);
    static const struct curve_pair nothing;
    assert_memory_equal(&pair, &nothing, sizeof pair);
}

/* ---- the list ---- */

static struct allowed *parse(const char *text, char *why)
{
    /* Without a NUL, so that a sanitizer sees a read past its end. */
    const size_t n = strlen(text);
    char *copy = malloc(n > 0 ? n : 1);
    assert_non_null(copy);
    memcpy(copy, text, n);
    struct allowed *a = allowed_parse(copy, n, why);
    free(copy);
    return a;
}

static void good_lists(void **state)
{
    static const struct {
        const char *text;
        size_t n;
    } rows[] = {
        {"", 0},
        {"\n\n  \n\t\n", 0},
        {"# a comment\n#\n  # another one", 0},
        {HEX_A " alice\n", 1},
        {HEX_A " alice", 1},
        {Z85_A " alice\n" HEX_B " bob", 2},
        {"  " HEX_A "\t alice  tenant=t-1  \n# end\n", 1},
        {HEX_A " a tenant=same\n" HEX_B " b tenant=same\n", 2},
    };
    char why[ALLOWED_WHY];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct allowed *a = parse(rows[i].text, why);
        if (a == NULL)
            fail_msg("row %zu: %s", i, why);
        assert_int_equal(allowed_count(a), rows[i].n);
        allowed_free(a);
    }
}

static void bad_lists(void **state)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"alice " HEX_A, "line 1: expected a public key"},
        {"\n#comment\n", "line 2: expected a public key"},
        {HEX_A, "line 1: expected a name"},
        {"# x\n" HEX_A "\n", "line 2: expected a name"},
        {HEX_A " -alice", "expected a name"},
        {HEX_A " al/ice", "expected a name"},
        {HEX_A " alice\r\n", "expected a name"},
        {HEX_A " a123456789012345678901234567890123456789012345678901234567890123456789", "a name"},
        {HEX_A " alice bob", "expected tenant=NAME"},
        {HEX_A " alice tenant=", "expected tenant=NAME"},
        {HEX_A " alice tenant=a/b", "expected tenant=NAME"},
        {HEX_A " alice Tenant=a", "expected tenant=NAME"},
        {HEX_A " alice tenant=a more", "nothing behind the tenant"},
        {HEX_A " alice\n" Z85_A " bob", "line 2: the key of \"bob\" stands in line 1 already"},
        {HEX_A " alice\n" HEX_B " alice", "line 2: the name \"alice\" stands in line 1 already"},
    };
    char why[ALLOWED_WHY];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct allowed *a = parse(rows[i].text, why);
        if (a != NULL || strstr(why, rows[i].why) == NULL)
            fail_msg("row %zu: %s", i, a != NULL ? "taken" : why);
    }
}

static void nul_is_no_blank(void **state)
{
    static const char text[] = HEX_A " al\0ice\n";
    char why[ALLOWED_WHY];
    (void)state;
    assert_null(allowed_parse(text, sizeof text - 1, why));
}

static void finding(void **state)
{
    char why[ALLOWED_WHY];
    struct allowed *a = parse(HEX_A " alice\n" HEX_B " bob tenant=team", why);
    (void)state;
    assert_non_null(a);
    const struct allowed_key *k = allowed_find(a, HEX_B, CURVE_HEX - 1);
    assert_true(k != NULL && k == allowed_find_name(a, "bob") && k == allowed_at(a, 1));
    assert_string_equal(k->tenant, "team");
    assert_string_equal(allowed_at(a, 0)->tenant, "alice");
    assert_null(allowed_find(a, HEX_B, CURVE_HEX - 2));
    assert_null(allowed_find(a, "", 0));
    assert_null(allowed_find_name(a, "carol"));
    allowed_free(a);
}

static void too_many(void **state)
{
    struct buf text = BUF_INIT(ALLOWED_FILE_MAX);
    char why[ALLOWED_WHY];
    (void)state;
    for (unsigned i = 1; i <= ALLOWED_KEYS_MAX; i++)
        assert_int_equal(buf_printf(&text, "%064x n%u\n", i, i), 0);
    struct allowed *a = allowed_parse((const char *)text.data, text.len, why);
    assert_non_null(a);
    assert_int_equal(allowed_count(a), ALLOWED_KEYS_MAX);
    allowed_free(a);
    assert_int_equal(buf_printf(&text, "%064x more\n", ALLOWED_KEYS_MAX + 1), 0);
    assert_null(allowed_parse((const char *)text.data, text.len, why));
    assert_non_null(strstr(why, "at most"));
    buf_clear(&text);
}

/* ---- what libzmq asks ---- */

#define KEY32 "0123456789abcdef0123456789abcdef"
#define KEY33 "0123456789abcdef0123456789abcdef0"

static void requests(void **state)
{
    static const struct {
        const char *frames[9];
        bool is_good;
    } rows[] = {
        {{"1.0", "1", "penstock", "127.0.0.1", "", "CURVE", KEY32}, true},
        {{"1.0", "", "penstock", "", "id", "CURVE", KEY32}, true},
        {{"1.1", "1", "penstock", "127.0.0.1", "", "CURVE", KEY32}, false},
        {{"1.0", "1", "", "127.0.0.1", "", "CURVE", KEY32}, false},
        {{"1.0", "1", "penstock2", "127.0.0.1", "", "CURVE", KEY32}, false},
        {{"1.0", "1", "penstock", "127.0.0.1", "", "NULL", KEY32}, false},
        {{"1.0", "1", "penstock", "127.0.0.1", "", "PLAIN", "user", "password"}, false},
        {{"1.0", "1", "penstock", "127.0.0.1", "", "NULL"}, false},
        {{"1.0", "1", "penstock", "127.0.0.1", "", "CURVE", KEY33}, false},
        {{"1.0", "1", "penstock", "127.0.0.1", "", "CURVE", ""}, false},
        {{"1.0", "1", "penstock", "127.0.0.1", "", "CURVE", KEY32, ""}, false},
        {{"1.0", "1"}, false},
        {{"1.0"}, false},
        {{NULL}, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct wire_view views[9];
        struct zap_request request;
        size_t n = 0;
        for (; rows[i].frames[n] != NULL; n++)
            views[n] = (struct wire_view){rows[i].frames[n], strlen(rows[i].frames[n])};
        const char *fault = zap_parse(views, n, &request);
        if ((fault == NULL) != rows[i].is_good)
            fail_msg("row %zu: %s", i, fault != NULL ? fault : "taken");
        if (n > 1)
            assert_ptr_equal(request.id.data, rows[i].frames[1]);
    }
}

static void a_long_address_is_cut(void **state)
{
    static const char address[] =
        "[aaaa:bbbb:cccc:dddd:eeee:ffff:1111:2222%an-interface-with-a-very-long-name]:65535";
    const struct wire_view views[] = {{"1.0", 3},
                                      {"1", 1},
                                      {ZAP_DOMAIN, sizeof ZAP_DOMAIN - 1},
                                      {address, sizeof address - 1},
                                      {"", 0},
                                      {"CURVE", 5},
                                      {KEY32, 32}};
    struct zap_request request;
    (void)state;
    assert_null(zap_parse(views, sizeof views / sizeof *views, &request));
    assert_int_equal(strlen(request.address), ZAP_ADDRESS_MAX);
    assert_memory_equal(request.key.bytes, KEY32, CURVE_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms),     cmocka_unit_test(both_forms_are_one_key),
        cmocka_unit_test(pairs),     cmocka_unit_test(good_lists),
        cmocka_unit_test(bad_lists), cmocka_unit_test(nul_is_no_blank),
        cmocka_unit_test(finding),   cmocka_unit_test(too_many),
        cmocka_unit_test(requests),  cmocka_unit_test(a_long_address_is_cut)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
