/* media.c: the table of media types. Pure. */
#include "media.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

/* The first extension of a type is the one that outputs get. */
static const struct {
    const char *extension, *type;
} types[] = {
    {".jpg", "image/jpeg"},
    {".jpeg", "image/jpeg"},
    {".png", "image/png"},
    {".gif", "image/gif"},
    {".webp", "image/webp"},
    {".tiff", "image/tiff"},
    {".tif", "image/tiff"},
    {".bmp", "image/bmp"},
    {".svg", "image/svg+xml"},
    {".json", "application/json"},
    {".ndjson", "application/x-ndjson"},
    {".pdf", "application/pdf"},
    {".zip", "application/zip"},
    {".gz", "application/gzip"},
    {".zst", "application/zstd"},
    {".tar", "application/x-tar"},
    {".xml", "application/xml"},
    {".parquet", "application/vnd.apache.parquet"},
    {".txt", "text/plain"},
    {".csv", "text/csv"},
    {".tsv", "text/tab-separated-values"},
    {".html", "text/html"},
    {".md", "text/markdown"},
    {".wav", "audio/wav"},
    {".mp3", "audio/mpeg"},
    {".flac", "audio/flac"},
    {".ogg", "audio/ogg"},
    {".mp4", "video/mp4"},
    {".webm", "video/webm"},
};

enum { N_TYPES = sizeof types / sizeof *types };

const char *media_of_file(const char *path)
{
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot != NULL && i < N_TYPES; i++) {
        if (strcasecmp(dot, types[i].extension) == 0)
            return types[i].type;
    }
    return NULL;
}

const char *media_extension(const char *media_type)
{
    size_t n = strcspn(media_type, "; \t");
    for (size_t i = 0; i < N_TYPES; i++) {
        if (strlen(types[i].type) == n && strncasecmp(types[i].type, media_type, n) == 0)
            return types[i].extension;
    }
    return "";
}
