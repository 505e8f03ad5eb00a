/* rows.c: rows of the file, checked, as journal_row. */
#include "journal/rows.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "journal/bind.h"
#include "journal/spool.h"
#include "journal/write.h"

enum { NOTES_MAX = 10000 };

const char rows_columns[] =
    "seq, phase, settled, parts, owner, uid, task_id, job_id, tenant, key, pipeline, parent,"
    " retry_of, digest_0, digest_1, priority, depth, silent, submitted_ms, expires_ms, attempt,"
    " not_before_ms, header, status, code, message, version, started_ms, finished_ms, run_ms,"
    " cpu_ms, max_rss_bytes, cached, data";

static const char parts_sql[] = "SELECT id, name, media_type, size, bytes FROM part"
                                " WHERE id BETWEEN ? AND ? ORDER BY id";
static const char notes_sql[] = "SELECT at_ms, attempt, event, code, message, details, run_ms,"
                                " cpu_ms, max_rss_bytes FROM note WHERE seq = ? ORDER BY n"
                                " LIMIT 10001";

int rows_reader_open(struct rows_reader *r, sqlite3 *db, int spool)
{
    *r = (struct rows_reader){.db = db, .spool = spool};
    if (sqlite3_prepare_v3(db, parts_sql, -1, SQLITE_PREPARE_PERSISTENT, &r->parts, NULL) ==
            SQLITE_OK &&
        sqlite3_prepare_v3(db, notes_sql, -1, SQLITE_PREPARE_PERSISTENT, &r->notes, NULL) ==
            SQLITE_OK)
        return 0;
    snprintf(r->why, sizeof r->why, "%s", sqlite3_errmsg(db));
    return -1;
}

void rows_reader_close(struct rows_reader *r)
{
    sqlite3_finalize(r->parts);
    sqlite3_finalize(r->notes);
    r->parts = r->notes = NULL;
}

/* ---- columns in turn ---- */

struct cursor {
    sqlite3_stmt *s;
    struct arena *a;
    int i;
    const char *fault;   /* a literal: the first thing that was wrong */
    const char *missing; /* bytes that are not there */
};

static void complain(struct cursor *c, const char *what)
{
    if (c->fault == NULL)
        c->fault = what;
}

static int64_t take_int(struct cursor *c)
{
    int type = sqlite3_column_type(c->s, c->i);
    if (type != SQLITE_INTEGER && type != SQLITE_NULL)
        complain(c, "a number is none");
    return sqlite3_column_int64(c->s, c->i++);
}

static double take_double(struct cursor *c)
{
    if (sqlite3_column_type(c->s, c->i) != SQLITE_FLOAT)
        complain(c, "a number is none");
    return sqlite3_column_double(c->s, c->i++);
}

static uint64_t take_natural(struct cursor *c)
{
    int64_t v = take_int(c);
    if (v < 0)
        complain(c, "a number is below 0");
    return v < 0 ? 0 : (uint64_t)v;
}

static uint32_t take_small(struct cursor *c)
{
    uint64_t v = take_natural(c);
    if (v > UINT32_MAX)
        complain(c, "a number is too large");
    return (uint32_t)v;
}

static struct journal_bytes take_bytes(struct cursor *c)
{
    int i = c->i++;
    if (sqlite3_column_type(c->s, i) == SQLITE_NULL)
        return (struct journal_bytes){.data = NULL};
    const void *bytes = sqlite3_column_blob(c->s, i);
    size_t n = (size_t)sqlite3_column_bytes(c->s, i);
    char *copy = arena_copy(c->a, bytes, n);
    if (copy == NULL)
        complain(c, "no memory");
    return (struct journal_bytes){.data = copy, .len = n};
}

static const char *take_text(struct cursor *c)
{
    if (sqlite3_column_type(c->s, c->i) != SQLITE_TEXT &&
        sqlite3_column_type(c->s, c->i) != SQLITE_NULL)
        complain(c, "a text is none");
    struct journal_bytes b = take_bytes(c);
    if (b.data != NULL && !text_is_utf8(b.data, b.len))
        complain(c, "a text is not UTF-8");
    return b.data;
}

static const char *take_name(struct cursor *c)
{
    const char *s = take_text(c);
    if (s == NULL || *s == '\0')
        complain(c, "a name is missing");
    return s;
}

/* ---- parts ---- */

static int frame_count(struct rows_reader *r, uint64_t seq, int first, int end, size_t *n)
{
    struct bind b = bind_begin(r->parts);
    bind_int(&b, (int64_t)(seq * PLACES) + first);
    bind_int(&b, (int64_t)(seq * PLACES) + end - 1);
    int rc;
    for (*n = 0; (rc = bind_step(&b)) == SQLITE_ROW; ++*n)
        ;
    return rc == SQLITE_DONE ? 0 : -1;
}

static void take_file(struct cursor *c, int spool, int64_t id, uint64_t size,
                      struct journal_bytes *b)
{
    char name[SPOOL_NAME], text[128];
    if (size <= INT64_MAX && spool_read(spool, id, (int64_t)size, c->a, b))
        return;
    spool_name(id, name);
    snprintf(text, sizeof text, "file spool/%s of %llu bytes is missing or has another size", name,
             (unsigned long long)size);
    if (c->missing == NULL)
        c->missing = arena_copy(c->a, text, strlen(text));
    if (c->missing == NULL)
        complain(c, "no memory");
}

static void take_part(struct cursor *c, int spool, struct journal_frame *f)
{
    int64_t id = sqlite3_column_int64(c->s, 0);
    c->i = 1;
    f->name = take_text(c);
    f->media_type = take_text(c);
    uint64_t size = take_natural(c);
    f->bytes = take_bytes(c);
    if (f->bytes.data == NULL && c->fault == NULL)
        take_file(c, spool, id, size, &f->bytes);
    else if (f->bytes.len != size)
        complain(c, "bytes are missing");
}

/* Frames, or single bytes, of places first to end. */
struct part_list {
    int first, end;
    struct journal_frame *frames;
    size_t n;
};

static int read_parts(struct rows_reader *r, uint64_t seq, struct cursor *c, struct part_list *l,
                      int **places)
{
    if (frame_count(r, seq, l->first, l->end, &l->n) < 0)
        return -1;
    l->frames = arena_take(c->a, (l->n + 1) * sizeof *l->frames);
    *places = arena_take(c->a, (l->n + 1) * sizeof **places);
    if (l->frames == NULL || *places == NULL)
        return -1;
    struct bind b = bind_begin(r->parts);
    bind_int(&b, (int64_t)(seq * PLACES) + l->first);
    bind_int(&b, (int64_t)(seq * PLACES) + l->end - 1);
    size_t i = 0;
    struct cursor part = {.s = r->parts, .a = c->a};
    while (i < l->n && bind_step(&b) == SQLITE_ROW) {
        (*places)[i] = (int)(sqlite3_column_int64(r->parts, 0) - (int64_t)(seq * PLACES));
        take_part(&part, r->spool, &l->frames[i++]);
    }
    bind_end(&b);
    if (i < l->n)
        complain(c, "some of its bytes cannot be read");
    if (part.fault != NULL)
        complain(c, part.fault);
    if (c->missing == NULL)
        c->missing = part.missing;
    l->n = i;
    return 0;
}

static void read_inputs(struct rows_reader *r, struct cursor *c, struct journal_task *t)
{
    struct part_list l = {.first = PLACE_HEADER, .end = PLACE_RESULT};
    int *places;
    if (read_parts(r, t->seq, c, &l, &places) < 0) {
        complain(c, "its inputs cannot be read");
        return;
    }
    size_t skip = l.n > 0 && places[0] == PLACE_HEADER;
    if (skip)
        t->header = l.frames[0].bytes;
    t->frames = l.frames + skip;
    t->n_frames = l.n - skip;
    for (size_t i = 0; i < t->n_frames; i++) {
        if (places[i + skip] != PLACE_INPUT + (int)i)
            complain(c, "an input is missing");
    }
}

static void read_outputs(struct rows_reader *r, struct cursor *c, uint64_t seq,
                         struct journal_result *result)
{
    struct part_list l = {.first = PLACE_RESULT, .end = PLACES};
    int *places;
    if (read_parts(r, seq, c, &l, &places) < 0) {
        complain(c, "its result cannot be read");
        return;
    }
    size_t i = 0;
    for (; i < l.n && places[i] < PLACE_OUTPUT; i++) {
        struct journal_bytes *const to[] = {&result->data, &result->details, &result->children};
        *to[places[i] - PLACE_DATA] = l.frames[i].bytes;
    }
    result->outputs = l.frames + i;
    result->n_outputs = l.n - i;
    for (size_t k = 0; k < result->n_outputs; k++) {
        if (places[i + k] != PLACE_OUTPUT + (int)k)
            complain(c, "an output is missing");
    }
}

/* ---- notes ---- */

static void take_note(struct cursor *c, struct journal_note *n)
{
    c->i = 0;
    n->at_ms = take_int(c);
    n->attempt = take_small(c);
    n->event = take_name(c);
    n->code = take_text(c);
    n->message = take_text(c);
    n->details = take_bytes(c);
    n->run_ms = take_int(c);
    n->cpu_ms = take_int(c);
    n->max_rss_bytes = take_int(c);
}

static void read_notes(struct rows_reader *r, struct cursor *c, struct journal_row *row)
{
    struct bind b = bind_begin(r->notes);
    size_t n = 0, i = 0;
    bind_int(&b, (int64_t)row->task.seq);
    while (bind_step(&b) == SQLITE_ROW)
        n++;
    n = n < NOTES_MAX ? n : NOTES_MAX;
    struct journal_note *notes = arena_take(c->a, (n + 1) * sizeof *notes);
    struct cursor note = {.s = r->notes, .a = c->a};
    while (notes != NULL && i < n && bind_step(&b) == SQLITE_ROW)
        take_note(&note, &notes[i++]);
    bind_end(&b);
    if (notes == NULL || note.fault != NULL)
        complain(c, notes == NULL ? "no memory" : note.fault);
    else if (i < n)
        complain(c, "some of its history cannot be read");
    row->notes = notes;
    row->n_notes = i;
}

/* ---- a row ---- */

static void take_task(struct cursor *c, struct journal_row *row)
{
    struct journal_task *t = &row->task;
    t->owner = take_natural(c);
    t->uid = take_name(c);
    t->task_id = take_name(c);
    t->job_id = take_text(c);
    t->tenant = take_text(c);
    t->key = take_text(c);
    t->pipeline = take_name(c);
    t->parent = take_text(c);
    t->retry_of = take_text(c);
    t->digest[0] = (uint64_t)take_int(c);
    t->digest[1] = (uint64_t)take_int(c);
    t->priority = take_double(c);
    t->depth = take_small(c);
    t->is_silent = take_int(c) != 0;
    t->submitted_ms = take_int(c);
    t->expires_ms = take_int(c);
    row->attempt = take_small(c);
    row->not_before_ms = take_int(c);
    t->header = take_bytes(c);
}

static void take_result(struct cursor *c, struct journal_row *row)
{
    struct journal_result *r = &row->result;
    r->status = take_text(c);
    r->code = take_text(c);
    r->message = take_text(c);
    r->version = take_text(c);
    r->started_ms = take_int(c);
    r->finished_ms = take_int(c);
    r->run_ms = take_int(c);
    r->cpu_ms = take_int(c);
    r->max_rss_bytes = take_int(c);
    r->is_cached = take_int(c) != 0;
    r->data = take_bytes(c);
    r->attempt = row->attempt;
    r->is_dead = row->phase == JOURNAL_DEAD;
}

static void take_row(struct cursor *c, struct journal_row *row, int *parts)
{
    row->task.seq = take_natural(c);
    if (row->task.seq == 0 || row->task.seq > (uint64_t)INT64_MAX / PLACES)
        complain(c, "its number is out of range");
    uint32_t phase = take_small(c), settled = take_small(c);
    *parts = (int)take_small(c);
    if (phase > JOURNAL_DEAD || settled > 2 || *parts > (PARTS_INPUT | PARTS_RESULT))
        complain(c, "its phase is none");
    row->phase = (enum journal_phase)phase;
    row->is_acknowledged = settled == 2;
    take_task(c, row);
    take_result(c, row);
    row->result.is_delivered = settled > 0;
    if ((row->phase == JOURNAL_OPEN) != (row->result.status == NULL) ||
        (row->phase != JOURNAL_OPEN && row->result.code == NULL))
        complain(c, "phase and result do not fit");
}

int rows_read(struct rows_reader *r, sqlite3_stmt *s, unsigned want, struct arena *a,
              struct journal_row *row)
{
    struct cursor c = {.s = s, .a = a};
    int parts = 0;
    *row = (struct journal_row){.attempt = 0};
    take_row(&c, row, &parts);
    if (c.fault == NULL && (want & JOURNAL_WANT_INPUTS) && (parts & PARTS_INPUT))
        read_inputs(r, &c, &row->task);
    row->fault = c.missing;
    c.missing = NULL;
    if (c.fault == NULL && (want & JOURNAL_WANT_RESULT) && (parts & PARTS_RESULT))
        read_outputs(r, &c, row->task.seq, &row->result);
    if (c.fault == NULL && (want & JOURNAL_WANT_NOTES))
        read_notes(r, &c, row);
    row->result.fault = c.missing;
    if (c.fault == NULL)
        return 0;
    snprintf(r->why, sizeof r->why, "task %llu in the journal: %s",
             (unsigned long long)row->task.seq, c.fault);
    return -1;
}

int rows_read_owner(sqlite3_stmt *s, struct arena *a, struct journal_owner *o)
{
    struct cursor c = {.s = s, .a = a};
    *o = (struct journal_owner){.number = take_natural(&c)};
    o->client = take_text(&c); /* "": one that never said HELLO */
    o->resume_hash = take_text(&c);
    o->curve_key = take_text(&c);
    o->name = take_text(&c);
    o->kind = take_text(&c);
    o->seen_ms = take_int(&c);
    return c.fault != NULL || o->client == NULL || o->number == 0 ? -1 : 0;
}
