/* sweep.c: what has been kept long enough goes, a bounded number of rows at a time. Runs in the
 * thread that writes. */
#include "journal/bind.h"
#include "journal/write.h"

enum { ROWS_A_PASS = 500, LOOK_A_PASS = 2000, FREE_PAGES_MIN = 1024 };

struct pass {
    uint64_t seqs[ROWS_A_PASS];
    size_t n;
    bool has_more;
};

static void take_seq(struct pass *p, const struct bind *b)
{
    p->seqs[p->n++] = (uint64_t)sqlite3_column_int64(b->statement, 0);
}

/* The tasks are noted first: rows do not go while a statement walks over them. */
static int find_old(struct store *s, enum statement which, int64_t before_ms, struct pass *p)
{
    struct bind b = bind_begin(s->statements[which]);
    int rc = SQLITE_DONE;
    bind_int(&b, before_ms);
    bind_int(&b, (int64_t)(ROWS_A_PASS - p->n));
    while (p->n < ROWS_A_PASS && (rc = bind_step(&b)) == SQLITE_ROW)
        take_seq(p, &b);
    bind_end(&b);
    p->has_more |= p->n == ROWS_A_PASS;
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

/* most 0: any number may stay. */
static int find_many(struct store *s, enum statement which, enum statement old, int64_t most,
                     struct pass *p)
{
    if (most <= 0 || p->n == ROWS_A_PASS)
        return SQLITE_OK;
    struct bind b = bind_begin(s->statements[which]);
    bind_int(&b, most);
    int rc = bind_step(&b);
    int64_t before_ms = rc == SQLITE_ROW ? sqlite3_column_int64(b.statement, 0) : 0;
    bind_end(&b);
    if (rc == SQLITE_ROW)
        return find_old(s, old, before_ms, p);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* These have no index of their own, they are few: each pass looks at the next of what is open or
 * waits. */
static int find_unacknowledged(struct store *s, int64_t before_ms, struct pass *p)
{
    if (p->n == ROWS_A_PASS)
        return SQLITE_OK; /* the walk goes on in the next pass */
    struct bind b = bind_begin(s->statements[STATEMENT_SWEEP_LIVE]);
    int rc = SQLITE_DONE, n = 0;
    bind_int(&b, before_ms);
    bind_int(&b, s->sweep_after);
    bind_int(&b, LOOK_A_PASS);
    while (p->n < ROWS_A_PASS && (rc = bind_step(&b)) == SQLITE_ROW) {
        n++;
        s->sweep_after = sqlite3_column_int64(b.statement, 0);
        if (sqlite3_column_int(b.statement, 1))
            take_seq(p, &b);
    }
    bind_end(&b);
    p->has_more |= p->n == ROWS_A_PASS || n == LOOK_A_PASS;
    if (rc == SQLITE_DONE && n < LOOK_A_PASS)
        s->sweep_after = 0;
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

static int find_all(struct store *s, const struct journal_sweep *w, struct pass *p)
{
    int rc = find_old(s, STATEMENT_SWEEP_OLD, w->finished_before_ms, p);
    if (rc == SQLITE_OK)
        rc = find_old(s, STATEMENT_SWEEP_DEAD, w->dead_before_ms, p);
    if (rc == SQLITE_OK)
        rc = find_many(s, STATEMENT_SWEEP_MANY, STATEMENT_SWEEP_OLD, w->finished_max, p);
    if (rc == SQLITE_OK)
        rc = find_many(s, STATEMENT_SWEEP_MANY_DEAD, STATEMENT_SWEEP_DEAD, w->dead_max, p);
    return rc == SQLITE_OK ? find_unacknowledged(s, w->unacknowledged_before_ms, p) : rc;
}

static int forget_jobs(struct store *s, int64_t before_ms)
{
    struct bind b = bind_begin(s->statements[STATEMENT_SWEEP_JOBS]);
    bind_int(&b, before_ms);
    bind_int(&b, ROWS_A_PASS);
    return bind_run(&b);
}

static int64_t number(struct store *s, enum statement which)
{
    struct bind b = bind_begin(s->statements[which]);
    int64_t n = bind_step(&b) == SQLITE_ROW ? sqlite3_column_int64(b.statement, 0) : 0;
    bind_end(&b);
    return n;
}

/* Free pages are used again; only when they are many the file shrinks. */
static int give_back(struct store *s)
{
    int64_t n = number(s, STATEMENT_FREE_PAGES);
    if (n < FREE_PAGES_MIN || n < number(s, STATEMENT_PAGES) / 4)
        return SQLITE_OK;
    struct bind b = bind_begin(s->statements[STATEMENT_VACUUM]);
    return bind_run(&b);
}

int write_sweep(struct store *s, struct journal_op *op)
{
    struct pass p = {.n = 0};
    int rc = find_all(s, &op->u.sweep, &p);
    op->u.sweep.n_gone = 0;
    for (size_t i = 0; i < p.n && rc == SQLITE_OK; i++) {
        rc = write_gone(s, p.seqs[i]);
        op->u.sweep.n_gone += (size_t)sqlite3_changes(s->db);
    }
    op->u.sweep.has_more = p.has_more;
    if (rc == SQLITE_OK)
        rc = forget_jobs(s, op->u.sweep.finished_before_ms);
    return rc == SQLITE_OK ? give_back(s) : rc;
}
