#ifndef PENSTOCK_PLUGIN_KEY_H
#define PENSTOCK_PLUGIN_KEY_H

/*
 * key.h: keys of those who sign plugins: Ed25519 by libsodium. A key lies in a small text file of
 * exactly two lines:
 *
 *   penstock-public-key 1          penstock-secret-key 1
 *   key <64 hex digits>            key <64 hex digits: the seed>
 *
 * Pure, but for secret_key_new.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum {
    KEY_BYTES = 32,
    KEY_ID_TEXT = 17,    /* 16 hex digits and a NUL */
    KEY_FILE_MAX = 1024, /* bytes of a key file that are read */
    SIGN_BYTES = 64
};

struct public_key {
    unsigned char bytes[KEY_BYTES];
};

/* To be wiped by secret_key_clear. */
struct secret_key {
    unsigned char seed[KEY_BYTES];
};

/* A new one from the kernel's random numbers. */
void secret_key_new(struct secret_key *key);
void secret_key_clear(struct secret_key *key);
void secret_key_public(const struct secret_key *key, struct public_key *out);
/* Names a key to people and in signatures: the beginning of its SHA-256; id holds KEY_ID_TEXT. */
void public_key_id(const struct public_key *key, char *id);

/* Text of the key file. -1 with errno of the buffer. */
int public_key_write(const struct public_key *key, struct buf *out);
int secret_key_write(const struct secret_key *key, struct buf *out);
/* -1: the text is not exactly what the write functions make. */
int public_key_parse(struct public_key *key, const char *text, size_t len);
int secret_key_parse(struct secret_key *key, const char *text, size_t len);

void secret_key_sign(const struct secret_key *key, const void *bytes, size_t n,
                     unsigned char out[SIGN_BYTES]);
bool public_key_verifies(const struct public_key *key, const void *bytes, size_t n,
                         const unsigned char signature[SIGN_BYTES]);

#endif
