#ifndef PENSTOCK_WIRE_ALLOWED_H
#define PENSTOCK_WIRE_ALLOWED_H

/*
 * allowed.h: the list of clients that may come in over TCP, one a line:
 *
 *   # a comment begins with # and a blank
 *   <public key> <name> [tenant=<name>]
 *
 * The key as in curve.h; name and tenant are names like those of pipelines. Keys and names are
 * unique. Pure.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "wire/curve.h"

enum { ALLOWED_NAME_MAX = 63, ALLOWED_KEYS_MAX = 10000, ALLOWED_FILE_MAX = 2 * 1024 * 1024 };

struct allowed_key {
    struct curve_key key;
    char hex[CURVE_HEX]; /* of the key */
    char name[ALLOWED_NAME_MAX + 1];
    char tenant[ALLOWED_NAME_MAX + 1]; /* its name, if the line has none */
    size_t line;                       /* 1 is the first */
};

struct allowed;

enum { ALLOWED_WHY = 256 };
/* NULL: why (ALLOWED_WHY bytes) names the line, what was expected and what was found. */
struct allowed *allowed_parse(const char *text, size_t n, char *why);
/* NULL is fine. */
void allowed_free(struct allowed *a);
size_t allowed_count(const struct allowed *a);
/* In the order of the lines. Borrowed until allowed_free. */
const struct allowed_key *allowed_at(const struct allowed *a, size_t i);
/* By hex, n bytes. NULL: not in the list. */
const struct allowed_key *allowed_find(const struct allowed *a, const char *hex, size_t n);
const struct allowed_key *allowed_find_name(const struct allowed *a, const char *name);

#endif
