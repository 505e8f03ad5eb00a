/* fuzz_zap.c: what libzmq asks about a peer: frames of one length byte and that many bytes; and key files. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_frames.h"
#include "wire/curve.h"
#include "wire/zap.h"

enum { FRAMES_MAX = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
    size_t n = frames_split(data, size, frames, FRAMES_MAX);
    const char *fault = zap_parse(frames, n, &request);
    if (fault == NULL && (n != 7 || frames[6].len != CURVE_BYTES ||
                          memcmp(request.key.bytes, frames[6].data, CURVE_BYTES) != 0))
        abort();
    if (memchr(request.address, '\0', sizeof request.address) == NULL || request.id.data == NULL)
        abort();
    frames_free(frames, n);
    try_key_file(data, size);
    return 0;
}
