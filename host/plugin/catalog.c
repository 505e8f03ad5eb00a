/* catalog.c: the plugins and pipelines of this host, and the rules among them. Runs in the core. */
#include "plugin/catalog.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "plugin/catalog_internal.h"

struct catalog {
    unsigned refs;
    struct catalog_plugin **plugins;
    size_t n, cap;
    struct table *paths, *ids, *slugs;
};

struct catalog *catalog_new(void)
{
    struct catalog *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    c->refs = 1;
    c->paths = table_new();
    c->ids = table_new();
    c->slugs = table_new();
    if (c->paths != NULL && c->ids != NULL && c->slugs != NULL)
        return c;
    catalog_unref(c);
    return NULL;
}

struct catalog *catalog_ref(struct catalog *c)
{
    c->refs++;
    return c;
}

void catalog_unref(struct catalog *c)
{
    if (c == NULL || --c->refs > 0)
        return;
    for (size_t i = 0; i < c->n; i++)
        catalog_plugin_free(c->plugins[i]);
    free(c->plugins);
    table_free(c->paths);
    table_free(c->ids);
    table_free(c->slugs);
    free(c);
}

static int make_room(struct catalog *c)
{
    size_t cap = c->cap == 0 ? 16 : c->cap * 2;
    struct catalog_plugin **larger;
    if (c->n < c->cap)
        return 0;
    larger = reallocarray(c->plugins, cap, sizeof(struct catalog_plugin *));
    if (larger == NULL)
        return -1;
    c->plugins = larger;
    c->cap = cap;
    return 0;
}

/* Makes it broken; what was known of it stays, for the list. */
__attribute__((format(printf, 2, 3))) static int break_plugin(struct catalog_plugin *p,
                                                              const char *format, ...)
{
    char *reason = NULL;
    va_list ap;
    int n;
    va_start(ap, format);
    n = vasprintf(&reason, format, ap);
    va_end(ap);
    if (n < 0)
        return -1;
    free(p->reason);
    p->reason = reason;
    p->state = CATALOG_BROKEN;
    return 0;
}

static struct catalog_plugin *new_plugin(const char *path, const char *report, size_t len)
{
    struct catalog_plugin *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    p->path = strdup(path);
    p->report_len = len;
    if (report != NULL)
        p->report = malloc(len + 1);
    if (p->path == NULL || (report != NULL && p->report == NULL)) {
        catalog_plugin_free(p);
        return NULL;
    }
    if (report != NULL) {
        memcpy(p->report, report, len);
        p->report[len] = 0;
    }
    return p;
}

/* On 0 takes p. */
static int keep(struct catalog *c, struct catalog_plugin *p)
{
    size_t n = strlen(p->path);
    if (table_get(c->paths, p->path, n) != NULL) {
        errno = EEXIST;
        return -1;
    }
    if (make_room(c) < 0 || table_put(c->paths, p->path, n, p) < 0)
        return -1;
    c->plugins[c->n++] = p;
    return 0;
}

static int keep_or_free(struct catalog *c, struct catalog_plugin *p)
{
    int error;
    if (keep(c, p) == 0)
        return 0;
    error = errno;
    catalog_plugin_free(p);
    errno = error;
    return -1;
}

int catalog_add(struct catalog *c, const char *path, const char *report, size_t len)
{
    char why[CATALOG_WHY] = "";
    struct catalog_plugin *p = new_plugin(path, report, len);
    if (p == NULL)
        return -1;
    if (catalog_read(p, why) < 0 && (errno != EINVAL || break_plugin(p, "%s", why) < 0)) {
        catalog_plugin_free(p);
        errno = ENOMEM;
        return -1;
    }
    return keep_or_free(c, p);
}

int catalog_add_broken(struct catalog *c, const char *path, const char *reason)
{
    struct catalog_plugin *p = new_plugin(path, NULL, 0);
    if (p == NULL)
        return -1;
    if (break_plugin(p, "%s", reason) < 0) {
        catalog_plugin_free(p);
        return -1;
    }
    return keep_or_free(c, p);
}

void catalog_note_file(struct catalog *c, const char *path, const struct file_identity *identity,
                       const char *sha256)
{
    struct catalog_plugin *p = table_get(c->paths, path, strlen(path));
    if (p == NULL)
        return;
    p->identity = *identity;
    snprintf(p->sha256, sizeof p->sha256, "%s", sha256);
}

int catalog_refuse(struct catalog *c, const char *path, const char *reason)
{
    struct catalog_plugin *p = table_get(c->paths, path, strlen(path));
    return p == NULL || p->state == CATALOG_BROKEN ? 0 : break_plugin(p, "%s", reason);
}

/* Breaks p if something of it is taken. -1: ENOMEM. */
static int check_taken(const struct catalog *c, struct catalog_plugin *p)
{
    const struct catalog_plugin *owner = table_get(c->ids, p->id, strlen(p->id));
    if (owner != NULL)
        return break_plugin(p, "id \"%s\" is already taken by %s: %s is refused", p->id,
                            owner->path, p->path);
    for (size_t i = 0; i < p->n_pipelines; i++) {
        const char *slug = p->pipelines[i].slug;
        const struct catalog_pipeline *other = table_get(c->slugs, slug, strlen(slug));
        if (other != NULL)
            return break_plugin(
                p, "pipeline \"%s\" is already provided by %s (%s): %s (%s) is refused", slug,
                other->plugin->id, other->plugin->path, p->id, p->path);
    }
    return 0;
}

static int enter(struct catalog *c, struct catalog_plugin *p)
{
    if (p->state == CATALOG_OK && check_taken(c, p) < 0)
        return -1;
    if (p->state == CATALOG_BROKEN)
        return 0;
    if (table_put(c->ids, p->id, strlen(p->id), p) < 0)
        return -1;
    for (size_t i = 0; i < p->n_pipelines; i++) {
        struct catalog_pipeline *pl = &p->pipelines[i];
        if (table_put(c->slugs, pl->slug, strlen(pl->slug), pl) < 0)
            return -1;
    }
    return 0;
}

int catalog_settle(struct catalog *c)
{
    for (size_t i = 0; i < c->n; i++) {
        if (enter(c, c->plugins[i]) < 0)
            return -1;
    }
    return 0;
}

size_t catalog_count(const struct catalog *c)
{
    return c->n;
}

const struct catalog_plugin *catalog_at(const struct catalog *c, size_t i)
{
    return c->plugins[i];
}

size_t catalog_pipelines(const struct catalog *c)
{
    return table_count(c->slugs);
}

const struct catalog_pipeline *catalog_find(const struct catalog *c, const char *slug)
{
    return table_get(c->slugs, slug, strlen(slug));
}

const struct catalog_plugin *catalog_plugin(const struct catalog *c, const char *id)
{
    return table_get(c->ids, id, strlen(id));
}

const struct catalog_plugin *catalog_file(const struct catalog *c, const char *path)
{
    return table_get(c->paths, path, strlen(path));
}

static bool is_in(char **list, const char *word)
{
    for (; *list != NULL; list++) {
        if (strcmp(*list, word) == 0)
            return true;
    }
    return false;
}

bool catalog_needs(const struct catalog_pipeline *p, const char *need)
{
    return is_in(p->needs, need);
}

bool catalog_has_status(const struct catalog_pipeline *p, const char *status)
{
    return strcmp(status, "success") == 0 || is_in(p->statuses, status);
}
