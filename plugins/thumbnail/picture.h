#ifndef THUMBNAIL_PICTURE_H
#define THUMBNAIL_PICTURE_H

/* picture.h: libvips, as the thumbnail plugin uses it: four readers, three writers, one thread, no
 * files. */

#include <penstock/plugin.h>

#include "params.h"

enum { PICTURE_WHY = 256 };

struct picture_info {
    int width, height;  /* as it is seen, after its orientation */
    const char *format; /* "jpeg", "png", "webp", "tiff"; a literal */
};

struct picture_thumb {
    int width, height;
    enum thumb_format format;
    void *bytes; /* the caller frees them with picture_free */
    size_t len;
};

/* Starts libvips and warms it up; leaves no thread behind. Once in a process. 0, or -1 with why
 * (PICTURE_WHY bytes). */
int picture_start(char *why);

/*
 * Makes the thumbnail of an encoded picture. PEN_E_INPUT: not one of the four formats, broken, cut
 * off, or over 200 million pixels; PEN_E_RETRY: not enough memory; PEN_E_CANCELLED: the host said
 * so; why has words (PICTURE_WHY bytes). On PEN_OK *thumb is the caller's.
 */
pen_status picture_thumbnail(const pen_host *host, pen_bytes source, const struct thumb_params *p,
                             struct picture_info *info, struct picture_thumb *thumb, char *why);
void picture_free(struct picture_thumb *thumb);

#endif
