#ifndef PENSTOCK_JOURNAL_ARENA_H
#define PENSTOCK_JOURNAL_ARENA_H

/* arena.h: memory for many small things that are freed together. */

#include <stddef.h>

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks;
    size_t left; /* in the newest chunk */
    char *at;
    size_t total; /* of all chunks */
};

#define ARENA_INIT                                                                                 \
    {                                                                                              \
        .chunks = NULL                                                                             \
    }

/* n bytes, all 0, aligned for anything. NULL: no memory. */
void *arena_take(struct arena *a, size_t n);
/* A copy of n bytes with a NUL behind them. NULL: no memory. */
char *arena_copy(struct arena *a, const void *bytes, size_t n);
void arena_clear(struct arena *a);

#endif
