/* json_canonical.c: canonical forms: the one that signatures are made over, and the exact one. Pure. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json_internal.h"

/* What is done to a value beside sorting its keys. */
struct form {
    bool is_exact;           /* nothing is left out, and numbers stay as they were written */
    const char *const *drop; /* NULL-ended names left out at the top, or NULL */
};

static int put_value(const struct json_doc *doc, uint32_t i, const struct form *f, struct buf *out);

/* Names are dropped at the top only. */
static struct form form_below(const struct form *f)
{
    return (struct form){.is_exact = f->is_exact};
}

static int put_string(const struct json_doc *doc, uint32_t i, struct buf *out)
{
    struct json_span raw = json_at(doc, i);
    if (!doc->tokens[i].escaped)
        return buf_append(out, raw.at, raw.len);
    struct json_pieces p;
    json_pieces_start(&p, doc, i);
    if (buf_append_char(out, '"') < 0)
        return -1;
    while (json_pieces_next(&p)) {
        if (json_append_escaped(out, p.piece, p.n) < 0)
            return -1;
    }
    return buf_append_char(out, '"');
}

/*
 * The other side reads a number with a point or an exponent as a double and, if that is a whole
 * number, signs it as an integer; else in its shortest spelling. Doubles past 64 bits cannot be
 * signed by it at all.
 */
static int put_number(const struct json_doc *doc, uint32_t i, struct buf *out)
{
    struct json_span raw = json_at(doc, i);
    double v;
    bool is_float = memchr(raw.at, '.', raw.len) || memchr(raw.at, 'e', raw.len) ||
                    memchr(raw.at, 'E', raw.len);
    if (!is_float && raw.len == 2 && memcmp(raw.at, "-0", 2) == 0)
        return buf_append_char(out, '0');
    if (!is_float || json_f64(doc, i, &v) < 0)
        return buf_append(out, raw.at, raw.len);
    if (v >= -9223372036854775808.0 && v < 9223372036854775808.0 && v == (double)(int64_t)v)
        return buf_printf(out, "%" PRId64, (int64_t)v);
    if (v >= 9223372036854775808.0 && v < 18446744073709551616.0)
        return buf_printf(out, "%" PRIu64, (uint64_t)v);
    char text[JSON_DOUBLE_TEXT];
    json_format_double(v, text);
    return buf_append_str(out, text);
}

static int put_array(const struct json_doc *doc, uint32_t i, const struct form *f, struct buf *out)
{
    const struct form below = form_below(f);
    uint32_t at = json_first(i), count = doc->tokens[i].count;
    if (buf_append_char(out, '[') < 0)
        return -1;
    for (uint32_t k = 0; k < count; k++) {
        if ((k > 0 && buf_append_char(out, ',') < 0) || put_value(doc, at, &below, out) < 0)
            return -1;
        at = json_next(doc, at);
    }
    return buf_append_char(out, ']');
}

static bool is_left_out(const struct json_doc *doc, uint32_t key, const struct form *f)
{
    if (f->is_exact)
        return false;
    if (doc->tokens[key + 1].kind == JSON_NULL)
        return true;
    for (const char *const *drop = f->drop; drop != NULL && *drop != NULL; drop++) {
        if (json_string_is(doc, key, *drop))
            return true;
    }
    return false;
}

static int put_members(const struct json_doc *doc, const struct json_entry *keys, uint32_t count,
                       const struct form *f, struct buf *out)
{
    const struct form below = form_below(f);
    bool comma = false;
    for (uint32_t k = 0; k < count; k++) {
        uint32_t key = keys[k].token;
        if (is_left_out(doc, key, f))
            continue;
        if ((comma && buf_append_char(out, ',') < 0) || put_string(doc, key, out) < 0 ||
            buf_append_char(out, ':') < 0 || put_value(doc, key + 1, &below, out) < 0)
            return -1;
        comma = true;
    }
    return 0;
}

static int put_object(const struct json_doc *doc, uint32_t i, const struct form *f, struct buf *out)
{
    struct json_entry few[JSON_SMALL_OBJECT], *keys = few;
    uint32_t count = doc->tokens[i].count;
    if (count > JSON_SMALL_OBJECT && (keys = malloc(count * sizeof *keys)) == NULL)
        return -1;
    json_sorted_keys(doc, i, keys);
    int rc = buf_append_char(out, '{');
    if (rc == 0)
        rc = put_members(doc, keys, count, f, out);
    if (rc == 0)
        rc = buf_append_char(out, '}');
    if (keys != few)
        free(keys);
    return rc;
}

/* Recursion ends: the scanner refuses depths over JSON_DEPTH_MAX. */
static int put_value(const struct json_doc *doc, uint32_t i, const struct form *f, struct buf *out)
{
    struct json_span raw = json_at(doc, i);
    switch (json_kind(doc, i)) {
    case JSON_OBJECT:
        return put_object(doc, i, f, out);
    case JSON_ARRAY:
        return put_array(doc, i, f, out);
    case JSON_STRING:
        return put_string(doc, i, out);
    case JSON_NUMBER:
        return f->is_exact ? buf_append(out, raw.at, raw.len) : put_number(doc, i, out);
    default:
        return buf_append(out, raw.at, raw.len);
    }
}

static int put_whole(const struct json_doc *doc, uint32_t i, const struct form *f, struct buf *out)
{
    size_t before = out->len;
    int rc = put_value(doc, i, f, out);
    if (rc < 0)
        out->len = before;
    return rc;
}

int json_canonical(const struct json_doc *doc, uint32_t i, const char *const *drop, struct buf *out)
{
    const struct form f = {.drop = drop};
    return put_whole(doc, i, &f, out);
}

int json_exact(const struct json_doc *doc, uint32_t i, struct buf *out)
{
    const struct form f = {.is_exact = true};
    return put_whole(doc, i, &f, out);
}
