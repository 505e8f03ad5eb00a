/* file_params.c: takes file addresses out of params by splicing bytes. Pure; runs in
 * penstock-shim. */
#include "shim/file_params.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

static bool is_plain_path(const char *path)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    for (;;) {
        size_t n = strspn(path, letters);
        if (n == 0 || path[0] == '.')
            return false;
        if (path[n] == '\0')
            return true;
        if (path[n] != '/')
            return false;
        path += n + 1;
    }
}

void file_refs_clear(struct file_refs *refs)
{
    for (size_t i = 0; i < refs->n; i++) {
        free(refs->items[i].name);
        free(refs->items[i].url);
    }
    free(refs->items);
    *refs = (struct file_refs){.n = 0};
}

/* Takes url. */
static int add(struct file_refs *refs, char *name, char *url)
{
    struct file_ref *items = realloc(refs->items, (refs->n + 1) * sizeof *items);
    if (items != NULL)
        refs->items = items;
    if (items == NULL || name == NULL) {
        free(name);
        free(url);
        errno = ENOMEM;
        return -1;
    }
    items[refs->n++] = (struct file_ref){name, url};
    return 0;
}

/* 1: the member is a file's address and was noted; 0: it is not; -1 with errno. */
static int take(const struct json_doc *doc, uint32_t key, const char *prefix,
                struct file_refs *refs)
{
    size_t n = strlen(prefix);
    uint32_t value = key + 1;
    if (json_kind(doc, value) != JSON_STRING || doc->tokens[value].len < n)
        return 0;
    char *text = json_strdup(doc, value);
    if (text == NULL)
        return -1;
    if (strncmp(text, prefix, n) != 0) {
        free(text);
        return 0;
    }
    if (!is_plain_path(text + n)) {
        free(text);
        errno = EINVAL;
        return -1;
    }
    return add(refs, json_strdup(doc, key), text) < 0 ? -1 : 1;
}

/* Members are copied with the bytes between them, which are one comma and white space. */
static int split(const struct json_doc *doc, uint32_t params, const char *prefix, struct buf *rest,
                 struct file_refs *refs)
{
    const struct json_token *object = &doc->tokens[params];
    uint32_t end = object->at + 1, key = json_first(params);
    bool has_kept = false;
    for (uint32_t n = object->count; n > 0; n--, key = json_next(doc, key + 1)) {
        uint32_t at = doc->tokens[key].at,
                 value_end = doc->tokens[key + 1].at + doc->tokens[key + 1].len;
        uint32_t from = has_kept ? end : at;
        int rc = take(doc, key, prefix, refs);
        if (!has_kept && n == object->count)
            rc = rc < 0 || buf_append(rest, doc->text + object->at, at - object->at) < 0 ? -1 : rc;
        if (rc < 0 || (rc == 0 && buf_append(rest, doc->text + from, value_end - from) < 0))
            return -1;
        has_kept = has_kept || rc == 0;
        end = value_end;
    }
    if (object->count == 0)
        return buf_append(rest, doc->text + object->at, object->len);
    return buf_append(rest, doc->text + end, object->at + object->len - end);
}

int file_params_split(const struct json_doc *doc, uint32_t params, const char *prefix,
                      struct buf *rest, struct file_refs *refs)
{
    *refs = (struct file_refs){.n = 0};
    if (split(doc, params, prefix, rest, refs) == 0)
        return 0;
    int kept = errno;
    file_refs_clear(refs);
    errno = kept;
    return -1;
}
