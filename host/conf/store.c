/* store.c: sections and their values with origins. Runs in every program that loads the
 * configuration. */
#include "conf/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/table.h"
#include "base/text.h"

enum { WHY_MAX = 4096 };

static void node_free(struct node *n)
{
    if (n == NULL)
        return;
    for (size_t i = 0; i < n->section->n_options; i++) {
        if (n->data != NULL)
            option_clear(&n->section->options[i], n->data);
        if (n->origins != NULL)
            free(n->origins[i].text);
    }
    free(n->title);
    free(n->path);
    free(n->where);
    free(n->data);
    free(n->origins);
    free(n);
}

static char *make_path(const struct section *s, const struct node *parent, const char *title)
{
    char *path = NULL;
    int n = asprintf(&path, "%s%s%s%s%s", parent != NULL ? parent->path : "",
                     parent != NULL ? "." : "", s->name, title[0] != '\0' ? "." : "", title);
    return n < 0 ? NULL : path;
}

static struct node *node_new(enum section_kind kind, struct node *parent, const char *title)
{
    struct node *n = calloc(1, sizeof *n);
    if (n == NULL)
        return NULL;
    n->section = &sections[kind];
    n->parent = parent;
    n->title = strdup(title);
    n->data = calloc(1, n->section->size);
    n->origins = calloc(n->section->n_options, sizeof *n->origins);
    n->path = make_path(n->section, parent, title);
    if (n->title == NULL || n->data == NULL || n->origins == NULL || n->path == NULL)
        goto fail;
    if (n->section->title != NULL)
        *(const char **)n->data = n->title;
    for (size_t i = 0; i < n->section->n_options; i++) {
        if (option_init(&n->section->options[i], n->data) < 0)
            goto fail;
    }
    return n;
fail:
    node_free(n);
    return NULL;
}

/* Takes n, or frees it. */
static struct node *store_add(struct conf *c, struct node *n)
{
    if (n == NULL)
        return NULL;
    if (c->n == c->cap) {
        size_t cap = c->cap > 0 ? 2 * c->cap : 16;
        struct node **nodes = realloc(c->nodes, cap * sizeof(struct node *));
        if (nodes == NULL)
            goto fail;
        c->nodes = nodes;
        c->cap = cap;
    }
    if (table_put(c->by_path, n->path, strlen(n->path), n) < 0)
        goto fail;
    c->nodes[c->n++] = n;
    return n;
fail:
    node_free(n);
    return NULL;
}

struct conf *store_new(void)
{
    struct conf *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    c->by_path = table_new();
    c->n_owners = 1;
    if (c->by_path == NULL)
        goto fail;
    c->host = store_add(c, node_new(SECTION_HOST, NULL, ""));
    c->no_plugin = node_new(SECTION_PLUGIN, NULL, "");
    c->no_pipeline = node_new(SECTION_PIPELINE, c->no_plugin, "");
    c->no_tenant = node_new(SECTION_TENANT, NULL, "");
    if (c->host == NULL || c->no_plugin == NULL || c->no_pipeline == NULL || c->no_tenant == NULL)
        goto fail;
    return c;
fail:
    conf_free(c);
    return NULL;
}

struct conf *conf_ref(struct conf *c)
{
    c->n_owners++;
    return c;
}

void conf_free(struct conf *c)
{
    if (c == NULL || --c->n_owners > 0)
        return;
    for (size_t i = 0; i < c->n; i++)
        node_free(c->nodes[i]);
    free(c->nodes);
    node_free(c->no_pipeline);
    node_free(c->no_tenant);
    node_free(c->no_plugin);
    table_free(c->by_path);
    for (size_t i = 0; i < c->files.n; i++)
        free(c->files.items[i]);
    free(c->files.items);
    free(c);
}

struct node *store_find(const struct conf *c, const char *path)
{
    return table_get(c->by_path, path, strlen(path));
}

/* ".pipeline." in an id would make keys such as plugin.a.pipeline.b.timeout ambiguous. */
static bool is_good_title(const char *title)
{
    return text_is_name(title) && strstr(title, ".pipeline.") == NULL;
}

struct node *store_node(struct conf *c, enum section_kind kind, struct node *parent,
                        const char *title, const struct source *source, struct conf_errors *errors)
{
    struct node *in = sections[kind].parent == SECTION_TOP ? NULL : parent;
    if (kind == SECTION_HOST)
        return c->host;
    if (!is_good_title(title)) {
        struct buf quoted = BUF_INIT(WHY_MAX);
        option_quote(title, &quoted);
        errors_add(errors, source,
                   "expected %s after \"%s\" (letters, digits, . _ -, at most 63), found %s",
                   sections[kind].title, sections[kind].name, buf_cstr(&quoted));
        buf_clear(&quoted);
        return NULL;
    }
    char *path = make_path(&sections[kind], in, title);
    struct node *n = path != NULL ? store_find(c, path) : NULL;
    if (n == NULL && path != NULL) {
        n = store_add(c, node_new(kind, in, title));
        if (n != NULL)
            n->where = source_where(source);
    }
    free(path);
    if (n == NULL)
        errors_add(errors, source, "out of memory");
    return n;
}

enum section_kind node_kind(const struct node *n)
{
    return (enum section_kind)(n->section - sections);
}

static struct origin *origin_of(const struct node *n, const struct option *o)
{
    return &n->origins[o - n->section->options];
}

enum rank node_rank(const struct node *n, const char *option)
{
    return origin_of(n, section_option(n->section, option))->rank;
}

static void set_origin(struct node *n, const struct option *o, char *text, enum rank rank)
{
    struct origin *origin = origin_of(n, o);
    free(origin->text);
    origin->text = text;
    origin->rank = rank;
}

void node_set(struct node *n, const struct option *o, const struct option_text *text,
              const struct source *source, struct conf_errors *errors)
{
    struct buf why = BUF_INIT(WHY_MAX);
    if (option_set(o, text, n->data, &why) < 0) {
        const char *reason = why.len > 0 ? buf_cstr(&why) : NULL;
        errors_add(errors, source, "%s.%s: %s", n->path, o->name,
                   reason != NULL ? reason : "out of memory");
    } else {
        char *origin = source_where(source);
        if (origin == NULL)
            errors_add(errors, source, "out of memory");
        set_origin(n, o, origin, source->rank);
    }
    buf_clear(&why);
}

/* Splits copy at commas; items point into it. Returns their number. */
static size_t split(char *copy, const char **items, size_t room)
{
    size_t n = 0;
    char *next = copy;
    while (next != NULL && n < room) {
        char *item = strsep(&next, ",");
        item += strspn(item, " \t");
        size_t len = strlen(item);
        while (len > 0 && (item[len - 1] == ' ' || item[len - 1] == '\t'))
            item[--len] = '\0';
        items[n++] = item;
    }
    return n;
}

static void set_list_text(struct node *n, const struct option *o, const char *text,
                          const struct source *source, struct conf_errors *errors)
{
    const char *items[256];
    size_t room = sizeof items / sizeof *items;
    char *copy = strdup(text);
    if (copy == NULL) {
        errors_add(errors, source, "out of memory");
        return;
    }
    size_t count = copy[0] != '\0' ? split(copy, items, room) : 0;
    if (count == room)
        errors_add(errors, source, "%s.%s: more than %zu items", n->path, o->name, room - 1);
    node_set(n, o, &(struct option_text){.items = items, .n = count, .base = source->base}, source,
             errors);
    free(copy);
}

void node_set_text(struct node *n, const char *option, const char *text,
                   const struct source *source, struct conf_errors *errors)
{
    const struct option *o = section_option(n->section, option);
    if (o == NULL) {
        struct buf hint = BUF_INIT(WHY_MAX);
        section_hint((int)node_kind(n), option, &hint);
        errors_add(errors, source, "unknown option \"%s\" in %s%s", option, n->path,
                   hint.len > 0 ? buf_cstr(&hint) : "");
        buf_clear(&hint);
        return;
    }
    if (option_is_list(o)) {
        set_list_text(n, o, text, source, errors);
        return;
    }
    node_set(n, o, &(struct option_text){.items = &text, .n = 1, .base = source->base}, source,
             errors);
}

void node_derive(struct node *n, const char *option, int64_t number, const char *origin)
{
    const struct option *o = section_option(n->section, option);
    char *text = strdup(origin);
    *(int64_t *)((char *)n->data + o->offset) = number;
    set_origin(n, o, text, RANK_DERIVED); /* without memory it says "default" */
}

int list_append(struct conf_list *list, const char *item)
{
    char **items = realloc(list->items, (list->n + 1) * sizeof(char *));
    if (items == NULL)
        return -1;
    list->items = items;
    list->items[list->n] = strdup(item);
    if (list->items[list->n] == NULL)
        return -1;
    list->n++;
    return 0;
}
