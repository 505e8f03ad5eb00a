/* log.c: log lines as text or JSON, one write(2) each. */
#include "base/log.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

/* LINE_TAIL: room that stays free for what closes a cut line: ..."}\n */
enum { LINE_MAX_BYTES = 8192, LINE_TAIL = 8 };

struct settings {
    const char *program;
    _Atomic enum log_level level;
    enum log_format format;
    int fd;
};

/* Written once by log_setup before any thread exists (see log.h), but for the level. */
static struct settings settings = {
    .program = "penstock", .level = LOG_INFO, .format = LOG_TEXT, .fd = 2};

static const char *const level_words[] = {"error", "warn", "info", "debug"};
static const char *const format_words[] = {"text", "json"};

struct line {
    char text[LINE_MAX_BYTES];
    size_t len;
    int is_full; /* something had no room: nothing more is written but what closes the line */
};

/* All of it or nothing, so that a line is never cut inside a character, an escape or a number. */
static void put(struct line *l, const char *s, size_t n)
{
    if (l->is_full || l->len + n > LINE_MAX_BYTES - LINE_TAIL) {
        l->is_full = 1;
        return;
    }
    memcpy(l->text + l->len, s, n);
    l->len += n;
}

static void put_str(struct line *l, const char *s)
{
    put(l, s, strlen(s));
}

/* Into the tail that put keeps free. */
static void put_tail(struct line *l, const char *s)
{
    memcpy(l->text + l->len, s, strlen(s));
    l->len += strlen(s);
}

/* Escapes one character of at most n bytes; returns its length. */
static size_t put_character(struct line *l, const char *s, size_t n)
{
    unsigned char c = (unsigned char)s[0];
    size_t length = text_utf8_sequence((const unsigned char *)s, n);
    char code[8] = "\xef\xbf\xbd"; /* U+FFFD for what is not UTF-8 */
    if (length > 1 && !(c == 0xc2 && (unsigned char)s[1] < 0xa0)) {
        put(l, s, length);
        return length;
    }
    if (c == '"' || c == '\\')
        snprintf(code, sizeof code, "\\%c", c);
    else if (c == '\n')
        snprintf(code, sizeof code, "\\n");
    else if (c < 0x20 || c == 0x7f)
        snprintf(code, sizeof code, "\\u%04x", c);
    else if (length == 2) /* U+0080 to U+009F: a terminal obeys them too */
        snprintf(code, sizeof code, "\\u%04x", (unsigned char)s[1]);
    else if (length == 1)
        snprintf(code, sizeof code, "%c", c);
    put_str(l, code);
    return length > 0 ? length : 1;
}

/* Control characters could forge lines or drive a terminal; quotes end a value. */
static void put_escaped(struct line *l, const char *s, size_t n)
{
    while (n > 0 && !l->is_full) {
        size_t length = put_character(l, s, n);
        s += length;
        n -= length;
    }
}

/* A long value too: what stands in quotes can be cut. */
static int needs_quotes(const char *s, size_t n)
{
    if (n > 256)
        return 1;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c <= ' ' || c == '"' || c == '\\' || c == '=' || c >= 0x7f)
            return 1;
    }
    return n == 0;
}

/* A string that has no room is cut, and closed again. */
static void put_string(struct line *l, const char *s, size_t n, int always_quoted)
{
    if (!always_quoted && !needs_quotes(s, n)) {
        put(l, s, n);
        return;
    }
    put_str(l, "\"");
    if (l->is_full)
        return;
    put_escaped(l, s, n);
    put_tail(l, l->is_full ? "...\"" : "\"");
}

static void put_double(struct line *l, double d, int json)
{
    char number[40];
    if (json && !isfinite(d)) {
        put_str(l, "null");
        return;
    }
    snprintf(number, sizeof number, "%.6g", d);
    for (char *at = number; *at != '\0'; at++) {
        if (*at == ',') /* the point of some locales */
            *at = '.';
    }
    put_str(l, number);
}

static void put_value(struct line *l, const struct log_field *f, int json)
{
    char number[40];
    const char *s = f->s != NULL ? f->s : "";
    switch (f->kind) {
    case LOG_FIELD_INT:
        snprintf(number, sizeof number, "%" PRId64, f->i);
        put_str(l, number);
        break;
    case LOG_FIELD_DOUBLE:
        put_double(l, f->d, json);
        break;
    case LOG_FIELD_BYTES:
        put_string(l, s, f->s != NULL ? f->len : 0, json);
        break;
    case LOG_FIELD_STRING:
    case LOG_FIELD_NONE:
        put_string(l, s, strlen(s), json);
        break;
    }
}

/* A field of which not even the value's start has room is left out. */
static void put_field(struct line *l, const struct log_field *f, int json)
{
    size_t before = l->len;
    if (f->key == NULL || l->is_full)
        return;
    put_str(l, json ? ",\"" : " ");
    put_str(l, f->key);
    put_str(l, json ? "\":" : "=");
    size_t value = l->len;
    put_value(l, f, json);
    if (l->is_full && l->len == value)
        l->len = before;
}

static void format_text(struct line *l, enum log_level level, const char *time, const char *message,
                        const struct log_field *fields, size_t n)
{
    put_str(l, time);
    put_str(l, " ");
    put_str(l, level_words[level]);
    put_str(l, " ");
    put_str(l, settings.program);
    put_str(l, ": ");
    put_escaped(l, message, strlen(message));
    for (size_t i = 0; i < n; i++)
        put_field(l, &fields[i], 0);
    put_tail(l, l->is_full && l->text[l->len - 1] != '"' ? "...\n" : "\n");
}

static void format_json(struct line *l, enum log_level level, const char *time, const char *message,
                        const struct log_field *fields, size_t n)
{
    put_str(l, "{\"time\":\"");
    put_str(l, time);
    put_str(l, "\",\"level\":\"");
    put_str(l, level_words[level]);
    put_str(l, "\",\"program\":\"");
    put_str(l, settings.program);
    put_str(l, "\",\"msg\":");
    put_string(l, message, strlen(message), 1);
    for (size_t i = 0; i < n; i++)
        put_field(l, &fields[i], 1);
    put_tail(l, "}\n");
}

void log_setup(const char *program, enum log_level level, enum log_format format, int fd)
{
    settings.program = program;
    settings.level = level;
    settings.format = format;
    settings.fd = fd;
}

void log_set_level(enum log_level level)
{
    settings.level = level;
}

enum log_level log_threshold(void)
{
    return settings.level;
}

static int find_word(const char *word, const char *const *words, int n)
{
    for (int i = 0; i < n; i++) {
        if (strcmp(word, words[i]) == 0)
            return i;
    }
    return -1;
}

int log_level_parse(const char *word)
{
    return find_word(word, level_words, 4);
}

int log_format_parse(const char *word)
{
    return find_word(word, format_words, 2);
}

const char *log_errno_text(int number)
{
    const char *text = strerrordesc_np(number);
    return text != NULL ? text : "unknown error";
}

void log_write(enum log_level level, const char *message, const struct log_field *fields, size_t n)
{
    struct line l = {.len = 0};
    char time[CLOCK_TEXT];
    clock_format(clock_wall_ms(), time);
    (settings.format == LOG_JSON ? format_json : format_text)(&l, level, time, message, fields, n);
    ssize_t ignored = write(settings.fd, l.text, l.len);
    (void)ignored;
}
