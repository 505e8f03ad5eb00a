#ifndef PENSTOCK_SANDBOX_PLUGIN_WALK_H
#define PENSTOCK_SANDBOX_PLUGIN_WALK_H

/* plugin_walk.h: goes from the root to the directory of a plugin's file and looks at who may change
 * what lies on the way. For plugin_file.c. Runs in the launcher. */

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

struct plugin_walk {
    bool is_lenient;         /* owner and mode: warn only */
    int dir;                 /* the directory reached */
    char at[PATH_MAX];       /* its path, links resolved; "" is the root */
    char name[NAME_MAX + 1]; /* the last component: the plugin's file */
    char rest[PATH_MAX];     /* still to be walked */
    unsigned n_links;
    char *why; /* PLUGIN_WHY bytes */
};

/* 0 with dir open, or -1 with errno and why. Always followed by plugin_walk_end. */
int plugin_walk_begin(struct plugin_walk *w, const char *path, bool is_lenient, char *why);
void plugin_walk_end(struct plugin_walk *w);
/* Opens a regular file in dir whose owner and mode are good; -1 with errno and why. The caller
 * closes. */
int plugin_walk_open(struct plugin_walk *w, const char *name);
/* Lists dir; NULL with errno and why. The caller closes. */
DIR *plugin_walk_list(struct plugin_walk *w);

/* Writes why, keeps errno; returns -1. */
__attribute__((format(printf, 2, 3))) int plugin_walk_fail(struct plugin_walk *w,
                                                           const char *format, ...);
/* The same, but a lenient walk only warns and gets 0. */
__attribute__((format(printf, 2, 3))) int plugin_walk_object(struct plugin_walk *w,
                                                             const char *format, ...);

#endif
