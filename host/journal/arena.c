/* arena.c: memory that is freed together. */
#include "journal/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_BYTES = 16 * 1024 };

struct arena_chunk {
    struct arena_chunk *next;
    max_align_t bytes[];
};

static int grow(struct arena *a, size_t n)
{
    size_t size = n > CHUNK_BYTES ? n : CHUNK_BYTES;
    struct arena_chunk *c = malloc(sizeof *c + size);
    if (c == NULL)
        return -1;
    c->next = a->chunks;
    a->chunks = c;
    a->at = (char *)c->bytes;
    a->left = size;
    a->total += size;
    return 0;
}

void *arena_take(struct arena *a, size_t n)
{
    size_t rounded = (n + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
    if (rounded < n || (rounded > a->left && grow(a, rounded) < 0))
        return NULL;
    void *p = a->at;
    a->at += rounded;
    a->left -= rounded;
    return memset(p, 0, n);
}

char *arena_copy(struct arena *a, const void *bytes, size_t n)
{
    char *p = n < SIZE_MAX ? arena_take(a, n + 1) : NULL;
    if (p != NULL && n > 0)
        memcpy(p, bytes, n);
    return p;
}

void arena_clear(struct arena *a)
{
    for (struct arena_chunk *c = a->chunks, *next; c != NULL; c = next) {
        next = c->next;
        free(c);
    }
    *a = (struct arena)ARENA_INIT;
}
