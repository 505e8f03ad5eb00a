#ifndef PENSTOCK_SANDBOX_TAIL_H
#define PENSTOCK_SANDBOX_TAIL_H

/* tail.h: the last lines that a process has printed, kept in a buffer (BUF_INIT(TAIL_ROOM)) that has
 * no memory before the first of them. Runs in the core. Pure. */

#include <stddef.h>

struct buf;

enum {
    TAIL_BYTES = 4096,
    TAIL_LINES = 20,
    TAIL_ROOM = 4 * TAIL_BYTES /* moved to the front now and then, not at each line */
};

/* Adds text, and the end of its line if it lacks one. Without memory it is lost. */
void tail_put(struct buf *tail, const char *text, size_t n);
/* The last lines, at most so many and so many bytes (at most TAIL_BYTES), without the end of the
 * last one. A line that is too long by itself is cut at its front. Borrowed; *n may be 0. */
const char *tail_lines(const struct buf *tail, int lines, size_t bytes, size_t *n);

#endif
