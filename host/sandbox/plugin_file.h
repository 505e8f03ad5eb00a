#ifndef PENSTOCK_SANDBOX_PLUGIN_FILE_H
#define PENSTOCK_SANDBOX_PLUGIN_FILE_H

/*
 * plugin_file.h: opens a plugin's file after looking at it and at the way to it: nobody but root
 * and this process's user may be able to change either. What was looked at is what stays open: the
 * box loads a copy of these very descriptors. Runs in the launcher.
 */

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

struct buf;

enum { PLUGIN_PARTS_MAX = 64, PLUGIN_WHY = 1024 };

/* x.so.sig beside x.so is its signature (plugin/signature.h). */
#define PLUGIN_SIGNATURE_SUFFIX ".sig"

/* A file of the plugin, or a link beside it. */
struct plugin_part {
    int fd; /* -1: a link */
    char name[NAME_MAX + 1];
    char link[NAME_MAX + 1]; /* the name of another part; "" of a file */
};

/* The plugin's file first; then, if it lies in a directory of its own (foo/foo.so), the libraries
 * beside it. */
struct plugin_source {
    uint32_t n;
    struct plugin_part parts[PLUGIN_PARTS_MAX];
};

/*
 * path: absolute. is_lenient: what is wrong with name, owner or mode is logged as a warning and
 * goes through. signature: what lies beside it as its signature is appended, nothing if there is
 * none; NULL: not wanted. 0, or -1 with errno; why (PLUGIN_WHY bytes) says what was expected and
 * what was found. On 0 the caller closes.
 */
int plugin_source_open(struct plugin_source *s, const char *path, bool is_lenient,
                       struct buf *signature, char *why);
/* Appends a file that must be as safe as a plugin: a key. As above. */
int plugin_text_read(const char *path, bool is_lenient, struct buf *out, char *why);
/* Closes what is open; a source that is all zero must not come here. */
void plugin_source_close(struct plugin_source *s);

/* [A-Za-z0-9][A-Za-z0-9._-]*.so */
bool plugin_name_is_good(const char *name);

#endif
