#ifndef PENSTOCK_BASE_BUF_H
#define PENSTOCK_BASE_BUF_H

/* buf.h: a growing byte buffer with a maximum. Every reader of outside bytes goes through one. */

#include <stdarg.h>
#include <stddef.h>
#include <sys/types.h>

struct buf {
    unsigned char *data;
    size_t len;
    size_t cap;
    size_t max; /* len never passes it */
};

#define BUF_INIT(limit)                                                                            \
    {                                                                                              \
        .data = NULL, .len = 0, .cap = 0, .max = (limit)                                           \
    }

void buf_init(struct buf *b, size_t max);
/* Frees the bytes; the buffer can be used again with the same maximum. */
void buf_clear(struct buf *b);
/* Empties it and keeps the memory. */
static inline void buf_reset(struct buf *b)
{
    b->len = 0;
}

/* Makes room for n bytes behind len. -1: EMSGSIZE past the maximum, ENOMEM. */
int buf_reserve(struct buf *b, size_t n);
/* Each appends all or nothing; -1 as buf_reserve. */
int buf_append(struct buf *b, const void *bytes, size_t n);
int buf_append_str(struct buf *b, const char *s);
int buf_append_char(struct buf *b, char c);
int buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
int buf_vprintf(struct buf *b, const char *format, va_list ap);
/* Drops n bytes at the front. */
void buf_consume(struct buf *b, size_t n);
/* The bytes with a NUL behind them (not counted in len), borrowed until the next call; NULL:
 * ENOMEM. */
const char *buf_cstr(struct buf *b);
/* Hands the bytes over as a NUL-ended string that the caller frees; the buffer is empty then. NULL:
 * ENOMEM. */
char *buf_detach(struct buf *b);
/* One read(2) of at most n bytes: bytes read, 0 at end, -1 with errno (EMSGSIZE if no room is
 * left). */
ssize_t buf_read(struct buf *b, int fd, size_t n);
/* Reads a whole file. -1 with errno; EMSGSIZE if it is longer than the maximum. */
int buf_read_file(struct buf *b, const char *path);

#endif
