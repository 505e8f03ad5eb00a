/* text.c: durations, sizes, names, near misses, ids. */
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"

struct unit {
    const char *name;
    int64_t factor;
};

/* Largest first: formatting takes the first that divides. */
static const struct unit durations[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
static const struct unit sizes[] = {
    {"Gi", 1 << 30}, {"G", 1000000000}, {"Mi", 1 << 20}, {"M", 1000000},
    {"Ki", 1 << 10}, {"K", 1000},       {"k", 1000},     {"", 1}};
enum { N_DURATIONS = sizeof durations / sizeof *durations, N_SIZES = sizeof sizes / sizeof *sizes };

int text_parse_i64(const char *s, int64_t *value)
{
    char *end;
    if (!isdigit((unsigned char)s[0]) && !(s[0] == '-' && isdigit((unsigned char)s[1])))
        return -1;
    errno = 0;
    long long v = strtoll(s, &end, 10);
    if (errno != 0 || *end != '\0')
        return -1;
    *value = v;
    return 0;
}

static int parse_with_unit(const char *s, const struct unit *units, int n, int64_t *value)
{
    char *end;
    if (!isdigit((unsigned char)s[0]))
        return -1;
    errno = 0;
    long long v = strtoll(s, &end, 10);
    if (errno != 0)
        return -1;
    for (int i = 0; i < n; i++) {
        if (strcmp(end, units[i].name) == 0)
            return __builtin_mul_overflow((int64_t)v, units[i].factor, value) ? -1 : 0;
    }
    return -1;
}

int text_parse_duration(const char *s, int64_t *ms)
{
    if (strcmp(s, "0") == 0) {
        *ms = 0;
        return 0;
    }
    return parse_with_unit(s, durations, N_DURATIONS, ms);
}

int text_parse_size(const char *s, int64_t *bytes)
{
    char copy[32];
    size_t n = strlen(s);
    if (n >= sizeof copy)
        return -1;
    memcpy(copy, s, n + 1);
    if (n > 1 && copy[n - 1] == 'B')
        copy[n - 1] = '\0';
    return parse_with_unit(copy, sizes, N_SIZES, bytes);
}

static void format_with_unit(int64_t value, const struct unit *units, int n, char *out)
{
    int i = 0;
    while (i < n - 1 && (value == 0 || value % units[i].factor != 0))
        i++;
    snprintf(out, 32, "%" PRId64 "%s", value / units[i].factor, units[i].name);
}

void text_format_duration(int64_t ms, char *out)
{
    if (ms == 0)
        snprintf(out, 32, "0");
    else
        format_with_unit(ms, durations, N_DURATIONS, out);
}

void text_format_size(int64_t bytes, char *out)
{
    format_with_unit(bytes, sizes, N_SIZES, out);
}

/* Not isalnum: that depends on the locale. */
static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

int text_is_name(const char *s)
{
    if (!is_alnum(s[0]))
        return 0;
    size_t n = 1;
    while (s[n] != '\0' && (is_alnum(s[n]) || strchr("._-", s[n]) != NULL))
        n++;
    return n <= 63 && s[n] == '\0';
}

/* RFC 3629: no surrogates, no overlong forms. */
size_t text_utf8_sequence(const unsigned char *s, size_t n)
{
    if (s[0] < 0x80)
        return s[0] != 0 ? 1 : 0;
    size_t len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || len > n)
        return 0;
    unsigned char low = 0x80, high = 0xbf;
    if (s[0] == 0xe0)
        low = 0xa0;
    else if (s[0] == 0xed)
        high = 0x9f;
    else if (s[0] == 0xf0)
        low = 0x90;
    else if (s[0] == 0xf4)
        high = 0x8f;
    if (s[1] < low || s[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    }
    return len;
}

int text_is_utf8(const char *s, size_t n)
{
    const unsigned char *at = (const unsigned char *)s;
    while (n > 0) {
        size_t len = text_utf8_sequence(at, n);
        if (len == 0)
            return 0;
        at += len;
        n -= len;
    }
    return 1;
}

enum { WORD_MAX = 64 };

static int min3(int a, int b, int c)
{
    int m = a < b ? a : b;
    return m < c ? m : c;
}

int text_distance(const char *a, const char *b)
{
    size_t na = strlen(a), nb = strlen(b);
    int rows[3][WORD_MAX + 1]; /* two rows ago, the last, this one; in turn */
    if (na > WORD_MAX || nb > WORD_MAX)
        return WORD_MAX;
    for (size_t j = 0; j <= nb; j++)
        rows[0][j] = (int)j;
    for (size_t i = 1; i <= na; i++) {
        int *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        now[0] = (int)i;
        for (size_t j = 1; j <= nb; j++) {
            now[j] = min3(last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
            bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped && before[j - 2] + 1 < now[j])
                now[j] = before[j - 2] + 1;
        }
    }
    return rows[na % 3][nb];
}

const char *text_nearest(const char *s, const char *const *words, size_t n)
{
    const char *best = NULL;
    int best_distance = (int)(strlen(s) / 3) + 2; /* a third of the letters may be wrong */
    for (size_t i = 0; i < n; i++) {
        int d = text_distance(s, words[i]);
        if (d < best_distance) {
            best_distance = d;
            best = words[i];
        }
    }
    return best;
}

static void random_bytes(unsigned char *out, size_t n)
{
    /* Blocks only before the kernel's pool is seeded at boot; requests up to 256 bytes are never
     * cut. */
    if (n > 256 || getrandom(out, n, 0) != (ssize_t)n)
        abort();
}

void id_secret(char *out, size_t n)
{
    unsigned char bytes[256];
    random_bytes(bytes, n);
    for (size_t i = 0; i < n; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

void id_new(char *out)
{
    unsigned char b[16];
    static const char digits[] = "0123456789abcdef";
    int64_t ms = clock_wall_ms();
    random_bytes(b + 6, 10);
    for (int i = 0; i < 6; i++)
        b[i] = (unsigned char)(ms >> (40 - 8 * i));
    b[6] = (unsigned char)(0x70 | (b[6] & 0x0f));
    b[8] = (unsigned char)(0x80 | (b[8] & 0x3f));
    char *at = out;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *at++ = '-';
        *at++ = digits[b[i] >> 4];
        *at++ = digits[b[i] & 15];
    }
    *at = '\0';
}
