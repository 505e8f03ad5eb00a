/* rows_query.c: a journal_query as SQL. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "journal/bind.h"
#include "journal/rows.h"

enum { SQL_MAX = 4096, LIMIT_MAX = 10000, STEPS = 10000, QUERY_MAX_US = 3000000 };

struct rows {
    struct journal_rows rows; /* first: journal_rows_free gets a pointer to it */
    struct arena arena;
};

void journal_rows_free(struct journal_rows *rows)
{
    if (rows == NULL)
        return;
    struct rows *r = (struct rows *)rows;
    arena_clear(&r->arena);
    free(r->rows.items);
    free(r);
}

struct filter {
    struct buf sql;
    const char *texts[16];
    int n_texts;
};

static void filter_text(struct filter *f, const char *condition, const char *value)
{
    if (value == NULL)
        return;
    f->texts[f->n_texts++] = value;
    buf_printf(&f->sql, " AND %s", condition);
}

static void filter_int(struct filter *f, const char *condition, int64_t value)
{
    if (value != 0)
        buf_printf(&f->sql, " AND %s %lld", condition, (long long)value);
}

/* The ways that have an index; task_by_uid holds only uids that are no task_id. */
static void filter_names(struct filter *f, const struct journal_query *q)
{
    filter_text(f, "((uid <> task_id AND uid = ?) OR (task_id = uid AND task_id = ?))", q->uid);
    if (q->uid != NULL)
        f->texts[f->n_texts++] = q->uid;
    filter_text(f, "task_id = ?", q->task_id);
    filter_text(f, "job_id = ?", q->job_id);
    filter_text(f, "key = ?", q->key);
    filter_text(f, "tenant = ?", q->tenant);
    filter_text(f, "pipeline = ?", q->pipeline);
    filter_text(f, "code = ?", q->code);
    filter_text(f, "owner = (SELECT number FROM owner WHERE client = ?)", q->client);
}

static void filter_phases(struct filter *f, unsigned phases)
{
    const char *comma = "";
    if (phases == 0)
        return;
    /* Alone it is spelled as in the condition of its index. */
    for (int i = 0; i <= JOURNAL_DEAD; i++) {
        if (phases == 1U << i) {
            buf_printf(&f->sql, " AND phase = %d", i);
            return;
        }
    }
    buf_append_str(&f->sql, " AND phase IN (");
    for (int i = 0; i <= JOURNAL_DEAD; i++) {
        if (phases & (1U << i)) {
            buf_printf(&f->sql, "%s%d", comma, i);
            comma = ",";
        }
    }
    buf_append_char(&f->sql, ')');
}

enum { LIVE = 1U << JOURNAL_OPEN | 1U << JOURNAL_UNACKNOWLEDGED };

static bool has_name(const struct journal_query *q)
{
    return q->seq != 0 || q->uid != NULL || q->task_id != NULL || q->job_id != NULL ||
           q->key != NULL;
}

static bool is_live_only(const struct journal_query *q)
{
    return q->phases != 0 && (q->phases & ~LIVE) == 0;
}

/* SQLite, which does not know how many rows a value has, would take the order of seq, or the owner:
 * of both there may be a million. A plus keeps it from the latter. */
static const char *index_for(const struct journal_query *q)
{
    if (has_name(q))
        return "";
    if (is_live_only(q))
        return "INDEXED BY task_live";
    return q->phases == 1U << JOURNAL_DEAD ? "INDEXED BY task_dead" : "";
}

static int write_sql(struct filter *f, const struct journal_query *q, size_t limit)
{
    const char *index = index_for(q);
    /* Later appends cannot want memory then: a condition that is missing shows others' tasks. */
    if (buf_reserve(&f->sql, SQL_MAX) < 0)
        return -1;
    bool by_owner = index[0] == '\0' && !has_name(q);
    buf_printf(&f->sql, "SELECT %s FROM task %s WHERE %s", rows_columns, index,
               is_live_only(q) ? "settled = 0" : "1");
    filter_int(f, by_owner ? "owner =" : "+owner =", (int64_t)q->owner);
    filter_int(f, "seq =", (int64_t)q->seq);
    filter_int(f, "seq <", q->before_seq);
    filter_int(f, "finished_ms <", q->finished_before_ms);
    filter_int(f, "finished_ms >", q->finished_after_ms);
    filter_phases(f, q->phases);
    filter_names(f, q);
    return buf_printf(&f->sql, " ORDER BY seq DESC LIMIT %zu", limit + 1);
}

static sqlite3_stmt *prepare(struct rows_reader *r, const struct journal_query *q, size_t limit)
{
    struct filter f = {.n_texts = 0};
    sqlite3_stmt *s = NULL;
    buf_init(&f.sql, SQL_MAX);
    if (write_sql(&f, q, limit) == 0 &&
        sqlite3_prepare_v2(r->db, buf_cstr(&f.sql), -1, &s, NULL) != SQLITE_OK)
        s = NULL;
    for (int i = 0; s != NULL && i < f.n_texts; i++)
        sqlite3_bind_text(s, i + 1, f.texts[i], -1, SQLITE_STATIC);
    buf_clear(&f.sql);
    return s;
}

static int read_rows(struct rows_reader *r, sqlite3_stmt *s, const struct journal_query *q,
                     size_t limit, struct rows *out)
{
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        if (out->rows.n == limit || out->arena.total > JOURNAL_ANSWER_MAX) {
            out->rows.has_more = true;
            return 0;
        }
        if (rows_read(r, s, q->want, &out->arena, &out->rows.items[out->rows.n]) < 0)
            return -1;
        out->rows.n++;
    }
    if (rc == SQLITE_INTERRUPT)
        snprintf(r->why, sizeof r->why, "the question is too wide for this many tasks: narrow it");
    else if (rc != SQLITE_DONE)
        snprintf(r->why, sizeof r->why, "journal: %s", sqlite3_errmsg(r->db));
    return rc == SQLITE_DONE ? 0 : -1;
}

/* Others wait behind a question. */
static int is_too_long(void *arg)
{
    const struct rows_reader *r = arg;
    return clock_mono_us() > r->deadline_us;
}

struct journal_rows *rows_query(struct rows_reader *r, const struct journal_query *q)
{
    size_t limit = q->limit > 0 && q->limit < LIMIT_MAX ? q->limit : LIMIT_MAX;
    struct rows *out = calloc(1, sizeof *out);
    sqlite3_stmt *s = prepare(r, q, limit);
    r->deadline_us = clock_mono_us() + QUERY_MAX_US;
    sqlite3_progress_handler(r->db, STEPS, is_too_long, r);
    snprintf(r->why, sizeof r->why, "%s", s == NULL ? sqlite3_errmsg(r->db) : "no memory");
    if (out != NULL)
        out->rows.items = calloc(limit, sizeof *out->rows.items);
    if (s == NULL || out == NULL || out->rows.items == NULL || read_rows(r, s, q, limit, out) < 0) {
        journal_rows_free(out != NULL ? &out->rows : NULL);
        out = NULL;
    }
    sqlite3_finalize(s);
    sqlite3_progress_handler(r->db, 0, NULL, NULL);
    return out != NULL ? &out->rows : NULL;
}
