/* task_fair.c: whose turn it is: shares, starvation, ageing, and a plain model of the rules. */
#include "cmocka_all.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "task/sched.h"

enum { MANY = 2000, TENANTS = 4, PLACES = 4 };

struct item {
    struct sched_item item; /* first */
    char name;
};

/* A scheduler with lanes of one slot each, and tenants "A".."D" of weight 1. */
struct place {
    struct sched *s;
    struct sched_lane *lanes[PLACES];
    struct sched_tenant tenants[TENANTS];
    struct item items[MANY];
    size_t n;
};

static struct place *place_new(uint32_t max_running)
{
    struct place *p = calloc(1, sizeof *p);
    p->s = sched_new(max_running);
    for (int i = 0; i < PLACES; i++)
        p->lanes[i] = sched_lane_new(p->s, sched_group_new(p->s, 0));
    for (int i = 0; i < TENANTS; i++)
        p->tenants[i].weight = 1;
    return p;
}

static void place_free(struct place *p)
{
    sched_free(p->s);
    free(p);
}

struct arrival {
    char name;
    int lane, tenant, client, job;
    double priority;
    int64_t since_ms;
};

static void arrive(struct place *p, const struct arrival *a)
{
    struct item *i = &p->items[p->n++];
    *i = (struct item){.item = {.priority = a->priority,
                                .since_ms = a->since_ms,
                                .tenant = &p->tenants[a->tenant],
                                .client = (uint64_t)a->client,
                                .job = (uint64_t)a->job},
                       .name = a->name};
    assert_int_equal(sched_push(p->s, p->lanes[a->lane], &i->item), 0);
}

static void arrive_many(struct place *p, int n, struct arrival a)
{
    for (int i = 0; i < n; i++)
        arrive(p, &a);
}

/* Runs it to its end, the slot is free again. '-': nothing may run. */
static char serve(struct place *p)
{
    struct item *i = (struct item *)sched_pop(p->s);
    if (i == NULL)
        return '-';
    sched_end(p->s, &i->item);
    sched_add_slot(p->s, i->item.lane);
    return i->name;
}

static void expect(struct place *p, const char *order)
{
    char found[256] = "";
    for (size_t i = 0; i < strlen(order); i++)
        found[i] = serve(p);
    assert_string_equal(found, order);
}

static void open_lanes(struct place *p, int n)
{
    for (int i = 0; i < n; i++)
        sched_add_slot(p->s, p->lanes[i]);
}

/* ---- a table of arrivals
 * -------------------------------------------------------------------------- */

enum { ARRIVALS = 10 };

static const struct {
    const char *what;
    struct arrival arrivals[ARRIVALS]; /* up to the first without a name */
    const char *order;
} cases[] = {
    {"one job: first come",
     {{'a', 0, 0, 1, 1, 5, 0}, {'b', 0, 0, 1, 1, 5, 0}, {'c', 0, 0, 1, 1, 5, 0}},
     "abc-"},
    {"jobs of a client take turns",
     {{'a', 0, 0, 1, 1, 5, 0},
      {'b', 0, 0, 1, 1, 5, 0},
      {'c', 0, 0, 1, 1, 5, 0},
      {'x', 0, 0, 1, 2, 5, 0},
      {'y', 0, 0, 1, 2, 5, 0}},
     "axbyc-"},
    {"many jobs make no larger client",
     {{'a', 0, 0, 1, 1, 5, 0},
      {'b', 0, 0, 1, 2, 5, 0},
      {'c', 0, 0, 1, 3, 5, 0},
      {'x', 0, 0, 2, 1, 5, 0},
      {'y', 0, 0, 2, 1, 5, 0}},
     "axbyc-"},
    {"many clients make no larger tenant",
     {{'a', 0, 0, 1, 1, 5, 0},
      {'b', 0, 0, 2, 1, 5, 0},
      {'c', 0, 0, 3, 1, 5, 0},
      {'x', 0, 1, 4, 1, 5, 0},
      {'y', 0, 1, 4, 1, 5, 0}},
     "axbyc-"},
    {"a higher priority goes before every turn, by however little",
     {{'a', 0, 0, 1, 1, 5, 0},
      {'b', 0, 1, 2, 1, 5.25, 0},
      {'c', 0, 0, 1, 1, 5.5, 0},
      {'d', 0, 1, 2, 1, 9, 0}},
     "dcba-"},
    {"pipelines of a tenant take turns",
     {{'a', 0, 0, 1, 1, 5, 0},
      {'b', 0, 0, 1, 1, 5, 0},
      {'c', 0, 0, 1, 1, 5, 0},
      {'x', 1, 0, 1, 1, 5, 0},
      {'y', 1, 0, 1, 1, 5, 0}},
     "axbyc-"},
    {"a tenant that is its own client",
     {{'a', 0, 0, 0, 1, 5, 0},
      {'b', 0, 0, 0, 2, 5, 0},
      {'c', 0, 0, 0, 1, 5, 0},
      {'x', 0, 1, 4, 1, 5, 0},
      {'y', 0, 1, 4, 1, 5, 0}},
     "axbyc-"},
    {"many pipelines make no larger tenant",
     {{'a', 0, 0, 1, 1, 5, 0},
      {'b', 1, 0, 1, 1, 5, 0},
      {'c', 2, 0, 1, 1, 5, 0},
      {'x', 3, 1, 2, 1, 5, 0},
      {'y', 3, 1, 2, 1, 5, 0},
      {'z', 3, 1, 2, 1, 5, 0}},
     "axbycz-"},
};

static void tables_of_arrivals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct place *p = place_new(1);
        print_message("%s\n", cases[i].what);
        open_lanes(p, PLACES);
        for (const struct arrival *a = cases[i].arrivals; a->name != '\0'; a++)
            arrive(p, a);
        expect(p, cases[i].order);
        place_free(p);
    }
}

/* ---- floods
 * --------------------------------------------------------------------------------------- */

/* How many others go before the one that comes in the middle of a flood. */
static int others_before(struct place *p, char name)
{
    int n = 0;
    for (char c; (c = serve(p)) != name; n++)
        assert_true(c != '-');
    return n;
}

static void a_flood_delays_nobody_else(void **state)
{
    static const struct arrival flood = {'f', 0, 0, 1, 1, 5, 0};
    static const struct arrival others[] = {
        {'x', 0, 1, 2, 1, 5, 0}, /* another tenant */
        {'x', 0, 0, 2, 1, 5, 0}, /* another client of the tenant */
        {'x', 0, 0, 1, 2, 5, 0}, /* another job of the client */
        {'x', 1, 0, 1, 1, 5, 0}, /* another pipeline */
    };
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct place *p = place_new(1);
        open_lanes(p, 2);
        arrive_many(p, 1000, flood);
        for (int k = 0; k < 100; k++)
            serve(p);
        for (int k = 0; k < 20; k++) { /* also again and again */
            arrive(p, &others[i]);
            assert_in_range(others_before(p, 'x'), 0, 1);
        }
        place_free(p);
    }
}

/* One that is always back at once does not take all turns either. */
static void coming_back_gains_nothing(void **state)
{
    static const struct arrival flood = {'f', 0, 0, 1, 1, 5, 0}, quick = {'q', 0, 1, 2, 1, 5, 0};
    int floods = 0;
    (void)state;
    struct place *p = place_new(1);
    open_lanes(p, 1);
    arrive_many(p, 200, flood);
    for (int i = 0; i < 100; i++) {
        arrive(p, &quick);
        floods += serve(p) == 'f';
        floods += serve(p) == 'f';
    }
    assert_in_range(floods, 95, 105);
    place_free(p);
}

/* A flood for a lane that is busy holds up no other lane. */
static void a_pipeline_with_one_slot(void **state)
{
    static const struct arrival flood = {'f', 0, 0, 1, 1, 9, 0}, other = {'x', 1, 0, 1, 1, 1, 0};
    (void)state;
    struct place *p = place_new(0);
    open_lanes(p, 2);
    arrive_many(p, 1000, flood);
    struct sched_item *busy = sched_pop(p->s);
    assert_non_null(busy);
    arrive(p, &other);
    assert_int_equal(serve(p), 'x');
    assert_int_equal(serve(p), '-');
    sched_end(p->s, busy);
    place_free(p);
}

static void weights_are_shares(void **state)
{
    (void)state;
    struct place *p = place_new(1);
    int n[128] = {0};
    open_lanes(p, 1);
    p->tenants[0].weight = 3;
    arrive_many(p, 400, (struct arrival){'a', 0, 0, 1, 1, 5, 0});
    arrive_many(p, 400, (struct arrival){'b', 0, 1, 2, 1, 5, 0});
    for (int i = 0; i < 400; i++)
        n[(int)serve(p)]++;
    assert_in_range(n['a'], 297, 303);
    place_free(p);
}

/* Where it costs much to change the tenant. */
static void longer_turns(void **state)
{
    (void)state;
    struct place *p = place_new(1);
    open_lanes(p, 1);
    sched_lane_turn(p->lanes[0], 3);
    arrive_many(p, 7, (struct arrival){'a', 0, 0, 1, 1, 5, 0});
    arrive_many(p, 4, (struct arrival){'b', 0, 1, 2, 1, 5, 0});
    expect(p, "aaabbbaaaba-");
    place_free(p);
}

/* ---- ageing
 * --------------------------------------------------------------------------------------- */

static void ageing_lifts_the_low(void **state)
{
    (void)state;
    struct place *p = place_new(1);
    sched_set_ageing(p->s, 1000);
    open_lanes(p, 2);
    arrive(p, &(struct arrival){'l', 0, 0, 1, 1, 1, 0});
    arrive(p, &(struct arrival){'m', 1, 0, 1, 1, 1, 0}); /* in another lane */
    for (int64_t now = 0; now < 3900; now += 100) {
        sched_at(p->s, now);
        arrive(p, &(struct arrival){'h', 0, 1, 2, 1, 5, now});
        assert_int_equal(serve(p), 'h');
    }
    sched_at(p->s, 4100);
    arrive_many(p, 10, (struct arrival){'h', 0, 1, 2, 1, 5, 4100});
    char found[5] = "";
    for (int i = 0; i < 4; i++)
        found[i] = serve(p);
    assert_non_null(strchr(found, 'l'));
    assert_non_null(strchr(found, 'm'));
    place_free(p);
}

static void without_ageing_the_low_wait(void **state)
{
    (void)state;
    struct place *p = place_new(1);
    sched_set_ageing(p->s, 0);
    open_lanes(p, 1);
    arrive(p, &(struct arrival){'l', 0, 0, 1, 1, 1, 0});
    sched_at(p->s, INT32_MAX);
    arrive_many(p, 50, (struct arrival){'h', 0, 1, 2, 1, 5, 0});
    for (int i = 0; i < 50; i++)
        assert_int_equal(serve(p), 'h');
    assert_int_equal(serve(p), 'l');
    place_free(p);
}

/* An old flood is lifted among the high, takes its turns there, and takes not all of them. */
static void the_lifted_do_not_take_over(void **state)
{
    (void)state;
    struct place *p = place_new(1);
    int high = 0;
    sched_set_ageing(p->s, 1000);
    open_lanes(p, 2);
    arrive_many(p, 500, (struct arrival){'l', 1, 0, 1, 1, 1, 0});
    sched_at(p->s, 100000);
    for (int i = 0; i < 100; i++) {
        arrive(p, &(struct arrival){'h', 0, 1, 2, 1, 5, 100000});
        high += serve(p) == 'h';
        high += serve(p) == 'h';
    }
    assert_in_range(high, 95, 100);
    place_free(p);
}

/* Age alone gives nobody more than his share among equals. */
static void an_old_flood_is_still_a_flood(void **state)
{
    (void)state;
    struct place *p = place_new(1);
    sched_set_ageing(p->s, 1000);
    open_lanes(p, 2);
    arrive_many(p, 500, (struct arrival){'f', 0, 0, 1, 1, 5, 0});
    sched_at(p->s, 1000000);
    arrive(p, &(struct arrival){'x', 0, 1, 2, 1, 5, 1000000});
    assert_in_range(others_before(p, 'x'), 0, 1);
    arrive(p, &(struct arrival){'y', 1, 1, 2, 1, 5, 1000000});
    assert_in_range(others_before(p, 'y'), 0, 1);
    place_free(p);
}

/* ---- a tenant's limit
 * ----------------------------------------------------------------------------- */

static void the_limit_of_a_tenant(void **state)
{
    (void)state;
    struct place *p = place_new(0);
    p->tenants[0].max_running = 2;
    for (int i = 0; i < 3; i++)
        open_lanes(p, 2);
    for (int i = 0; i < 3; i++) {
        arrive(p, &(struct arrival){'a', 0, 0, 1, 1, 9, 0});
        arrive(p, &(struct arrival){'b', 1, 0, 1, 2, 9, 0});
    }
    arrive(p, &(struct arrival){'x', 0, 1, 2, 1, 1, 0});
    struct sched_item *one = sched_pop(p->s), *two = sched_pop(p->s), *three = sched_pop(p->s);
    assert_ptr_equal(one->tenant, &p->tenants[0]);
    assert_ptr_equal(two->tenant, &p->tenants[0]);
    assert_int_equal(((struct item *)three)->name, 'x');
    assert_null(sched_pop(p->s));
    assert_null(sched_lane_first(p->s, p->lanes[0]));
    assert_non_null(sched_lane_any(p->lanes[0])); /* it waits all the same */
    assert_int_equal(sched_waiting(p->s), 4);
    sched_remove(p->s, sched_lane_any(p->lanes[0]));
    assert_int_equal(sched_waiting(p->s), 3);
    sched_end(p->s, one);
    struct sched_item *four = sched_pop(p->s);
    assert_non_null(four);
    assert_null(sched_pop(p->s));
    assert_int_equal(sched_requeue(p->s, four), 0);
    assert_ptr_equal(sched_pop(p->s), four);
    assert_null(sched_pop(p->s));
    place_free(p);
}

/* What was taken ahead counts for its tenant. */
static void ahead_within_the_limit_of_a_tenant(void **state)
{
    (void)state;
    struct place *p = place_new(0);
    p->tenants[0].max_running = 2;
    arrive_many(p, 3, (struct arrival){'a', 0, 0, 1, 1, 5, 0});
    struct sched_item *one = sched_take_ahead(p->s, p->lanes[0]),
                      *two = sched_take_ahead(p->s, p->lanes[0]);
    assert_non_null(one);
    assert_non_null(two);
    assert_null(sched_take_ahead(p->s, p->lanes[0]));
    sched_end_ahead(p->s, one);
    assert_non_null(sched_take_ahead(p->s, p->lanes[0]));
    place_free(p);
}

/* ---- against a model
 * ------------------------------------------------------------------------------ */

/* The rules without a tree: a tag for each tenant, client and job that has something waiting. */
enum { CLIENTS = 3, JOBS = 3, STEPS = 20000, LIVE = 300 };

struct tag {
    double tag;
    unsigned long number;
    int n; /* waiting */
};

struct model {
    double clock, client_clock[TENANTS], job_clock[TENANTS][CLIENTS];
    struct tag tenants[TENANTS], clients[TENANTS][CLIENTS], jobs[TENANTS][CLIENTS][JOBS];
    unsigned long number;
    double weights[TENANTS];
    struct item *live[LIVE]; /* in the order they came */
    int n;
};

static void come(struct model *m, struct tag *t, double clock, double weight)
{
    if (t->n++ == 0)
        *t = (struct tag){.tag = clock + 1 / weight, .number = ++m->number, .n = 1};
}

/* The clock of one that was empty begins anew. */
static void model_push(struct model *m, struct item *i, int t, int c, int j)
{
    if (m->tenants[t].n == 0)
        m->client_clock[t] = 0;
    if (m->clients[t][c].n == 0)
        m->job_clock[t][c] = 0;
    come(m, &m->jobs[t][c][j], m->job_clock[t][c], 1);
    come(m, &m->clients[t][c], m->client_clock[t], 1);
    come(m, &m->tenants[t], m->clock, m->weights[t]);
    m->live[m->n++] = i;
}

static int first(const struct tag *tags, int n)
{
    int best = -1;
    for (int i = 0; i < n; i++) {
        if (tags[i].n > 0 &&
            (best < 0 || tags[i].tag < tags[best].tag ||
             (tags[i].tag == tags[best].tag && tags[i].number < tags[best].number)))
            best = i;
    }
    return best;
}

static void had_turn(struct model *m, struct tag *t, double *clock, double weight)
{
    *clock = t->tag > *clock ? t->tag : *clock;
    t->tag = *clock + 1 / weight;
    t->number = ++m->number;
}

static void forget(struct model *m, int at)
{
    memmove(&m->live[at], &m->live[at + 1], (size_t)(m->n - at - 1) * sizeof(struct item *));
    m->n--;
}

static int find(const struct model *m, int t, int c, int j)
{
    for (int i = 0; i < m->n; i++) {
        if ((int)m->live[i]->item.client == 10 * t + c + 1 && m->live[i]->item.job == (uint64_t)j)
            return i;
    }
    return -1;
}

static struct item *model_pop(struct model *m)
{
    int t = first(m->tenants, TENANTS);
    if (t < 0)
        return NULL;
    int c = first(m->clients[t], CLIENTS), j = first(m->jobs[t][c], JOBS);
    int at = find(m, t, c, j);
    struct item *i = m->live[at];
    forget(m, at);
    m->jobs[t][c][j].n--;
    m->clients[t][c].n--;
    m->tenants[t].n--;
    had_turn(m, &m->jobs[t][c][j], &m->job_clock[t][c], 1);
    had_turn(m, &m->clients[t][c], &m->client_clock[t], 1);
    had_turn(m, &m->tenants[t], &m->clock, m->weights[t]);
    return i;
}

static void model_remove(struct model *m, int at)
{
    const struct sched_item *i = &m->live[at]->item;
    int t = (int)(i->client - 1) / 10, c = (int)(i->client - 1) % 10, j = (int)i->job;
    m->jobs[t][c][j].n--;
    m->clients[t][c].n--;
    m->tenants[t].n--;
    forget(m, at);
}

static void against_a_model(void **state)
{
    (void)state;
    struct place *p = place_new(0);
    struct model *m = calloc(1, sizeof *m);
    struct item *items = calloc(STEPS, sizeof *items);
    unsigned seed = 11;
    for (int t = 0; t < TENANTS; t++)
        p->tenants[t].weight = m->weights[t] = 1 << t;
    for (int step = 0; step < STEPS; step++) {
        int t = rand_r(&seed) % TENANTS, c = rand_r(&seed) % CLIENTS, j = rand_r(&seed) % JOBS;
        int dice = rand_r(&seed) % 100;
        if (dice < (step / 1000 % 2 == 0 ? 60 : 35) && m->n < LIVE) {
            items[step].item = (struct sched_item){.priority = 5,
                                                   .tenant = &p->tenants[t],
                                                   .client = (uint64_t)(10 * t + c + 1),
                                                   .job = (uint64_t)j};
            sched_push(p->s, p->lanes[0], &items[step].item);
            model_push(m, &items[step], t, c, j);
        } else if (dice > 95 && m->n > 0) {
            int at = rand_r(&seed) % m->n;
            sched_remove(p->s, &m->live[at]->item);
            model_remove(m, at);
        } else {
            sched_add_slot(p->s, p->lanes[0]);
            struct item *found = (struct item *)sched_pop(p->s);
            assert_ptr_equal(found, model_pop(m));
            if (found == NULL)
                sched_take_slot(p->s, p->lanes[0]);
            else
                sched_end(p->s, &found->item);
        }
        assert_int_equal(sched_waiting(p->s), m->n);
    }
    free(items);
    free(m);
    place_free(p);
}

/* ---- what is told
 * --------------------------------------------------------------------------------- */

static void what_is_told(void **state)
{
    (void)state;
    struct place *p = place_new(0);
    assert_true(sched_oldest_ms(p->s) == INT64_MAX);
    arrive(p, &(struct arrival){'a', 0, 0, 1, 1, 5, 70});
    arrive(p, &(struct arrival){'b', 1, 1, 2, 1, 5.5, 40});
    arrive(p, &(struct arrival){'c', 1, 1, 2, 1, 9, 90});
    assert_int_equal(sched_oldest_ms(p->s), 40);
    assert_int_equal(sched_waiting_at(p->s, 5), 2);
    assert_int_equal(sched_waiting_at(p->s, 9), 1);
    assert_int_equal(sched_lane_waiting(p->lanes[1]), 2);
    sched_remove(p->s, &p->items[1].item);
    assert_int_equal(sched_oldest_ms(p->s), 70);
    assert_int_equal(sched_waiting_at(p->s, 5), 1);
    place_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_of_arrivals),
        cmocka_unit_test(a_flood_delays_nobody_else),
        cmocka_unit_test(coming_back_gains_nothing),
        cmocka_unit_test(a_pipeline_with_one_slot),
        cmocka_unit_test(weights_are_shares),
        cmocka_unit_test(longer_turns),
        cmocka_unit_test(ageing_lifts_the_low),
        cmocka_unit_test(without_ageing_the_low_wait),
        cmocka_unit_test(the_lifted_do_not_take_over),
        cmocka_unit_test(an_old_flood_is_still_a_flood),
        cmocka_unit_test(the_limit_of_a_tenant),
        cmocka_unit_test(ahead_within_the_limit_of_a_tenant),
        cmocka_unit_test(against_a_model),
        cmocka_unit_test(what_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
