#ifndef PENSTOCK_FIND_PLUGIN_H
#define PENSTOCK_FIND_PLUGIN_H

/* find_plugin.h: files of plugins: where they lie, and who could have changed them. */

#include <stddef.h>

struct cli;
struct conf_list;

struct plugin_files {
    char **paths; /* absolute, sorted */
    size_t n;
};

/* <dir>/<name>.so and <dir>/<name>/<name>.so. Folders that are not there count as empty. -1: no
 * memory. */
int plugin_files_list(const struct conf_list *dirs, struct plugin_files *out);
void plugin_files_clear(struct plugin_files *f);
/* Whether a word of the command line names a file rather than a pipeline: it has a slash, or ends
 * in .so. */
int plugin_is_file(const char *word);
/* Appends why a host would refuse the file for its owner or mode, or its parents' for theirs: one
 * sentence into out (size bytes), "" if it would not. path is absolute. */
void plugin_file_trust(const char *path, char *out, size_t size);

#endif
