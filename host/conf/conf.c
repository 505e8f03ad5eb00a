/* conf.c: loads the configuration and answers questions about it. Runs in every program but the box
 * helpers. */
#include "conf/conf.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "conf/derive.h"
#include "conf/sources.h"
#include "conf/store.h"

enum { TOKEN_MAX = 4096, VALUE_MAX = 1 << 20 };

struct conf *conf_load(const struct conf_request *request, struct conf_errors *errors)
{
    const struct source source = {.name = "configuration"};
    struct conf *c = store_new();
    if (c == NULL) {
        errors_add(errors, &source, "out of memory");
        return NULL;
    }
    source_files_read(c, request, errors);
    source_variables_read(c, request, errors);
    source_sets_read(c, request, errors);
    if (!errors_any(errors)) /* what hangs on wrong values is no news */
        derive_and_check(c, request, errors);
    if (!errors_any(errors))
        return c;
    conf_free(c);
    return NULL;
}

const struct conf_host *conf_host(const struct conf *c)
{
    return c->host->data;
}

const struct conf_list *conf_files(const struct conf *c)
{
    return &c->files;
}

size_t conf_shim_count(const struct conf *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++)
        n += node_kind(c->nodes[i]) == SECTION_SHIM;
    return n;
}

const struct conf_shim *conf_shim_at(const struct conf *c, size_t at)
{
    for (size_t i = 0; i < c->n; i++) {
        if (node_kind(c->nodes[i]) == SECTION_SHIM && at-- == 0)
            return c->nodes[i]->data;
    }
    return NULL;
}

/* The struct of a section whose path is made of three parts, or NULL. */
static const void *find(const struct conf *c, const char *start, const char *title,
                        const char *slug)
{
    char path[256];
    int n = snprintf(path, sizeof path, "%s%s%s%s", start, title, slug != NULL ? ".pipeline." : "",
                     slug != NULL ? slug : "");
    const struct node *node = n > 0 && (size_t)n < sizeof path ? store_find(c, path) : NULL;
    return node != NULL ? node->data : NULL;
}

const struct conf_shim *conf_shim_find(const struct conf *c, const char *name)
{
    return find(c, "shim.", name, NULL);
}

int64_t conf_task_type_limit(const struct conf *c, const char *task_type)
{
    const struct conf_task_type *t = find(c, "host.task_type.", task_type, NULL);
    return t != NULL ? t->max_concurrent : 0;
}

const struct conf_tenant *conf_tenant(const struct conf *c, const char *name)
{
    const struct conf_tenant *t = name != NULL ? find(c, "tenant.", name, NULL) : NULL;
    return t != NULL ? t : c->no_tenant->data;
}

/* An id with ".pipeline." in it would find a pipeline's node; no section can have such an id. */
static bool is_plain(const char *title)
{
    return strstr(title, ".pipeline.") == NULL;
}

const struct conf_plugin *conf_plugin(const struct conf *c, const char *plugin_id)
{
    const struct conf_plugin *p = is_plain(plugin_id) ? find(c, "plugin.", plugin_id, NULL) : NULL;
    return p != NULL ? p : c->no_plugin->data;
}

bool conf_has_digests(const struct conf *c)
{
    for (size_t i = 0; i < c->n; i++) {
        const struct conf_plugin *p = c->nodes[i]->data;
        if (node_kind(c->nodes[i]) == SECTION_PLUGIN && p->sha256[0] != '\0')
            return true;
    }
    return false;
}

const struct conf_pipeline *conf_pipeline(const struct conf *c, const char *plugin_id,
                                          const char *slug)
{
    bool is_fine = is_plain(plugin_id) && is_plain(slug);
    const struct conf_pipeline *p = is_fine ? find(c, "plugin.", plugin_id, slug) : NULL;
    return p != NULL ? p : c->no_pipeline->data;
}

static int read_token_file(const struct conf_shim *shim, struct buf *bytes, struct buf *why)
{
    if (buf_read_file(bytes, shim->token_file) == 0)
        return 0;
    if (errno == EMSGSIZE)
        buf_printf(why, "token_file %s is longer than %d bytes", shim->token_file, TOKEN_MAX);
    else
        buf_printf(why, "token_file %s cannot be read: %s", shim->token_file, strerror(errno));
    return -1;
}

static int append_token(const char *text, size_t len, const struct conf_shim *shim,
                        struct buf *token, struct buf *why)
{
    while (len > 0 && isspace((unsigned char)text[0]))
        text++, len--;
    while (len > 0 && isspace((unsigned char)text[len - 1]))
        len--;
    for (size_t i = 0; i < len; i++) {
        if (!isgraph((unsigned char)text[i])) {
            buf_printf(why, "token_file %s: expected printable ASCII without spaces",
                       shim->token_file);
            return -1;
        }
    }
    if (len == 0) {
        buf_printf(why, "token_file %s is empty", shim->token_file);
        return -1;
    }
    return buf_append(token, text, len);
}

int conf_shim_token(const struct conf_shim *shim, struct buf *token, struct buf *why)
{
    struct buf bytes = BUF_INIT(TOKEN_MAX);
    if (shim->token[0] != '\0')
        return buf_append_str(token, shim->token);
    if (shim->token_file[0] == '\0')
        return 0;
    int rc = read_token_file(shim, &bytes, why);
    if (rc == 0)
        rc = append_token((const char *)bytes.data, bytes.len, shim, token, why);
    if (bytes.data != NULL)
        explicit_bzero(bytes.data, bytes.cap);
    buf_clear(&bytes);
    return rc;
}

struct each {
    int (*fn)(void *arg, const struct conf_item *item);
    void *arg;
    struct buf value;
};

static const char *shown(struct each *e, const struct node *n, const struct option *o)
{
    buf_reset(&e->value);
    if (option_print(o, n->data, &e->value) < 0)
        return NULL;
    bool is_masked = (o->flags & OPTION_SECRET) != 0 && e->value.len > 0;
    return is_masked ? "********" : buf_cstr(&e->value);
}

static int each_option(struct each *e, const struct node *n)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n->section->n_options; i++) {
        const struct option *o = &n->section->options[i];
        const struct conf_item item = {
            .section = n->path,
            .key = o->name,
            .value = shown(e, n, o),
            .origin = n->origins[i].text != NULL ? n->origins[i].text : "default",
            .is_default = n->origins[i].rank <= RANK_DERIVED,
        };
        rc = item.value != NULL ? e->fn(e->arg, &item) : -1;
    }
    return rc;
}

/* Nodes of a kind under parent, each followed by its own children: the order of a tidy file. */
static int each_node(struct each *e, const struct conf *c, int kind, const struct node *parent)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < c->n; i++) {
        const struct node *n = c->nodes[i];
        if ((int)node_kind(n) != kind || n->parent != parent)
            continue;
        rc = each_option(e, n);
        for (int child = 0; rc == 0 && child < SECTION_KINDS; child++) {
            if (sections[child].parent == kind)
                rc = each_node(e, c, child, n);
        }
    }
    return rc;
}

int conf_each_value(const struct conf *c, int (*fn)(void *arg, const struct conf_item *item),
                    void *arg)
{
    struct each e = {.fn = fn, .arg = arg, .value = BUF_INIT(VALUE_MAX)};
    int rc = 0;
    for (int kind = 0; rc == 0 && kind < SECTION_KINDS; kind++) {
        if (sections[kind].parent == SECTION_TOP)
            rc = each_node(&e, c, kind, NULL);
    }
    buf_clear(&e.value);
    return rc;
}
