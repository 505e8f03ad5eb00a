#ifndef PENSTOCK_BASE_SECRET_FILE_H
#define PENSTOCK_BASE_SECRET_FILE_H

/* secret_file.h: files that hold a secret: nobody but their owner may read them. */

#include "base/buf.h"

enum { SECRET_FILE_WHY = 512 };

/*
 * Appends the whole file at path, which must be shorter than what the buffer may hold; links are followed. It must be a regular file of this process's
 * user, without any right for others, or root's, which at most our group may read as well. -1 with
 * errno (EACCES: owner or mode); why (SECRET_FILE_WHY bytes) says what was expected, what was found,
 * and what to do. The caller wipes the buffer with secret_file_clear.
 */
int secret_file_read(const char *path, struct buf *out, char *why);
/* Overwrites and frees the bytes. */
void secret_file_clear(struct buf *b);

#endif
