#ifndef PENSTOCK_OUTPUTS_H
#define PENSTOCK_OUTPUTS_H

/*
 * outputs.h: writes outputs into a directory. Names come from a plugin: only plain names are used,
 * a file is written anew and renamed into place, so that nothing outside the directory is touched
 * and no link is followed.
 */

#include <stddef.h>
#include <stdint.h>

struct buf;
struct cli;

struct outputs {
    const struct cli *cli;
    const char *dir; /* NULL: none was given; outputs are only counted */
    int fd;
    char **names; /* of the files written, in the order of the outputs; NULL where it was not */
    int64_t *sizes;
    size_t n;
};

/* Makes the directory if it is not there (not its parents). Returns an exit status; errors are
 * told. */
int outputs_open(struct outputs *o, const struct cli *cli, const char *dir);
void outputs_close(struct outputs *o);
/* Writes one; media_type may be NULL. Returns an exit status. */
int outputs_write(struct outputs *o, const char *name, const char *media_type, const void *bytes,
                  size_t len);
/* The path of output i for people and JSON, into out; "" if it was not written. */
const char *outputs_path(const struct outputs *o, size_t i, char *out, size_t size);
/* Tells what was written, or that nothing was. */
void outputs_tell(const struct outputs *o);

#endif
