#ifndef PENSTOCK_CONF_TABLES_H
#define PENSTOCK_CONF_TABLES_H

/* tables.h: the kinds of sections and the options of each: the one place that names them. */

#include <stddef.h>

#include "conf/option.h"

enum section_kind {
    SECTION_HOST,
    SECTION_TASK_TYPE,
    SECTION_TENANT,
    SECTION_SHIM,
    SECTION_PLUGIN,
    SECTION_PIPELINE,
    SECTION_KINDS,
    SECTION_TOP = -1 /* the parent of those that stand in the file itself */
};

struct section {
    const char *name;
    const char
        *title;  /* how help names the title, "<slug>"; NULL: this kind has none and occurs once */
    int parent;  /* enum section_kind */
    size_t size; /* of its struct; with a title, that is the struct's first member (const char *) */
    const struct option *options;
    size_t n_options;
    const char *help;
};

extern const struct section sections[SECTION_KINDS];

const struct option *section_option(const struct section *s, const char *name);
/* The kind of that name under a parent, or -1. */
int section_find(int parent, const char *name);

/* "did you mean" for a name that is neither option nor section under kind (or SECTION_TOP): appends
 * a hint that starts with "; ", or nothing. */
void section_hint(int kind, const char *name, struct buf *out);

#endif
