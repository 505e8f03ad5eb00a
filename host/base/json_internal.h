#ifndef PENSTOCK_BASE_JSON_INTERNAL_H
#define PENSTOCK_BASE_JSON_INTERNAL_H

/* json_internal.h: what the files of json.h share. Included by them only. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

struct buf;

/* A string token's text in pieces: runs without escapes as they lie, and each escape decoded. */
struct json_pieces {
    const char *at, *end; /* what is still to be read */
    const char *piece;
    size_t n;
    char decoded[4];
};

void json_pieces_start(struct json_pieces *p, const struct json_doc *doc, uint32_t i);
/* The next piece in piece and n; false at the end. */
bool json_pieces_next(struct json_pieces *p);

struct json_entry {
    uint32_t rank; /* compared first */
    uint32_t token;
};

/* Sorts by rank, then by the strings at the tokens; n log n comparisons at most. */
void json_sort(const struct json_doc *doc, struct json_entry *entries, uint32_t n);
/* Fills entries (room for the object's count) with its keys, sorted by code point. */
void json_sorted_keys(const struct json_doc *doc, uint32_t object, struct json_entry *entries);
/* The token of a key that stands twice in the object, 0 if none does. scratch: NULL, or room for
 * count entries; needed if the object has more than JSON_SMALL_OBJECT members or an escaped key. */
enum { JSON_SMALL_OBJECT = 32 };
uint32_t json_repeated_key(const struct json_doc *doc, uint32_t object, struct json_entry *scratch);
bool json_keys_are_plain(const struct json_doc *doc, uint32_t object);

/* json_hash of a number. */
uint64_t json_number_hash(const struct json_doc *doc, uint32_t i, uint64_t seed);

/* One step of the hashes here. */
static inline uint64_t json_mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0xff51afd7ed558ccdu;
    return hash ^ (hash >> 32);
}

/* Appends the text with the fewest escapes, without quotes; U+FFFD for each byte that is not UTF-8.
 */
int json_append_escaped(struct buf *out, const char *s, size_t n);

/* The shortest spelling that reads back as the finite number v; without a fraction none is written.
 */
enum { JSON_DOUBLE_TEXT = 40 };
void json_format_double(double v, char *out);

/* Makes room for n tokens in all. -1: no memory. */
int json_reserve(struct json_doc *doc, size_t n);

#endif
