/* log.c: log lines as text or JSON, one write(2) each. */
#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

enum { LINE_MAX_BYTES = 8192, LINE_TAIL = 8 };

struct settings {
    const char *program;
    enum log_level level;
    enum log_format format;
    int fd;
};

/* Written once by log_setup before any thread exists (see log.h). */
static struct settings settings = {.program = "penstock", .level = LOG_INFO, .format = LOG_TEXT, .fd = 2};

static const char *const level_words[] = {"error", "warn", "info", "debug"};
static const char *const format_words[] = {"text", "json"};

struct line {
    char text[LINE_MAX_BYTES];
    size_t len;
};

static void put(struct line *l, const char *s, size_t n)
{
    size_t room = LINE_MAX_BYTES - LINE_TAIL - l->len;
    n = n < room ? n : room;
    memcpy(l->text + l->len, s, n);
    l->len += n;
}

static void put_str(struct line *l, const char *s)
{
    put(l, s, strlen(s));
}

/* Control characters could forge lines or drive a terminal; quotes end a value. */
static void put_escaped(struct line *l, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        char code[8];
        if (c == '"' || c == '\\')
            snprintf(code, sizeof code, "\\%c", c);
        else if (c == '\n')
            snprintf(code, sizeof code, "\\n");
        else if (c < 0x20 || c == 0x7f)
            snprintf(code, sizeof code, "\\u%04x", c);
        else
            snprintf(code, sizeof code, "%c", c);
        put_str(l, code);
    }
}

static int needs_quotes(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c <= ' ' || c == '"' || c == '\\' || c == '=' || c == 0x7f)
            return 1;
    }
    return n == 0;
}

static void put_string(struct line *l, const char *s, size_t n, int always_quoted)
{
    if (!always_quoted && !needs_quotes(s, n)) {
        put(l, s, n);
        return;
    }
    put_str(l, "\"");
    put_escaped(l, s, n);
    put_str(l, "\"");
}

static void put_value(struct line *l, const struct log_field *f, int json)
{
    char number[40];
    switch (f->kind) {
    case LOG_FIELD_INT:
        snprintf(number, sizeof number, "%" PRId64, f->i);
        put_str(l, number);
        break;
    case LOG_FIELD_DOUBLE:
        snprintf(number, sizeof number, "%.6g", f->d);
        put_str(l, number);
        break;
    case LOG_FIELD_BYTES:
        put_string(l, f->s, f->len, json);
        break;
    case LOG_FIELD_STRING:
    case LOG_FIELD_NONE:
        put_string(l, f->s != NULL ? f->s : "", f->s != NULL ? strlen(f->s) : 0, json);
        break;
    }
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
    for (size_t i = 0; i < n; i++) {
        if (fields[i].key == NULL)
            continue;
        put_str(l, " ");
        put_str(l, fields[i].key);
        put_str(l, "=");
        put_value(l, &fields[i], 0);
    }
    put_str(l, "\n");
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
    for (size_t i = 0; i < n; i++) {
        if (fields[i].key == NULL)
            continue;
        put_str(l, ",\"");
        put_str(l, fields[i].key);
        put_str(l, "\":");
        put_value(l, &fields[i], 1);
    }
    put_str(l, "}\n");
}

/* A cut line still ends as a line of its format. */
static void mend_tail(struct line *l)
{
    if (l->len < LINE_MAX_BYTES - LINE_TAIL)
        return;
    const char *tail = settings.format == LOG_JSON ? "...\"}\n" : "...\n";
    while (l->len > 0 && l->text[l->len - 1] == '\\')
        l->len--;
    memcpy(l->text + l->len, tail, strlen(tail));
    l->len += strlen(tail);
}

void log_setup(const char *program, enum log_level level, enum log_format format, int fd)
{
    settings = (struct settings){.program = program, .level = level, .format = format, .fd = fd};
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
    mend_tail(&l);
    ssize_t ignored = write(settings.fd, l.text, l.len);
    (void)ignored;
}
