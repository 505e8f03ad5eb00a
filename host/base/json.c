/* json.c: the scanner: checks a JSON text and notes where its values lie. Pure; runs in every
 * process. */
#include "base/json.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_internal.h"
#include "base/text.h"

enum { TOKENS_FIRST = 64 };

struct scanner {
    struct json_doc *doc;
    const char *p, *end;
    struct json_fault *fault;
    uint32_t open[JSON_DEPTH_MAX]; /* tokens of the containers around p */
    unsigned depth;
};

static int fail(struct scanner *s, const char *at, const char *what)
{
    s->fault->offset = (size_t)(at - s->doc->text);
    s->fault->what = what;
    return -1;
}

int json_reserve(struct json_doc *doc, size_t n)
{
    if (n <= doc->cap)
        return 0;
    size_t cap = doc->cap > 0 ? doc->cap : TOKENS_FIRST;
    while (cap < n)
        cap *= 2;
    struct json_token *tokens = realloc(doc->tokens, cap * sizeof *tokens);
    if (tokens == NULL)
        return -1;
    doc->tokens = tokens;
    doc->cap = (uint32_t)cap;
    return 0;
}

static int no_memory(struct scanner *s)
{
    return fail(s, s->doc->text, "out of memory");
}

/* A token that starts at `at` and ends at p. NULL with the fault. */
static struct json_token *add(struct scanner *s, enum json_kind kind, const char *at)
{
    struct json_doc *doc = s->doc;
    if (doc->n == doc->cap && json_reserve(doc, (size_t)doc->n + 1) < 0) {
        no_memory(s);
        return NULL;
    }
    if (doc->n == JSON_TOKENS_MAX) {
        fail(s, at, "too many values");
        return NULL;
    }
    struct json_token *t = &doc->tokens[doc->n++];
    *t = (struct json_token){.at = (uint32_t)(at - doc->text),
                             .len = (uint32_t)(s->p - at),
                             .next = doc->n,
                             .kind = (uint8_t)kind};
    return t;
}

static void skip_space(struct scanner *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\t' || *s->p == '\r'))
        s->p++;
}

/* Skips bytes that need no look of their own in a string: ASCII but quote, backslash and controls.
 */
static void skip_plain(struct scanner *s)
{
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    while (s->end - s->p >= 8) {
        uint64_t x;
        memcpy(&x, s->p, 8);
        x = le64toh(x);
        uint64_t quote = x ^ (ones * '"'), backslash = x ^ (ones * '\\');
        /* The lowest bit set is exact; a borrow can only spoil those above it. */
        uint64_t hits = (((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) |
                         ((x - ones * 0x20) & ~x) | x) &
                        tops;
        if (hits != 0) {
            s->p += __builtin_ctzll(hits) >> 3;
            return;
        }
        s->p += 8;
    }
    while (s->p < s->end && (unsigned char)*s->p >= 0x20 && (unsigned char)*s->p < 0x80 &&
           *s->p != '"' && *s->p != '\\')
        s->p++;
}

/* Value of the four hex digits at p, or -1. */
static int hex4(const struct scanner *s, const char *p)
{
    int v = 0;
    if (s->end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int c = (unsigned char)p[i];
        int digit = c >= '0' && c <= '9'                     ? c - '0'
                    : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                             : -1;
        if (digit < 0)
            return -1;
        v = v * 16 + digit;
    }
    return v;
}

static int scan_unicode_escape(struct scanner *s)
{
    const char *at = s->p; /* at the backslash */
    int v = hex4(s, at + 2);
    if (v < 0)
        return fail(s, at, "\\u needs four hex digits");
    if (v == 0)
        return fail(s, at, "\\u0000 is not accepted");
    s->p += 6;
    if (v < 0xd800 || v > 0xdfff)
        return 0;
    bool has_low = v < 0xdc00 && s->end - s->p >= 6 && s->p[0] == '\\' && s->p[1] == 'u';
    int low = has_low ? hex4(s, s->p + 2) : -1;
    if (low < 0xdc00 || low > 0xdfff)
        return fail(s, at, "a surrogate without its other half");
    s->p += 6;
    return 0;
}

static int scan_escape(struct scanner *s)
{
    if (s->end - s->p < 2)
        return fail(s, s->p, "the text ends inside a string");
    char c = s->p[1];
    if (c == 'u')
        return scan_unicode_escape(s);
    if (c == '\0' || strchr("\"\\/bfnrt", c) == NULL)
        return fail(s, s->p, "unknown escape");
    s->p += 2;
    return 0;
}

static int scan_utf8(struct scanner *s)
{
    while (s->p < s->end && (unsigned char)*s->p >= 0x80) {
        size_t n = text_utf8_sequence((const unsigned char *)s->p, (size_t)(s->end - s->p));
        if (n == 0)
            return fail(s, s->p, "invalid UTF-8");
        s->p += n;
    }
    return 0;
}

static int scan_string(struct scanner *s)
{
    const char *at = s->p++;
    uint8_t escaped = 0;
    for (;;) {
        skip_plain(s);
        if (s->p == s->end)
            return fail(s, at, "the text ends inside a string");
        unsigned char c = (unsigned char)*s->p;
        if (c == '"')
            break;
        if (c < 0x20)
            return fail(s, s->p, "a control character in a string");
        if (c == '\\')
            escaped = 1;
        if ((c == '\\' ? scan_escape(s) : scan_utf8(s)) < 0)
            return -1;
    }
    s->p++;
    struct json_token *t = add(s, JSON_STRING, at);
    if (t == NULL)
        return -1;
    t->escaped = escaped;
    return 0;
}

static bool skip_digits(struct scanner *s)
{
    const char *at = s->p;
    while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
        s->p++;
    return s->p > at;
}

static bool skip_one_of(struct scanner *s, char a, char b)
{
    if (s->p == s->end || (*s->p != a && *s->p != b))
        return false;
    s->p++;
    return true;
}

static int scan_number(struct scanner *s)
{
    const char *at = s->p;
    skip_one_of(s, '-', '-');
    if (!skip_one_of(s, '0', '0') && !skip_digits(s))
        return fail(s, s->p, "a digit is missing");
    if (skip_one_of(s, '.', '.') && !skip_digits(s))
        return fail(s, s->p, "a digit is missing");
    if (skip_one_of(s, 'e', 'E')) {
        skip_one_of(s, '+', '-');
        if (!skip_digits(s))
            return fail(s, s->p, "a digit is missing");
    }
    return add(s, JSON_NUMBER, at) != NULL ? 0 : -1;
}

static int scan_word(struct scanner *s, enum json_kind kind, const char *word, size_t n)
{
    const char *at = s->p;
    if ((size_t)(s->end - at) < n || memcmp(at, word, n) != 0)
        return fail(s, at, "expected a value");
    s->p += n;
    return add(s, kind, at) != NULL ? 0 : -1;
}

static int scan_key(struct scanner *s)
{
    skip_space(s);
    if (s->p == s->end || *s->p != '"')
        return fail(s, s->p, "expected a member name");
    if (scan_string(s) < 0)
        return -1;
    skip_space(s);
    if (s->p == s->end || *s->p != ':')
        return fail(s, s->p, "expected :");
    s->p++;
    return 0;
}

/* The scratch for many keys lies behind the last token: no memory of its own once the doc has
 * grown. */
static int check_keys(struct scanner *s, uint32_t object)
{
    struct json_doc *doc = s->doc;
    uint32_t count = doc->tokens[object].count;
    struct json_entry *scratch = NULL;
    if (count > JSON_SMALL_OBJECT || !json_keys_are_plain(doc, object)) {
        size_t room = (count * sizeof *scratch) / sizeof *doc->tokens + 1;
        if (json_reserve(doc, doc->n + room) < 0)
            return no_memory(s);
        scratch = (struct json_entry *)(void *)(doc->tokens + doc->n);
    }
    uint32_t twice = json_repeated_key(doc, object, scratch);
    return twice == 0
               ? 0
               : fail(s, doc->text + doc->tokens[twice].at, "a name stands twice in an object");
}

static int close_container(struct scanner *s)
{
    uint32_t i = s->open[--s->depth];
    struct json_token *t = &s->doc->tokens[i];
    s->p++;
    t->len = (uint32_t)(s->p - s->doc->text) - t->at;
    t->next = s->doc->n;
    return t->kind == JSON_OBJECT && t->count > 1 ? check_keys(s, i) : 0;
}

static char closing(const struct scanner *s)
{
    return s->doc->tokens[s->open[s->depth - 1]].kind == JSON_OBJECT ? '}' : ']';
}

/* 0: it was empty and is closed again; 1: a value must follow; -1 */
static int open_container(struct scanner *s, enum json_kind kind)
{
    if (s->depth == JSON_DEPTH_MAX)
        return fail(s, s->p, "nested too deeply");
    s->open[s->depth++] = s->doc->n;
    if (add(s, kind, s->p) == NULL)
        return -1;
    s->p++;
    skip_space(s);
    if (s->p < s->end && *s->p == closing(s))
        return close_container(s);
    if (kind == JSON_OBJECT && scan_key(s) < 0)
        return -1;
    return 1;
}

/* 0: a whole value was read; 1: one was opened, the next must follow; -1 */
static int scan_value(struct scanner *s)
{
    skip_space(s);
    if (s->p == s->end)
        return fail(s, s->p, "the text ends where a value should be");
    switch (*s->p) {
    case '"':
        return scan_string(s);
    case '{':
        return open_container(s, JSON_OBJECT);
    case '[':
        return open_container(s, JSON_ARRAY);
    case 't':
        return scan_word(s, JSON_TRUE, "true", 4);
    case 'f':
        return scan_word(s, JSON_FALSE, "false", 5);
    case 'n':
        return scan_word(s, JSON_NULL, "null", 4);
    default:
        if (*s->p == '-' || (*s->p >= '0' && *s->p <= '9'))
            return scan_number(s);
        return fail(s, s->p, "expected a value");
    }
}

/* After a whole value. 0: the root is complete; 1: a value must follow; -1 */
static int after_value(struct scanner *s)
{
    while (s->depth > 0) {
        struct json_token *parent = &s->doc->tokens[s->open[s->depth - 1]];
        parent->count++;
        skip_space(s);
        if (s->p < s->end && *s->p == ',') {
            s->p++;
            return parent->kind == JSON_OBJECT && scan_key(s) < 0 ? -1 : 1;
        }
        if (s->p == s->end || *s->p != closing(s))
            return fail(s, s->p,
                        parent->kind == JSON_OBJECT ? "expected , or }" : "expected , or ]");
        if (close_container(s) < 0)
            return -1;
    }
    return 0;
}

int json_scan(struct json_doc *doc, const char *text, size_t len, struct json_fault *fault)
{
    struct scanner s = {.doc = doc, .p = text, .end = text + len, .fault = fault};
    doc->text = text;
    doc->n = 0;
    if (len >= UINT32_MAX)
        return fail(&s, text, "longer than 4 GiB");
    int rc;
    do {
        rc = scan_value(&s);
        if (rc == 0)
            rc = after_value(&s);
    } while (rc == 1);
    if (rc < 0)
        return -1;
    skip_space(&s);
    return s.p == s.end ? 0 : fail(&s, s.p, "something follows the value");
}

void json_doc_clear(struct json_doc *doc)
{
    free(doc->tokens);
    *doc = (struct json_doc)JSON_DOC_INIT;
}
