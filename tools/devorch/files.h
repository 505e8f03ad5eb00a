#ifndef DEVORCH_FILES_H
#define DEVORCH_FILES_H

/* files.h: the file store: named byte strings in nameless files, gone with the process. */

#include <stddef.h>

#include "base/digest.h"

struct table;

struct stored {
    char *name;
    int fd;
    size_t size;
    char sha256[DIGEST_HEX];
};

struct files {
    struct table *by_name;
    size_t bytes, max_bytes;
};

void files_init(struct files *f, size_t max_bytes);
void files_clear(struct files *f);
/* Puts or replaces. On success takes the descriptor. NULL: ENOSPC (too many, or too much), ENOMEM,
 * EIO. */
const struct stored *files_put(struct files *f, const char *name, int fd, size_t size);
const struct stored *files_get(const struct files *f, const char *name);

#endif
