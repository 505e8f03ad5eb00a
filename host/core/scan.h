#ifndef PENSTOCK_CORE_SCAN_H
#define PENSTOCK_CORE_SCAN_H

/* scan.h: fills the catalogue: each plugin file is described by a confined child of its own. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct catalog;
struct conf;
struct conf_list;
struct launcher;
struct loop;
struct scan;

struct scan_options {
    struct launcher *launcher;
    struct conf *conf;      /* counted */
    struct catalog *before; /* what was known until now, counted; NULL: the host starts, and does
                               not wait for files that change */
    bool is_forced;         /* unchanged files are described anew too */
};

/* Scans the directories of plugin_dirs: <dir>/<name>.so and <dir>/<name>/<name>.so. done is called once, with the
 * settled catalogue, which it takes, or NULL for want of memory, and the files that do not come to
 * rest: the catalogue has what was known of them. The scan frees itself after it. A directory that is
 * not there is logged. NULL: no memory. */
typedef void (*scan_done_fn)(void *arg, struct catalog *catalog, const struct conf_list *changing);
struct scan *scan_start(struct loop *loop, const struct scan_options *o, scan_done_fn done,
                        void *arg);

#endif
