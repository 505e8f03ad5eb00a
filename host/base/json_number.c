/* json_number.c: numbers by their spelling: exact comparison, integers, doubles in any locale.
 * Pure. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_internal.h"

/* A number as integer times a power of ten; the integer without zeros at either end, 0 has no
 * digits. */
struct decimal {
    const char *digits; /* a point may lie among them */
    uint32_t n;
    int64_t exponent;
    bool negative;
};

/* Exponents of more digits than this are taken as 10^17: past any double and any length of text. */
enum { EXPONENT_DIGITS = 17 };
/* A double's rounding can hang on its 768th digit, never on a later one but by whether any is not
 * zero. */
enum { DOUBLE_DIGITS = 768 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int64_t read_exponent(const char *p, const char *end)
{
    bool negative = *p == '-';
    int64_t v = 0;
    p += negative || *p == '+';
    while (p < end && *p == '0')
        p++;
    if (end - p > EXPONENT_DIGITS)
        p = end, v = INT64_C(100000000000000000);
    for (; p < end; p++)
        v = v * 10 + (*p - '0');
    return negative ? -v : v;
}

static struct decimal read_decimal(const struct json_doc *doc, uint32_t i)
{
    struct decimal d = {.digits = NULL};
    const char *p = doc->text + doc->tokens[i].at, *end = p + doc->tokens[i].len;
    d.negative = *p == '-';
    p += d.negative;
    uint32_t index = 0, first = 0, last = 0, integers = 0;
    bool has_point = false;
    for (; p < end && (is_digit(*p) || *p == '.'); p++) {
        if (*p == '.') {
            has_point = true;
            continue;
        }
        if (*p != '0') {
            if (d.digits == NULL) {
                d.digits = p;
                first = index;
            }
            last = index;
        }
        index++;
        integers += !has_point;
    }
    if (d.digits == NULL)
        return (struct decimal){.digits = "", .negative = d.negative};
    d.n = last - first + 1;
    d.exponent = (int64_t)integers - 1 - last + (p < end ? read_exponent(p + 1, end) : 0);
    return d;
}

/* The digit at p, with p moved behind it. */
static int next_digit(const char **p)
{
    if (**p == '.')
        (*p)++;
    return *(*p)++ - '0';
}

static int order_of_digits(const struct decimal *a, const struct decimal *b)
{
    const char *p = a->digits, *q = b->digits;
    uint32_t n = a->n < b->n ? a->n : b->n;
    for (uint32_t i = 0; i < n; i++) {
        int d = next_digit(&p) - next_digit(&q);
        if (d != 0)
            return d;
    }
    return (a->n > b->n) - (a->n < b->n);
}

static int order_of_sizes(const struct decimal *a, const struct decimal *b)
{
    int64_t x = a->exponent + a->n, y = b->exponent + b->n;
    return x != y ? (x > y) - (x < y) : order_of_digits(a, b);
}

int json_number_order(const struct json_doc *a, uint32_t i, const struct json_doc *b, uint32_t j)
{
    struct decimal x = read_decimal(a, i), y = read_decimal(b, j);
    int sign_x = x.n == 0 ? 0 : x.negative ? -1 : 1, sign_y = y.n == 0 ? 0 : y.negative ? -1 : 1;
    if (sign_x != sign_y)
        return sign_x - sign_y;
    return sign_x == 0 ? 0 : sign_x * order_of_sizes(&x, &y);
}

bool json_is_integral(const struct json_doc *doc, uint32_t i)
{
    if (doc->tokens[i].kind != JSON_NUMBER)
        return false;
    struct decimal d = read_decimal(doc, i);
    return d.n == 0 || d.exponent >= 0;
}

uint64_t json_number_hash(const struct json_doc *doc, uint32_t i, uint64_t seed)
{
    struct decimal d = read_decimal(doc, i);
    if (d.n == 0)
        return json_mix(seed, 0);
    uint64_t h = json_mix(seed, (uint64_t)d.exponent * 2 + d.negative);
    const char *p = d.digits;
    for (uint32_t k = 0; k < d.n; k++)
        h = json_mix(h, (uint64_t)next_digit(&p));
    return h;
}

/* The digits as a number; of the first n only. */
static uint64_t read_digits(const struct decimal *d, uint32_t n)
{
    const char *p = d->digits;
    uint64_t v = 0;
    for (uint32_t i = 0; i < n; i++)
        v = v * 10 + (uint64_t)next_digit(&p);
    return v;
}

enum { U64_DIGITS = 19 }; /* that many always fit 64 bits without a sign */

int json_i64(const struct json_doc *doc, uint32_t i, int64_t *value)
{
    if (doc->tokens[i].kind != JSON_NUMBER)
        return -1;
    struct decimal d = read_decimal(doc, i);
    if (d.n > 0 && (d.exponent < 0 || d.exponent + d.n > U64_DIGITS))
        return -1;
    uint64_t v = read_digits(&d, d.n);
    for (int64_t e = 0; d.n > 0 && e < d.exponent; e++)
        v *= 10;
    if (v > (uint64_t)INT64_MAX + d.negative)
        return -1;
    *value = d.negative ? (int64_t)(0 - v) : (int64_t)v;
    return 0;
}

int json_multiple_of(const struct json_doc *a, uint32_t i, const struct json_doc *b, uint32_t j)
{
    struct decimal x = read_decimal(a, i), y = read_decimal(b, j);
    if (y.n == 0 || y.n > U64_DIGITS)
        return -1;
    if (x.n == 0)
        return 1;
    /* The integer of x has no zero at its end, so no power of ten divides it. */
    if (x.exponent < y.exponent)
        return 0;
    uint64_t divisor = read_digits(&y, y.n);
    unsigned __int128 rest = 0, power = 10 % divisor, factor = 1 % divisor;
    const char *p = x.digits;
    for (uint32_t k = 0; k < x.n; k++)
        rest = (rest * 10 + (unsigned)next_digit(&p)) % divisor;
    for (int64_t e = x.exponent - y.exponent; e > 0; e >>= 1) {
        if (e & 1)
            factor = factor * power % divisor;
        power = power * power % divisor;
    }
    return rest * factor % divisor == 0;
}

/* Digits and exponent without a point mean the same to strtod in every locale. */
static int by_strtod(const struct decimal *d, double *value)
{
    char text[DOUBLE_DIGITS + 40];
    const char *p = d->digits;
    uint32_t n = d->n < DOUBLE_DIGITS ? d->n : DOUBLE_DIGITS, at = 0;
    if (d->exponent + d->n < -400) {
        *value = d->negative ? -0.0 : 0.0;
        return 0;
    }
    if (d->exponent + d->n > 400)
        return -1;
    text[at++] = d->negative ? '-' : '+';
    for (uint32_t i = 0; i < n; i++)
        text[at++] = (char)('0' + next_digit(&p));
    if (n < d->n)
        text[at++] = '1';
    int64_t exponent = d->exponent + (d->n - n) - (n < d->n);
    snprintf(text + at, sizeof text - at, "e%" PRId64, exponent);
    *value = strtod(text, NULL);
    return isfinite(*value) ? 0 : -1;
}

int json_f64(const struct json_doc *doc, uint32_t i, double *value)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    enum { POWERS = sizeof powers / sizeof *powers };
    if (doc->tokens[i].kind != JSON_NUMBER)
        return -1;
    struct decimal d = read_decimal(doc, i);
    if (d.n > 15 || d.exponent >= POWERS || d.exponent <= -POWERS)
        return by_strtod(&d, value);
    /* Both factors are exact doubles, so the one operation is rounded rightly. */
    double v = (double)read_digits(&d, d.n);
    v = d.exponent < 0 ? v / powers[-d.exponent] : v * powers[d.exponent];
    *value = d.negative ? -v : v;
    return 0;
}

/* |v| rounded to n significant digits: the digits as a number, times 10 to the power of *exponent.
 */
static uint64_t round_to(double v, int n, int *exponent)
{
    char text[40];
    uint64_t digits = 0;
    snprintf(text, sizeof text, "%.*e", n - 1, fabs(v));
    char *p = text;
    for (; *p != 'e'; p++) {
        if (is_digit(*p)) /* the point is the locale's */
            digits = digits * 10 + (uint64_t)(*p - '0');
    }
    *exponent = (int)strtol(p + 1, NULL, 10) - (n - 1);
    return digits;
}

static bool reads_back(double v, uint64_t digits, int exponent)
{
    char text[40];
    snprintf(text, sizeof text, "%" PRIu64 "e%d", digits, exponent);
    return strtod(text, NULL) == fabs(v);
}

/* The fewest digits that read back as v; the nearest of these. */
static uint64_t shortest(double v, int *exponent)
{
    /* 15 digits round to themselves through any normal double; a subnormal one can have fewer. */
    uint64_t digits = 0;
    for (int n = fabs(v) < 2.3e-308 ? 1 : 15; n <= 17; n++) {
        digits = round_to(v, n, exponent);
        if (reads_back(v, digits, *exponent))
            break;
        /* Below a power of two doubles lie closer: the nearest spelling may miss where the next one
         * up hits. */
        if (reads_back(v, digits + 1, *exponent)) {
            digits++;
            break;
        }
    }
    while (digits != 0 && digits % 10 == 0) {
        digits /= 10;
        ++*exponent;
    }
    return digits;
}

/* Plain from 1e-5 up to 16 digits before the point, else with an exponent: what most JSON libraries
 * write. */
static void layout(const char *digits, int n, int exponent, char *out)
{
    int point = n + exponent; /* digits before the point */
    if (exponent >= 0 && point <= 16)
        sprintf(out, "%s%.*s", digits, exponent, "0000000000000000");
    else if (point > 0 && point <= 16)
        sprintf(out, "%.*s.%s", point, digits, digits + point);
    else if (point > -5 && point <= 0)
        sprintf(out, "0.%.*s%s", -point, "0000", digits);
    else
        sprintf(out, "%c%s%se%d", digits[0], n > 1 ? "." : "", digits + 1, point - 1);
}

void json_format_double(double v, char *out)
{
    char text[24];
    int exponent;
    if (v == 0) {
        memcpy(out, "0", 2);
        return;
    }
    uint64_t digits = shortest(v, &exponent);
    int n = snprintf(text, sizeof text, "%" PRIu64, digits);
    if (v < 0)
        *out++ = '-';
    layout(text, n, exponent, out);
}
