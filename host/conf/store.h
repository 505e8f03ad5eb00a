#ifndef PENSTOCK_CONF_STORE_H
#define PENSTOCK_CONF_STORE_H

/* store.h: the values of a configuration while it is put together: one node a section, each value
 * with its origin. */

#include "conf/errors.h"
#include "conf/tables.h"

struct table;

struct origin {
    char *text; /* NULL: "default" */
    enum rank rank;
};

struct node {
    const struct section *section;
    struct node *parent;    /* NULL: stands in the file itself */
    char *title;            /* "" if the kind has none */
    char *path;             /* "plugin.echo.pipeline.echo" */
    char *where;            /* where it was first named; NULL: the host's own */
    void *data;             /* the section's struct */
    struct origin *origins; /* one an option */
};

struct conf {
    unsigned n_owners;
    struct node **nodes;
    size_t n, cap;
    struct table *by_path;
    struct conf_list files;
    struct node *host;
    struct node *no_plugin, *no_pipeline, *no_tenant; /* the defaults; not in nodes */
};

/* A configuration of defaults only. NULL: ENOMEM. */
struct conf *store_new(void);
/* NULL: there is none. path: as in struct node. */
struct node *store_find(const struct conf *c, const char *path);
/* The node of a kind with a title under parent, made if it is not there. NULL: a bad title, said in
 * errors; or no memory, counted there. */
struct node *store_node(struct conf *c, enum section_kind kind, struct node *parent,
                        const char *title, const struct source *source, struct conf_errors *errors);
enum section_kind node_kind(const struct node *n);
enum rank node_rank(const struct node *n, const char *option);
/* Reads and keeps a value with its origin, or adds to errors. */
void node_set(struct node *n, const struct option *o, const struct option_text *text,
              const struct source *source, struct conf_errors *errors);
/* The same for one text, by name; lists are split at commas. An unknown name is an error with a
 * hint. */
void node_set_text(struct node *n, const char *option, const char *text,
                   const struct source *source, struct conf_errors *errors);
/* Fills in a number that was left at zero; origin: words, borrowed for the call. */
void node_derive(struct node *n, const char *option, int64_t number, const char *origin);
/* Appends a copy. -1: ENOMEM. */
int list_append(struct conf_list *list, const char *item);

#endif
