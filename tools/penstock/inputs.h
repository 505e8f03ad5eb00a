#ifndef PENSTOCK_INPUTS_H
#define PENSTOCK_INPUTS_H

/* inputs.h: the files of --input, read and named. */

#include <stddef.h>

#include "command.h"

struct cli;

struct input {
    char *name;
    char *media_type; /* NULL: not known */
    void *bytes;      /* mapped or allocated */
    size_t len;
    int is_mapped;
};

struct inputs {
    struct input *items;
    size_t n;
};

/* words: NAME=FILE or NAME=FILE;type=MEDIA/TYPE each; FILE - is stdin. Returns an exit status;
 * errors are told. The caller clears in any case. */
int inputs_read(const struct cli *cli, const struct texts *words, struct inputs *out);
void inputs_clear(struct inputs *in);

#endif
