/* buf.c: growing byte buffers with a maximum. */
#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUF_FIRST = 256, BUF_READ_STEP = 64 * 1024 };

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf)BUF_INIT(max);
}

void buf_clear(struct buf *b)
{
    free(b->data);
    b->data = NULL;
    b->len = b->cap = 0;
}

static int grow(struct buf *b, size_t need)
{
    size_t cap = b->cap > 0 ? b->cap : BUF_FIRST;
    while (cap < need)
        cap = cap <= SIZE_MAX / 2 ? cap * 2 : need;
    unsigned char *data = realloc(b->data, cap);
    if (data == NULL)
        return -1;
    b->data = data;
    b->cap = cap;
    return 0;
}

int buf_reserve(struct buf *b, size_t n)
{
    if (n > b->max - b->len) {
        errno = EMSGSIZE;
        return -1;
    }
    /* One byte more than asked, for the NUL of buf_cstr. */
    return b->len + n < b->cap ? 0 : grow(b, b->len + n + 1);
}

int buf_append(struct buf *b, const void *bytes, size_t n)
{
    if (buf_reserve(b, n) < 0)
        return -1;
    if (n > 0)
        memcpy(b->data + b->len, bytes, n);
    b->len += n;
    return 0;
}

int buf_append_str(struct buf *b, const char *s)
{
    return buf_append(b, s, strlen(s));
}

int buf_append_char(struct buf *b, char c)
{
    return buf_append(b, &c, 1);
}

int buf_vprintf(struct buf *b, const char *format, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (n < 0 || buf_reserve(b, (size_t)n) < 0)
        return -1;
    vsnprintf((char *)b->data + b->len, (size_t)n + 1, format, ap);
    b->len += (size_t)n;
    return 0;
}

int buf_printf(struct buf *b, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    int rc = buf_vprintf(b, format, ap);
    va_end(ap);
    return rc;
}

void buf_consume(struct buf *b, size_t n)
{
    b->len -= n;
    if (b->len > 0)
        memmove(b->data, b->data + n, b->len);
}

const char *buf_cstr(struct buf *b)
{
    if (buf_reserve(b, 0) < 0)
        return NULL;
    b->data[b->len] = '\0';
    return (const char *)b->data;
}

char *buf_detach(struct buf *b)
{
    if (buf_cstr(b) == NULL)
        return NULL;
    char *s = (char *)b->data;
    b->data = NULL;
    b->len = b->cap = 0;
    return s;
}

ssize_t buf_read(struct buf *b, int fd, size_t n)
{
    size_t room = b->max - b->len;
    if (room == 0) {
        errno = EMSGSIZE;
        return -1;
    }
    n = n < room ? n : room;
    if (buf_reserve(b, n) < 0)
        return -1;
    ssize_t got;
    do {
        got = read(fd, b->data + b->len, n);
    } while (got < 0 && errno == EINTR);
    if (got > 0)
        b->len += (size_t)got;
    return got;
}

static int read_to_end(struct buf *b, int fd)
{
    for (;;) {
        ssize_t n = buf_read(b, fd, BUF_READ_STEP);
        if (n == 0)
            return 0;
        if (n < 0) {
            char probe;
            /* A file of exactly the maximum is not too long. */
            return errno == EMSGSIZE && read(fd, &probe, 1) == 0 ? 0 : -1;
        }
    }
}

int buf_read_file(struct buf *b, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int rc = read_to_end(b, fd);
    int saved = errno;
    close(fd);
    errno = saved;
    return rc;
}
