/* json_value.c: values of a scanned text: members, strings, equality, hashes. Pure. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json_internal.h"

struct json_span json_at(const struct json_doc *doc, uint32_t i)
{
    return (struct json_span){.at = doc->text + doc->tokens[i].at, .len = doc->tokens[i].len};
}

static bool is_text(const struct json_doc *doc, uint32_t i, const char *text, size_t n)
{
    const struct json_token *t = &doc->tokens[i];
    if (!t->escaped)
        return t->len - 2 == n && memcmp(doc->text + t->at + 1, text, n) == 0;
    struct json_pieces p;
    json_pieces_start(&p, doc, i);
    while (json_pieces_next(&p)) {
        if (p.n > n || memcmp(p.piece, text, p.n) != 0)
            return false;
        text += p.n;
        n -= p.n;
    }
    return n == 0;
}

bool json_string_is(const struct json_doc *doc, uint32_t i, const char *text)
{
    return doc->tokens[i].kind == JSON_STRING && is_text(doc, i, text, strlen(text));
}

uint32_t json_find(const struct json_doc *doc, uint32_t object, const char *key)
{
    if (doc->tokens[object].kind != JSON_OBJECT)
        return 0;
    size_t n = strlen(key);
    uint32_t at = json_first(object);
    for (uint32_t left = doc->tokens[object].count; left > 0; left--) {
        if (is_text(doc, at, key, n))
            return at + 1;
        at = json_next(doc, at + 1);
    }
    return 0;
}

/* Unescapes into out, which has room for the token's length; the number of bytes. */
static size_t unescape(const struct json_doc *doc, uint32_t i, char *out)
{
    struct json_pieces p;
    size_t n = 0;
    json_pieces_start(&p, doc, i);
    while (json_pieces_next(&p)) {
        memcpy(out + n, p.piece, p.n);
        n += p.n;
    }
    return n;
}

static size_t unescaped_length(const struct json_doc *doc, uint32_t i)
{
    struct json_pieces p;
    size_t n = 0;
    if (!doc->tokens[i].escaped)
        return doc->tokens[i].len - 2;
    json_pieces_start(&p, doc, i);
    while (json_pieces_next(&p))
        n += p.n;
    return n;
}

int json_string(const struct json_doc *doc, uint32_t i, struct buf *out)
{
    if (buf_reserve(out, unescaped_length(doc, i)) < 0)
        return -1;
    out->len += unescape(doc, i, (char *)out->data + out->len);
    return 0;
}

char *json_strdup(const struct json_doc *doc, uint32_t i)
{
    if (doc->tokens[i].kind != JSON_STRING)
        return NULL;
    char *s = malloc(doc->tokens[i].len);
    if (s != NULL)
        s[unescape(doc, i, s)] = '\0';
    return s;
}

size_t json_string_length(const struct json_doc *doc, uint32_t i)
{
    struct json_pieces p;
    size_t n = 0;
    json_pieces_start(&p, doc, i);
    while (json_pieces_next(&p)) {
        for (size_t k = 0; k < p.n; k++)
            n += ((unsigned char)p.piece[k] & 0xc0) != 0x80;
    }
    return n;
}

static bool equal_arrays(const struct json_doc *a, uint32_t i, const struct json_doc *b, uint32_t j)
{
    uint32_t x = json_first(i), y = json_first(j);
    for (uint32_t n = a->tokens[i].count; n > 0; n--) {
        if (!json_equal(a, x, b, y))
            return false;
        x = json_next(a, x);
        y = json_next(b, y);
    }
    return true;
}

static uint32_t find_same_key(const struct json_doc *a, uint32_t key, const struct json_doc *b,
                              uint32_t object)
{
    uint32_t at = json_first(object);
    for (uint32_t n = b->tokens[object].count; n > 0; n--) {
        if (json_string_order(a, key, b, at) == 0)
            return at;
        at = json_next(b, at + 1);
    }
    return 0;
}

static bool equal_small_objects(const struct json_doc *a, uint32_t i, const struct json_doc *b,
                                uint32_t j)
{
    uint32_t key = json_first(i);
    for (uint32_t n = a->tokens[i].count; n > 0; n--) {
        uint32_t other = find_same_key(a, key, b, j);
        if (other == 0 || !json_equal(a, key + 1, b, other + 1))
            return false;
        key = json_next(a, key + 1);
    }
    return true;
}

static bool equal_sorted(const struct json_doc *a, const struct json_entry *x,
                         const struct json_doc *b, const struct json_entry *y, uint32_t n)
{
    for (uint32_t k = 0; k < n; k++) {
        if (json_string_order(a, x[k].token, b, y[k].token) != 0 ||
            !json_equal(a, x[k].token + 1, b, y[k].token + 1))
            return false;
    }
    return true;
}

static bool equal_objects(const struct json_doc *a, uint32_t i, const struct json_doc *b,
                          uint32_t j)
{
    size_t n = a->tokens[i].count;
    struct json_entry *entries = n > JSON_SMALL_OBJECT ? malloc(2 * n * sizeof *entries) : NULL;
    if (entries == NULL) /* without memory slowly, but not wrongly */
        return equal_small_objects(a, i, b, j);
    json_sorted_keys(a, i, entries);
    json_sorted_keys(b, j, entries + n);
    bool is_equal = equal_sorted(a, entries, b, entries + n, (uint32_t)n);
    free(entries);
    return is_equal;
}

bool json_equal(const struct json_doc *a, uint32_t i, const struct json_doc *b, uint32_t j)
{
    const struct json_token *x = &a->tokens[i], *y = &b->tokens[j];
    if (x->kind != y->kind)
        return false;
    switch ((enum json_kind)x->kind) {
    case JSON_STRING:
        return json_string_order(a, i, b, j) == 0;
    case JSON_NUMBER:
        return json_number_order(a, i, b, j) == 0;
    case JSON_ARRAY:
        return x->count == y->count && equal_arrays(a, i, b, j);
    case JSON_OBJECT:
        return x->count == y->count && equal_objects(a, i, b, j);
    default:
        return true;
    }
}

static uint64_t hash_string(const struct json_doc *doc, uint32_t i, uint64_t seed)
{
    struct json_pieces p;
    json_pieces_start(&p, doc, i);
    /* Byte by byte: where pieces end depends on the spelling. */
    while (json_pieces_next(&p)) {
        for (size_t k = 0; k < p.n; k++)
            seed = json_mix(seed, (unsigned char)p.piece[k]);
    }
    return seed;
}

static uint64_t hash_array(const struct json_doc *doc, uint32_t i, uint64_t seed)
{
    uint32_t at = json_first(i);
    uint64_t h = seed;
    for (uint32_t n = doc->tokens[i].count; n > 0; n--) {
        h = json_mix(h, json_hash(doc, at, seed));
        at = json_next(doc, at);
    }
    return h;
}

/* A sum, so that the order of the members does not count. */
static uint64_t hash_object(const struct json_doc *doc, uint32_t i, uint64_t seed)
{
    uint32_t key = json_first(i);
    uint64_t h = seed;
    for (uint32_t n = doc->tokens[i].count; n > 0; n--) {
        h += json_mix(hash_string(doc, key, seed), json_hash(doc, key + 1, seed));
        key = json_next(doc, key + 1);
    }
    return h;
}

uint64_t json_hash(const struct json_doc *doc, uint32_t i, uint64_t seed)
{
    enum json_kind kind = json_kind(doc, i);
    seed = json_mix(seed, kind);
    switch (kind) {
    case JSON_STRING:
        return hash_string(doc, i, seed);
    case JSON_NUMBER:
        return json_number_hash(doc, i, seed);
    case JSON_ARRAY:
        return hash_array(doc, i, seed);
    case JSON_OBJECT:
        return hash_object(doc, i, seed);
    default:
        return seed;
    }
}
