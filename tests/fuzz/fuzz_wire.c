/* fuzz_wire.c: lists of frames as a ROUTER might hand them up: each frame is a length byte and that
 * many bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_frames.h"
#include "wire/message.h"

enum { FRAMES_MAX = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct wire_limits limits = {
        .frame_bytes = 100, .message_bytes = 400, .header_bytes = 64, .frames = 16};
    struct wire_view frames[FRAMES_MAX];
    struct wire_message m;
    size_t n = frames_split(data, size, frames, FRAMES_MAX);
    for (size_t routing = 0; routing <= 1 && routing <= n; routing++) {
        enum wire_fault fault = wire_parse(frames, n, routing, &limits, &m);
        if (fault == WIRE_OK && (m.n_envelope > n || m.n_body > n || m.header.data == NULL))
            abort();
        if (fault != WIRE_OK && wire_fault_text(fault)[0] == '\0')
            abort();
    }
    frames_free(frames, n);
    return 0;
}
