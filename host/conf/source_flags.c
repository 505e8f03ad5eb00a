/*
 * source_flags.c: values from the command line, and the request back as one. Runs in every program
 * that loads the configuration. Keys are dotted: host.queue_max, shim.NAME.url,
 * plugin.ID.pipeline.SLUG.timeout; names may hold dots, options do not.
 */
#include "conf/sources.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"

struct key {
    char *copy; /* the parts point into it */
    char *value;
    char *option;
};

static int add_set(struct conf_request *r, char *key_value, const char *flag)
{
    struct conf_set *sets =
        key_value != NULL ? realloc(r->sets, (r->n_sets + 1) * sizeof *sets) : NULL;
    if (sets == NULL) {
        free(key_value);
        return -1;
    }
    r->sets = sets;
    r->sets[r->n_sets++] = (struct conf_set){.key_value = key_value, .flag = flag};
    return 0;
}

/* The host option with a flag of its own that arg names up to '=' ("--state-dir"), or NULL. */
static const struct option *flag_option(const char *arg)
{
    const struct section *host = &sections[SECTION_HOST];
    char name[64];
    size_t n = strcspn(arg, "=");
    if (n < 3 || n - 2 >= sizeof name)
        return NULL;
    for (size_t i = 2; i < n; i++)
        name[i - 2] = arg[i] == '-' ? '_' : arg[i];
    name[n - 2] = '\0';
    const struct option *o = section_option(host, name);
    return o != NULL && (o->flags & OPTION_FLAG) != 0 ? o : NULL;
}

/* What a flag of ours does with its value. */
static int take_value(struct conf_request *r, const char *arg, const char *value,
                      const struct option *o)
{
    char *key_value = NULL;
    if (strncmp(arg, "--config", 8) == 0) {
        r->file = value;
        return 0;
    }
    if (o == NULL)
        return add_set(r, strdup(value), "--set");
    if (asprintf(&key_value, "host.%s=%s", o->name, value) < 0)
        return -1;
    return add_set(r, key_value, arg);
}

static bool is_word(const char *arg, const char *word)
{
    size_t n = strlen(word);
    return strncmp(arg, word, n) == 0 && (arg[n] == '\0' || arg[n] == '=');
}

/* Arguments used up: 0 (not ours), 1 or 2; -1: a value is missing (errno EINVAL), or ENOMEM. */
static int take_one(struct conf_request *r, char **at)
{
    const char *arg = at[0];
    const struct option *o = strncmp(arg, "--", 2) == 0 ? flag_option(arg) : NULL;
    if (o == NULL && !is_word(arg, "--config") && !is_word(arg, "--set"))
        return 0;
    const char *equals = strchr(arg, '=');
    const char *value = equals != NULL ? equals + 1 : at[1];
    if (value == NULL) {
        errno = EINVAL;
        return -1;
    }
    if (take_value(r, arg, value, o) < 0)
        return -1;
    return equals != NULL ? 1 : 2;
}

int conf_request_take(struct conf_request *r, int *argc, char **argv, const char **problem)
{
    int kept = 1, i = 1;
    while (i < *argc && strcmp(argv[i], "--") != 0) {
        int used = take_one(r, &argv[i]);
        if (used < 0) {
            *problem = argv[i];
            return -1;
        }
        if (used == 0)
            argv[kept++] = argv[i++];
        i += used;
    }
    while (i < *argc)
        argv[kept++] = argv[i++];
    if (kept < *argc)
        argv[kept] = NULL;
    *argc = kept;
    return 0;
}

char **conf_request_arguments(const struct conf_request *r)
{
    size_t n = 0;
    char **arguments = calloc(2 * r->n_sets + 3, sizeof *arguments);
    if (arguments == NULL)
        return NULL;
    if (r->file != NULL) {
        arguments[n++] = strdup("--config");
        arguments[n++] = strdup(r->file);
    }
    for (size_t i = 0; i < r->n_sets; i++) {
        arguments[n++] = strdup("--set");
        arguments[n++] = strdup(r->sets[i].key_value);
    }
    for (size_t i = 0; i < n; i++) {
        if (arguments[i] != NULL)
            continue;
        for (size_t j = 0; j < n; j++)
            free(arguments[j]);
        free(arguments);
        return NULL;
    }
    return arguments;
}

void conf_arguments_free(char **arguments)
{
    for (size_t i = 0; arguments != NULL && arguments[i] != NULL; i++)
        free(arguments[i]);
    free(arguments);
}

void conf_request_clear(struct conf_request *r)
{
    for (size_t i = 0; i < r->n_sets; i++)
        free(r->sets[i].key_value);
    free(r->sets);
    *r = (struct conf_request){.n_sets = 0};
}

/* Cuts "shim.a.b.url=v" into the value, the option behind the last dot, and what is before. */
static int cut(struct key *key, const char *key_value)
{
    *key = (struct key){.copy = strdup(key_value)};
    char *equals = key->copy != NULL ? strchr(key->copy, '=') : NULL;
    if (equals == NULL)
        return -1;
    *equals = '\0';
    key->value = equals + 1;
    char *dot = strrchr(key->copy, '.');
    if (dot == NULL)
        return -1;
    *dot = '\0';
    key->option = dot + 1;
    return 0;
}

static char *behind(char *text, const char *start)
{
    size_t n = strlen(start);
    return strncmp(text, start, n) == 0 ? text + n : NULL;
}

static struct node *plugin_node(struct conf *c, char *id, const struct source *source,
                                struct conf_errors *errors)
{
    char *slug = strstr(id, ".pipeline.");
    if (slug != NULL) {
        *slug = '\0';
        slug += strlen(".pipeline.");
    }
    struct node *plugin = store_node(c, SECTION_PLUGIN, NULL, id, source, errors);
    if (slug == NULL || plugin == NULL)
        return plugin;
    return store_node(c, SECTION_PIPELINE, plugin, slug, source, errors);
}

/* The node a path names, made if need be. NULL: errors says why. The path may be cut. */
static struct node *node_of(struct conf *c, char *path, const struct source *source,
                            struct conf_errors *errors)
{
    char *title;
    if (strcmp(path, "host") == 0)
        return c->host;
    if ((title = behind(path, "host.task_type.")) != NULL)
        return store_node(c, SECTION_TASK_TYPE, c->host, title, source, errors);
    if ((title = behind(path, "tenant.")) != NULL)
        return store_node(c, SECTION_TENANT, NULL, title, source, errors);
    if ((title = behind(path, "shim.")) != NULL)
        return store_node(c, SECTION_SHIM, NULL, title, source, errors);
    if ((title = behind(path, "plugin.")) != NULL)
        return plugin_node(c, title, source, errors);
    errors_add(
        errors, source,
        "unknown section \"%s\": expected host, host.task_type.NAME, tenant.NAME, shim.NAME, "
        "plugin.ID or plugin.ID.pipeline.SLUG",
        path);
    return NULL;
}

static bool is_secret(const struct node *n, const char *option)
{
    const struct option *o = section_option(n->section, option);
    return o != NULL && (o->flags & OPTION_SECRET) != 0;
}

static void apply(struct conf *c, const struct key *key, const struct source *source,
                  struct conf_errors *errors)
{
    struct node *n = node_of(c, key->copy, source, errors);
    if (n == NULL)
        return;
    if (is_secret(n, key->option))
        errors_add(errors, source,
                   "%s.%s is a secret, and every user of the machine can read flags: use %s_file "
                   "or a variable",
                   n->path, key->option, key->option);
    else
        node_set_text(n, key->option, key->value, source, errors);
}

void source_sets_read(struct conf *c, const struct conf_request *r, struct conf_errors *errors)
{
    char *here = r->n_sets > 0 ? getcwd(NULL, 0) : NULL;
    for (size_t i = 0; i < r->n_sets; i++) {
        char where[64];
        struct key key;
        const char *flag = r->sets[i].flag;
        snprintf(where, sizeof where, "flag %.*s", (int)strcspn(flag, "="), flag);
        const struct source source = {.name = where, .rank = RANK_FLAG, .base = here};
        if (cut(&key, r->sets[i].key_value) == 0)
            apply(c, &key, &source, errors);
        else
            errors_add(errors, &source, "expected SECTION.OPTION=VALUE such as host.queue_max=500");
        free(key.copy);
    }
    free(here);
}
