/*
 * sandbox_data.c: fuzz target of the reader of workers' streams. The same bytes are read whole and
 * in pieces (the first byte says how long, and whether bodies are read straight into place); both
 * must see the same frames.
 */
#include <stdlib.h>
#include <string.h>

#include "sandbox/data_reader.h"

struct seen {
    uint64_t hash;
    size_t frames;
    enum data_rc end;
};

static void mix(struct seen *s, const void *bytes, size_t n)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < n; i++)
        s->hash = (s->hash ^ at[i]) * 0x100000001b3u;
}

static void note(struct seen *s, const struct data_frame *f)
{
    mix(s, &f->type, sizeof f->type);
    mix(s, &f->nonce, sizeof f->nonce);
    mix(s, &f->word, sizeof f->word);
    mix(s, &f->long_word, sizeof f->long_word);
    for (int i = 0; i < 2; i++)
        mix(s, f->name[i], f->name_len[i]);
    mix(s, f->body, f->body_len);
    s->frames++;
}

static enum data_rc take(struct data_reader *r, struct seen *s)
{
    struct data_frame frame;
    enum data_rc rc;
    while ((rc = data_reader_next(r, &frame)) == DATA_FRAME)
        note(s, &frame);
    return rc;
}

/* Copies the next bytes to where the reader wants them, or feeds an exact copy. Returns how many.
 */
static size_t give(struct data_reader *r, struct seen *s, const uint8_t *at, size_t n,
                   int is_direct)
{
    size_t room;
    void *place = is_direct ? data_reader_room(r, &room) : NULL;
    if (place != NULL) {
        n = n < room ? n : room;
        memcpy(place, at, n);
        data_reader_filled(r, n);
        s->end = take(r, s);
        return n;
    }
    uint8_t *copy = malloc(n);
    if (copy == NULL)
        abort();
    memcpy(copy, at, n);
    data_reader_feed(r, copy, n);
    s->end = take(r, s);
    free(copy);
    return n;
}

static struct seen read_all(const uint8_t *data, size_t size, size_t step, int is_direct)
{
    struct data_reader r;
    struct seen s = {.hash = 0xcbf29ce484222325u};
    data_reader_init(&r, 100 * 1000);
    r.max[DATA_RESULT] = 1000;
    r.max[DATA_DESCRIPTOR] = UINT64_MAX;
    for (size_t at = 0; at < size && s.end == DATA_MORE;)
        at += give(&r, &s, data + at, size - at < step ? size - at : step, is_direct);
    data_reader_clear(&r);
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t step = 1 + (data[0] >> 1);
    struct seen whole = read_all(data + 1, size - 1, size - 1, 0);
    struct seen pieces = read_all(data + 1, size - 1, step, data[0] & 1);
    if (whole.hash != pieces.hash || whole.frames != pieces.frames || whole.end != pieces.end)
        abort();
    return 0;
}
