/* quota.c: accounts of tenants, counts of what waits, and the limits on both. Runs in the core. */
#include "core/quota.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/table.h"
#include "core/keys.h"
#include "core/peers.h"
#include "core/pipelines.h"
#include "core/quota_rate.h"
#include "core/reserve.h"
#include "core/tasks.h"
#include "loop/loop.h"

enum { OWNERS_SHARE = 4, MORE_THAN_ONE = 16, RESULTS_RETRY_MS = 1000, TENANTS_SHOWN = 100 };

struct quota {
    struct table *accounts; /* by owner and name */
    struct rate rate;
};

int quota_init(struct core *c)
{
    struct quota *q = c->quota = calloc(1, sizeof *q);
    if (q == NULL)
        return -1;
    q->accounts = table_new();
    rate_init(&q->rate, loop_now_ms(c->loop));
    return q->accounts != NULL ? 0 : -1;
}

/* Tasks have left by now. */
void quota_clear(struct core *c)
{
    if (c->quota == NULL)
        return;
    table_free(c->quota->accounts);
    free(c->quota);
    c->quota = NULL;
}

/* ---- accounts
 * ------------------------------------------------------------------------------------- */

/* Whose tenant it is, then its name. */
static size_t make_key(unsigned char *key, const struct owner *o, const char *tenant)
{
    const uint64_t owner = tenant != NULL ? 0 : o->number;
    const size_t n = tenant != NULL ? strlen(tenant) : 0;
    memcpy(key, &owner, sizeof owner);
    if (n > 0)
        memcpy(key + sizeof owner, tenant, n);
    return sizeof owner + n;
}

enum { KEY_MAX = sizeof(uint64_t) + TENANT_MAX };

/* NULL: it has no open tasks. A name has at most TENANT_MAX bytes: submit_read.c. */
static struct account *account_find(const struct core *c, const struct owner *o, const char *tenant)
{
    unsigned char key[KEY_MAX];
    return table_get(c->quota->accounts, key, make_key(key, o, tenant));
}

static struct account *account_new(struct core *c, const struct owner *o, const char *tenant)
{
    unsigned char key[KEY_MAX];
    const struct conf_tenant *conf = conf_tenant(c->conf, tenant);
    const char *name = tenant != NULL ? tenant : "";
    struct account *a = calloc(1, sizeof *a + strlen(name) + 1);
    if (a == NULL)
        return NULL;
    a->owner = tenant != NULL ? 0 : o->number;
    strcpy(a->name, name);
    a->sched.weight = (double)conf->weight;
    a->sched.max_running = (uint32_t)conf->max_concurrent;
    if (table_put(c->quota->accounts, key, make_key(key, o, tenant), a) == 0)
        return a;
    free(a);
    return NULL;
}

static void account_release(struct core *c, struct account *a, const struct task *t)
{
    unsigned char key[KEY_MAX];
    if (--a->n_open > 0)
        return;
    table_take(c->quota->accounts, key, make_key(key, t->owner, t->tenant));
    free(a);
}

/* ---- counting
 * ------------------------------------------------------------------------------------- */

static void add(struct amount *to, size_t n, size_t bytes)
{
    to->n += n;
    to->bytes += bytes;
}

void quota_wait(struct core *c, struct task *t)
{
    if (t->is_waiting)
        return;
    t->is_waiting = true;
    add(&t->account->waiting, 1, t->bytes);
    add(&t->owner->queued, 1, t->bytes);
    c->n_waiting++;
    c->queue_bytes += t->bytes;
}

void quota_unwait(struct core *c, struct task *t)
{
    if (!t->is_waiting)
        return;
    t->is_waiting = false;
    add(&t->account->waiting, -(size_t)1, -t->bytes);
    add(&t->owner->queued, -(size_t)1, -t->bytes);
    c->n_waiting--;
    c->queue_bytes -= t->bytes;
    rate_note(&c->quota->rate, loop_now_ms(c->loop), (struct amount){1, t->bytes});
}

/* On the monotonic clock; a task that an earlier core took has waited all the time since. */
static int64_t since_ms(const struct core *c, const struct task *t)
{
    const int64_t waited = clock_wall_ms() - t->submitted_ms;
    return loop_now_ms(c->loop) - (waited > 0 ? waited : 0);
}

int quota_enter(struct core *c, struct task *t)
{
    struct account *a = account_find(c, t->owner, t->tenant);
    if (a == NULL)
        a = account_new(c, t->owner, t->tenant);
    if (a == NULL)
        return -1;
    a->n_open++;
    t->account = a;
    t->item.tenant = &a->sched;
    t->item.client = t->tenant != NULL ? t->owner->number : 0;
    t->item.job = t->job_id != NULL ? table_hash(c->hash_seed[0], t->job_id, strlen(t->job_id)) : 0;
    t->item.since_ms = since_ms(c, t);
    quota_wait(c, t);
    return 0;
}

void quota_leave(struct core *c, struct task *t)
{
    if (t->account == NULL)
        return;
    quota_unwait(c, t);
    account_release(c, t->account, t);
    t->account = NULL;
}

/* ---- limits
 * --------------------------------------------------------------------------------------- */

int64_t quota_retry_after_ms(struct core *c, struct amount more)
{
    const int64_t now = loop_now_ms(c->loop);
    const uint64_t seed[] = {(uint64_t)clock_mono_us(), (uint64_t)c->stats.refused};
    return rate_estimate_ms(&c->quota->rate, now, more,
                            table_hash(c->hash_seed[0], seed, sizeof seed));
}

bool quota_host_has_room(const struct core *c, struct amount more)
{
    const struct amount kept = reserve_total(c);
    return (int64_t)(c->n_waiting + kept.n + more.n) <= c->host->queue_max &&
           (int64_t)(c->queue_bytes + kept.bytes + more.bytes) <= c->host->queue_max_bytes;
}

/* One bound, and what there is below it. */
struct bound {
    const char *option, *whose;
    enum code code;
    bool is_bytes;
    size_t found;
    int64_t most; /* 0: none */
};

enum { BOUNDS = 6 };

static void list_bounds(const struct core *c, const struct owner *o, const char *tenant,
                        struct bound out[BOUNDS])
{
    const struct conf_host *h = c->host;
    const struct conf_tenant *t = conf_tenant(c->conf, tenant);
    const struct account *a = account_find(c, o, tenant);
    const struct amount kept = reserve_total(c), mine = reserve_of(o), none = {0, 0},
                        theirs = a != NULL ? a->waiting : none;
    const struct bound all[BOUNDS] = {
        {"queue_max", "the queue is full", CODE_OVERLOADED, false, c->n_waiting + kept.n,
         h->queue_max},
        {"queue_max_bytes", "the queue is full", CODE_OVERLOADED, true, c->queue_bytes + kept.bytes,
         h->queue_max_bytes},
        {"client_queue_max", "too many of your tasks wait", CODE_QUOTA, false, o->queued.n + mine.n,
         h->client_queue_max},
        {"client_queue_max_bytes", "too many bytes of your tasks wait", CODE_QUOTA, true,
         o->queued.bytes + mine.bytes, h->client_queue_max_bytes},
        {"tenant_queue_max", "too many tasks of the tenant wait", CODE_QUOTA, false, theirs.n,
         t->queue_max},
        {"tenant_queue_max_bytes", "too many bytes of the tenant's tasks wait", CODE_QUOTA, true,
         theirs.bytes, t->queue_max_bytes},
    };
    memcpy(out, all, sizeof all);
}

/* Room for a few more than one, so that not all who wait come for the same place. */
static int refuse_bound(struct core *c, const struct bound *b, size_t size, struct refusal *r)
{
    const size_t most = (size_t)b->most, over = b->found + size > most ? b->found + size - most : 0;
    const size_t more = over + most / MORE_THAN_ONE;
    r->retry_after_ms =
        quota_retry_after_ms(c, b->is_bytes ? (struct amount){0, more} : (struct amount){more, 0});
    return refuse(r, b->code, "%s: %s is %zu, found %zu waiting%s, and this adds %zu", b->whose,
                  b->option, most, b->found, b->is_bytes ? " bytes" : "", size);
}

/* What waits to be acknowledged holds memory too; no client may take all of it. */
static int check_results(struct core *c, const struct owner *o, struct refusal *r)
{
    const int64_t most = c->host->results_max_bytes;
    const bool is_host_full = (int64_t)c->kept_waiting_bytes > most;
    if (!is_host_full && (int64_t)o->waiting_bytes <= most / OWNERS_SHARE)
        return 0;
    r->retry_after_ms = quota_retry_after_ms(c, (struct amount){0, 0});
    r->retry_after_ms = r->retry_after_ms < RESULTS_RETRY_MS ? RESULTS_RETRY_MS : r->retry_after_ms;
    if (is_host_full)
        return refuse(r, CODE_OVERLOADED, "too many results wait to be acknowledged");
    return refuse(r, CODE_QUOTA, "too many of your results wait to be acknowledged");
}

int quota_check(struct core *c, const struct owner *o, const char *tenant, size_t bytes,
                struct refusal *r)
{
    struct bound bounds[BOUNDS];
    list_bounds(c, o, tenant, bounds);
    for (size_t i = 0; i < BOUNDS; i++) {
        const size_t size = bounds[i].is_bytes ? bytes : 1;
        if (bounds[i].most > 0 && (int64_t)(bounds[i].found + size) > bounds[i].most)
            return refuse_bound(c, &bounds[i], size, r);
    }
    return check_results(c, o, r);
}

/* For whom a client's tasks are that name nobody; NULL: for itself. */
static const char *tenant_of(const struct core *c, const struct owner *o)
{
    const struct allowed_key *key = o->curve_key[0] != '\0' ? keys_find(c, o->curve_key) : NULL;
    return key != NULL ? key->tenant : NULL;
}

size_t quota_room(struct core *c, const struct owner *o, size_t n, size_t bytes, struct refusal *r)
{
    struct bound bounds[BOUNDS];
    if (check_results(c, o, r) < 0)
        return 0;
    list_bounds(c, o, tenant_of(c, o), bounds);
    for (size_t i = 0; i < BOUNDS; i++) {
        const struct bound *b = &bounds[i];
        const size_t size = b->is_bytes ? bytes : 1, most = (size_t)b->most;
        const size_t fit = most > b->found ? (most - b->found) / size : 0;
        if (most == 0 || fit >= n)
            continue;
        n = fit;
        refuse_bound(c, b, size, r);
    }
    return n;
}

/* ---- STATS
 * ---------------------------------------------------------------------------------------- */

struct listing {
    const struct account **accounts;
    size_t n;
};

static void list_account(void *value, void *arg)
{
    struct listing *l = arg;
    l->accounts[l->n++] = value;
}

static size_t size_of(const struct account *a)
{
    return a->waiting.n + a->sched.running;
}

static int larger_first(const void *a, const void *b)
{
    size_t x = size_of(*(const struct account *const *)a),
           y = size_of(*(const struct account *const *)b);
    return (x < y) - (x > y);
}

/* A client that is its own tenant has no name but that of its HELLO. */
static const char *owner_name(const struct core *c, uint64_t number)
{
    const struct owner *o = owner_find(c, number);
    return o != NULL && o->name[0] != '\0' ? o->name : NULL;
}

static void write_account(const struct core *c, struct json_writer *w, const struct account *a)
{
    json_open(w, '{');
    json_member_str(w, "tenant", a->owner == 0 ? a->name : NULL);
    json_member_str(w, "client", a->owner != 0 ? owner_name(c, a->owner) : NULL);
    json_member_int(w, "queued", (int64_t)a->waiting.n);
    json_member_int(w, "running", (int64_t)a->sched.running);
    json_close(w, '}');
}

static void write_tenants(struct core *c, struct json_writer *w)
{
    struct listing l = {.n = 0};
    const size_t n = table_count(c->quota->accounts);
    l.accounts = calloc(n + 1, sizeof(struct account *));
    if (l.accounts == NULL)
        return;
    table_each(c->quota->accounts, list_account, &l);
    qsort(l.accounts, l.n, sizeof(struct account *), larger_first);
    json_key(w, "tenants");
    json_open(w, '[');
    for (size_t i = 0; i < l.n && i < TENANTS_SHOWN; i++)
        write_account(c, w, l.accounts[i]);
    json_close(w, ']');
    free(l.accounts);
}

void quota_write_stats(struct core *c, struct json_writer *w, bool is_operator)
{
    const int64_t oldest = sched_oldest_ms(c->sched);
    json_member_int(w, "oldest_wait_ms", oldest < INT64_MAX ? loop_now_ms(c->loop) - oldest : 0);
    json_member_int(w, "reserved", (int64_t)reserve_total(c).n);
    json_key(w, "queued_by_priority");
    json_open(w, '[');
    for (int i = 0; i < SCHED_PRIORITIES; i++)
        json_put_int(w, (int64_t)sched_waiting_at(c->sched, i));
    json_close(w, ']');
    if (is_operator)
        write_tenants(c, w);
}
