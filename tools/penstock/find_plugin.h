#ifndef PENSTOCK_FIND_PLUGIN_H
#define PENSTOCK_FIND_PLUGIN_H

/* find_plugin.h: files of plugins: which words name them, and who could have changed them. */

#include <stddef.h>

struct conf_host;

/* Whether a word of the command line names a file rather than a pipeline: it has a slash, or ends
 * in .so. */
int plugin_is_file(const char *word);
/* Why a host would refuse the file for its owner or mode, or its parents' for theirs, or for its
 * signature: one sentence into out (size bytes), "" if it would not. path is absolute. */
void plugin_file_trust(const struct conf_host *host, const char *path, char *out, size_t size);

#endif
