/* pipelines.c: what the core can do, out of its INFO to PLUGINS. Runs in penstock-shim. */
#include "shim/pipelines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/settings.h"

static const struct {
    const char *member;
    size_t at;
    enum json_kind kind;
} members[] = {
    {"slug", offsetof(struct pipeline, slug), JSON_STRING},
    {"version", offsetof(struct pipeline, version), JSON_STRING},
    {"summary", offsetof(struct pipeline, summary), JSON_STRING},
    {"params_schema", offsetof(struct pipeline, params_schema), JSON_OBJECT},
    {"result_schema", offsetof(struct pipeline, result_schema), JSON_OBJECT},
    {"events_schema", offsetof(struct pipeline, events_schema), JSON_OBJECT},
    {"output_statuses", offsetof(struct pipeline, output_statuses), JSON_ARRAY},
};
enum { MEMBERS = sizeof members / sizeof *members };

static char **member_of(struct pipeline *p, size_t i)
{
    return (char **)((char *)p + members[i].at);
}

static void pipeline_clear(struct pipeline *p)
{
    for (size_t i = 0; i < MEMBERS; i++)
        free(*member_of(p, i));
}

void pipelines_clear(struct pipelines *p)
{
    for (size_t i = 0; i < p->n; i++)
        pipeline_clear(&p->items[i]);
    free(p->items);
    *p = (struct pipelines){.n = 0};
}

static int is_wanted(const struct json_doc *doc, uint32_t object, const struct conf_list *wanted)
{
    uint32_t slug = json_find(doc, object, "slug"), state = json_find(doc, object, "state");
    if (slug == 0 || json_kind(doc, slug) != JSON_STRING)
        return 0;
    /* Without a state another plugin provides this slug. */
    if (state == 0 || json_string_is(doc, state, "quarantined"))
        return 0;
    for (size_t i = 0; i < wanted->n; i++) {
        if (json_string_is(doc, slug, wanted->items[i]))
            return 1;
    }
    return wanted->n == 0;
}

static int read_one(const struct json_doc *doc, uint32_t object, struct pipeline *to)
{
    for (size_t i = 0; i < MEMBERS; i++) {
        uint32_t t = json_find(doc, object, members[i].member);
        if (t == 0 || json_kind(doc, t) != members[i].kind)
            continue;
        struct json_span raw = json_at(doc, t);
        char **text = member_of(to, i);
        *text = members[i].kind == JSON_STRING ? json_strdup(doc, t) : strndup(raw.at, raw.len);
        if (*text == NULL)
            return -1;
    }
    return 0;
}

static int add(const struct json_doc *doc, uint32_t object, struct pipelines *to)
{
    struct pipeline *items = realloc(to->items, (to->n + 1) * sizeof *items);
    if (items == NULL)
        return -1;
    to->items = items;
    items[to->n] = (struct pipeline){.slug = NULL};
    return read_one(doc, object, &items[to->n++]);
}

static int add_plugin(const struct json_doc *doc, uint32_t plugin, const struct conf_list *wanted,
                      struct pipelines *to)
{
    uint32_t list = json_kind(doc, plugin) == JSON_OBJECT ? json_find(doc, plugin, "pipelines") : 0;
    if (list == 0 || json_kind(doc, list) != JSON_ARRAY)
        return 0;
    uint32_t t = json_first(list);
    for (uint32_t n = doc->tokens[list].count; n > 0; n--, t = json_next(doc, t)) {
        if (json_kind(doc, t) == JSON_OBJECT && is_wanted(doc, t, wanted) && add(doc, t, to) < 0)
            return -1;
    }
    return 0;
}

static int by_slug(const void *a, const void *b)
{
    return strcmp(((const struct pipeline *)a)->slug, ((const struct pipeline *)b)->slug);
}

int pipelines_read(const struct json_doc *info, const struct conf_list *wanted,
                   struct pipelines *to)
{
    *to = (struct pipelines){.n = 0};
    uint32_t plugins = json_find(info, 0, "plugins");
    if (plugins == 0 || json_kind(info, plugins) != JSON_ARRAY) {
        errno = EINVAL;
        return -1;
    }
    uint32_t t = json_first(plugins);
    for (uint32_t n = info->tokens[plugins].count; n > 0; n--, t = json_next(info, t)) {
        if (add_plugin(info, t, wanted, to) < 0) {
            pipelines_clear(to);
            errno = ENOMEM;
            return -1;
        }
    }
    if (to->n > 0)
        qsort(to->items, to->n, sizeof *to->items, by_slug);
    return 0;
}

static int same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

int pipelines_equal(const struct pipelines *a, const struct pipelines *b)
{
    if (a->n != b->n)
        return 0;
    for (size_t i = 0; i < a->n; i++) {
        for (size_t k = 0; k < MEMBERS; k++) {
            if (!same(*member_of(&a->items[i], k), *member_of(&b->items[i], k)))
                return 0;
        }
    }
    return 1;
}

const struct pipeline *pipelines_find(const struct pipelines *p, const char *slug)
{
    for (size_t i = 0; i < p->n; i++) {
        if (strcmp(p->items[i].slug, slug) == 0)
            return &p->items[i];
    }
    return NULL;
}
