#ifndef PENSTOCK_BASE_JSON_H
#define PENSTOCK_BASE_JSON_H

/*
 * json.h: JSON as bytes. A scanner checks a text strictly and notes where its values lie; nothing
 * is copied or printed again, so what only passes through (params, results, metadata) stays byte
 * for byte. Refused, with offset and reason: invalid UTF-8, \u0000, lone surrogates, duplicate
 * keys, depth over 64, anything RFC 8259 refuses, bytes behind the value, more than JSON_TOKENS_MAX
 * values.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct cJSON;

enum { JSON_DEPTH_MAX = 64, JSON_TOKENS_MAX = 4 * 1024 * 1024 };

enum json_kind {
    JSON_OBJECT = 1,
    JSON_ARRAY,
    JSON_STRING,
    JSON_NUMBER,
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL
};

struct json_span {
    const char *at; /* borrowed from the text */
    size_t len;
};

struct json_fault {
    size_t offset;
    const char *what; /* a literal */
};

/* One value. In an object the children are key, value, key, value...; count counts pairs. */
struct json_token {
    uint32_t at, len; /* of the whole value, quotes and brackets included */
    uint32_t next;    /* index of the first token behind this value and all inside it */
    uint32_t count;   /* members of an object, elements of an array */
    uint8_t kind;     /* enum json_kind */
    uint8_t escaped;  /* a string with a backslash in it */
};

struct json_doc {
    const char *text; /* borrowed; must outlive the doc */
    struct json_token *tokens;
    uint32_t n, cap;
};

#define JSON_DOC_INIT                                                                              \
    {                                                                                              \
        .text = NULL                                                                               \
    }

/* Scans text (at most 4 GiB - 1). The root is token 0. The doc can be used again; its memory is
 * kept. -1: *fault says where and why (offset 0 and "out of memory" too). */
int json_scan(struct json_doc *doc, const char *text, size_t len, struct json_fault *fault);
void json_doc_clear(struct json_doc *doc);

/* The value of a member of the object at token i, or 0 (the root is never a member). */
uint32_t json_find(const struct json_doc *doc, uint32_t object, const char *key);
struct json_span json_at(const struct json_doc *doc, uint32_t i);
static inline enum json_kind json_kind(const struct json_doc *doc, uint32_t i)
{
    return (enum json_kind)doc->tokens[i].kind;
}
/* First child and next sibling: for (c = json_first(d, i), n = d->tokens[i].count; n > 0; n--,
 * ...). */
static inline uint32_t json_first(uint32_t i)
{
    return i + 1;
}
static inline uint32_t json_next(const struct json_doc *doc, uint32_t i)
{
    return doc->tokens[i].next;
}
/* Whether string token i is, unescaped, the given text. */
bool json_string_is(const struct json_doc *doc, uint32_t i, const char *text);
/* Order of two string tokens by code point, unescaped: below 0, 0, above 0. */
int json_string_order(const struct json_doc *a, uint32_t i, const struct json_doc *b, uint32_t j);
/* Appends string token i, unescaped. -1 with errno of the buffer. */
int json_string(const struct json_doc *doc, uint32_t i, struct buf *out);
/* Length of string token i in code points. */
size_t json_string_length(const struct json_doc *doc, uint32_t i);
/* Token i unescaped as a NUL-ended copy that the caller frees; NULL: not a string, or no memory. */
char *json_strdup(const struct json_doc *doc, uint32_t i);
/* -1: not a number, not integral (1.0 and 1e2 are), or outside 64 bits. */
int json_i64(const struct json_doc *doc, uint32_t i, int64_t *value);
/* -1: not a number, or not finite as a double. */
int json_f64(const struct json_doc *doc, uint32_t i, double *value);

/* A number without a fraction, of any size (1.0 and 1e300 are). */
bool json_is_integral(const struct json_doc *doc, uint32_t i);
/* Order of two numbers by value, exactly: below 0, 0, above 0. */
int json_number_order(const struct json_doc *a, uint32_t i, const struct json_doc *b, uint32_t j);
/* 1: number i is j times a whole number, exactly; 0: it is not; -1: j is 0 or has more than 19
 * digits. */
int json_multiple_of(const struct json_doc *a, uint32_t i, const struct json_doc *b, uint32_t j);

/* Whether two values are equal in JSON Schema's sense: numbers by value, objects in any order. */
bool json_equal(const struct json_doc *a, uint32_t i, const struct json_doc *b, uint32_t j);
/* The same for values that are equal in that sense; the seed keeps peers from choosing collisions.
 */
uint64_t json_hash(const struct json_doc *doc, uint32_t i, uint64_t seed);

/*
 * Appends the canonical form for signatures: compact, keys sorted by code point at each level,
 * members whose value is null dropped at each depth (not in arrays), strings with the fewest
 * escapes, non-ASCII as it is; integers as they were written, numbers with a point or an exponent
 * as the nearest double: as an integer if it is whole and fits 64 bits, else in the shortest
 * spelling. drop: NULL-ended names left out at the top level, or NULL. -1 with errno of the buffer.
 */
int json_canonical(const struct json_doc *doc, uint32_t i, const char *const *drop,
                   struct buf *out);

/* Appends the exact form: as above, but nothing is left out and every number stays as it was written. Values that
 * only differ in spaces, escapes and the order of members have the same; no others have. */
int json_exact(const struct json_doc *doc, uint32_t i, struct buf *out);

/* A cJSON tree of a checked text, for code that builds or changes small documents of our own; freed
 * by cJSON_Delete. NULL with *fault. */
struct cJSON *json_tree(const char *text, size_t len, struct json_fault *fault);

/* Writer: appends to a buffer; the first failure sticks and is told by json_end. */
struct json_writer {
    struct buf *out;
    bool comma;  /* a comma is due before the next value */
    bool failed; /* the buffer refused */
};
void json_begin(struct json_writer *w, struct buf *out);
/* 0, or -1 if anything failed on the way. */
int json_end(const struct json_writer *w);
void json_open(struct json_writer *w, char bracket);  /* '{' or '[' */
void json_close(struct json_writer *w, char bracket); /* '}' or ']' */
void json_key(struct json_writer *w, const char *key);
/* Values. A string of invalid UTF-8 gets U+FFFD for each bad byte; NULL is null, as are infinity
 * and NaN. */
void json_put_str(struct json_writer *w, const char *s);
void json_put_strn(struct json_writer *w, const char *s, size_t n);
void json_put_int(struct json_writer *w, int64_t v);
void json_put_double(struct json_writer *w, double v);
void json_put_bool(struct json_writer *w, bool v);
void json_put_null(struct json_writer *w);
/* Bytes that are known to be one JSON value. */
void json_put_raw(struct json_writer *w, const char *json, size_t n);
/* Members: key and value in one call; json_member_str leaves the member out if s is NULL. */
void json_member_str(struct json_writer *w, const char *key, const char *s);
void json_member_int(struct json_writer *w, const char *key, int64_t v);
void json_member_double(struct json_writer *w, const char *key, double v);
void json_member_bool(struct json_writer *w, const char *key, bool v);
void json_member_raw(struct json_writer *w, const char *key, struct json_span v);

#endif
