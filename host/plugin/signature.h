#ifndef PENSTOCK_PLUGIN_SIGNATURE_H
#define PENSTOCK_PLUGIN_SIGNATURE_H

/*
 * signature.h: who vouches for which bytes of a plugin. x.so.sig lies beside x.so:
 *
 *   penstock-signature 1
 *   key <16 hex digits: which key signed>
 *   file <64 hex digits: SHA-256> <name>      one line a part, by name: the plugin's file and the
 *   link <name it points to> <name>           libraries and links beside it, if it has a folder
 *   signature <128 hex digits>
 *
 * Signed is the text before the last line; its first line keeps these signatures apart from any
 * others that the key may make. A text is either exactly what signature_write makes, or no
 * signature. Pure.
 */

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/digest.h"
#include "plugin/key.h"

enum { SIGNATURE_PARTS_MAX = 64, SIGNATURE_FILE_MAX = 64 * 1024, SIGNATURE_WHY = 1024 };

struct signed_part {
    char name[NAME_MAX + 1];
    char link[NAME_MAX + 1]; /* the part it points to; "" of a file */
    char sha256[DIGEST_HEX]; /* "" of a link */
};

struct signed_parts {
    size_t n;
    struct signed_part items[SIGNATURE_PARTS_MAX];
};

struct signature {
    char key_id[KEY_ID_TEXT];
    struct signed_parts parts;
    unsigned char bytes[SIGN_BYTES];
};

/* Sorts parts and signs them. -1: a name cannot be signed; why (SIGNATURE_WHY bytes) says which. */
int signature_make(struct signature *s, const struct signed_parts *parts,
                   const struct secret_key *key, char *why);
/* -1 with errno of the buffer. */
int signature_write(const struct signature *s, struct buf *out);
/* -1: no signature. */
int signature_parse(struct signature *s, const char *text, size_t len);
/* Whether it was made by that key, and for what it lists. */
bool signature_is_by(const struct signature *s, const struct public_key *key);
/* Whether what is there is what was signed, part by part. -1: why (SIGNATURE_WHY bytes) names the
 * first part that is not. */
int signature_compare(const struct signature *s, const struct signed_parts *found, char *why);

enum signature_verdict {
    SIGNATURE_GOOD,
    SIGNATURE_ABSENT,   /* the text is empty */
    SIGNATURE_STRANGER, /* by a key that is not among those trusted */
    SIGNATURE_BROKEN,   /* no signature, or not by the key that it names */
    SIGNATURE_CHANGED   /* good, but for other files */
};

/* Judges the text of x.so.sig against what lies there. why (SIGNATURE_WHY bytes) gets words, but for
 * SIGNATURE_GOOD: there the id of the key. */
enum signature_verdict signature_judge(const char *text, size_t len, const struct public_key *keys,
                                       size_t n_keys, const struct signed_parts *found, char *why);

#endif
