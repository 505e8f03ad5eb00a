#ifndef PENSTOCK_PLUGIN_IDENTITY_H
#define PENSTOCK_PLUGIN_IDENTITY_H

/* identity.h: whether a plugin's file is still the one that was looked at: by what the file system
 * says of it, not by its bytes. Runs in the core. */

#include <stdbool.h>
#include <stdint.h>

struct file_identity {
    uint64_t device, inode, size;
    int64_t modified_ns, changed_ns; /* epoch; the second one nobody can set */
    uint64_t beside; /* of its signature, and of the libraries in a folder of its own */
};

/* All zero if there is no such file now. */
void file_identity_read(struct file_identity *id, const char *path);
bool file_identity_exists(const struct file_identity *id);
bool file_identity_same(const struct file_identity *a, const struct file_identity *b);
/* How long ago the file changed last; below 0: the clock was set back since. Pure. */
int64_t file_identity_age_ms(const struct file_identity *id, int64_t now_ms);

#endif
