/* view.c: lenient reading of JSON answers. Pure. */
#include "view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t member(const struct json_doc *doc, uint32_t object, const char *key)
{
    return doc->n > 0 && json_kind(doc, object) == JSON_OBJECT ? json_find(doc, object, key) : 0;
}

char *view_text(const struct json_doc *doc, uint32_t object, const char *key)
{
    uint32_t i = member(doc, object, key);
    return i != 0 ? json_strdup(doc, i) : NULL;
}

const char *view_copy(const struct json_doc *doc, uint32_t object, const char *key, char *out,
                      size_t size)
{
    char *text = view_text(doc, object, key);
    snprintf(out, size, "%s", text != NULL ? text : "");
    free(text);
    return out;
}

int64_t view_int(const struct json_doc *doc, uint32_t object, const char *key, int64_t absent)
{
    uint32_t i = member(doc, object, key);
    int64_t value;
    return i != 0 && json_i64(doc, i, &value) == 0 ? value : absent;
}

double view_double(const struct json_doc *doc, uint32_t object, const char *key, double absent)
{
    uint32_t i = member(doc, object, key);
    double value;
    return i != 0 && json_f64(doc, i, &value) == 0 ? value : absent;
}

int view_bool(const struct json_doc *doc, uint32_t object, const char *key, int absent)
{
    uint32_t i = member(doc, object, key);
    if (i == 0 || (json_kind(doc, i) != JSON_TRUE && json_kind(doc, i) != JSON_FALSE))
        return absent;
    return json_kind(doc, i) == JSON_TRUE;
}

int view_is(const struct json_doc *doc, uint32_t object, const char *key, const char *text)
{
    uint32_t i = member(doc, object, key);
    return i != 0 && json_string_is(doc, i, text);
}

static uint32_t member_of_kind(const struct json_doc *doc, uint32_t object, const char *key,
                               enum json_kind kind)
{
    uint32_t i = member(doc, object, key);
    return i != 0 && json_kind(doc, i) == kind ? i : 0;
}

uint32_t view_object(const struct json_doc *doc, uint32_t object, const char *key)
{
    return member_of_kind(doc, object, key, JSON_OBJECT);
}

uint32_t view_array(const struct json_doc *doc, uint32_t object, const char *key)
{
    return member_of_kind(doc, object, key, JSON_ARRAY);
}

uint32_t view_count(const struct json_doc *doc, uint32_t array)
{
    return array != 0 ? doc->tokens[array].count : 0;
}

uint32_t view_next(const struct json_doc *doc, uint32_t i)
{
    return i < doc->n ? json_next(doc, i) : 0;
}
