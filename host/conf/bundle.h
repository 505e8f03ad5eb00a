#ifndef PENSTOCK_CONF_BUNDLE_H
#define PENSTOCK_CONF_BUNDLE_H

/* bundle.h: configuration files as bytes, so that a process that may not read them can load what
 * another one has read. Pure. Between programs of one version on one machine. */

#include <stddef.h>

struct buf;

enum bundle_kind { BUNDLE_FILE, BUNDLE_ERROR };

enum { BUNDLE_MAX = 64 << 20 };

/* Appends the text of a file, or why it could not be read. -1: ENOMEM, or past the buffer's limit. */
int bundle_add(struct buf *b, enum bundle_kind kind, const char *path, const void *text,
               size_t len);
/* Calls fn for each, in order; the text is fn's to change. -1: the bytes are not a bundle, or no
 * memory. */
int bundle_each(const void *bytes, size_t len,
                void (*fn)(void *arg, enum bundle_kind kind, const char *path, struct buf *text),
                void *arg);

#endif
