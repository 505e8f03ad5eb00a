/* digest.c: SHA-256 and HMAC by libsodium. */
#include "base/digest.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "base/fdutil.h"

enum { COPY_CHUNK = 64 * 1024 };

static void to_hex(const unsigned char *bytes, size_t n, char *hex)
{
    sodium_bin2hex(hex, 2 * n + 1, bytes, n);
}

void digest_sha256(const void *bytes, size_t n, char *hex)
{
    unsigned char out[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(out, bytes, n);
    to_hex(out, sizeof out, hex);
}

int64_t digest_copy(int from, int to, int64_t most, char *hex)
{
    unsigned char bytes[COPY_CHUNK], out[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state state;
    int64_t total = 0;
    ssize_t n;
    crypto_hash_sha256_init(&state);
    while ((n = read(from, bytes, sizeof bytes)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 || fd_write_all(to, bytes, (size_t)n) < 0)
            return -1;
        crypto_hash_sha256_update(&state, bytes, (size_t)n);
        total += n;
        if (total > most) {
            errno = EFBIG;
            return -1;
        }
    }
    crypto_hash_sha256_final(&state, out);
    to_hex(out, sizeof out, hex);
    return total;
}

void digest_hmac(const void *key, size_t n_key, const void *bytes, size_t n, char *hex)
{
    unsigned char out[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, key, n_key);
    crypto_auth_hmacsha256_update(&state, bytes, n);
    crypto_auth_hmacsha256_final(&state, out);
    to_hex(out, sizeof out, hex);
}

int digest_equal(const char *a, const char *b)
{
    size_t n = strlen(a);
    return n == strlen(b) && sodium_memcmp(a, b, n) == 0;
}
