/* dead_letters.c: RETRY and PURGE. Dead letters are read a page at a time, the newest first; the next
 * page is read when all that was done with the last one is durable. Runs in the core. */
#include "core/dead_letters.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "core/answer.h"
#include "core/dead_letter.h"
#include "core/durable.h"
#include "core/late.h"
#include "core/peers.h"
#include "core/reading.h"
#include "core/tasks.h"
#include "core/verbs.h"

/* A page of RETRY holds all inputs in memory. */
enum {
    PAGE_RETRY = 8,
    PAGE_PURGE = 500,
    LIMIT_DEFAULT = 1000,
    LIMIT_MAX = 100000,
    NAMES_MAX = 1000,
    LIST_BYTES_MAX = 64 * 1024 * 1024,
    BUSY_MS = 500
};

enum word { UID, TASK, PIPELINE, JOB, TENANT, CODE, WORDS };
static const char *const word_names[WORDS] = {"uid",    "task_id", "pipeline",
                                              "job_id", "tenant",  "code"};

struct work {
    struct reading reading; /* first */
    struct late *answer;
    bool is_purge, is_dry, is_over, is_stopped; /* stopped: the queue is full */
    char *words[WORDS];
    int64_t limit, since_ms, until_ms; /* finished in [since, until) */
    int64_t before_seq;
    int64_t n;       /* found, or done */
    struct buf list; /* of what was found: a JSON array */
    struct json_writer w;
    struct owner *owner; /* of the last row: those of one owner often come together */
};

static void work_free(struct reading *r)
{
    struct work *x = (struct work *)r;
    late_free(x->answer);
    for (size_t i = 0; i < WORDS; i++)
        free(x->words[i]);
    buf_clear(&x->list);
    free(x);
}

/* ---- the request
 * ---------------------------------------------------------------------------------- */

/* NULL, or what is wrong. All of them are meant only if that is said. */
static const char *read_work(const struct core *c, struct work *x)
{
    bool has_any = verbs_is_true(c, "all");
    x->limit = LIMIT_DEFAULT;
    x->is_dry = verbs_is_true(c, "dry_run");
    if (verbs_read_words(c, word_names, WORDS, x->words) < 0)
        return "/uid, /task_id, /pipeline, /job_id, /tenant and /code: expected strings";
    for (size_t i = 0; i < WORDS; i++)
        has_any |= x->words[i] != NULL;
    if (verbs_read_int(c, "limit", 1, LIMIT_MAX, &x->limit) < 0)
        return "/limit: expected an integer from 1 to 100000";
    if (verbs_read_int(c, "since", 1, INT64_MAX, &x->since_ms) < 0 ||
        verbs_read_int(c, "until", 1, INT64_MAX, &x->until_ms) < 0)
        return "/since and /until: expected milliseconds since the epoch";
    if (has_any || x->since_ms > 0 || x->until_ms > 0)
        return NULL;
    return "expected which dead letters are meant: uid, task_id, pipeline, job_id, tenant, code, "
           "since, until, or \"all\": true";
}

/* ---- the answer
 * ----------------------------------------------------------------------------------- */

static void put_found(struct work *x, const struct journal_task *from, const struct task *to)
{
    if (++x->n > NAMES_MAX)
        return;
    json_open(&x->w, '{');
    json_member_str(&x->w, "task_id", to != NULL ? to->task_id : from->task_id);
    json_member_str(&x->w, "uid", to != NULL ? to->uid : from->uid);
    json_member_str(&x->w, "retry_of", to != NULL ? from->uid : NULL);
    json_close(&x->w, '}');
}

static const char *word_of(const struct work *x)
{
    if (x->is_dry)
        return "found";
    return x->is_purge ? "purged" : "requeued";
}

static void answer(struct core *c, struct work *x)
{
    struct json_writer w;
    json_close(&x->w, ']');
    late_begin(c, x->answer, &w);
    json_member_int(&w, word_of(x), x->n);
    if (json_end(&x->w) == 0)
        json_member_raw(&w, "tasks", (struct json_span){(const char *)x->list.data, x->list.len});
    json_member_bool(&w, "more", !x->is_over);
    if (x->is_stopped)
        json_member_str(&w, "reason", "the queue is full");
    late_send(c, x->answer, WIRE_INFO, &w);
    x->answer = NULL;
}

static void end(struct core *c, struct work *x, enum code code, const char *why)
{
    c->is_reviving = false;
    if (code == CODE_OK) {
        answer(c, x);
    } else {
        late_refused(c, x->answer, code, why, BUSY_MS);
        x->answer = NULL;
    }
    if (x->n > 0 && !x->is_dry)
        dead_letters_count(c);
    work_free(&x->reading);
}

/* ---- one of them
 * ---------------------------------------------------------------------------------- */

/* One that cannot be read is left where it is. -1: no memory. */
static int retry_one(struct core *c, struct work *x, const struct journal_row *row)
{
    if (row->fault != NULL) {
        log_error("a dead letter cannot be run again", LS("task_id", row->task.task_id),
                  LS("uid", row->task.uid), LS("why", row->fault));
        return 0;
    }
    const struct task *t = dead_letter_repeat(c, row, &x->owner);
    if (t != NULL)
        put_found(x, &row->task, t);
    return t != NULL || errno == EBADMSG ? 0 : -1;
}

static size_t bytes_of(const struct journal_row *row)
{
    size_t n = row->task.header.len;
    for (size_t i = 0; i < row->task.n_frames; i++)
        n += row->task.frames[i].bytes.len;
    return n;
}

/* -1: no memory. */
static int handle(struct core *c, struct work *x, const struct journal_row *row)
{
    x->before_seq = (int64_t)row->task.seq;
    if (x->is_dry) {
        put_found(x, &row->task, NULL);
        return 0;
    }
    if (x->is_purge) {
        dead_letter_purge(c, row);
        put_found(x, &row->task, NULL);
        return 0;
    }
    x->is_stopped = !tasks_have_room(c, 1, bytes_of(row));
    return x->is_stopped ? 0 : retry_one(c, x, row);
}

/* ---- page by page
 * --------------------------------------------------------------------------------- */

static int read_page(struct core *c, struct work *x);

static void on_page_durable(struct core *c, void *arg, enum code code, const char *why)
{
    struct work *x = arg;
    if (code != CODE_OK)
        end(c, x, code, why);
    else if (x->is_over || x->is_stopped || x->n >= x->limit)
        end(c, x, CODE_OK, NULL);
    else if (read_page(c, x) < 0)
        end(c, x, CODE_OVERLOADED, "too many questions wait for the journal");
}

static int handle_all(struct core *c, struct work *x, const struct journal_rows *rows)
{
    x->owner = NULL; /* it may have gone since the last page */
    for (size_t i = 0; i < rows->n && !x->is_stopped && x->n < x->limit; i++) {
        if (handle(c, x, &rows->items[i]) < 0)
            return -1;
    }
    x->is_over = !rows->has_more && !x->is_stopped &&
                 (rows->n == 0 || x->before_seq == (int64_t)rows->items[rows->n - 1].task.seq);
    return 0;
}

static void on_read(struct core *c, struct reading *r, enum code code, const char *why,
                    struct journal_rows *rows)
{
    struct work *x = (struct work *)r;
    if (code != CODE_OK)
        end(c, x, code, why);
    else if (handle_all(c, x, rows) < 0 || durable_barrier(c, on_page_durable, x) < 0)
        end(c, x, CODE_OVERLOADED, "no memory");
    journal_rows_free(rows);
}

static int read_page(struct core *c, struct work *x)
{
    const int64_t most = x->is_purge || x->is_dry ? PAGE_PURGE : PAGE_RETRY, left = x->limit - x->n;
    const struct journal_query q = {.uid = x->words[UID],
                                    .task_id = x->words[TASK],
                                    .pipeline = x->words[PIPELINE],
                                    .job_id = x->words[JOB],
                                    .tenant = x->words[TENANT],
                                    .code = x->words[CODE],
                                    .phases = 1U << JOURNAL_DEAD,
                                    .before_seq = x->before_seq,
                                    .finished_after_ms = x->since_ms > 0 ? x->since_ms - 1 : 0,
                                    .finished_before_ms = x->until_ms,
                                    .want = x->is_purge || x->is_dry ? 0 : JOURNAL_WANT_INPUTS,
                                    .limit = (size_t)(left < most ? left : most)};
    return reading_start(c, &x->reading, &q);
}

static struct work *work_new(bool is_purge)
{
    struct work *x = calloc(1, sizeof *x);
    if (x == NULL)
        return NULL;
    x->is_purge = is_purge;
    x->reading.fn = on_read;
    x->reading.drop = work_free;
    buf_init(&x->list, LIST_BYTES_MAX);
    json_begin(&x->w, &x->list);
    json_open(&x->w, '[');
    return x;
}

/* Without durable writes nothing is begun: it would wait, and hold up the next one. */
static enum code start(struct core *c, struct work *x, struct peer *p, const char **why)
{
    *why = x != NULL ? read_work(c, x) : NULL;
    if (*why != NULL)
        return CODE_INVALID_INPUT;
    if (x != NULL && !journal_takes(c->journal, why))
        return CODE_STORAGE_UNAVAILABLE;
    *why = "another RETRY or PURGE is at work";
    if (c->is_reviving)
        return CODE_OVERLOADED;
    *why = "no memory";
    x = x != NULL && (x->answer = late_new(c, p)) != NULL ? x : NULL;
    return x != NULL && read_page(c, x) == 0 ? CODE_OK : CODE_OVERLOADED;
}

static void begin(struct core *c, struct request *q, bool is_purge)
{
    const char *why;
    struct work *x = work_new(is_purge);
    const enum code code = start(c, x, q->peer, &why);
    if (code == CODE_OK) {
        c->is_reviving = true;
        return;
    }
    if (x != NULL)
        work_free(&x->reading);
    answer_refused(c, q->peer, code, why);
}

void verbs_retry(struct core *c, struct request *q)
{
    begin(c, q, false);
}

void verbs_purge(struct core *c, struct request *q)
{
    begin(c, q, true);
}

/* ---- how many there are
 * --------------------------------------------------------------------------- */

static void count_free(struct reading *r)
{
    free(r);
}

static void on_counted(struct core *c, struct reading *r, enum code code, const char *why,
                       const struct journal_job *job)
{
    (void)why;
    if (code == CODE_OK)
        c->n_dead = job->dead;
    free(r);
}

void dead_letters_count(struct core *c)
{
    struct reading *r = calloc(1, sizeof *r);
    if (r == NULL)
        return;
    r->job_fn = on_counted;
    r->drop = count_free;
    if (reading_start_job(c, r, 0, NULL) < 0)
        free(r);
}
