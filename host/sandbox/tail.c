/* tail.c: the last lines that a process has printed. Runs in the core. */
#include "sandbox/tail.h"

#include <string.h>

#include "base/buf.h"

/* Room for n bytes, by forgetting the oldest. */
static void make_room(struct buf *tail, size_t n)
{
    if (tail->len + n > TAIL_ROOM && tail->len > TAIL_BYTES)
        buf_consume(tail, tail->len - TAIL_BYTES);
}

void tail_put(struct buf *tail, const char *text, size_t n)
{
    if (n > TAIL_BYTES) {
        text += n - TAIL_BYTES;
        n = TAIL_BYTES;
    }
    make_room(tail, n + 1);
    if (n > 0 && buf_append(tail, text, n) == 0 && text[n - 1] != '\n')
        (void)buf_append_char(tail, '\n');
}

const char *tail_lines(const struct buf *tail, int lines, size_t bytes, size_t *n)
{
    const char *text = (const char *)tail->data;
    const size_t end = tail->len > 0 && text[tail->len - 1] == '\n' ? tail->len - 1 : tail->len;
    const size_t least = end > bytes ? end - bytes : 0;
    size_t at = end, begin = end;
    while (at > least && lines > 0) {
        at--;
        if (at > 0 && text[at - 1] != '\n')
            continue;
        begin = at;
        lines--;
    }
    if (begin == end)
        begin = least;
    *n = end - begin;
    return text != NULL ? text + begin : "";
}
