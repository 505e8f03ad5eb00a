/*
 * tidy.c: a pass over the text before libConfuse 3.3 reads it. Runs in every program that loads the
 * configuration.
 *
 * Why: its scanner counts a comment line as three lines, takes a comment inside of a list for an
 * error, drops + and * without a word, reads name|name as a path through sections, puts in
 * nothing for ${NAME} that is not set, closes open braces at the end of the file, and forgets where
 * a string began. What counts as a word here is what counts as one there.
 */
#include "conf/tidy.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { DEPTH_MAX = 32 };

struct scan {
    char *at, *end;
    int line;
    int depth;
    int opened[DEPTH_MAX]; /* lines of the braces that are open */
    struct tidy_fault *fault;
};

/* The reason is three texts in a row. */
static int refuse(struct scan *s, int line, const char *what, const char *detail, const char *rest)
{
    snprintf(s->fault->what, sizeof s->fault->what, "%s%s%s", what, detail, rest);
    s->fault->line = line;
    return -1;
}

static bool starts(const struct scan *s, const char *with)
{
    size_t n = strlen(with);
    return (size_t)(s->end - s->at) >= n && memcmp(s->at, with, n) == 0;
}

static void blank(struct scan *s)
{
    if (*s->at == '\n')
        s->line++;
    else
        *s->at = ' ';
    s->at++;
}

static int line_comment(struct scan *s)
{
    while (s->at < s->end && *s->at != '\n')
        blank(s);
    return 0;
}

static int long_comment(struct scan *s)
{
    int first = s->line;
    blank(s);
    blank(s);
    while (s->at < s->end && !starts(s, "*/"))
        blank(s);
    if (s->at == s->end)
        return refuse(s, first, "a comment starts here and has no */", "", "");
    blank(s);
    blank(s);
    return 0;
}

/* At "${": libConfuse puts in nothing for a variable that is not set; that is never meant. */
static int variable(struct scan *s)
{
    char name[80];
    char *start = s->at + 2;
    size_t left = (size_t)(s->end - start), n = 0;
    while (n < left && strchr("}\"\n", start[n]) == NULL)
        n++;
    if (n == left || start[n] != '}')
        return refuse(s, s->line, "${ without }", "", "");
    snprintf(name, sizeof name, "%.*s", (int)n, start);
    if (memmem(start, n, ":-", 2) == NULL && getenv(name) == NULL)
        return refuse(s, s->line, "environment variable ", name,
                      " is not set (write ${NAME:-} if it may be empty)");
    s->at = start + n + 1;
    return 0;
}

static int string(struct scan *s)
{
    int first = s->line;
    char quote = *s->at++;
    const char mark[] = {quote, '\0'};
    while (s->at < s->end && *s->at != quote) {
        if (quote == '"' && starts(s, "${")) {
            if (variable(s) < 0)
                return -1;
            continue;
        }
        if (*s->at == '\\' && s->at + 1 < s->end)
            s->at++;
        if (*s->at == '\n')
            s->line++;
        s->at++;
    }
    if (s->at == s->end)
        return refuse(s, first, "a string starts here and has no closing ", mark, "");
    s->at++;
    return 0;
}

static bool is_word(char c)
{
    return strchr(" #\"'\t\n\r={}()+,*", c) == NULL;
}

static int word(struct scan *s)
{
    while (s->at < s->end && is_word(*s->at)) {
        if (*s->at == '|' || starts(s, "${"))
            return refuse(s, s->line, "put a value with ", *s->at == '|' ? "|" : "${...}",
                          " into double quotes");
        s->at++;
    }
    return 0;
}

static int brace(struct scan *s)
{
    if (*s->at == '{' && s->depth == DEPTH_MAX)
        return refuse(s, s->line, "too many braces in each other", "", "");
    if (*s->at == '{')
        s->opened[s->depth++] = s->line;
    else if (s->depth > 0)
        s->depth--;
    s->at++;
    return 0;
}

static int token(struct scan *s)
{
    if (starts(s, "#") || starts(s, "//"))
        return line_comment(s);
    if (starts(s, "/*"))
        return long_comment(s);
    if (starts(s, "\"") || starts(s, "'"))
        return string(s);
    if (starts(s, "+="))
        return refuse(s, s->line, "+= is not known here: write the whole list", "", "");
    if (strchr("+*()", *s->at) != NULL) {
        const char mark[] = {*s->at, '\0'};
        return refuse(s, s->line, "put a value with ", mark, " into quotes");
    }
    if (*s->at == '{' || *s->at == '}')
        return brace(s);
    if (is_word(*s->at))
        return word(s);
    if (*s->at == '\n')
        s->line++;
    s->at++;
    return 0;
}

int tidy_text(char *text, size_t len, struct tidy_fault *fault)
{
    struct scan s = {.at = text, .end = text + len, .line = 1, .fault = fault};
    if (!text_is_utf8(text, len))
        return refuse(&s, 0, "the file is not UTF-8 text", "", "");
    while (s.at < s.end) {
        if (token(&s) < 0)
            return -1;
    }
    if (s.depth > 0) /* libConfuse takes the end of the file for as many braces as it wants */
        return refuse(&s, s.opened[s.depth - 1], "a { in this line has no }", "", "");
    return 0;
}
