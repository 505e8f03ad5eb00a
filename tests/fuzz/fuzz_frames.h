#ifndef PENSTOCK_FUZZ_FRAMES_H
#define PENSTOCK_FUZZ_FRAMES_H

/* fuzz_frames.h: bytes as frames: each is a length byte and that many bytes. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/message.h"

/* Each frame is a copy of its own, so that a sanitizer sees a read past its end. */
static inline size_t frames_split(const uint8_t *data, size_t size, struct wire_view *frames,
                                  size_t max)
{
    size_t n = 0;
    while (size > 0 && n < max) {
        size_t len = data[0] < size ? data[0] : size - 1;
        char *copy = malloc(len > 0 ? len : 1);
        if (copy == NULL)
            abort();
        memcpy(copy, data + 1, len);
        frames[n++] = (struct wire_view){copy, len};
        data += len + 1;
        size -= len + 1;
    }
    return n;
}

static inline void frames_free(const struct wire_view *frames, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free((void *)(uintptr_t)frames[i].data);
}

#endif
