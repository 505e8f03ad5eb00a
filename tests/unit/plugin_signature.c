/* plugin_signature.c: keys, signatures and their texts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"

#include "plugin/signature.h"

static void unhex(const char *hex, unsigned char *out)
{
    for (size_t i = 0; hex[2 * i] != '\0'; i++) {
        unsigned byte;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        out[i] = (unsigned char)byte;
    }
}

/* RFC 8032, 7.1. */
static const struct {
    const char *seed, *public_key, *message, *signature;
} vectors[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b"
     "4"
     "6bd25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11"
     "d"
     "8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc"
     "6"
     "594a7c15e9716ed28dc027beceea1ec40a"},
};

static void published_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        struct secret_key secret;
        struct public_key expected, found;
        unsigned char message[8], wanted[SIGN_BYTES], made[SIGN_BYTES];
        const size_t n = strlen(vectors[i].message) / 2;
        unhex(vectors[i].seed, secret.seed);
        unhex(vectors[i].public_key, expected.bytes);
        unhex(vectors[i].message, message);
        unhex(vectors[i].signature, wanted);
        secret_key_public(&secret, &found);
        assert_memory_equal(found.bytes, expected.bytes, KEY_BYTES);
        secret_key_sign(&secret, message, n, made);
        assert_memory_equal(made, wanted, SIGN_BYTES);
        assert_true(public_key_verifies(&expected, message, n, made));
        made[i] ^= 1;
        assert_false(public_key_verifies(&expected, message, n, made));
    }
}

/* ---- key files
 * ------------------------------------------------------------------------------------ */

#define HEX64 "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"

static void key_files(void **state)
{
    static const char *const wrong[] = {
        "",
        "penstock-public-key 1\n",
        "penstock-public-key 1\nkey " HEX64,
        "penstock-public-key 1\nkey " HEX64 "\n\n",
        "penstock-public-key 1\nkey " HEX64 "00\n",
        "penstock-public-key 1\nkey "
        "D75A980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a\n",
        "penstock-public-key 1\nkey "
        "x75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a\n",
        "penstock-public-key 2\nkey " HEX64 "\n",
        "penstock-secret-key 1\nkey " HEX64 "\n",
        "penstock-public-key 1\r\nkey " HEX64 "\n",
    };
    static const char good[] = "penstock-public-key 1\nkey " HEX64 "\n";
    struct public_key key;
    struct secret_key secret, again;
    struct buf text = BUF_INIT(KEY_FILE_MAX);
    (void)state;
    assert_int_equal(public_key_parse(&key, good, strlen(good)), 0);
    assert_int_equal(public_key_write(&key, &text), 0);
    assert_string_equal(buf_cstr(&text), good);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(public_key_parse(&key, wrong[i], strlen(wrong[i])), -1);
    buf_reset(&text);
    secret_key_new(&secret);
    assert_int_equal(secret_key_write(&secret, &text), 0);
    assert_int_equal(secret_key_parse(&again, (const char *)text.data, text.len), 0);
    assert_memory_equal(&again, &secret, sizeof secret);
    assert_int_equal(secret_key_parse(&again, good, strlen(good)), -1);
    secret_key_clear(&secret);
    for (size_t i = 0; i < sizeof secret.seed; i++)
        assert_int_equal(secret.seed[i], 0);
    buf_clear(&text);
}

/* ---- signatures
 * ----------------------------------------------------------------------------------- */

struct kit {
    struct secret_key secret;
    struct public_key key, other;
    struct signed_parts parts;
    struct signature signature;
    struct buf text;
    char why[SIGNATURE_WHY];
};

static int setup(void **state)
{
    static const struct signed_part parts[] = {
        {.name = "foo.so", .sha256 = HEX64},
        {.name = "libz.so", .link = "libz.so.1"},
        {.name = "libz.so.1",
         .sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {.name = "libc++.so", .sha256 = HEX64},
    };
    struct kit *k = calloc(1, sizeof *k);
    struct secret_key second;
    assert_non_null(k);
    secret_key_new(&k->secret);
    secret_key_public(&k->secret, &k->key);
    secret_key_new(&second);
    secret_key_public(&second, &k->other);
    memcpy(k->parts.items, parts, sizeof parts);
    k->parts.n = sizeof parts / sizeof *parts;
    buf_init(&k->text, SIGNATURE_FILE_MAX);
    assert_int_equal(signature_make(&k->signature, &k->parts, &k->secret, k->why), 0);
    assert_int_equal(signature_write(&k->signature, &k->text), 0);
    *state = k;
    return 0;
}

static int teardown(void **state)
{
    struct kit *k = *state;
    buf_clear(&k->text);
    free(k);
    return 0;
}

static enum signature_verdict judge(struct kit *k)
{
    const struct public_key keys[] = {k->other, k->key};
    return signature_judge((const char *)k->text.data, k->text.len, keys, 2, &k->parts, k->why);
}

static void a_good_one(void **state)
{
    struct kit *k = *state;
    char id[KEY_ID_TEXT];
    struct signature *again = malloc(sizeof *again);
    struct buf text = BUF_INIT(SIGNATURE_FILE_MAX);
    public_key_id(&k->key, id);
    assert_int_equal(judge(k), SIGNATURE_GOOD);
    assert_string_equal(k->why, id);
    assert_non_null(again);
    assert_int_equal(signature_parse(again, (const char *)k->text.data, k->text.len), 0);
    assert_int_equal(signature_write(again, &text), 0);
    assert_int_equal(text.len, k->text.len);
    assert_memory_equal(text.data, k->text.data, text.len);
    buf_clear(&text);
    free(again);
}

static void by_somebody_else(void **state)
{
    struct kit *k = *state;
    assert_int_equal(
        signature_judge((const char *)k->text.data, k->text.len, &k->other, 1, &k->parts, k->why),
        SIGNATURE_STRANGER);
    assert_non_null(strstr(k->why, "not trusted"));
    assert_int_equal(
        signature_judge((const char *)k->text.data, k->text.len, NULL, 0, &k->parts, k->why),
        SIGNATURE_STRANGER);
}

/* Made by another key, under this one's name. */
static void under_a_false_name(void **state)
{
    struct kit *k = *state;
    struct secret_key thief;
    char id[KEY_ID_TEXT];
    secret_key_new(&thief);
    assert_int_equal(signature_make(&k->signature, &k->parts, &thief, k->why), 0);
    public_key_id(&k->key, id);
    memcpy(k->signature.key_id, id, sizeof id);
    buf_reset(&k->text);
    assert_int_equal(signature_write(&k->signature, &k->text), 0);
    assert_int_equal(judge(k), SIGNATURE_BROKEN);
}

static void absent(void **state)
{
    struct kit *k = *state;
    buf_reset(&k->text);
    assert_int_equal(judge(k), SIGNATURE_ABSENT);
    assert_string_equal(k->why, "not signed");
}

/* Whatever byte is changed, it is not good any more. */
static void every_byte_counts(void **state)
{
    struct kit *k = *state;
    for (size_t i = 0; i < k->text.len; i++) {
        k->text.data[i] ^= 1;
        assert_int_not_equal(judge(k), SIGNATURE_GOOD);
        k->text.data[i] ^= 1;
    }
    for (size_t n = 1; n < k->text.len; n++) {
        assert_int_not_equal(
            signature_judge((const char *)k->text.data, n, &k->key, 1, &k->parts, k->why),
            SIGNATURE_GOOD);
    }
    assert_int_equal(judge(k), SIGNATURE_GOOD);
}

static void change_digest(struct signed_parts *p)
{
    p->items[2].sha256[0] = '0';
}

static void change_link(struct signed_parts *p)
{
    strcpy(p->items[1].link, "foo.so");
}

static void make_it_a_file(struct signed_parts *p)
{
    p->items[1] = (struct signed_part){.name = "libz.so", .sha256 = HEX64};
}

static void change_name(struct signed_parts *p)
{
    strcpy(p->items[0].name, "bar.so");
}

static void add_one(struct signed_parts *p)
{
    p->items[p->n++] = (struct signed_part){.name = "libevil.so", .sha256 = HEX64};
}

static void take_one(struct signed_parts *p)
{
    p->n--;
}

static void files_that_are_others(void **state)
{
    static const struct {
        void (*change)(struct signed_parts *p);
        const char *said;
    } rows[] = {
        {change_digest, "libz.so.1 was changed after it was signed: expected sha256 e3b0"},
        {change_link, "libz.so was changed after it was signed: it is another link"},
        {make_it_a_file, "libz.so was changed after it was signed"},
        {change_name, "bar.so was not signed"},
        {add_one, "libevil.so was not signed"},
        {take_one, "libc++.so was signed too, and is missing"},
    };
    struct kit *k = *state;
    struct signed_parts *before = malloc(sizeof *before);
    assert_non_null(before);
    *before = k->parts;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        k->parts = *before;
        rows[i].change(&k->parts);
        assert_int_equal(judge(k), SIGNATURE_CHANGED);
        if (strstr(k->why, rows[i].said) == NULL)
            fail_msg("\"%s\" does not say \"%s\"", k->why, rows[i].said);
    }
    free(before);
}

static void texts_that_are_none(void **state)
{
#define HEAD            "penstock-signature 1\nkey 0123456789abcdef\n"
#define FILE_LINE(name) "file " HEX64 " " name "\n"
#define TAIL                                                                                       \
    "signature "                                                                                   \
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f1" \
    "1"                                                                                            \
    "d8c387b2eaeb4302aeeb00d291612bb0c00\n"
    static const char *const wrong[] = {
        "nonsense",
        HEAD TAIL,
        HEAD FILE_LINE("a.so"),
        HEAD FILE_LINE("a.so") FILE_LINE("a.so") TAIL,
        HEAD FILE_LINE("b.so") FILE_LINE("a.so") TAIL,
        HEAD FILE_LINE("") TAIL,
        HEAD FILE_LINE("a b.so") TAIL,
        HEAD FILE_LINE("a\tb.so") TAIL,
        HEAD FILE_LINE("\303\266.so") TAIL,
        HEAD FILE_LINE("a.so") TAIL "\n",
        HEAD FILE_LINE("a.so") TAIL TAIL,
        HEAD "file " HEX64 "\n" TAIL,
        HEAD "link  a.so\n" TAIL,
        HEAD "file abc a.so\n" TAIL,
        "penstock-signature 2\nkey 0123456789abcdef\n" FILE_LINE("a.so") TAIL,
        "penstock-signature 1\nkey 0123456789ABCDEF\n" FILE_LINE("a.so") TAIL,
    };
    static const char good[] = HEAD FILE_LINE("a.so") "link a.so b.so\n" TAIL;
    static const char with_nul[] = HEAD FILE_LINE("a.so\0x") TAIL;
    struct kit *k = *state;
    assert_int_equal(signature_parse(&k->signature, good, strlen(good)), 0);
    assert_int_equal(signature_parse(&k->signature, with_nul, sizeof with_nul - 1), -1);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        if (signature_parse(&k->signature, wrong[i], strlen(wrong[i])) == 0)
            fail_msg("taken: %s", wrong[i]);
    }
}

static void names_that_cannot_be_signed(void **state)
{
    static const char *const names[] = {"lib a.so", "lib\n.so", "lib\303\266.so", ""};
    struct kit *k = *state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        strcpy(k->parts.items[0].name, names[i]);
        assert_int_equal(signature_make(&k->signature, &k->parts, &k->secret, k->why), -1);
        assert_non_null(strstr(k->why, "cannot be signed"));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors),
        cmocka_unit_test(key_files),
        TEST(a_good_one),
        TEST(by_somebody_else),
        TEST(under_a_false_name),
        TEST(absent),
        TEST(every_byte_counts),
        TEST(files_that_are_others),
        TEST(texts_that_are_none),
        TEST(names_that_cannot_be_signed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
