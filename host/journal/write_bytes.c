/* write_bytes.c: bytes that do not lie in the task's own row. Runs in the thread that writes. */
#include "journal/bind.h"
#include "journal/write.h"

static int write_part(struct store *s, uint64_t seq, int place, const struct journal_frame *f)
{
    static const struct journal_bytes none = {.data = NULL};
    int64_t id = (int64_t)(seq * PLACES) + place;
    bool is_in_file = (int64_t)f->bytes.len > s->spool_above;
    if (is_in_file && spool_write(&s->spool, id, f->bytes) < 0)
        return store_file_error(s, "spool");
    struct bind b = bind_begin(s->statements[STATEMENT_PART]);
    bind_int(&b, id);
    bind_text(&b, f->name);
    bind_text(&b, f->media_type);
    bind_int(&b, (int64_t)f->bytes.len);
    bind_blob(&b, is_in_file ? none : f->bytes);
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

static struct bind bind_places(struct store *s, enum statement which, uint64_t seq, int first,
                               int end)
{
    struct bind b = bind_begin(s->statements[which]);
    bind_int(&b, (int64_t)(seq * PLACES) + first);
    bind_int(&b, (int64_t)(seq * PLACES) + end - 1);
    return b;
}

int bytes_gone(struct store *s, uint64_t seq, int first, int end)
{
    struct bind files = bind_places(s, STATEMENT_PARTS_IN_FILES, seq, first, end);
    int rc;
    while ((rc = bind_step(&files)) == SQLITE_ROW) {
        if (spool_drop(&s->spool, sqlite3_column_int64(files.statement, 0)) < 0) {
            bind_end(&files);
            return SQLITE_NOMEM;
        }
    }
    struct bind b = bind_places(s, STATEMENT_PARTS_GONE, seq, first, end);
    return rc == SQLITE_DONE ? bind_run(&b) : rc;
}
