#ifndef PENSTOCK_CONF_SOURCES_H
#define PENSTOCK_CONF_SOURCES_H

/* sources.h: where values come from; each adds to the store and collects what is wrong. */

#include "conf/store.h"

enum { SOURCE_FILE_MAX = 1 << 20 };

/* Reads a file's text; it is changed, and text[len] is NUL. name: for messages; base: where
 * relative paths start. */
void source_text_read(struct conf *c, const char *name, char *text, size_t len, const char *base,
                      struct conf_errors *errors);
/* The request's file, or those of the system. */
void source_files_read(struct conf *c, const struct conf_request *r, struct conf_errors *errors);
void source_variables_read(struct conf *c, const struct conf_request *r,
                           struct conf_errors *errors);
void source_sets_read(struct conf *c, const struct conf_request *r, struct conf_errors *errors);

/* The environment name of a key: "PENSTOCK_" and the dotted path and key in capitals, other signs
 * as '_'. Freed by the caller. NULL: ENOMEM. */
char *variable_name(const char *path, const char *key);
/* The value of NAME in a NULL-ended list of NAME=VALUE, or NULL. */
const char *variable_get(const char *const *variables, const char *name);

#endif
