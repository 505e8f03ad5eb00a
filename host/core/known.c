/* known.c: finds the kept result of a key. Two questions: which of the tasks with that key may answer
 * (their bytes are not read), then its bytes. A client may submit many at once: those that the journal
 * has no turn for wait here, in their order. Runs in the core. */
#include "core/known.h"

#include <errno.h>
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
    struct known *next;     /* in core.waiting_keys */
    struct task *t;
    int64_t before_seq; /* 0: candidates from the newest on */
    uint64_t found;     /* seq: its bytes are wanted; 0: not yet known */
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

/* Asks, or waits for a turn. */
static void go_on(struct core *c, struct known *k);

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
    const struct journal_row *found = i < rows->n ? &rows->items[i] : NULL;
    if (found != NULL && !is_same(k->t, found)) {
        end(c, k, CODE_DUPLICATE, "a task with this idempotency_key has other content", NULL);
    } else if (found == NULL && (rows->n == 0 || !rows->has_more)) {
        end(c, k, CODE_OK, NULL, NULL);
    } else {
        k->found = found != NULL ? found->task.seq : 0;
        k->before_seq = (int64_t)rows->items[rows->n - 1].task.seq;
        go_on(c, k);
    }
    journal_rows_free(rows);
}

static int ask(struct core *c, struct known *k)
{
    const struct task *t = k->t;
    const struct journal_query bytes = {.seq = k->found, .want = JOURNAL_WANT_RESULT, .limit = 1};
    const struct journal_query candidates = {.owner = t->tenant == NULL ? t->owner->number : 0,
                                             .tenant = t->tenant,
                                             .pipeline = pipeline_slug(t->pipeline),
                                             .key = t->key,
                                             .phases = FINISHED,
                                             .before_seq = k->before_seq,
                                             .limit = CANDIDATES};
    k->reading.fn = k->found != 0 ? on_bytes : on_candidates;
    return reading_start(c, &k->reading, k->found != 0 ? &bytes : &candidates);
}

static void wait_for_turn(struct core *c, struct known *k)
{
    struct known **at = &c->waiting_keys;
    if (*at != NULL)
        at = &c->last_waiting_key->next;
    *at = c->last_waiting_key = k;
    k->next = NULL;
}

/* Nobody overtakes those that wait. */
static void go_on(struct core *c, struct known *k)
{
    if (c->waiting_keys == NULL && ask(c, k) == 0)
        return;
    if (c->waiting_keys != NULL || errno == EAGAIN)
        wait_for_turn(c, k);
    else
        end(c, k, CODE_OVERLOADED, "no memory to look for its key", NULL);
}

void known_resume(struct core *c)
{
    struct known *k;
    while ((k = c->waiting_keys) != NULL) {
        if (ask(c, k) == 0) {
            c->waiting_keys = k->next;
            continue;
        }
        if (errno == EAGAIN)
            return;
        c->waiting_keys = k->next;
        end(c, k, CODE_OVERLOADED, "no memory to look for its key", NULL);
    }
}

void known_clear(struct core *c)
{
    while (c->waiting_keys != NULL) {
        struct known *k = c->waiting_keys;
        c->waiting_keys = k->next;
        drop(&k->reading);
    }
}

int known_find(struct core *c, struct task *t, known_fn fn, void (*drop_arg)(void *arg), void *arg)
{
    struct known *k = malloc(sizeof *k);
    if (k == NULL)
        return -1;
    *k = (struct known){
        .reading = {.drop = drop}, .t = t, .fn = fn, .drop_arg = drop_arg, .arg = arg};
    go_on(c, k);
    return 0;
}
