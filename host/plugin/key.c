/* key.c: Ed25519 keys and their files. Runs in the launcher and the command line. */
#include "plugin/key.h"

#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "base/digest.h"

_Static_assert((int)KEY_BYTES == (int)crypto_sign_PUBLICKEYBYTES, "libsodium's sizes");
_Static_assert((int)KEY_BYTES == (int)crypto_sign_SEEDBYTES, "libsodium's sizes");
_Static_assert((int)SIGN_BYTES == (int)crypto_sign_BYTES, "libsodium's sizes");

#define PUBLIC_HEAD "penstock-public-key 1\nkey "
#define SECRET_HEAD "penstock-secret-key 1\nkey "

void secret_key_new(struct secret_key *key)
{
    randombytes_buf(key->seed, sizeof key->seed);
}

void secret_key_clear(struct secret_key *key)
{
    sodium_memzero(key, sizeof *key);
}

void secret_key_public(const struct secret_key *key, struct public_key *out)
{
    unsigned char whole[crypto_sign_SECRETKEYBYTES];
    crypto_sign_seed_keypair(out->bytes, whole, key->seed);
    sodium_memzero(whole, sizeof whole);
}

void public_key_id(const struct public_key *key, char *id)
{
    char hex[DIGEST_HEX];
    digest_sha256(key->bytes, sizeof key->bytes, hex);
    snprintf(id, KEY_ID_TEXT, "%.*s", KEY_ID_TEXT - 1, hex);
}

/* ---- files
 * ---------------------------------------------------------------------------------------- */

static int write_file(const char *head, const unsigned char *bytes, struct buf *out)
{
    char hex[2 * KEY_BYTES + 1];
    sodium_bin2hex(hex, sizeof hex, bytes, KEY_BYTES);
    const int rc = buf_printf(out, "%s%s\n", head, hex);
    sodium_memzero(hex, sizeof hex);
    return rc;
}

/* libsodium takes capital digits too; one key has one text here. */
static int parse_file(const char *head, const char *text, size_t len, unsigned char *bytes)
{
    const size_t n = strlen(head), digits = 2 * KEY_BYTES;
    if (len != n + digits + 1 || memcmp(text, head, n) != 0 || text[len - 1] != '\n')
        return -1;
    for (size_t i = 0; i < digits; i++) {
        if (text[n + i] >= 'A' && text[n + i] <= 'F')
            return -1;
    }
    size_t got = 0;
    return sodium_hex2bin(bytes, KEY_BYTES, text + n, digits, NULL, &got, NULL) == 0 &&
                   got == KEY_BYTES
               ? 0
               : -1;
}

int public_key_write(const struct public_key *key, struct buf *out)
{
    return write_file(PUBLIC_HEAD, key->bytes, out);
}

int secret_key_write(const struct secret_key *key, struct buf *out)
{
    return write_file(SECRET_HEAD, key->seed, out);
}

int public_key_parse(struct public_key *key, const char *text, size_t len)
{
    return parse_file(PUBLIC_HEAD, text, len, key->bytes);
}

int secret_key_parse(struct secret_key *key, const char *text, size_t len)
{
    return parse_file(SECRET_HEAD, text, len, key->seed);
}

/* ---- signing
 * -------------------------------------------------------------------------------------- */

void secret_key_sign(const struct secret_key *key, const void *bytes, size_t n,
                     unsigned char out[SIGN_BYTES])
{
    unsigned char whole[crypto_sign_SECRETKEYBYTES], public_part[KEY_BYTES];
    crypto_sign_seed_keypair(public_part, whole, key->seed);
    crypto_sign_detached(out, NULL, bytes, n, whole);
    sodium_memzero(whole, sizeof whole);
}

bool public_key_verifies(const struct public_key *key, const void *bytes, size_t n,
                         const unsigned char signature[SIGN_BYTES])
{
    return crypto_sign_verify_detached(signature, bytes, n, key->bytes) == 0;
}
