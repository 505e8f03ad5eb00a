#ifndef PENSTOCK_SANDBOX_SPEC_H
#define PENSTOCK_SANDBOX_SPEC_H

/* spec.h: the box of a pipeline as the configuration wants it. Runs in the core and the command
 * line. */

#include <stdbool.h>
#include <stddef.h>

#include "sandbox/box.h"

struct catalog;
struct catalog_pipeline;
struct conf;

enum { SPEC_WHY = 512 };

/*
 * Fills in *out but for slots (1) and depth. Borrows from conf and pipeline. -1: the pipeline needs
 * a right that its configuration does not give it, or its options contradict each other; why
 * (SPEC_WHY bytes) says which and how to mend it. Rights are never given because a plugin asks for
 * them. Nothing but another configuration makes the answer another one.
 */
int spec_of(const struct conf *conf, const struct catalog_pipeline *pipeline, struct box_spec *out,
            char *why);
/* Whether the box may more than the profile default lets one; what (SPEC_WHY bytes) names it. */
bool spec_is_weak(const struct box_spec *spec, char *what);
/* Of a scan; path is borrowed. */
struct box_spec spec_of_scan(const struct conf *conf, const char *path);
/* Whose file it is comes out of the scan only: holds what was scanned (sha256: box_sha256) against
 * the digest that the plugin's section names, and makes the plugin broken if it has another. For a
 * catalogue that is not settled yet. -1: ENOMEM. */
int spec_check_scan(const struct conf *conf, struct catalog *catalog, const char *path,
                    const char *sha256);

#endif
