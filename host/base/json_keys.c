/* json_keys.c: strings of a scanned text: unescaping, order, and names that stand twice. Pure. */
#include "base/json_internal.h"

#include <string.h>

static unsigned hex_digit(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a' + 10);
}

static unsigned unicode_escape(const char *p)
{
    return hex_digit(p[2]) << 12 | hex_digit(p[3]) << 8 | hex_digit(p[4]) << 4 | hex_digit(p[5]);
}

static size_t encode_utf8(unsigned c, char *out)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char heads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = n - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (c & 0x3f));
        c >>= 6;
    }
    out[0] = (char)(heads[n] | c);
    return n;
}

void json_pieces_start(struct json_pieces *p, const struct json_doc *doc, uint32_t i)
{
    const struct json_token *t = &doc->tokens[i];
    p->at = doc->text + t->at + 1;
    p->end = p->at + t->len - 2;
    p->piece = NULL;
    p->n = 0;
}

static void decode(struct json_pieces *p)
{
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    p->piece = p->decoded;
    if (p->at[1] != 'u') {
        p->decoded[0] = meanings[strchr(letters, p->at[1]) - letters];
        p->n = 1;
        p->at += 2;
        return;
    }
    unsigned c = unicode_escape(p->at);
    p->at += 6;
    if (c >= 0xd800 && c < 0xe000) {
        c = 0x10000 + ((c - 0xd800) << 10) + (unicode_escape(p->at) - 0xdc00);
        p->at += 6;
    }
    p->n = encode_utf8(c, p->decoded);
}

bool json_pieces_next(struct json_pieces *p)
{
    if (p->at == p->end)
        return false;
    if (*p->at == '\\') {
        decode(p);
        return true;
    }
    const char *stop = memchr(p->at, '\\', (size_t)(p->end - p->at));
    if (stop == NULL)
        stop = p->end;
    p->piece = p->at;
    p->n = (size_t)(stop - p->at);
    p->at = stop;
    return true;
}

static int order_of_bytes(const char *a, size_t na, const char *b, size_t nb)
{
    int d = memcmp(a, b, na < nb ? na : nb);
    return d != 0 ? d : (na > nb) - (na < nb);
}

static int order_of_pieces(struct json_pieces *a, struct json_pieces *b)
{
    for (;;) {
        bool has_a = a->n > 0 || json_pieces_next(a), has_b = b->n > 0 || json_pieces_next(b);
        if (!has_a || !has_b)
            return has_a - has_b;
        size_t n = a->n < b->n ? a->n : b->n;
        int d = memcmp(a->piece, b->piece, n);
        if (d != 0)
            return d;
        a->piece += n;
        a->n -= n;
        b->piece += n;
        b->n -= n;
    }
}

int json_string_order(const struct json_doc *a, uint32_t i, const struct json_doc *b, uint32_t j)
{
    const struct json_token *s = &a->tokens[i], *t = &b->tokens[j];
    if (!s->escaped && !t->escaped)
        return order_of_bytes(a->text + s->at + 1, s->len - 2, b->text + t->at + 1, t->len - 2);
    struct json_pieces p, q;
    json_pieces_start(&p, a, i);
    json_pieces_start(&q, b, j);
    return order_of_pieces(&p, &q);
}

static bool is_less(const struct json_doc *doc, const struct json_entry *a,
                    const struct json_entry *b)
{
    if (a->rank != b->rank)
        return a->rank < b->rank;
    int d = json_string_order(doc, a->token, doc, b->token);
    return d != 0 ? d < 0 : a->token < b->token;
}

static void sift_down(const struct json_doc *doc, struct json_entry *e, uint32_t at, uint32_t n)
{
    struct json_entry moving = e[at];
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= n)
            break;
        if (child + 1 < n && is_less(doc, &e[child], &e[child + 1]))
            child++;
        if (!is_less(doc, &moving, &e[child]))
            break;
        e[at] = e[child];
        at = child;
    }
    e[at] = moving;
}

/* A heap sort: the names are a peer's, so the worst case is the case, and it needs no memory. */
void json_sort(const struct json_doc *doc, struct json_entry *entries, uint32_t n)
{
    for (uint32_t i = n / 2; i > 0; i--)
        sift_down(doc, entries, i - 1, n);
    for (uint32_t i = n; i > 1; i--) {
        struct json_entry last = entries[i - 1];
        entries[i - 1] = entries[0];
        entries[0] = last;
        sift_down(doc, entries, 0, i - 1);
    }
}

void json_sorted_keys(const struct json_doc *doc, uint32_t object, struct json_entry *entries)
{
    uint32_t count = doc->tokens[object].count, key = json_first(object);
    for (uint32_t i = 0; i < count; i++) {
        entries[i] = (struct json_entry){.rank = 0, .token = key};
        key = json_next(doc, key + 1);
    }
    json_sort(doc, entries, count);
}

bool json_keys_are_plain(const struct json_doc *doc, uint32_t object)
{
    uint32_t key = json_first(object);
    for (uint32_t n = doc->tokens[object].count; n > 0; n--) {
        if (doc->tokens[key].escaped)
            return false;
        key = json_next(doc, key + 1);
    }
    return true;
}

static bool has_same_before(const struct json_doc *doc, uint32_t first, uint32_t key)
{
    const struct json_token *t = &doc->tokens[key];
    for (uint32_t k = first; k != key; k = json_next(doc, k + 1)) {
        const struct json_token *other = &doc->tokens[k];
        if (other->len == t->len && memcmp(doc->text + other->at, doc->text + t->at, t->len) == 0)
            return true;
    }
    return false;
}

/* One of 64 marks; names with different marks differ. */
static uint64_t mark_of(const struct json_doc *doc, uint32_t key)
{
    const struct json_token *t = &doc->tokens[key];
    const unsigned char *s = (const unsigned char *)doc->text + t->at;
    unsigned mix = t->len * 5u + s[1] * 3u + s[t->len / 2] * 11u + s[t->len - 2] * 23u;
    return (uint64_t)1 << (mix & 63);
}

static uint32_t repeated_in_small(const struct json_doc *doc, uint32_t object)
{
    uint64_t seen = 0;
    uint32_t key = json_first(object);
    for (uint32_t n = doc->tokens[object].count; n > 0; n--) {
        uint64_t mark = mark_of(doc, key);
        if ((seen & mark) != 0 && has_same_before(doc, json_first(object), key))
            return key;
        seen |= mark;
        key = json_next(doc, key + 1);
    }
    return 0;
}

static uint32_t hash_of(const struct json_doc *doc, uint32_t key)
{
    uint32_t h = 2166136261u;
    struct json_pieces p;
    json_pieces_start(&p, doc, key);
    while (json_pieces_next(&p)) {
        for (size_t i = 0; i < p.n; i++)
            h = (h ^ (unsigned char)p.piece[i]) * 16777619u;
    }
    return h;
}

uint32_t json_repeated_key(const struct json_doc *doc, uint32_t object, struct json_entry *scratch)
{
    uint32_t count = doc->tokens[object].count, key = json_first(object);
    if (scratch == NULL)
        return repeated_in_small(doc, object);
    for (uint32_t i = 0; i < count; i++) {
        scratch[i] = (struct json_entry){.rank = hash_of(doc, key), .token = key};
        key = json_next(doc, key + 1);
    }
    json_sort(doc, scratch, count);
    for (uint32_t i = 1; i < count; i++) {
        if (scratch[i].rank == scratch[i - 1].rank &&
            json_string_order(doc, scratch[i].token, doc, scratch[i - 1].token) == 0)
            return scratch[i].token;
    }
    return 0;
}
