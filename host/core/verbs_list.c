/* verbs_list.c: LIST: tasks by filter, newest first. What is in memory is shown as it is now, what has
 * left it as the journal has it; both are merged by the order of acceptance. Runs in the core. */
#include <stdlib.h>
#include <string.h>

#include "core/answer.h"
#include "core/jobs.h"
#include "core/kept.h"
#include "core/late.h"
#include "core/past.h"
#include "core/peers.h"
#include "core/pipelines.h"
#include "core/reading.h"
#include "core/tasks.h"
#include "core/verbs.h"

enum { LIST_DEFAULT = 100, LIST_MAX = 1000 };

#define BIT(phase) (1U << (phase))

/* state: which phases of the journal it can be; 0: such a task is in memory. */
static const struct {
    const char *word;
    unsigned phases;
} states[] = {
    {"queued", 0},
    {"running", 0},
    {"retry wait", 0},
    {"finished", BIT(JOURNAL_UNACKNOWLEDGED) | BIT(JOURNAL_CLOSED) | BIT(JOURNAL_DEAD)},
    {"dead", BIT(JOURNAL_DEAD)},
};

enum word { STATE, PIPELINE, JOB, TENANT, CODE, WORDS };
static const char *const word_names[WORDS] = {"state", "pipeline", "job_id", "tenant", "code"};

struct filter {
    uint64_t owner;     /* 0: all */
    char *words[WORDS]; /* NULL: any */
    unsigned phases;    /* to be asked for; 0: the journal need not be read */
    int64_t limit, before_seq, since_ms, until_ms;
};

struct list {
    struct reading reading; /* first */
    struct late *answer;
    struct filter f;
};

static void filter_clear(struct filter *f)
{
    for (size_t i = 0; i < WORDS; i++)
        free(f->words[i]);
}

/* ---- reading the request
 * -------------------------------------------------------------------------- */

static int read_cursor(const struct core *c, int64_t *to)
{
    uint32_t t = json_find(&c->doc, 0, "cursor");
    char *text = t != 0 ? json_strdup(&c->doc, t) : NULL;
    int rc = t == 0 || (text != NULL && text_parse_i64(text, to) == 0 && *to > 0) ? 0 : -1;
    free(text);
    return rc;
}

static int read_state(struct filter *f)
{
    const char *word = f->words[STATE];
    /* All phases: what was open when the journal was read may have left memory since. */
    f->phases =
        BIT(JOURNAL_OPEN) | BIT(JOURNAL_UNACKNOWLEDGED) | BIT(JOURNAL_CLOSED) | BIT(JOURNAL_DEAD);
    if (word == NULL && (f->since_ms > 0 || f->until_ms < INT64_MAX))
        f->phases &= ~BIT(JOURNAL_OPEN);
    for (size_t i = 0; word != NULL && i < sizeof states / sizeof *states; i++) {
        if (strcmp(states[i].word, word) != 0)
            continue;
        f->phases = states[i].phases;
        return 0;
    }
    return word == NULL ? 0 : -1;
}

/* NULL, or what is wrong. */
static const char *read_filter(struct core *c, struct filter *f)
{
    *f = (struct filter){.limit = LIST_DEFAULT, .before_seq = INT64_MAX, .until_ms = INT64_MAX};
    if (verbs_read_int(c, "limit", 1, LIST_MAX, &f->limit) < 0)
        return "/limit: expected an integer from 1 to 1000";
    if (read_cursor(c, &f->before_seq) < 0)
        return "/cursor: expected what an earlier answer gave";
    if (verbs_read_int(c, "since", 0, INT64_MAX, &f->since_ms) < 0 ||
        verbs_read_int(c, "until", 0, INT64_MAX, &f->until_ms) < 0)
        return "/since and /until: expected milliseconds since the epoch";
    if (verbs_read_words(c, word_names, WORDS, f->words) < 0)
        return "/state, /pipeline, /job_id, /tenant and /code: expected strings";
    if (read_state(f) < 0)
        return "/state: expected queued, running, retry wait, finished or dead";
    return NULL;
}

/* ---- memory
 * --------------------------------------------------------------------------------------- */

static bool is_word(const char *wanted, const char *found)
{
    return wanted == NULL || (found != NULL && strcmp(wanted, found) == 0);
}

/* What has not ended is newer than any point in time. */
static bool is_in_time(const struct filter *f, const struct task *t)
{
    if (t->state != TASK_FINISHED)
        return f->until_ms == INT64_MAX;
    return t->finished_ms >= f->since_ms && t->finished_ms < f->until_ms;
}

static bool is_in_state(const char *wanted, const struct task *t)
{
    if (wanted != NULL && strcmp(wanted, "dead") == 0)
        return t->is_dead;
    return is_word(wanted, task_state_name(t->state));
}

static bool matches(const struct filter *f, const struct task *t)
{
    const char *code =
        t->state == TASK_FINISHED && t->result->code != CODE_OK ? code_name(t->result->code) : NULL;
    return (f->owner == 0 || t->owner->number == f->owner) && (int64_t)t->seq < f->before_seq &&
           is_in_state(f->words[STATE], t) &&
           is_word(f->words[PIPELINE], pipeline_slug(t->pipeline)) &&
           is_word(f->words[JOB], t->job_id) && is_word(f->words[TENANT], t->tenant) &&
           is_word(f->words[CODE], code) && is_in_time(f, t);
}

/* Of one owner's job nothing else is looked at. */
static const struct task *newest(struct core *c, const struct filter *f)
{
    return f->owner != 0 && f->words[JOB] != NULL ? jobs_newest(c, f->owner, f->words[JOB])
                                                  : c->all.last;
}

static const struct task *older(const struct filter *f, const struct task *t)
{
    return f->owner != 0 && f->words[JOB] != NULL ? t->job_older : t->prev;
}

/* The next one that is to be shown, from t on to older ones; NULL: none. */
static const struct task *next_match(const struct filter *f, const struct task *t)
{
    while (t != NULL && !matches(f, t))
        t = older(f, t);
    return t;
}

/* ---- the page
 * ------------------------------------------------------------------------------------- */

/* Two lists, both newest first, on their way to one. */
struct page {
    struct core *c;
    const struct filter *f;
    const struct task *t;     /* of memory, or NULL */
    struct journal_rows rows; /* n 0: none */
    size_t i;                 /* of rows: those before are done */
    int64_t last_seq;         /* of the last that was written or passed over */
};

/* Memory knows better what is in it. */
static const struct journal_row *next_row(struct page *p)
{
    while (p->i < p->rows.n && task_find_uid(p->c, p->rows.items[p->i].task.uid) != NULL)
        p->i++;
    return p->i < p->rows.n ? &p->rows.items[p->i] : NULL;
}

/* Behind the last row that was read there may be others before the next task of memory. */
static bool is_cut(const struct page *p)
{
    const struct journal_row *last = p->rows.n > 0 ? &p->rows.items[p->rows.n - 1] : NULL;
    return p->i >= p->rows.n && p->rows.has_more && last != NULL &&
           (p->t == NULL || p->t->seq < last->task.seq);
}

static void write_one(struct page *p, const struct journal_row *row, struct json_writer *w)
{
    json_open(w, '{');
    if (row == NULL || (p->t != NULL && p->t->seq > row->task.seq)) {
        p->last_seq = (int64_t)p->t->seq;
        kept_write_info(p->c, p->t, w);
        p->t = next_match(p->f, older(p->f, p->t));
    } else {
        p->last_seq = (int64_t)row->task.seq;
        past_write_info(p->c, row, w);
        p->i++;
    }
    json_close(w, '}');
}

static void write_page(struct core *c, const struct filter *f, const struct journal_rows *rows,
                       struct json_writer *w)
{
    struct page p = {.c = c, .f = f, .t = next_match(f, newest(c, f))};
    int64_t n = 0;
    if (rows != NULL)
        p.rows = *rows;
    json_key(w, "tasks");
    json_open(w, '[');
    const struct journal_row *row = next_row(&p);
    for (; n < f->limit && !is_cut(&p) && (row != NULL || p.t != NULL); n++) {
        write_one(&p, row, w);
        row = next_row(&p);
    }
    json_close(w, ']');
    if (is_cut(&p) && p.last_seq == 0)
        p.last_seq = (int64_t)p.rows.items[p.rows.n - 1].task.seq;
    if (row != NULL || p.t != NULL || p.rows.has_more) {
        char cursor[32];
        snprintf(cursor, sizeof cursor, "%lld", (long long)p.last_seq);
        json_member_str(w, "cursor", cursor);
    }
}

/* ---- the answer
 * ----------------------------------------------------------------------------------- */

static void drop(struct reading *r)
{
    struct list *x = (struct list *)r;
    late_free(x->answer);
    filter_clear(&x->f);
    free(x);
}

static void on_read(struct core *c, struct reading *r, enum code code, const char *why,
                    struct journal_rows *rows)
{
    struct list *x = (struct list *)r;
    struct json_writer w;
    if (code != CODE_OK) {
        late_refused(c, x->answer, code, why, 0);
    } else {
        late_begin(c, x->answer, &w);
        write_page(c, &x->f, rows, &w);
        late_send(c, x->answer, WIRE_INFO, &w);
    }
    x->answer = NULL;
    journal_rows_free(rows);
    drop(r);
}

static int ask(struct core *c, struct list *x)
{
    const struct filter *f = &x->f;
    const struct journal_query q = {.owner = f->owner,
                                    .job_id = f->words[JOB],
                                    .tenant = f->words[TENANT],
                                    .pipeline = f->words[PIPELINE],
                                    .code = f->words[CODE],
                                    .phases = f->phases,
                                    .before_seq = f->before_seq == INT64_MAX ? 0 : f->before_seq,
                                    .finished_after_ms = f->since_ms > 0 ? f->since_ms - 1 : 0,
                                    .finished_before_ms =
                                        f->until_ms == INT64_MAX ? 0 : f->until_ms,
                                    .limit = (size_t)f->limit};
    x->reading.fn = on_read;
    x->reading.drop = drop;
    return reading_start(c, &x->reading, &q);
}

static void answer_later(struct core *c, struct peer *p, struct filter *f)
{
    struct list *x = calloc(1, sizeof *x);
    if (x != NULL) {
        x->f = *f;
        *f = (struct filter){.limit = 0};
        x->answer = late_new(c, p);
        if (x->answer != NULL && ask(c, x) == 0)
            return;
        drop(&x->reading);
    }
    answer_refused(c, p, CODE_OVERLOADED, "too many questions wait for the journal");
}

void verbs_list(struct core *c, struct request *q)
{
    struct json_writer w;
    struct filter f;
    const char *wrong = read_filter(c, &f);
    const struct owner *o = peer_owner(c, q->peer);
    f.owner = o == NULL || peer_is_operator(c, q->peer) ? 0 : o->number;
    if (o == NULL) {
        answer_refused(c, q->peer, CODE_OVERLOADED, "no memory for the client");
    } else if (wrong != NULL) {
        answer_refused(c, q->peer, CODE_INVALID_INPUT, wrong);
    } else if (f.phases != 0) {
        answer_later(c, q->peer, &f);
    } else {
        answer_begin(c, &w);
        write_page(c, &f, NULL, &w);
        answer_send(c, q->peer, WIRE_INFO, &w);
    }
    filter_clear(&f);
}
