/* reload_answer.c: what RELOAD is answered, when it is done. Runs in the core. */
#include <stdlib.h>

#include "conf/changes.h"
#include "core/changes.h"
#include "core/late.h"
#include "core/reload_internal.h"
#include "plugin/catalog.h"

int reload_add_waiter(struct reload *r, struct peer *p)
{
    struct late **grown =
        reallocarray(r->next_waiters.items, r->next_waiters.n + 1, sizeof(struct late *));
    if (grown == NULL)
        return -1;
    r->next_waiters.items = grown;
    grown[r->next_waiters.n] = late_new(r->core, p);
    if (grown[r->next_waiters.n] == NULL)
        return -1;
    r->next_waiters.n++;
    return 0;
}

static void forget(struct reload_waiters *w)
{
    for (size_t i = 0; i < w->n; i++)
        late_free(w->items[i]);
    free(w->items);
    *w = (struct reload_waiters){NULL, 0};
}

void reload_forget_waiters(struct reload *r)
{
    forget(&r->waiters);
    forget(&r->next_waiters);
}

/* ---- the answer
 * ------------------------------------------------------------------------------------ */

static void write_names(struct json_writer *w, const char *key, const struct conf_list *names)
{
    json_key(w, key);
    json_open(w, '[');
    for (size_t i = 0; i < names->n; i++)
        json_put_str(w, names->items[i]);
    json_close(w, ']');
}

static void write_pair(struct json_writer *w, const char *key, const char *value,
                       const char *reason)
{
    json_open(w, '{');
    json_member_str(w, key, value);
    json_member_str(w, "reason", reason);
    json_close(w, '}');
}

static void write_broken(struct json_writer *w, const struct catalog *catalog)
{
    json_key(w, "broken");
    json_open(w, '[');
    for (size_t i = 0; i < catalog_count(catalog); i++) {
        const struct catalog_plugin *p = catalog_at(catalog, i);
        if (p->state == CATALOG_BROKEN)
            write_pair(w, "file", p->path, p->reason);
    }
    json_close(w, ']');
}

static void write_report(struct json_writer *w, const struct changes_report *report)
{
    write_names(w, "added", &report->added);
    write_names(w, "changed", &report->changed);
    write_names(w, "removed", &report->removed);
    json_member_int(w, "unchanged", (int64_t)report->n_unchanged);
    json_key(w, "failed");
    json_open(w, '[');
    for (size_t i = 0; i < report->failed.n && i < report->reasons.n; i++)
        write_pair(w, "pipeline", report->failed.items[i], report->reasons.items[i]);
    json_close(w, ']');
}

static void write_answer(const struct reload *r, struct json_writer *w)
{
    if (r->refusal.code != CODE_OK) {
        refusal_write(&r->refusal, w);
        return;
    }
    json_member_str(w, "state", "reloaded");
    write_names(w, "needs_restart", &r->needs_restart);
    write_report(w, r->report);
    write_broken(w, r->core->catalog);
    write_names(w, "changing", &r->changing);
}

void reload_answer(struct reload *r)
{
    struct core *c = r->core;
    const bool is_refused = r->refusal.code != CODE_OK;
    for (size_t i = 0; i < r->waiters.n; i++) {
        struct json_writer w;
        struct late *waiter = r->waiters.items[i];
        r->waiters.items[i] = NULL;
        late_begin(c, waiter, &w);
        write_answer(r, &w);
        c->stats.refused += is_refused;
        late_send(c, waiter, is_refused ? WIRE_REFUSED : WIRE_INFO, &w);
    }
    forget(&r->waiters);
}
