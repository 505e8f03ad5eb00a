#ifndef PENSTOCK_WIRE_CURVE_H
#define PENSTOCK_WIRE_CURVE_H

/*
 * curve.h: keys of CURVE, ZeroMQ's encryption. A public key is written as 64 small hex digits, which
 * need no quotes anywhere, or in Z85, ZeroMQ's own form of 40 characters; both are read. A pair
 * lies in a file of exactly two lines:
 *
 *   penstock-curve-key 1
 *   key <64 hex digits: the secret key>
 *
 * Pure, but for curve_pair_new.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum {
    CURVE_BYTES = 32,
    CURVE_HEX = 65,       /* 64 digits and a NUL */
    CURVE_Z85 = 41,       /* 40 characters and a NUL */
    CURVE_FILE_MAX = 1024 /* bytes of a key file that are read */
};

struct curve_key {
    unsigned char bytes[CURVE_BYTES]; /* public */
};

/* To be wiped by curve_pair_clear. */
struct curve_pair {
    struct curve_key public_part;
    unsigned char secret[CURVE_BYTES];
};

/* A public key in either form, of exactly n bytes. -1: it is none. */
int curve_key_parse(struct curve_key *key, const char *text, size_t n);
/* out holds CURVE_HEX bytes. */
void curve_key_hex(const struct curve_key *key, char *out);
/* out holds CURVE_Z85 bytes. */
void curve_key_z85(const struct curve_key *key, char *out);

/* -1 with errno: ENOTSUP, this libzmq has no CURVE. */
int curve_pair_new(struct curve_pair *pair);
void curve_pair_clear(struct curve_pair *pair);
/* Text of the key file. -1 with errno of the buffer. */
int curve_pair_write(const struct curve_pair *pair, struct buf *out);
/* -1: the text is not exactly what curve_pair_write makes. */
int curve_pair_parse(struct curve_pair *pair, const char *text, size_t n);
enum { CURVE_WHY = 512 };
/* Reads a key file, which only its owner may read (secret_file.h). -1 with errno, why (CURVE_WHY
 * bytes) says what was expected and what was found. */
int curve_pair_read(const char *path, struct curve_pair *pair, char *why);

#endif
