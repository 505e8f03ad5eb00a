#ifndef PENSTOCK_BASE_DIGEST_H
#define PENSTOCK_BASE_DIGEST_H

/* digest.h: SHA-256, HMAC-SHA-256 and comparison in constant time, by libsodium. Pure but for
 * digest_copy. */

#include <stddef.h>
#include <stdint.h>

enum { DIGEST_HEX = 65 }; /* 64 hex digits and a NUL */

/* Lower-case hex of SHA-256. */
void digest_sha256(const void *bytes, size_t n, char *hex);
/* Copies what is left of one file behind what another one has, and hashes just those bytes:
 * lower-case hex of SHA-256. The number of bytes, or -1 with errno; EFBIG past most. */
int64_t digest_copy(int from, int to, int64_t most, char *hex);
/* Lower-case hex of HMAC-SHA-256. */
void digest_hmac(const void *key, size_t n_key, const void *bytes, size_t n, char *hex);
/* 1 if equal; takes as long for any two strings of the same lengths. */
int digest_equal(const char *a, const char *b);

#endif
