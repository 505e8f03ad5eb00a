/* bundle.c: records of a head, a path with its NUL, and a text. Runs in the supervisor and the core. */
#include "conf/bundle.h"

#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "conf/sources.h"

struct head {
    uint32_t kind, path_len, text_len; /* path_len: with the NUL */
};

int bundle_add(struct buf *b, enum bundle_kind kind, const char *path, const void *text, size_t len)
{
    const struct head h = {
        .kind = kind, .path_len = (uint32_t)strlen(path) + 1, .text_len = (uint32_t)len};
    if (buf_reserve(b, sizeof h + h.path_len + len) < 0)
        return -1;
    buf_append(b, &h, sizeof h);
    buf_append(b, path, h.path_len);
    return len > 0 ? buf_append(b, text, len) : 0;
}

static int is_whole(const struct head *h, const char *path, size_t left)
{
    return h->kind <= BUNDLE_ERROR && h->path_len > 0 && h->path_len <= left &&
           h->text_len <= left - h->path_len && path[h->path_len - 1] == '\0';
}

int bundle_each(const void *bytes, size_t len,
                void (*fn)(void *arg, enum bundle_kind kind, const char *path, struct buf *text),
                void *arg)
{
    const char *at = bytes, *const end = at + len;
    while (at < end) {
        struct head h;
        struct buf text = BUF_INIT(SOURCE_FILE_MAX);
        if ((size_t)(end - at) < sizeof h)
            return -1;
        memcpy(&h, at, sizeof h);
        at += sizeof h;
        if (!is_whole(&h, at, (size_t)(end - at)) ||
            (h.text_len > 0 && buf_append(&text, at + h.path_len, h.text_len) < 0))
            return -1;
        fn(arg, (enum bundle_kind)h.kind, at, &text);
        buf_clear(&text);
        at += h.path_len + h.text_len;
    }
    return 0;
}
