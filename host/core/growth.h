#ifndef PENSTOCK_CORE_GROWTH_H
#define PENSTOCK_CORE_GROWTH_H

/* growth.h: memory that peers make the core hold without ever ending their message. [loop] */

#include <stdbool.h>
#include <stddef.h>

struct core;

struct growth {
    size_t held;      /* bytes that the process holds */
    size_t accounted; /* of these, what the core knows the reason of */
    size_t allowance; /* how much may be unfinished messages */
    bool is_behind;   /* whole messages may still wait to be read: they may be as much once more */
};

/* Bytes beyond what may be; 0: all is well. */
size_t growth_excess(const struct growth *g);

/* Begins to watch; what is held now is taken for granted. When the doors are open. -1: no memory. */
int growth_init(struct core *c);
void growth_clear(struct core *c);

#endif
