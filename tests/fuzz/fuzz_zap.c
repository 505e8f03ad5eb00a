/* fuzz_zap.c: what libzmq asks about a peer: frames of one length byte and that many bytes; and key files. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/curve.h"
#include "wire/zap.h"

enum { FRAMES_MAX = 16 };

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

static void try_key_file(const uint8_t *data, size_t size)
{
    struct curve_pair pair;
    struct buf text = BUF_INIT(CURVE_FILE_MAX);
    if (curve_pair_parse(&pair, (const char *)data, size) == 0 &&
        (curve_pair_write(&pair, &text) < 0 || text.len != size ||
         memcmp(text.data, data, size) != 0))
        abort();
    buf_clear(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire_view frames[FRAMES_MAX];
    struct zap_request request;
    size_t n = split(data, size, frames);
    const char *fault = zap_parse(frames, n, &request);
    if (fault == NULL && (n != 7 || frames[6].len != CURVE_BYTES ||
                          memcmp(request.key.bytes, frames[6].data, CURVE_BYTES) != 0))
        abort();
    if (memchr(request.address, '\0', sizeof request.address) == NULL || request.id.data == NULL)
        abort();
    for (size_t i = 0; i < n; i++)
        free((void *)(uintptr_t)frames[i].data);
    try_key_file(data, size);
    return 0;
}
