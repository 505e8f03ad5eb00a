/* curve.c: keys of CURVE and their files. Runs in the core and the command line. */
#include "wire/curve.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>
#include <zmq.h>

#include "base/secret_file.h"

_Static_assert((int)CURVE_BYTES == (int)crypto_scalarmult_BYTES, "libsodium's sizes");
_Static_assert((int)CURVE_BYTES == (int)crypto_scalarmult_SCALARBYTES, "libsodium's sizes");
_Static_assert((int)CURVE_WHY == (int)SECRET_FILE_WHY, "words fit");

enum { HEX_DIGITS = CURVE_HEX - 1, Z85_CHARACTERS = CURVE_Z85 - 1 };

#define FILE_HEAD "penstock-curve-key 1\nkey "

/* libsodium takes capital digits too; one key has one text here. */
static bool is_small_hex(const char *text, size_t n)
{
    size_t i = 0;
    while (i < n && memchr("0123456789abcdef", text[i], 16) != NULL)
        i++;
    return i == n;
}

static int parse_hex(unsigned char *bytes, const char *text, size_t n)
{
    size_t got = 0;
    if (n != HEX_DIGITS || !is_small_hex(text, n))
        return -1;
    return sodium_hex2bin(bytes, CURVE_BYTES, text, n, NULL, &got, NULL) == 0 && got == CURVE_BYTES
               ? 0
               : -1;
}

/* Not every text that zmq_z85_decode takes is what zmq_z85_encode would write. */
static int parse_z85(unsigned char *bytes, const char *text, size_t n)
{
    char copy[CURVE_Z85], again[CURVE_Z85];
    if (n != Z85_CHARACTERS)
        return -1;
    memcpy(copy, text, n);
    copy[n] = '\0';
    if (strlen(copy) != n || zmq_z85_decode(bytes, copy) == NULL)
        return -1;
    zmq_z85_encode(again, bytes, CURVE_BYTES);
    return memcmp(copy, again, n) == 0 ? 0 : -1;
}

/* With a key of zeros everybody knows the shared secret. */
int curve_key_parse(struct curve_key *key, const char *text, size_t n)
{
    if (parse_hex(key->bytes, text, n) < 0 && parse_z85(key->bytes, text, n) < 0)
        return -1;
    return sodium_is_zero(key->bytes, CURVE_BYTES) ? -1 : 0;
}

void curve_key_hex(const struct curve_key *key, char *out)
{
    sodium_bin2hex(out, CURVE_HEX, key->bytes, CURVE_BYTES);
}

void curve_key_z85(const struct curve_key *key, char *out)
{
    zmq_z85_encode(out, key->bytes, CURVE_BYTES);
}

/* ---- pairs
 * ---------------------------------------------------------------------------------------- */

static int find_public_part(struct curve_pair *pair)
{
    return crypto_scalarmult_base(pair->public_part.bytes, pair->secret);
}

int curve_pair_new(struct curve_pair *pair)
{
    if (!zmq_has("curve")) {
        errno = ENOTSUP;
        return -1;
    }
    randombytes_buf(pair->secret, sizeof pair->secret);
    return find_public_part(pair);
}

void curve_pair_clear(struct curve_pair *pair)
{
    sodium_memzero(pair, sizeof *pair);
}

int curve_pair_write(const struct curve_pair *pair, struct buf *out)
{
    char hex[CURVE_HEX];
    sodium_bin2hex(hex, sizeof hex, pair->secret, CURVE_BYTES);
    const int rc = buf_printf(out, "%s%s\n", FILE_HEAD, hex);
    sodium_memzero(hex, sizeof hex);
    return rc;
}

int curve_pair_parse(struct curve_pair *pair, const char *text, size_t n)
{
    const size_t head = strlen(FILE_HEAD);
    if (n != head + HEX_DIGITS + 1 || memcmp(text, FILE_HEAD, head) != 0 || text[n - 1] != '\n')
        return -1;
    return parse_hex(pair->secret, text + head, HEX_DIGITS) < 0 ? -1 : find_public_part(pair);
}

int curve_pair_read(const char *path, struct curve_pair *pair, char *why)
{
    struct buf text = BUF_INIT(CURVE_FILE_MAX);
    int rc = secret_file_read(path, &text, why);
    if (rc == 0 && curve_pair_parse(pair, (const char *)text.data, text.len) < 0) {
        snprintf(why, CURVE_WHY, "%s: expected a key as penstock key new writes it", path);
        errno = EINVAL;
        rc = -1;
    }
    const int saved = errno;
    secret_file_clear(&text);
    errno = saved;
    return rc;
}
