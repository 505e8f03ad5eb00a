/* avtomatika_order.c: a task of theirs, read. Pure; runs in penstock-shim. */
#include <stdlib.h>
#include <string.h>

#include "shim/avtomatika_map.h"

enum { ID_BYTES_MAX = 128 };

void avt_order_clear(struct avt_order *o)
{
    char *texts[] = {o->task_id, o->job_id, o->type, o->params, o->metadata, o->trace};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(texts[i]);
    *o = (struct avt_order){.task_id = NULL};
}

/* The core takes ids of 1 to 128 bytes, as they are spelled. */
static char *read_id(const struct json_doc *doc, const char *member)
{
    uint32_t t = json_find(doc, 0, member);
    if (t == 0 || json_kind(doc, t) != JSON_STRING)
        return NULL;
    uint32_t len = doc->tokens[t].len - 2;
    return len > 0 && len <= ID_BYTES_MAX ? json_strdup(doc, t) : NULL;
}

/* The bytes of an object, or NULL. */
static char *read_object(const struct json_doc *doc, const char *member, bool *is_wrong)
{
    uint32_t t = json_find(doc, 0, member);
    *is_wrong = false;
    if (t == 0 || json_kind(doc, t) == JSON_NULL)
        return NULL;
    *is_wrong = json_kind(doc, t) != JSON_OBJECT;
    struct json_span raw = json_at(doc, t);
    return *is_wrong ? NULL : strndup(raw.at, raw.len);
}

static double read_number(const struct json_doc *doc, const char *member)
{
    double v;
    uint32_t t = json_find(doc, 0, member);
    return t != 0 && json_f64(doc, t, &v) == 0 ? v : 0;
}

static const char *read_members(const struct json_doc *doc, struct avt_order *to)
{
    bool is_wrong, is_ignored;
    uint32_t type = json_find(doc, 0, "type");
    to->task_id = read_id(doc, "task_id");
    to->job_id = read_id(doc, "job_id");
    if (to->task_id == NULL || to->job_id == NULL)
        return "task_id and job_id must be strings of 1 to 128 bytes";
    to->type = type != 0 ? json_strdup(doc, type) : NULL;
    if (to->type == NULL)
        return "type must be a string";
    to->params = read_object(doc, "params", &is_wrong);
    if (is_wrong)
        return "params must be an object";
    if (to->params == NULL)
        to->params = strdup("{}");
    to->metadata = read_object(doc, "metadata", &is_ignored);
    to->trace = read_object(doc, "tracing_context", &is_ignored);
    to->priority = avt_priority(read_number(doc, "priority"));
    to->deadline_ms = avt_deadline_ms(read_number(doc, "deadline"));
    return to->params != NULL ? NULL : "no memory";
}

/* The value of a member in a text that is no strict JSON, if it is plain enough to be sure. */
static char *guess_id(const char *json, size_t n, const char *quoted_name)
{
    size_t len = strlen(quoted_name);
    const char *end = json + n, *at = memmem(json, n, quoted_name, len);
    if (at == NULL)
        return NULL;
    at += len;
    while (at < end && (*at == ' ' || *at == ':'))
        at++;
    if (at == end || *at++ != '"')
        return NULL;
    const char *quote = memchr(at, '"', (size_t)(end - at));
    size_t size = quote != NULL ? (size_t)(quote - at) : 0;
    for (size_t i = 0; i < size; i++) {
        if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-", at[i]) ==
            NULL)
            return NULL;
    }
    return size > 0 && size <= ID_BYTES_MAX ? strndup(at, size) : NULL;
}

int avt_order_read(const char *json, size_t n, struct avt_order *to, const char **why)
{
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault;
    *to = (struct avt_order){.task_id = NULL};
    if (json_scan(&doc, json, n, &fault) < 0) {
        *why = fault.what;
        to->task_id = guess_id(json, n, "\"task_id\"");
        to->job_id = guess_id(json, n, "\"job_id\"");
    } else {
        *why = json_kind(&doc, 0) == JSON_OBJECT ? read_members(&doc, to) : "it must be an object";
    }
    json_doc_clear(&doc);
    return *why == NULL ? 0 : -1;
}
