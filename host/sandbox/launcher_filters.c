/* launcher_filters.c: the filters of boxes, each built once and kept for the next box that wants the
 * same. Runs in the launcher. */
#include "base/fdutil.h"
#include "sandbox/launcher.h"

/* Rights that change what a filter holds. */
enum { FILTER_RIGHTS = BOX_MAY_NETWORK | BOX_MAY_JIT | BOX_MAY_GPU };

void launch_filters_init(struct launch_filters *f)
{
    *f = (struct launch_filters){.now = 0};
    for (int i = 0; i < LAUNCH_FILTERS; i++)
        f->items[i].fd = -1;
}

void launch_filters_clear(struct launch_filters *f)
{
    for (int i = 0; i < LAUNCH_FILTERS; i++)
        fd_close(&f->items[i].fd);
}

static bool is_it(const struct launch_filter *item, const struct filter_key *key)
{
    return item->fd >= 0 && item->key.kind == key->kind && item->key.rights == key->rights &&
           item->key.extra_calls == key->extra_calls && item->key.is_learning == key->is_learning;
}

/* The one that is there; else a place: an empty one, or that of the filter longest not asked for. */
static struct launch_filter *find(struct launch_filters *f, const struct filter_key *key)
{
    struct launch_filter *place = &f->items[0];
    for (int i = 0; i < LAUNCH_FILTERS; i++) {
        struct launch_filter *item = &f->items[i];
        if (is_it(item, key))
            return item;
        if (item->used < place->used)
            place = item;
    }
    return place;
}

int launch_filter(struct launch *l, const struct filter_key *wanted)
{
    const struct filter_key key = {wanted->kind, wanted->rights & FILTER_RIGHTS,
                                   wanted->extra_calls, wanted->is_learning};
    struct launch_filter *item = find(&l->filters, &key);
    if (!is_it(item, &key)) {
        fd_close(&item->fd);
        item->fd = filter_build(&key);
        item->key = key;
    }
    item->used = ++l->filters.now;
    return item->fd;
}
