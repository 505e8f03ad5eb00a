#ifndef PENSTOCK_SHIM_FILE_PARAMS_H
#define PENSTOCK_SHIM_FILE_PARAMS_H

/*
 * file_params.h: params that are addresses of the orchestrator's file store. A member of params (at
 * its top level) whose value is a string that starts with "<url>/files/" is taken out of params and
 * becomes an input of that name; all other bytes stay as they are. Pure.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

struct buf;

struct file_ref {
    char *name; /* the member's key */
    char *url;
};

struct file_refs {
    struct file_ref *items;
    size_t n;
};

/*
 * rest gets the object at token params without these members; prefix is "<url>/files/". -1 with
 * errno: EINVAL an address has more behind the prefix than a plain path (letters, digits, . _ - in
 * segments that do not begin with a dot), so it could lead elsewhere; ENOMEM; EMSGSIZE. refs is
 * cleared then.
 */
int file_params_split(const struct json_doc *doc, uint32_t params, const char *prefix,
                      struct buf *rest, struct file_refs *refs);
void file_refs_clear(struct file_refs *refs);

#endif
