/* changes.c: compares configurations, option by option. Runs in the supervisor and the core. */
#include "conf/changes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "conf/conf.h"
#include "conf/store.h"

enum { VALUE_MAX = 1 << 20, PATH_ROOM = 256 };

/* As they would be written; a secret is compared, and shown to nobody. */
static bool same_value(const struct option *o, const void *a, const void *b)
{
    struct buf x = BUF_INIT(VALUE_MAX), y = BUF_INIT(VALUE_MAX);
    bool is_same = option_print(o, a, &x) == 0 && option_print(o, b, &y) == 0 && x.len == y.len &&
                   (x.len == 0 || memcmp(x.data, y.data, x.len) == 0);
    buf_clear(&x);
    buf_clear(&y);
    return is_same;
}

/* Options that have one of these flags; 0: all. */
static bool same_options(const struct section *s, unsigned flags, const void *a, const void *b)
{
    for (size_t i = 0; i < s->n_options; i++) {
        const struct option *o = &s->options[i];
        if ((flags == 0 || (o->flags & flags) != 0) && !same_value(o, a, b))
            return false;
    }
    return true;
}

static int keep_one(const struct option *o, const struct conf *running, struct conf *c,
                    struct conf_list *names)
{
    char name[PATH_ROOM];
    if ((o->flags & OPTION_RESTART) == 0 || same_value(o, running->host->data, c->host->data))
        return 0;
    snprintf(name, sizeof name, "%s.%s", c->host->path, o->name);
    return option_copy(o, running->host->data, c->host->data) == 0 ? list_append(names, name) : -1;
}

int conf_keep_fixed(struct conf *c, const struct conf *running, struct conf_list *names)
{
    const struct section *s = c->host->section;
    int rc = 0;
    for (size_t i = 0; i < s->n_options && rc == 0; i++)
        rc = keep_one(&s->options[i], running, c, names);
    return rc;
}

bool conf_same_pipeline(const struct conf *a, const struct conf *b, const char *plugin_id,
                        const char *slug)
{
    return same_options(&sections[SECTION_HOST], OPTION_BOXES, conf_host(a), conf_host(b)) &&
           same_options(&sections[SECTION_PLUGIN], 0, conf_plugin(a, plugin_id),
                        conf_plugin(b, plugin_id)) &&
           same_options(&sections[SECTION_PIPELINE], 0, conf_pipeline(a, plugin_id, slug),
                        conf_pipeline(b, plugin_id, slug));
}

bool conf_same_shim(const struct conf *a, const struct conf *b, const char *name)
{
    const struct conf_shim *x = conf_shim_find(a, name), *y = conf_shim_find(b, name);
    return x != NULL && y != NULL && same_options(&sections[SECTION_SHIM], 0, x, y);
}

int conf_list_append(struct conf_list *list, const char *item)
{
    return list_append(list, item);
}

void conf_list_clear(struct conf_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct conf_list){.n = 0};
}
