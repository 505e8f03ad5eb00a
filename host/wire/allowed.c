/* allowed.c: the list of clients that may come in over TCP. Runs in the core and the command line. */
#include "wire/allowed.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "base/text.h"

static const char blanks[] = " \t";

struct allowed {
    struct allowed_key *items; /* room for one a line */
    size_t n;
    struct table *by_hex, *by_name;
};

/* A line while it is read. */
struct line {
    const char *at, *end;
    size_t number;
    char *why;
};

__attribute__((format(printf, 2, 3))) static int refuse(const struct line *l, const char *format,
                                                        ...)
{
    va_list ap;
    const int n = snprintf(l->why, ALLOWED_WHY, "line %zu: ", l->number);
    va_start(ap, format);
    vsnprintf(l->why + n, ALLOWED_WHY - (size_t)n, format, ap);
    va_end(ap);
    return -1;
}

/* The next word of the line: its length, 0 if there is none. */
static size_t next_word(struct line *l, const char **word)
{
    while (l->at < l->end && memchr(blanks, *l->at, sizeof blanks - 1) != NULL)
        l->at++;
    *word = l->at;
    while (l->at < l->end && memchr(blanks, *l->at, sizeof blanks - 1) == NULL)
        l->at++;
    return (size_t)(l->at - *word);
}

/* to holds ALLOWED_NAME_MAX + 1 bytes. */
static int copy_name(char *to, const char *word, size_t n)
{
    if (n > ALLOWED_NAME_MAX)
        return -1;
    memcpy(to, word, n);
    to[n] = '\0';
    return strlen(to) == n && text_is_name(to) ? 0 : -1;
}

static int read_key(struct line *l, struct allowed_key *k)
{
    const char *word;
    const size_t n = next_word(l, &word);
    if (curve_key_parse(&k->key, word, n) < 0)
        return refuse(l,
                      "expected a public key of 64 hex digits or 40 characters of Z85, found %zu "
                      "bytes that are none",
                      n);
    curve_key_hex(&k->key, k->hex);
    return 0;
}

static int read_name(struct line *l, struct allowed_key *k)
{
    const char *word;
    const size_t n = next_word(l, &word);
    if (copy_name(k->name, word, n) < 0)
        return refuse(l, "expected a name behind the key: letters, digits, '.', '_' and '-'");
    memcpy(k->tenant, k->name, sizeof k->tenant);
    return 0;
}

static int read_tenant(struct line *l, struct allowed_key *k)
{
    static const char mark[] = "tenant=";
    const size_t skip = sizeof mark - 1;
    const char *word;
    const size_t n = next_word(l, &word);
    if (n == 0)
        return 0;
    if (n <= skip || memcmp(word, mark, skip) != 0 ||
        copy_name(k->tenant, word + skip, n - skip) < 0)
        return refuse(l, "expected tenant=NAME or nothing behind the name");
    return next_word(l, &word) == 0 ? 0 : refuse(l, "expected nothing behind the tenant");
}

static int add(struct allowed *a, const struct line *l, const struct allowed_key *k)
{
    const struct allowed_key *same = allowed_find(a, k->hex, CURVE_HEX - 1);
    if (same != NULL)
        return refuse(l, "the key of \"%s\" stands in line %zu already", k->name, same->line);
    same = allowed_find_name(a, k->name);
    if (same != NULL)
        return refuse(l, "the name \"%s\" stands in line %zu already", k->name, same->line);
    if (a->n == ALLOWED_KEYS_MAX)
        return refuse(l, "expected at most %d keys", ALLOWED_KEYS_MAX);
    struct allowed_key *to = &a->items[a->n];
    *to = *k;
    if (table_put(a->by_hex, to->hex, CURVE_HEX - 1, to) < 0 ||
        table_put(a->by_name, to->name, strlen(to->name), to) < 0)
        return refuse(l, "out of memory");
    a->n++;
    return 0;
}

/* A key in Z85 may begin with '#' too. */
static bool says_nothing(const struct line *l)
{
    struct line copy = *l;
    const char *word;
    const size_t n = next_word(&copy, &word);
    return n == 0 || (n == 1 && *word == '#');
}

static int read_line(struct allowed *a, struct line *l)
{
    struct allowed_key k = {.line = l->number};
    if (says_nothing(l))
        return 0;
    if (read_key(l, &k) < 0 || read_name(l, &k) < 0 || read_tenant(l, &k) < 0)
        return -1;
    return add(a, l, &k);
}

static size_t count_lines(const char *text, size_t n)
{
    size_t lines = 1;
    for (size_t i = 0; i < n; i++)
        lines += text[i] == '\n';
    return lines < ALLOWED_KEYS_MAX ? lines : ALLOWED_KEYS_MAX;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): it is written through the line */
static int read_lines(struct allowed *a, const char *text, size_t n, char *why)
{
    const char *end = n > 0 ? text + n : text;
    size_t number = 0;
    while (text < end) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        number++;
        struct line l = {
            .at = text, .end = stop != NULL ? stop : end, .number = number, .why = why};
        if (read_line(a, &l) < 0)
            return -1;
        text = l.end < end && stop != NULL ? stop + 1 : end;
    }
    return 0;
}

struct allowed *allowed_parse(const char *text, size_t n, char *why)
{
    struct allowed *a = calloc(1, sizeof *a);
    snprintf(why, ALLOWED_WHY, "out of memory");
    if (a == NULL)
        return NULL;
    a->items = calloc(count_lines(text, n), sizeof *a->items);
    a->by_hex = table_new();
    a->by_name = table_new();
    if (a->items != NULL && a->by_hex != NULL && a->by_name != NULL &&
        read_lines(a, text, n, why) == 0)
        return a;
    allowed_free(a);
    return NULL;
}

void allowed_free(struct allowed *a)
{
    if (a == NULL)
        return;
    table_free(a->by_hex);
    table_free(a->by_name);
    free(a->items);
    free(a);
}

size_t allowed_count(const struct allowed *a)
{
    return a->n;
}

const struct allowed_key *allowed_at(const struct allowed *a, size_t i)
{
    return &a->items[i];
}

const struct allowed_key *allowed_find(const struct allowed *a, const char *hex, size_t n)
{
    return table_get(a->by_hex, hex, n);
}

const struct allowed_key *allowed_find_name(const struct allowed *a, const char *name)
{
    return table_get(a->by_name, name, strlen(name));
}
