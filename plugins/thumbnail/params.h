#ifndef THUMBNAIL_PARAMS_H
#define THUMBNAIL_PARAMS_H

/* params.h: what a task of the thumbnail plugin may ask for. */

#include <stddef.h>

enum thumb_format {
    THUMB_JPEG,
    THUMB_PNG,
    THUMB_WEBP,
    THUMB_FORMATS,
    THUMB_AS_SOURCE = THUMB_FORMATS
};
enum thumb_fit { THUMB_CONTAIN, THUMB_COVER, THUMB_FILL, THUMB_FITS };

enum { THUMB_SIDE_MAX = 10000, THUMB_WIDTH_DEFAULT = 320, THUMB_QUALITY_DEFAULT = 80 };

struct thumb_params {
    int width;
    int height; /* 0: as the picture's shape makes it (contain), or as width (cover, fill) */
    enum thumb_format format;
    int quality;
    enum thumb_fit fit;
    int upscale;
};

/* The schemas that the host checks params and results with. */
extern const char thumb_params_schema[];
extern const char thumb_result_schema[];

/* 0, or -1 with *why (a literal). The host has checked params already; this is for hosts that did
 * not. */
int thumb_params_read(struct thumb_params *p, const char *json, size_t len, const char **why);

const char *thumb_format_name(enum thumb_format format);       /* "jpeg" */
const char *thumb_format_media_type(enum thumb_format format); /* "image/jpeg" */

#endif
