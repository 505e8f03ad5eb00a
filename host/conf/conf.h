#ifndef PENSTOCK_CONF_CONF_H
#define PENSTOCK_CONF_CONF_H

/*
 * conf.h: the configuration. Sources, a later one wins:
 *
 *   defaults < /usr/lib/penstock/<any>.conf < /etc/penstock/plugins.conf
 *            < /etc/penstock/conf.d/<any>.conf < environment PENSTOCK_* < flags
 *
 * $CONFIGURATION_DIRECTORY replaces /etc/penstock; a user other than root has
 * $XDG_CONFIG_HOME/penstock/plugins.conf after those. With --config FILE that file stands in place
 * of all of them. Sections with the same title merge across files. A relative path in a file starts
 * at the file's folder, elsewhere at the working directory. A key has one name everywhere:
 * host.queue_max in --set is PENSTOCK_HOST_QUEUE_MAX in the environment. Loading is for one thread
 * at a time: libConfuse's scanner has state of its own. [main]
 */

#include <stdbool.h>
#include <stddef.h>

#include "conf/settings.h"

struct buf;
struct conf;

struct conf_set {
    char *key_value;  /* "host.queue_max=5" */
    const char *flag; /* as it was written: "--set", "--state-dir" */
};

/* What to load. All zero is: the system's files, no environment, no flags. */
struct conf_request {
    const char *file;             /* --config, borrowed */
    const char *const *variables; /* NULL-ended NAME=VALUE, borrowed; normally environ */
    const char *root; /* put before /etc, /usr, /proc and /sys; for tests; NULL: nothing */
    struct conf_set *sets;
    size_t n_sets;
    struct buf *capture; /* what is read of files is appended, for a bundle; NULL: it is not */
    /* What another process has captured, which may read what we may not: nothing else is read of
     * files. NULL: they are read. */
    const void *bundle;
    size_t bundle_len;
};

struct conf_error {
    char *where; /* "/etc/penstock/plugins.conf:12", "environment PENSTOCK_HOST_TCP" */
    char *what;
    int line; /* 0 outside of files */
};

/* Starts all zero. Everything wrong is in it, not only the first; past 100 they are counted only.
 */
struct conf_errors {
    struct conf_error *items;
    size_t n;
    size_t n_dropped;
};

/* Takes the configuration's flags out of argv up to "--" (--config F, --set K=V, --<host option> V;
 * also with '='); the rest moves up. The values stay borrowed from argv.
 * -1: a value is missing, or no memory; *problem says which flag. */
int conf_request_take(struct conf_request *r, int *argc, char **argv, const char **problem);
/* The request as arguments for another program of ours started in the same working directory:
 * NULL-ended, freed with conf_arguments_free. NULL: ENOMEM. The environment is not in it. */
char **conf_request_arguments(const struct conf_request *r);
void conf_arguments_free(char **arguments);
void conf_request_clear(struct conf_request *r);
/* Whether a variable ("NAME=VALUE" or "NAME") carries a secret, which only its shim may have. */
bool conf_variable_is_secret(const char *variable);

/* NULL: *errors says why. The caller frees both in any case. */
struct conf *conf_load(const struct conf_request *request, struct conf_errors *errors);
/* One more owner; each gives it up with conf_free, the last one frees it. */
struct conf *conf_ref(struct conf *c);
/* NULL is fine. */
void conf_free(struct conf *c);
void conf_errors_clear(struct conf_errors *errors);

/* All borrowed from c until conf_free. */
const struct conf_host *conf_host(const struct conf *c);
/* The files that were read, in order. */
const struct conf_list *conf_files(const struct conf *c);
size_t conf_shim_count(const struct conf *c);
const struct conf_shim *conf_shim_at(const struct conf *c, size_t i);
/* NULL: there is none of that name. */
const struct conf_shim *conf_shim_find(const struct conf *c, const char *name);
/* 0: no limit of its own. */
int64_t conf_task_type_limit(const struct conf *c, const char *task_type);
/* Never NULL: without a section the host's limits and weight 1 (their name is ""). name NULL: one
 * that has none. */
const struct conf_tenant *conf_tenant(const struct conf *c, const char *name);
/* Never NULL: without a section the defaults (their id and slug are ""). Zero limits that mean "the
 * host's" are filled in. */
const struct conf_plugin *conf_plugin(const struct conf *c, const char *plugin_id);
const struct conf_pipeline *conf_pipeline(const struct conf *c, const char *plugin_id,
                                          const char *slug);
/* Whether a plugin section names a sha256. */
bool conf_has_digests(const struct conf *c);

/* The word of an enum conf_profile. */
const char *conf_profile_name(int profile);

/* Appends the shim's token, from token or token_file, without white space round it. -1: *why (a
 * sentence for a person, without the token). No token configured: 0 and nothing appended. */
int conf_shim_token(const struct conf_shim *shim, struct buf *token, struct buf *why);

/* One value of `config show`. All borrowed for the call. */
struct conf_item {
    const char *section; /* "host", "plugin.echo.pipeline.echo" */
    const char *key;
    const char *value;  /* a secret is "********"; lists with commas */
    const char *origin; /* "default", "plugins.conf:12", "environment PENSTOCK_...", "flag --set" */
    bool is_default;
};
/* Calls fn for each value up to the first nonzero answer, and returns that; -1: also ENOMEM. */
int conf_each_value(const struct conf *c, int (*fn)(void *arg, const struct conf_item *item),
                    void *arg);

/* One option of the reference. All borrowed for the call. */
struct conf_help {
    const char *section; /* "host", "plugin.<id>.pipeline.<slug>" */
    const char *key;
    const char *type;     /* "a duration such as 30s, from 1s to 1d" */
    const char *fallback; /* the default as it would be written, or words */
    const char *help;
    const char *variable; /* "PENSTOCK_HOST_QUEUE_MAX", "PENSTOCK_SHIM_<NAME>_URL" */
    const char *flag;     /* "--state-dir", or NULL */
    bool needs_restart;   /* a reload does not change it */
};
int conf_each_option(int (*fn)(void *arg, const struct conf_help *help), void *arg);
enum conf_text { CONF_TEXT_PLAIN, CONF_TEXT_MARKDOWN };
/* The whole reference as a document. -1 with errno of the buffer. */
int conf_reference(enum conf_text form, struct buf *out);

#endif
