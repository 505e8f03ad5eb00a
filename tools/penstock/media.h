#ifndef PENSTOCK_MEDIA_H
#define PENSTOCK_MEDIA_H

/* media.h: media types and file extensions, both ways. Pure. */

/* By the end of the file's name; NULL: not known. A literal. */
const char *media_of_file(const char *path);
/* ".png" for "image/png" and "image/png; charset=x"; "" if the type is not known. A literal. */
const char *media_extension(const char *media_type);

#endif
