/* named.c: finds one task in the journal. Runs in the core. */
#include "core/named.h"

#include <stdlib.h>
#include <string.h>

#include "core/keys.h"
#include "core/peers.h"
#include "core/reading.h"

struct named {
    struct reading reading; /* first */
    named_fn fn;
    void (*drop_arg)(void *arg);
    void *arg;
    unsigned want;
    uint64_t owner;            /* 0: of anybody */
    bool is_uid;               /* name is one */
    bool may_be_uid;           /* it may be one, if it is no task_id */
    char curve_key[CURVE_HEX]; /* of who asks */
    char *name;
};

static void named_free(struct named *x)
{
    free(x->name);
    free(x);
}

static void drop(struct reading *r)
{
    struct named *x = (struct named *)r;
    x->drop_arg(x->arg);
    named_free(x);
}

static int ask(struct core *c, struct named *x)
{
    const struct journal_query q = {.owner = x->is_uid ? 0 : x->owner,
                                    .uid = x->is_uid ? x->name : NULL,
                                    .task_id = x->is_uid ? NULL : x->name,
                                    .want = x->want,
                                    .limit = 1};
    return reading_start(c, &x->reading, &q);
}

static void end(struct core *c, struct named *x, enum code code, const char *why,
                const struct journal_row *row)
{
    x->fn(c, x->arg, code, why, row);
    named_free(x);
}

/* A uid opens a task to whoever came in with the key of its owner, or without one as he did. Of an owner who is
 * forgotten only the tenant is left, which his key named. */
static bool may_see(const struct core *c, const struct named *x, const struct journal_task *t)
{
    const struct owner *o = owner_find(c, t->owner);
    if (x->owner == 0)
        return true;
    if (o != NULL)
        return strcmp(o->curve_key, x->curve_key) == 0;
    if (x->curve_key[0] == '\0')
        return true;
    const struct allowed_key *key = keys_find(c, x->curve_key);
    return key != NULL && t->tenant != NULL && strcmp(key->tenant, t->tenant) == 0;
}

static void on_read(struct core *c, struct reading *r, enum code code, const char *why,
                    struct journal_rows *rows)
{
    struct named *x = (struct named *)r;
    const struct journal_row *row = rows != NULL && rows->n > 0 ? &rows->items[0] : NULL;
    if (row != NULL && x->is_uid && !may_see(c, x, &row->task))
        row = NULL;
    if (code != CODE_OK || row != NULL || !x->may_be_uid) {
        end(c, x, code, why, row);
    } else {
        x->is_uid = true;
        x->may_be_uid = false;
        if (ask(c, x) < 0)
            end(c, x, CODE_OVERLOADED, "too many questions wait for the journal", NULL);
    }
    journal_rows_free(rows);
}

/* The token of the name; 0: none. */
static uint32_t name_of(const struct core *c, bool *is_uid)
{
    uint32_t uid = json_find(&c->doc, 0, "uid"), id = json_find(&c->doc, 0, "task_id");
    uint32_t t = uid != 0 ? uid : id;
    *is_uid = uid != 0;
    return t != 0 && json_kind(&c->doc, t) == JSON_STRING ? t : 0;
}

bool named_is_given(const struct core *c)
{
    bool is_uid;
    return name_of(c, &is_uid) != 0;
}

int named_find(struct core *c, struct peer *p, unsigned want, named_fn fn,
               void (*drop_arg)(void *arg), void *arg)
{
    const struct owner *o = peer_owner(c, p);
    struct named *x = o != NULL ? malloc(sizeof *x) : NULL;
    if (x == NULL)
        return -1;
    *x = (struct named){.reading = {.fn = on_read, .drop = drop},
                        .fn = fn,
                        .drop_arg = drop_arg,
                        .arg = arg,
                        .want = want,
                        .owner = peer_is_operator(c, p) ? 0 : o->number};
    memcpy(x->curve_key, o->curve_key, sizeof x->curve_key);
    x->name = json_strdup(&c->doc, name_of(c, &x->is_uid));
    x->may_be_uid = !x->is_uid && peer_is_operator(c, p);
    if (x->name != NULL && ask(c, x) == 0)
        return 0;
    named_free(x);
    return -1;
}
