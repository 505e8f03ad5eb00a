#ifndef PENSTOCK_CORE_SCAN_H
#define PENSTOCK_CORE_SCAN_H

/* scan.h: fills the catalogue: each plugin file is described by a confined child of its own. */

#include <stddef.h>
#include <stdint.h>

struct catalog;
struct conf;
struct launcher;
struct loop;
struct scan;

/* Scans the directories of plugin_dirs: <dir>/<name>.so and <dir>/<name>/<name>.so. done is called once, with the
 * settled catalogue, which it takes, or NULL for want of memory; the scan frees itself after it. A
 * directory that is not there is logged. NULL: no memory. conf must live until then. */
typedef void (*scan_done_fn)(void *arg, struct catalog *catalog);
struct scan *scan_start(struct loop *loop, struct launcher *l, const struct conf *conf,
                        scan_done_fn done, void *arg);

#endif
