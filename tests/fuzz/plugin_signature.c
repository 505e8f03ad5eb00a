/* plugin_signature.c: fuzz target: what lies beside a plugin as its signature, and key files. What
 * is taken is exactly what would be written for it. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(const struct buf *written, const uint8_t *data, size_t size)
{
    if (written->len != size || memcmp(written->data, data, size) != 0)
        abort();
}

static void try_keys(const uint8_t *data, size_t size)
{
    struct buf out = BUF_INIT(KEY_FILE_MAX);
    struct public_key public_part;
    struct secret_key secret;
    if (public_key_parse(&public_part, (const char *)data, size) == 0) {
        if (public_key_write(&public_part, &out) < 0)
            abort();
        expect(&out, data, size);
    } else if (secret_key_parse(&secret, (const char *)data, size) == 0) {
        if (secret_key_write(&secret, &out) < 0)
            abort();
        expect(&out, data, size);
    }
    buf_clear(&out);
}

static void try_signature(const uint8_t *data, size_t size)
{
    struct buf out = BUF_INIT(SIGNATURE_FILE_MAX);
    struct signature *s = malloc(sizeof *s);
    if (s == NULL)
        abort();
    if (signature_parse(s, (const char *)data, size) == 0) {
        if (s->parts.n == 0 || signature_write(s, &out) < 0)
            abort();
        expect(&out, data, size);
    }
    buf_clear(&out);
    free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > SIGNATURE_FILE_MAX)
        return 0;
    try_keys(data, size);
    try_signature(data, size);
    return 0;
}
