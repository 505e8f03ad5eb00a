#ifndef PENSTOCK_BASE_HEAP_H
#define PENSTOCK_BASE_HEAP_H

/* heap.h: a binary heap of nodes that live in their owners; a node knows its place, so it can be
 * moved or taken out. */

#include <stddef.h>

struct heap_node {
    size_t index; /* place + 1; 0: in no heap */
};

struct heap {
    struct heap_node **nodes;
    size_t n, cap;
    int (*before)(const struct heap_node *a, const struct heap_node *b);
};

/* before: whether a comes out earlier than b. */
void heap_init(struct heap *h, int (*before)(const struct heap_node *a, const struct heap_node *b));
/* Frees the heap's own memory, not the nodes. */
void heap_clear(struct heap *h);
/* Room for n nodes in all, so that heap_put cannot fail up to there. -1: ENOMEM. */
int heap_reserve(struct heap *h, size_t n);
/* Puts a node that is in no heap. -1: ENOMEM. */
int heap_put(struct heap *h, struct heap_node *node);
/* To be called when the node's key has changed. */
void heap_moved(struct heap *h, struct heap_node *node);
/* Takes it out; nothing happens if it is in no heap. */
void heap_take(struct heap *h, struct heap_node *node);
/* The node that comes out next, or NULL. */
struct heap_node *heap_first(const struct heap *h);

#endif
