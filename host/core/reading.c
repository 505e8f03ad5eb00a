/* reading.c: questions to the journal. Runs in the core. */
#include "core/reading.h"

static void unlink_reading(struct core *c, struct reading *r)
{
    *(r->prev != NULL ? &r->prev->next : &c->readings) = r->next;
    if (r->next != NULL)
        r->next->prev = r->prev;
}

static void on_read(void *arg, enum code code, const char *why, struct journal_rows *rows)
{
    struct reading *r = arg;
    unlink_reading(r->c, r);
    r->fn(r->c, r, code, why, rows);
}

static void on_job(void *arg, enum code code, const char *why, const struct journal_job *job)
{
    struct reading *r = arg;
    unlink_reading(r->c, r);
    r->job_fn(r->c, r, code, why, job);
}

static void link_reading(struct core *c, struct reading *r)
{
    r->prev = NULL;
    r->next = c->readings;
    if (r->next != NULL)
        r->next->prev = r;
    c->readings = r;
}

int reading_start(struct core *c, struct reading *r, const struct journal_query *q)
{
    r->c = c;
    if (journal_read(c->journal, q, on_read, r) < 0)
        return -1;
    link_reading(c, r);
    return 0;
}

int reading_start_job(struct core *c, struct reading *r, uint64_t owner, const char *job_id)
{
    r->c = c;
    if (journal_read_job(c->journal, owner, job_id, on_job, r) < 0)
        return -1;
    link_reading(c, r);
    return 0;
}

void readings_clear(struct core *c)
{
    while (c->readings != NULL) {
        struct reading *r = c->readings;
        unlink_reading(c, r);
        r->drop(r);
    }
}
