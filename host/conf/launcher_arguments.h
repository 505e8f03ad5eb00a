#ifndef PENSTOCK_CONF_LAUNCHER_ARGUMENTS_H
#define PENSTOCK_CONF_LAUNCHER_ARGUMENTS_H

/* launcher_arguments.h: penstock-launcher's command line as the configuration says it, for the
 * supervisor and the command line. */

#include <stddef.h>

struct conf_host;

enum { LAUNCHER_ARGUMENTS_MAX = 64, LAUNCHER_ARGUMENTS_TEXT = 1024 };

struct launcher_arguments {
    char *items[LAUNCHER_ARGUMENTS_MAX]; /* without argv[0]; NULL-ended */
    size_t n;
    char text[LAUNCHER_ARGUMENTS_TEXT]; /* what had to be put together */
    size_t text_len;
};

/* Everything but --channel-fd, --state-dir, and the log's options. Borrows from host; items may
 * point into *a, which must stay where it is. */
void launcher_arguments_init(struct launcher_arguments *a, const struct conf_host *host);
/* Borrows both; value NULL: a flag without one. */
void launcher_arguments_add(struct launcher_arguments *a, const char *flag, const char *value);

#endif
