/* errors.c: a growing list of what is wrong. Runs in every program that loads the configuration. */
#include "conf/errors.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ERRORS_MAX = 100, ERRORS_STEP = 16 };

char *source_where(const struct source *source)
{
    char *text = NULL;
    if (source->line <= 0)
        return strdup(source->name);
    return asprintf(&text, "%s:%d", source->name, source->line) < 0 ? NULL : text;
}

static bool has_room(struct conf_errors *e)
{
    if (e->n >= ERRORS_MAX)
        return false;
    if (e->n % ERRORS_STEP != 0)
        return true;
    struct conf_error *items = realloc(e->items, (e->n + ERRORS_STEP) * sizeof *items);
    if (items == NULL)
        return false;
    e->items = items;
    return true;
}

void errors_add(struct conf_errors *e, const struct source *source, const char *format, ...)
{
    char *what = NULL;
    va_list ap;
    va_start(ap, format);
    int n = vasprintf(&what, format, ap);
    va_end(ap);
    char *where = n < 0 ? NULL : source_where(source);
    if (where == NULL || !has_room(e)) {
        if (n >= 0)
            free(what);
        free(where);
        e->n_dropped++;
        return;
    }
    e->items[e->n++] = (struct conf_error){.where = where, .what = what, .line = source->line};
}

bool errors_any(const struct conf_errors *e)
{
    return e->n > 0 || e->n_dropped > 0;
}

void errors_sort(struct conf_errors *e, size_t first)
{
    for (size_t i = first + 1; i < e->n; i++) {
        struct conf_error moved = e->items[i];
        size_t j = i;
        for (; j > first && e->items[j - 1].line > moved.line; j--)
            e->items[j] = e->items[j - 1];
        e->items[j] = moved;
    }
}

void conf_errors_clear(struct conf_errors *e)
{
    for (size_t i = 0; i < e->n; i++) {
        free(e->items[i].where);
        free(e->items[i].what);
    }
    free(e->items);
    *e = (struct conf_errors){.n = 0};
}
