/* bind.c: values into a prepared statement. Runs in the thread that has the connection. */
#include "journal/bind.h"

struct bind bind_begin(sqlite3_stmt *s)
{
    return (struct bind){.statement = s, .rc = SQLITE_OK};
}

static void note(struct bind *b, int rc)
{
    if (b->rc == SQLITE_OK)
        b->rc = rc;
}

void bind_int(struct bind *b, int64_t v)
{
    note(b, sqlite3_bind_int64(b->statement, ++b->n, v));
}

void bind_double(struct bind *b, double v)
{
    note(b, sqlite3_bind_double(b->statement, ++b->n, v));
}

void bind_text(struct bind *b, const char *s)
{
    note(b, sqlite3_bind_text(b->statement, ++b->n, s, -1, SQLITE_STATIC));
}

void bind_blob(struct bind *b, struct journal_bytes v)
{
    /* No bytes, but not none: SQLite takes a null pointer for null. */
    const void *data = v.data != NULL && v.len == 0 ? "" : v.data;
    note(b, sqlite3_bind_blob64(b->statement, ++b->n, data, v.len, SQLITE_STATIC));
}

int bind_step(struct bind *b)
{
    int rc = b->rc == SQLITE_OK ? sqlite3_step(b->statement) : b->rc;
    if (rc == SQLITE_ROW)
        return rc;
    sqlite3_reset(b->statement);
    return rc;
}

int bind_run(struct bind *b)
{
    int rc;
    do {
        rc = bind_step(b);
    } while (rc == SQLITE_ROW);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

void bind_end(struct bind *b)
{
    sqlite3_reset(b->statement);
}
