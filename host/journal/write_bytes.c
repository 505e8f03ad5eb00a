/* write_bytes.c: bytes that do not lie in the task's own row. Runs in the thread that writes. */
#include "journal/bind.h"
#include "journal/write.h"

static int write_part(struct store *s, uint64_t seq, int place, const struct journal_frame *f)
{
    struct bind b = bind_begin(s->statements[STATEMENT_PART]);
    bind_int(&b, (int64_t)(seq * PLACES) + place);
    bind_text(&b, f->name);
    bind_text(&b, f->media_type);
    bind_int(&b, (int64_t)f->bytes.len);
    bind_blob(&b, f->bytes);
    bind_text(&b, NULL);
    return bind_run(&b);
}

int bytes_write(struct store *s, uint64_t seq, int place, struct journal_bytes b)
{
    struct journal_frame f = {.bytes = b};
    return b.data != NULL ? write_part(s, seq, place, &f) : SQLITE_OK;
}

int bytes_write_frames(struct store *s, uint64_t seq, int place, const struct journal_frame *frames,
                       size_t n)
{
    int rc = SQLITE_OK;
    for (size_t i = 0; i < n && rc == SQLITE_OK; i++)
        rc = write_part(s, seq, place + (int)i, &frames[i]);
    return rc;
}

int bytes_gone(struct store *s, uint64_t seq, int first, int end)
{
    struct bind b = bind_begin(s->statements[STATEMENT_PARTS_GONE]);
    bind_int(&b, (int64_t)(seq * PLACES) + first);
    bind_int(&b, (int64_t)(seq * PLACES) + end - 1);
    return bind_run(&b);
}
