/* fuzz_wire.c: lists of frames as a ROUTER might hand them up: each frame is a length byte and that
 * many bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/message.h"

enum { FRAMES_MAX = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each frame is a copy of its own, so that a sanitizer sees a read past its end. */
static size_t split(const uint8_t *data, size_t size, struct wire_view *frames)
{
    size_t n = 0;
    while (size > 0 && n < FRAMES_MAX) {
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct wire_limits limits = {
        .frame_bytes = 100, .message_bytes = 400, .header_bytes = 64, .frames = 16};
    struct wire_view frames[FRAMES_MAX];
    struct wire_message m;
    size_t n = split(data, size, frames);
    for (size_t routing = 0; routing <= 1 && routing <= n; routing++) {
        enum wire_fault fault = wire_parse(frames, n, routing, &limits, &m);
        if (fault == WIRE_OK && (m.n_envelope > n || m.n_body > n || m.header.data == NULL))
            abort();
        if (fault != WIRE_OK && wire_fault_text(fault)[0] == '\0')
            abort();
    }
    for (size_t i = 0; i < n; i++)
        free((void *)(uintptr_t)frames[i].data);
    return 0;
}
