/* read.c: the thread that answers queries, on a connection of its own. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal/journal_internal.h"
#include "journal/rows.h"

enum { READS_MAX = 256, TEXTS = 8 };

struct read_request {
    struct read_request *next;
    struct journal_query query; /* its strings lie behind it */
    journal_read_fn fn;
    journal_job_fn job_fn; /* not NULL: it asks for the counts of query.job_id */
    struct journal_job job;
    bool has_job;
    void *arg;
    struct journal_rows *rows;
    char why[JOURNAL_WHY];
};

static void texts_of(struct journal_query *q, const char **to[TEXTS])
{
    const char **const all[TEXTS] = {&q->uid,      &q->task_id, &q->job_id, &q->tenant,
                                     &q->pipeline, &q->code,    &q->client, &q->key};
    memcpy(to, all, sizeof all);
}

static struct read_request *request_new(const struct journal_query *q)
{
    struct journal_query copy = *q;
    const char **text[TEXTS];
    size_t n = sizeof(struct read_request);
    texts_of(&copy, text);
    for (int i = 0; i < TEXTS; i++)
        n += *text[i] != NULL ? strlen(*text[i]) + 1 : 0;
    struct read_request *r = calloc(1, n);
    if (r == NULL)
        return NULL;
    r->query = *q;
    char *at = (char *)(r + 1);
    texts_of(&r->query, text);
    for (int i = 0; i < TEXTS; i++) {
        if (*text[i] != NULL) {
            *text[i] = strcpy(at, *text[i]);
            at += strlen(at) + 1;
        }
    }
    return r;
}

static void append(struct read_request **list, struct read_request *r)
{
    while (*list != NULL)
        list = &(*list)->next;
    *list = r;
}

/* Takes r. */
static int put_request(struct journal *j, struct read_request *r)
{
    pthread_mutex_lock(&j->reader.lock);
    bool has_room = j->n_reads < READS_MAX;
    if (has_room) {
        append(&j->reads, r);
        j->n_reads++;
        pthread_cond_signal(&j->reader.wake);
    }
    pthread_mutex_unlock(&j->reader.lock);
    if (has_room)
        return 0;
    free(r);
    errno = EAGAIN;
    return -1;
}

int journal_read(struct journal *j, const struct journal_query *q, journal_read_fn fn, void *arg)
{
    struct read_request *r = request_new(q);
    if (r == NULL)
        return -1;
    r->fn = fn;
    r->arg = arg;
    return put_request(j, r);
}

int journal_read_job(struct journal *j, uint64_t owner, const char *job_id, journal_job_fn fn,
                     void *arg)
{
    struct read_request *r = request_new(&(struct journal_query){.owner = owner, .job_id = job_id});
    if (r == NULL)
        return -1;
    r->job_fn = fn;
    r->arg = arg;
    return put_request(j, r);
}

/* NULL: the journal closes. */
static struct read_request *next_request(struct journal *j)
{
    pthread_mutex_lock(&j->reader.lock);
    while (j->reads == NULL && !j->reader.is_stopping)
        pthread_cond_wait(&j->reader.wake, &j->reader.lock);
    struct read_request *r = j->reader.is_stopping ? NULL : j->reads;
    if (r != NULL)
        j->reads = r->next;
    pthread_mutex_unlock(&j->reader.lock);
    return r;
}

struct connection {
    sqlite3 *db;
    struct rows_reader rows;
};

static int connect_to(struct connection *c, const struct store *s, char *why)
{
    if (c->db != NULL)
        return 0;
    c->db = store_open_reader(s->path, why);
    if (c->db == NULL)
        return -1;
    if (rows_reader_open(&c->rows, c->db, s->spool.dir) == 0)
        return 0;
    snprintf(why, JOURNAL_WHY, "%s", c->rows.why);
    rows_reader_close(&c->rows);
    sqlite3_close(c->db);
    c->db = NULL;
    return -1;
}

static void answer(struct connection *c, const struct store *s, struct read_request *r)
{
    if (connect_to(c, s, r->why) < 0)
        return;
    if (r->job_fn != NULL) {
        r->has_job = job_read(c->db, r->query.job_id, r->query.owner, &r->job, r->why) == 0;
        return;
    }
    r->rows = rows_query(&c->rows, &r->query);
    if (r->rows == NULL)
        snprintf(r->why, sizeof r->why, "%s", c->rows.why);
}

void *reader_run(void *arg)
{
    struct journal *j = arg;
    struct connection c = {.db = NULL};
    for (struct read_request *r; (r = next_request(j)) != NULL;) {
        answer(&c, &j->store, r);
        r->next = NULL;
        pthread_mutex_lock(&j->reader.lock);
        append(&j->answers, r);
        pthread_mutex_unlock(&j->reader.lock);
        helper_call(&j->reader);
    }
    if (c.db != NULL) {
        rows_reader_close(&c.rows);
        sqlite3_close(c.db);
    }
    return NULL;
}

static void tell(struct read_request *r)
{
    const enum code code = r->rows != NULL || r->has_job ? CODE_OK : CODE_STORAGE_UNAVAILABLE;
    const char *why = code == CODE_OK ? NULL : r->why;
    if (r->job_fn != NULL)
        r->job_fn(r->arg, code, why, r->has_job ? &r->job : NULL);
    else
        r->fn(r->arg, code, why, r->rows);
}

void reader_on_call(void *arg, uint32_t events)
{
    struct journal *j = arg;
    (void)events;
    helper_called(&j->reader);
    pthread_mutex_lock(&j->reader.lock);
    struct read_request *all = j->answers;
    j->answers = NULL;
    for (struct read_request *r = all; r != NULL; r = r->next)
        j->n_reads--;
    pthread_mutex_unlock(&j->reader.lock);
    for (struct read_request *r = all, *next; r != NULL; r = next) {
        next = r->next;
        tell(r);
        free(r);
    }
}

static void free_all(struct read_request *r)
{
    for (struct read_request *next; r != NULL; r = next) {
        next = r->next;
        journal_rows_free(r->rows);
        free(r);
    }
}

void reads_clear(struct journal *j)
{
    free_all(j->reads);
    free_all(j->answers);
    j->reads = j->answers = NULL;
}
