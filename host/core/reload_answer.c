/* reload_answer.c: what RELOAD is answered, when it is done. Runs in the core. */
#include <stdlib.h>

#include "conf/changes.h"
#include "core/changes.h"
#include "core/late.h"
#include "core/reload_internal.h"
#include "plugin/catalog.h"

struct reload_waiter {
    struct reload_waiter *next;
    struct late *answer;
};

int reload_add_waiter(struct reload *r, struct peer *p)
{
    struct reload_waiter *w = malloc(sizeof *w);
    struct late *answer = w != NULL ? late_new(r->core, p) : NULL;
    if (answer == NULL) {
        free(w);
        return -1;
    }
    *w = (struct reload_waiter){.next = r->next_waiters, .answer = answer};
    r->next_waiters = w;
    return 0;
}

static void free_all(struct reload_waiter **list)
{
    while (*list != NULL) {
        struct reload_waiter *w = *list;
        *list = w->next;
        late_free(w->answer);
        free(w);
    }
}

void reload_forget_waiters(struct reload *r)
{
    free_all(&r->waiters);
    free_all(&r->next_waiters);
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
    for (struct reload_waiter *at = r->waiters; at != NULL; at = at->next) {
        struct json_writer w;
        late_begin(c, at->answer, &w);
        write_answer(r, &w);
        c->stats.refused += is_refused;
        late_send(c, at->answer, is_refused ? WIRE_REFUSED : WIRE_INFO, &w);
        at->answer = NULL;
    }
    free_all(&r->waiters);
}
