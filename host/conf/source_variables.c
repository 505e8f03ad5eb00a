/*
 * source_variables.c: values from the environment. Runs in every program that loads the
 * configuration.
 *
 * A key's variable is its dotted name in capitals with '_' for every other sign, so the names of
 * all keys that are there so far are made and looked up. What is left over may name a shim or task
 * type that no file has: in a container the environment alone is enough. A plugin's id cannot be
 * made from it, as it may hold dots.
 */
#include "conf/sources.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/table.h"

struct spelled {
    struct node *node;
    const struct option *option;
    bool is_ambiguous;
};

struct variables {
    struct conf *c;
    struct conf_errors *errors;
    char *base;
    struct table *names; /* to struct spelled */
};

static const char *const our_prefixes[] = {"PENSTOCK_HOST_", "PENSTOCK_SHIM_", "PENSTOCK_TENANT_",
                                           "PENSTOCK_PLUGIN_"};

char *variable_name(const char *path, const char *key)
{
    char *name = NULL;
    if (asprintf(&name, "PENSTOCK_%s_%s", path, key) < 0)
        return NULL;
    for (char *at = name; *at != '\0'; at++)
        *at = isalnum((unsigned char)*at) ? (char)toupper((unsigned char)*at) : '_';
    return name;
}

const char *variable_get(const char *const *variables, const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; variables != NULL && variables[i] != NULL; i++) {
        if (strncmp(variables[i], name, n) == 0 && variables[i][n] == '=')
            return variables[i] + n + 1;
    }
    return NULL;
}

static bool is_ours(const char *variable)
{
    for (size_t i = 0; i < sizeof our_prefixes / sizeof *our_prefixes; i++) {
        if (strncmp(variable, our_prefixes[i], strlen(our_prefixes[i])) == 0)
            return strchr(variable, '=') != NULL;
    }
    return false;
}

/* Kubernetes sets these for a service that happens to be called penstock-host or so. */
static bool is_service_link(const char *name)
{
    size_t n = strlen(name);
    return strstr(name, "_SERVICE_") != NULL || strstr(name, "_PORT_") != NULL ||
           (n > 5 && strcmp(name + n - 5, "_PORT") == 0);
}

bool conf_variable_is_secret(const char *variable)
{
    size_t n = strcspn(variable, "=");
    static const char end[] = "_TOKEN";
    return strncmp(variable, "PENSTOCK_SHIM_", 14) == 0 && n > 14 + sizeof end - 1 &&
           strncmp(variable + n - (sizeof end - 1), end, sizeof end - 1) == 0;
}

static int add_name(struct variables *v, struct node *node, const struct option *option)
{
    char *name = variable_name(node->path, option->name);
    struct spelled *s = name != NULL ? table_get(v->names, name, strlen(name)) : NULL;
    int rc = name != NULL ? 0 : -1;
    if (s != NULL) {
        s->is_ambiguous = true;
    } else if (name != NULL) {
        s = calloc(1, sizeof *s);
        rc = s != NULL ? table_put(v->names, name, strlen(name), s) : -1;
        if (rc == 0)
            *s = (struct spelled){.node = node, .option = option};
        else
            free(s);
    }
    free(name);
    return rc;
}

static int add_names(struct variables *v)
{
    for (size_t i = 0; i < v->c->n; i++) {
        const struct section *s = v->c->nodes[i]->section;
        for (size_t j = 0; j < s->n_options; j++) {
            if (add_name(v, v->c->nodes[i], &s->options[j]) < 0)
                return -1;
        }
    }
    return 0;
}

/* "A_POLL_TIMEOUT" is option poll_timeout of "a": the longest option that the name ends in. */
static const struct option *option_at_end(const struct section *s, const char *name,
                                          size_t *title_len)
{
    const struct option *found = NULL;
    size_t n = strlen(name);
    for (size_t i = 0; i < s->n_options; i++) {
        size_t k = strlen(s->options[i].name);
        if (n < k + 2 || name[n - k - 1] != '_' ||
            strcasecmp(name + n - k, s->options[i].name) != 0)
            continue;
        if (found == NULL || k > strlen(found->name)) {
            found = &s->options[i];
            *title_len = n - k - 1;
        }
    }
    return found;
}

/* Makes the shim, tenant or task type that a variable names. False: it names none. */
static bool set_new(struct variables *v, enum section_kind kind, const char *rest,
                    const char *value, const struct source *source)
{
    char title[64];
    size_t n = 0;
    const struct option *o = option_at_end(&sections[kind], rest, &n);
    if (o == NULL || n >= sizeof title)
        return false;
    for (size_t i = 0; i < n; i++)
        title[i] = (char)tolower((unsigned char)rest[i]);
    title[n] = '\0';
    struct node *node = store_node(v->c, kind, v->c->host, title, source, v->errors);
    if (node != NULL)
        node_set_text(node, o->name, value, source, v->errors);
    return true;
}

static bool make_new(struct variables *v, const char *name, const char *value,
                     const struct source *source)
{
    static const struct {
        const char *start;
        enum section_kind kind;
    } kinds[] = {
        {"PENSTOCK_SHIM_", SECTION_SHIM},
        {"PENSTOCK_TENANT_", SECTION_TENANT},
        {"PENSTOCK_HOST_TASK_TYPE_", SECTION_TASK_TYPE},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t n = strlen(kinds[i].start);
        if (strncmp(name, kinds[i].start, n) == 0)
            return set_new(v, kinds[i].kind, name + n, value, source);
    }
    return false;
}

static void say_unknown(struct variables *v, const char *name, const struct source *source)
{
    struct buf hint = BUF_INIT(4096);
    char key[128];
    const char *rest = strncmp(name, "PENSTOCK_HOST_", 14) == 0 ? name + 14 : NULL;
    size_t i = 0;
    for (; rest != NULL && rest[i] != '\0' && i + 1 < sizeof key; i++)
        key[i] = (char)tolower((unsigned char)rest[i]);
    key[i] = '\0';
    if (rest != NULL)
        section_hint(SECTION_HOST, key, &hint);
    else if (strncmp(name, "PENSTOCK_PLUGIN_", 16) == 0)
        buf_append_str(&hint,
                       "; it can only change a plugin or pipeline that has a section in a file");
    errors_add(v->errors, source, "it names no option%s", hint.len > 0 ? buf_cstr(&hint) : "");
    buf_clear(&hint);
}

static void set_variable(struct variables *v, const char *name, const char *value)
{
    char where[256];
    snprintf(where, sizeof where, "environment %s", name);
    const struct source source = {.name = where, .rank = RANK_VARIABLE, .base = v->base};
    const struct spelled *s = table_get(v->names, name, strlen(name));
    if (s != NULL && s->is_ambiguous)
        errors_add(v->errors, &source, "it fits more than one section; use a file or --set");
    else if (s != NULL)
        node_set_text(s->node, s->option->name, value, &source, v->errors);
    else if (!is_service_link(name) && !make_new(v, name, value, &source))
        say_unknown(v, name, &source);
}

static void take_variable(struct variables *v, const char *variable)
{
    size_t n = strcspn(variable, "=");
    char *name = strndup(variable, n);
    const struct source source = {.name = "environment"};
    if (name == NULL)
        errors_add(v->errors, &source, "out of memory");
    else
        set_variable(v, name, variable + n + 1);
    free(name);
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Ours alone, sorted, so that messages and new sections come in the same order each time. NULL:
 * ENOMEM. */
static const char **pick(const char *const *variables, size_t *count)
{
    size_t n = 0;
    while (variables != NULL && variables[n] != NULL)
        n++;
    const char **ours = calloc(n + 1, sizeof *ours);
    *count = 0;
    for (size_t i = 0; ours != NULL && i < n; i++) {
        if (is_ours(variables[i]))
            ours[(*count)++] = variables[i];
    }
    if (*count > 1)
        qsort(ours, *count, sizeof *ours, by_bytes);
    return ours;
}

static void free_spelled(void *value, void *arg)
{
    (void)arg;
    free(value);
}

void source_variables_read(struct conf *c, const struct conf_request *r, struct conf_errors *errors)
{
    const struct source source = {.name = "environment"};
    size_t n;
    const char **ours = pick(r->variables, &n);
    struct variables v = {.c = c, .errors = errors};
    if (ours == NULL || n == 0)
        goto out;
    v.base = getcwd(NULL, 0);
    v.names = table_new();
    if (v.names == NULL || add_names(&v) < 0) {
        errors_add(errors, &source, "out of memory");
        goto out;
    }
    for (size_t i = 0; i < n; i++)
        take_variable(&v, ours[i]);
out:
    if (ours == NULL)
        errors_add(errors, &source, "out of memory");
    if (v.names != NULL)
        table_each(v.names, free_spelled, NULL);
    table_free(v.names);
    free(v.base);
    free(ours);
}
