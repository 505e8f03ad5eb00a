#ifndef PENSTOCK_CLI_SIGNING_H
#define PENSTOCK_CLI_SIGNING_H

/* signing.h: what the commands about keys and signatures share: files of keys, and the digests of a
 * plugin. Errors are told; functions return exit statuses. */

#include <limits.h>
#include <sys/types.h>

#include "base/buf.h"
#include "plugin/key.h"
#include "plugin/signature.h"

struct cli;

/* A plugin as it lies there. To be freed with measured_free. */
struct measured {
    char path[PATH_MAX];       /* of its file, without links */
    struct signed_parts parts; /* the plugin's file is the first */
    struct buf signature;      /* what lies beside it as its signature, or nothing */
};

/* NULL: *status says why. */
struct measured *measured_new(const struct cli *cli, const char *file, int *status);
void measured_free(struct measured *m);

/* Writes a file that is not there yet. */
int signing_create(const struct cli *cli, const char *path, mode_t mode, const struct buf *text);
/* The same, in the place of one that is there. */
int signing_replace(const struct cli *cli, const char *path, mode_t mode, const struct buf *text);
/* Refuses a file that others may read. */
int signing_secret_key(const struct cli *cli, const char *path, struct secret_key *key);
int signing_public_key(const struct cli *cli, const char *path, struct public_key *key);

#endif
