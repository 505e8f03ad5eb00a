/* json_write.c: writes JSON into a buffer. Pure. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/json_internal.h"
#include "base/text.h"

static int append_escape(struct buf *out, unsigned char c)
{
    static const char letters[] = "\"\\bfnrt", meanings[] = "\"\\\b\f\n\r\t";
    const char *at = memchr(meanings, c, sizeof meanings - 1);
    char text[8];
    int n = at != NULL ? snprintf(text, sizeof text, "\\%c", letters[at - meanings])
                       : snprintf(text, sizeof text, "\\u%04x", c);
    return buf_append(out, text, (size_t)n);
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* Length of the run at s that can be copied as it is. */
static size_t plain_run(const char *s, size_t n)
{
    size_t i = 0;
    while (i < n) {
        unsigned char c = (unsigned char)s[i];
        size_t step = is_plain(c) ? 1
                      : c >= 0x80 ? text_utf8_sequence((const unsigned char *)s + i, n - i)
                                  : 0;
        if (step == 0)
            break;
        i += step;
    }
    return i;
}

int json_append_escaped(struct buf *out, const char *s, size_t n)
{
    while (n > 0) {
        size_t run = plain_run(s, n);
        if (run > 0 && buf_append(out, s, run) < 0)
            return -1;
        s += run;
        n -= run;
        if (n == 0)
            break;
        int rc = (unsigned char)*s >= 0x80 ? buf_append_str(out, "\xef\xbf\xbd")
                                           : append_escape(out, (unsigned char)*s);
        if (rc < 0)
            return -1;
        s++;
        n--;
    }
    return 0;
}

void json_begin(struct json_writer *w, struct buf *out)
{
    *w = (struct json_writer){.out = out};
}

int json_end(const struct json_writer *w)
{
    return w->failed ? -1 : 0;
}

static void append(struct json_writer *w, const char *s, size_t n)
{
    if (!w->failed && buf_append(w->out, s, n) < 0)
        w->failed = true;
}

static void append_char(struct json_writer *w, char c)
{
    append(w, &c, 1);
}

static void separate(struct json_writer *w, bool comma_after)
{
    if (w->comma)
        append_char(w, ',');
    w->comma = comma_after;
}

static void append_string(struct json_writer *w, const char *s, size_t n)
{
    append_char(w, '"');
    if (!w->failed && json_append_escaped(w->out, s, n) < 0)
        w->failed = true;
    append_char(w, '"');
}

void json_open(struct json_writer *w, char bracket)
{
    separate(w, false);
    append_char(w, bracket);
}

void json_close(struct json_writer *w, char bracket)
{
    append_char(w, bracket);
    w->comma = true;
}

void json_key(struct json_writer *w, const char *key)
{
    separate(w, false);
    append_string(w, key, strlen(key));
    append_char(w, ':');
}

void json_put_raw(struct json_writer *w, const char *json, size_t n)
{
    separate(w, true);
    append(w, json, n);
}

void json_put_null(struct json_writer *w)
{
    json_put_raw(w, "null", 4);
}

void json_put_strn(struct json_writer *w, const char *s, size_t n)
{
    if (s == NULL) {
        json_put_null(w);
        return;
    }
    separate(w, true);
    append_string(w, s, n);
}

void json_put_str(struct json_writer *w, const char *s)
{
    json_put_strn(w, s, s != NULL ? strlen(s) : 0);
}

void json_put_int(struct json_writer *w, int64_t v)
{
    char text[24];
    int n = snprintf(text, sizeof text, "%" PRId64, v);
    json_put_raw(w, text, (size_t)n);
}

void json_put_double(struct json_writer *w, double v)
{
    char text[JSON_DOUBLE_TEXT];
    if (!isfinite(v)) {
        json_put_null(w);
        return;
    }
    json_format_double(v, text);
    json_put_raw(w, text, strlen(text));
}

void json_put_bool(struct json_writer *w, bool v)
{
    json_put_raw(w, v ? "true" : "false", v ? 4 : 5);
}

void json_member_str(struct json_writer *w, const char *key, const char *s)
{
    if (s == NULL)
        return;
    json_key(w, key);
    json_put_str(w, s);
}

void json_member_int(struct json_writer *w, const char *key, int64_t v)
{
    json_key(w, key);
    json_put_int(w, v);
}

void json_member_double(struct json_writer *w, const char *key, double v)
{
    json_key(w, key);
    json_put_double(w, v);
}

void json_member_bool(struct json_writer *w, const char *key, bool v)
{
    json_key(w, key);
    json_put_bool(w, v);
}

void json_member_raw(struct json_writer *w, const char *key, struct json_span v)
{
    json_key(w, key);
    json_put_raw(w, v.at, v.len);
}
