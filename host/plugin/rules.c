/* rules.c: the words of a descriptor. Runs in the confined scan child, the box and the core. */
#include "plugin/rules.h"

#include <string.h>

#include <penstock/ext/files.h>
#include <penstock/ext/next.h>
#include <penstock/ext/progress.h>

#include "base/text.h"

static const char *const needs[] = {PEN_EXT_FILES, PEN_EXT_PROGRESS, PEN_EXT_NEXT, "network", "gpu",
                                    "jit",         "threads"};

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_word(const char *s, const char *also, size_t max)
{
    size_t n = strnlen(s, max + 1);
    if (n == 0 || n > max || !is_alnum(s[0]))
        return false;
    for (size_t i = 1; i < n; i++) {
        if (!is_alnum(s[i]) && strchr(also, s[i]) == NULL)
            return false;
    }
    return true;
}

bool rule_id(const char *s)
{
    return is_word(s, "._-", RULE_ID_MAX);
}

bool rule_version(const char *s)
{
    return is_word(s, ".+~_-", RULE_VERSION_MAX);
}

bool rule_line(const char *s)
{
    size_t n = strnlen(s, RULE_LINE_MAX + 1);
    if (n > RULE_LINE_MAX || !text_is_utf8(s, n))
        return false;
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
            return false;
    }
    return true;
}

bool rule_need(const char *s)
{
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++) {
        if (strcmp(s, needs[i]) == 0)
            return true;
    }
    return false;
}

const char *rule_needs_known(void)
{
    return PEN_EXT_FILES ", " PEN_EXT_PROGRESS ", " PEN_EXT_NEXT ", network, gpu, jit, threads";
}
