/*
 * sched.c: what the scheduler costs a task, by how many wait, in how many pipelines, of how many
 * clients: each step pushes one task, pops one and ends it, so that the queue stays as long as it is.
 *
 *   penstock-bench-sched [STEPS]
 *
 * Prints nanoseconds a task, the cost against the first line, and the bytes that the scheduler holds
 * for each waiting task, the task itself not counted.
 */
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "task/sched.h"

enum { STEPS = 1000000, ROUNDS = 3 };

struct shape {
    int queued, pipelines, clients, jobs; /* jobs: of each client */
    int priorities;
};

static const struct shape shapes[] = {
    {1000, 1, 1, 1, 1},          {10000, 1, 1, 1, 1},       {100000, 1, 1, 1, 1},
    {1000000, 1, 1, 1, 1},       {1000, 1, 1000, 1, 1},     {1000000, 1, 1000, 1, 1},
    {1000, 1000, 1, 1, 1},       {1000000, 1000, 1, 1, 1},  {1000, 30, 30, 1, 1},
    {1000000, 1000, 1000, 1, 1}, {1000000, 30, 1000, 1, 4}, {1000000, 1, 1, 1000000, 1},
};

struct field {
    struct sched *s;
    struct sched_lane **lanes;
    struct sched_tenant *tenants;
    struct sched_item *items;
    uint64_t random;
};

static uint32_t dice(struct field *f, int sides)
{
    f->random = f->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(((f->random >> 32) * (uint64_t)sides) >> 32);
}

static void push(struct field *f, const struct shape *x, struct sched_item *i)
{
    uint32_t client = dice(f, x->clients);
    *i = (struct sched_item){.priority = 5 + dice(f, x->priorities),
                             .tenant = &f->tenants[client],
                             .job = dice(f, x->jobs)};
    if (sched_push(f->s, f->lanes[dice(f, x->pipelines)], i) < 0)
        exit(1);
}

static void step(struct field *f, const struct shape *x)
{
    struct sched_item *i = sched_pop(f->s);
    struct sched_lane *lane = i->lane;
    sched_end(f->s, i);
    push(f, x, i);
    sched_add_slot(f->s, lane);
}

static void fill(struct field *f, const struct shape *x)
{
    f->s = sched_new(0);
    f->lanes = calloc((size_t)x->pipelines, sizeof(struct sched_lane *));
    f->tenants = calloc((size_t)x->clients, sizeof *f->tenants);
    f->items = calloc((size_t)x->queued, sizeof *f->items);
    f->random = 1;
    if (f->s == NULL || f->lanes == NULL || f->tenants == NULL || f->items == NULL)
        exit(1);
    sched_set_ageing(f->s, 60000);
    struct sched_group *g = sched_group_new(f->s, 0);
    for (int i = 0; i < x->pipelines; i++) {
        f->lanes[i] = sched_lane_new(f->s, g);
        sched_add_slot(f->s, f->lanes[i]);
    }
    for (int i = 0; i < x->clients; i++)
        f->tenants[i].weight = 1;
}

static void clear(struct field *f)
{
    sched_free(f->s);
    free(f->lanes);
    free(f->tenants);
    free(f->items);
}

/* Of the processor: others may have it too. */
static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* The best of some rounds: what else runs on the machine only adds. */
static double measure(struct field *f, const struct shape *x, int steps)
{
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double start = now_ns();
        for (int i = 0; i < steps; i++)
            step(f, x);
        double ns = (now_ns() - start) / steps;
        best = round == 0 || ns < best ? ns : best;
    }
    return best;
}

int main(int argc, char **argv)
{
    const int steps = argc > 1 ? atoi(argv[1]) : STEPS;
    double first = 0;
    printf("%9s %9s %7s %8s %10s %9s %7s %7s\n", "queued", "pipelines", "clients", "jobs each",
           "priorities", "ns/task", "factor", "bytes");
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const struct shape *x = &shapes[i];
        struct field f;
        fill(&f, x);
        size_t before = mallinfo2().uordblks;
        for (int k = 0; k < x->queued; k++)
            push(&f, x, &f.items[k]);
        double bytes = (double)(mallinfo2().uordblks - before) / x->queued;
        double ns = measure(&f, x, steps);
        first = i == 0 ? ns : first;
        printf("%9d %9d %7d %9d %10d %9.0f %7.2f %7.0f\n", x->queued, x->pipelines, x->clients,
               x->jobs, x->priorities, ns, ns / first, bytes);
        clear(&f);
    }
    return 0;
}
