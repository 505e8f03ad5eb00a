/* heap.c: a binary heap of nodes that live in their owners. */
#include "base/heap.h"

#include <stdlib.h>

enum { HEAP_FIRST = 4 };

void heap_init(struct heap *h, int (*before)(const struct heap_node *a, const struct heap_node *b))
{
    *h = (struct heap){.before = before};
}

void heap_clear(struct heap *h)
{
    free(h->nodes);
    h->nodes = NULL;
    h->n = h->cap = 0;
}

int heap_reserve(struct heap *h, size_t n)
{
    if (n <= h->cap)
        return 0;
    size_t cap = h->cap > 0 ? h->cap * 2 : HEAP_FIRST;
    cap = cap < n ? n : cap;
    struct heap_node **nodes = realloc(h->nodes, cap * sizeof(struct heap_node *));
    if (nodes == NULL)
        return -1;
    h->nodes = nodes;
    h->cap = cap;
    return 0;
}

static void place(struct heap *h, size_t i, struct heap_node *node)
{
    h->nodes[i] = node;
    node->index = i + 1;
}

static void rise(struct heap *h, size_t i)
{
    struct heap_node *node = h->nodes[i];
    while (i > 0 && h->before(node, h->nodes[(i - 1) / 2])) {
        place(h, i, h->nodes[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    place(h, i, node);
}

static void sink(struct heap *h, size_t i)
{
    struct heap_node *node = h->nodes[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child + 1 < h->n && h->before(h->nodes[child + 1], h->nodes[child]))
            child++;
        if (child >= h->n || !h->before(h->nodes[child], node))
            break;
        place(h, i, h->nodes[child]);
        i = child;
    }
    place(h, i, node);
}

int heap_put(struct heap *h, struct heap_node *node)
{
    if (heap_reserve(h, h->n + 1) < 0)
        return -1;
    h->nodes[h->n++] = node;
    rise(h, h->n - 1);
    return 0;
}

void heap_moved(struct heap *h, struct heap_node *node)
{
    if (node->index == 0)
        return;
    rise(h, node->index - 1);
    sink(h, node->index - 1);
}

void heap_take(struct heap *h, struct heap_node *node)
{
    if (node->index == 0)
        return;
    size_t i = node->index - 1;
    struct heap_node *last = h->nodes[--h->n];
    node->index = 0;
    if (last == node)
        return;
    place(h, i, last);
    heap_moved(h, last);
}

struct heap_node *heap_first(const struct heap *h)
{
    return h->n > 0 ? h->nodes[0] : NULL;
}
