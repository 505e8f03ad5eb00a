/* flow_index.c: a table of flows by scope and id, whose entries the flows are. */
#include <stdlib.h>
#include <sys/random.h>

#include "base/table.h"
#include "task/flow.h"

enum { BUCKETS_FIRST = 64 };

int flows_init(struct flows *f)
{
    *f = (struct flows){.n_buckets = BUCKETS_FIRST};
    f->buckets = calloc(f->n_buckets, sizeof(struct flow *));
    if (f->buckets != NULL && getrandom(&f->seed, sizeof f->seed, 0) == sizeof f->seed)
        return 0;
    flows_free(f);
    return -1;
}

static struct flow **bucket(const struct flows *f, const void *scope, uint64_t id)
{
    const uint64_t key[] = {(uintptr_t)scope, id};
    return &f->buckets[table_hash(f->seed, key, sizeof key) & (f->n_buckets - 1)];
}

struct flow *flow_find(const struct flows *f, const void *scope, uint64_t id)
{
    struct flow *x = *bucket(f, scope, id);
    while (x != NULL && (x->scope != scope || x->id != id))
        x = x->next_same;
    return x;
}

static void enter_bucket(struct flows *f, struct flow *x)
{
    struct flow **b = bucket(f, x->scope, x->id);
    x->next_same = *b;
    *b = x;
}

/* Growth that finds no memory is put off: the index only gets slower. */
static void grow(struct flows *f)
{
    struct flows wide = *f;
    wide.n_buckets *= 2;
    wide.buckets = calloc(wide.n_buckets, sizeof(struct flow *));
    if (wide.buckets == NULL)
        return;
    for (size_t i = 0; i < f->n_buckets; i++) {
        for (struct flow *x = f->buckets[i], *next; x != NULL; x = next) {
            next = x->next_same;
            enter_bucket(&wide, x);
        }
    }
    free(f->buckets);
    *f = wide;
}

void flow_enter_index(struct flows *f, struct flow *x)
{
    if (f->n >= f->n_buckets)
        grow(f);
    enter_bucket(f, x);
    f->n++;
}

void flow_leave_index(struct flows *f, struct flow *x)
{
    struct flow **at = bucket(f, x->scope, x->id);
    while (*at != x)
        at = &(*at)->next_same;
    *at = x->next_same;
    f->n--;
}
