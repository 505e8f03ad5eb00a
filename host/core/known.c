/* known.c: finds the kept result of a key. Two questions: which of the tasks with that key may answer
 * (their bytes are not read), then its bytes. Runs in the core. */
#include "core/known.h"

#include <stdlib.h>
#include <string.h>

#include "core/content_key.h"
#include "core/peers.h"
#include "core/pipelines.h"
#include "core/reading.h"
#include "core/replay.h"
#include "core/tasks.h"

enum {
    CANDIDATES = 32,
    FINISHED = 1 << JOURNAL_UNACKNOWLEDGED | 1 << JOURNAL_CLOSED | 1 << JOURNAL_DEAD
};

struct known {
    struct reading reading; /* first */
    struct task *t;
    known_fn fn;
    void (*drop_arg)(void *arg);
    void *arg;
};

bool known_is_wanted(struct core *c, const struct task *t)
{
    return t->is_durable && t->key != NULL && task_leader(c, t) == NULL;
}

static void drop(struct reading *r)
{
    struct known *k = (struct known *)r;
    k->drop_arg(k->arg);
    free(k);
}

static void end(struct core *c, struct known *k, enum code code, const char *why,
                struct result *kept)
{
    k->fn(c, k->t, k->arg, code, why, kept);
    free(k);
}

/* Keys of a tenant are not those of a client without one. */
static bool is_answer(const struct task *t, const struct journal_row *row)
{
    const char *tenant = row->task.tenant;
    if ((tenant == NULL) != (t->tenant == NULL) || row->result.status == NULL)
        return false;
    return code_may_answer(code_find(row->result.code));
}

static bool is_same(const struct task *t, const struct journal_row *row)
{
    return content_key_is(t->key) ||
           (row->task.digest[0] == t->digest[0] && row->task.digest[1] == t->digest[1]);
}

static void on_bytes(struct core *c, struct reading *r, enum code code, const char *why,
                     struct journal_rows *rows)
{
    struct known *k = (struct known *)r;
    struct result *kept = NULL;
    if (code == CODE_OK && rows->n > 0 && rows->items[0].result.status != NULL &&
        rows->items[0].result.fault == NULL) {
        kept = result_of_journal(&rows->items[0].result);
        if (kept == NULL)
            code = CODE_OVERLOADED;
    }
    end(c, k, code, code == CODE_OVERLOADED ? "no memory for the kept result" : why, kept);
    journal_rows_free(rows);
}

static int ask(struct core *c, struct known *k, int64_t before_seq);

static void ask_bytes(struct core *c, struct known *k, const struct journal_row *row)
{
    const struct journal_query q = {.seq = row->task.seq, .want = JOURNAL_WANT_RESULT, .limit = 1};
    if (!is_same(k->t, row)) {
        end(c, k, CODE_DUPLICATE, "a task with this idempotency_key has other content", NULL);
        return;
    }
    k->reading.fn = on_bytes;
    if (reading_start(c, &k->reading, &q) < 0)
        end(c, k, CODE_OVERLOADED, "too many questions wait for the journal", NULL);
}

static void on_candidates(struct core *c, struct reading *r, enum code code, const char *why,
                          struct journal_rows *rows)
{
    struct known *k = (struct known *)r;
    size_t i = 0;
    if (code != CODE_OK) {
        end(c, k, code, why, NULL);
        return;
    }
    while (i < rows->n && !is_answer(k->t, &rows->items[i]))
        i++;
    if (i < rows->n)
        ask_bytes(c, k, &rows->items[i]);
    else if (rows->n == 0 || !rows->has_more)
        end(c, k, CODE_OK, NULL, NULL);
    else if (ask(c, k, (int64_t)rows->items[rows->n - 1].task.seq) < 0)
        end(c, k, CODE_OVERLOADED, "too many questions wait for the journal", NULL);
    journal_rows_free(rows);
}

static int ask(struct core *c, struct known *k, int64_t before_seq)
{
    const struct task *t = k->t;
    const struct journal_query q = {.owner = t->tenant == NULL ? t->owner->number : 0,
                                    .tenant = t->tenant,
                                    .pipeline = pipeline_slug(t->pipeline),
                                    .key = t->key,
                                    .phases = FINISHED,
                                    .before_seq = before_seq,
                                    .limit = CANDIDATES};
    k->reading.fn = on_candidates;
    return reading_start(c, &k->reading, &q);
}

int known_find(struct core *c, struct task *t, known_fn fn, void (*drop_arg)(void *arg), void *arg)
{
    struct known *k = malloc(sizeof *k);
    if (k == NULL)
        return -1;
    *k = (struct known){
        .reading = {.drop = drop}, .t = t, .fn = fn, .drop_arg = drop_arg, .arg = arg};
    if (ask(c, k, 0) == 0)
        return 0;
    free(k);
    return -1;
}
