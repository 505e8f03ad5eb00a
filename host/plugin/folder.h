#ifndef PENSTOCK_PLUGIN_FOLDER_H
#define PENSTOCK_PLUGIN_FOLDER_H

/* folder.h: where plugin files lie: <dir>/<name>.so, and <dir>/<name>/<name>.so with libraries of
 * its own beside it. */

#include <stdbool.h>
#include <stddef.h>

enum { FOLDER_FILES_MAX = 4096 };

struct folder_files {
    char **paths; /* folder by folder, sorted within each */
    size_t n;
};

/* Whether a file name ends in ".so" and is not hidden. Pure. */
bool folder_is_library(const char *name);
/* All plugin files of these folders, added to what is in f; starts with all zero. A folder that
 * cannot be read is told through on_unreadable (may be NULL) with errno. -1: ENOMEM, or EMFILE past
 * FOLDER_FILES_MAX. */
int folder_list(struct folder_files *f, char *const *dirs, size_t n_dirs,
                void (*on_unreadable)(const char *dir, int error));
void folder_files_clear(struct folder_files *f);

#endif
