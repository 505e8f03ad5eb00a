/*
 * suite_storm.c: two hundred boxes, several at a time, whose wardens, zygotes and tasks are killed at
 * random moments. Whatever becomes of each, nothing of them is left: no process, dead or alive, no
 * control group, no mount, no directory, no descriptor. The seed is printed; --seed takes one.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "suite.h"

enum { BATCHES = 20, BATCH = 10, KILLS = 25, TURN_MS = 4, PIDS = 64, SLOTS = 2 };

struct storm {
    struct suite *suite;
    struct host boxes[BATCH]; /* with the launcher and the loop of the suite */
    unsigned seed;
};

static unsigned draw(struct storm *w, unsigned below)
{
    return (unsigned)rand_r(&w->seed) % below;
}

static void begin(struct storm *w, struct host *h, enum box_mode mode)
{
    const struct host *real = &w->suite->host;
    memset(h, 0, sizeof *h);
    h->loop = real->loop;
    h->launcher = real->launcher;
    host_spec(h, w->suite->plugin, "attack", mode, SLOTS);
    host_begin_box(h);
}

/* Each free slot gets something to do. */
static void feed(struct host *h)
{
    static const struct box_task tasks[] = {
        {.id = "a",
         .tenant = "test",
         .params = "{\"do\":\"hold\"}",
         .params_len = 13,
         .timeout_ms = 500},
        {.id = "b",
         .tenant = "test",
         .params = "{\"do\":\"fine\"}",
         .params_len = 13,
         .timeout_ms = 500},
    };
    for (uint32_t i = 0; h->box != NULL && h->is_ready && i < h->spec.slots; i++) {
        if (h->is_free[i] && box_run(h->box, i, &tasks[(h->n_done + (int)i) % 2], h) == 0) {
            h->is_free[i] = false;
            h->n_running++;
        }
    }
}

/* A warden, or one of its children: zygote, task, cleaner. */
static void kill_somebody(struct storm *w)
{
    pid_t wardens[PIDS], children[PIDS];
    const size_t n = left_children(w->suite->host.launcher_pid, wardens, PIDS);
    if (n == 0)
        return;
    const pid_t warden = wardens[draw(w, (unsigned)n)];
    const size_t m = left_children(warden, children, PIDS);
    const unsigned chosen = draw(w, 1 + (unsigned)m);
    kill(chosen == 0 ? warden : children[chosen - 1], SIGKILL);
}

static bool are_any_left(const struct storm *w)
{
    for (size_t i = 0; i < BATCH; i++) {
        if (w->boxes[i].box != NULL)
            return true;
    }
    return false;
}

static void end_all(struct storm *w)
{
    for (size_t i = 0; i < BATCH; i++) {
        if (w->boxes[i].box != NULL)
            box_kill(w->boxes[i].box);
    }
    while (are_any_left(w))
        loop_turn(w->suite->host.loop, TURN_MS);
}

static int run_batch(struct storm *w, const struct left_behind *before)
{
    char why[FOUND];
    for (size_t i = 0; i < BATCH; i++)
        begin(w, &w->boxes[i], draw(w, 2) == 0 ? BOX_FORK : BOX_WARM);
    for (int i = 0; i < KILLS && are_any_left(w); i++) {
        loop_turn(w->suite->host.loop, (int)draw(w, TURN_MS));
        for (size_t j = 0; j < BATCH; j++)
            feed(&w->boxes[j]);
        kill_somebody(w);
    }
    end_all(w);
    if (left_check(w->suite, before, why, sizeof why) == 0)
        return 0;
    suite_say(w->suite, "FAILED after a batch:%s", why);
    return -1;
}

/* Control groups stay with the launcher, one for each slot that was ever in use at once. */
static void fill_pool(struct storm *w, enum box_mode mode)
{
    for (size_t i = 0; i < BATCH; i++) {
        begin(w, &w->boxes[i], mode);
        while (w->boxes[i].box != NULL && !w->boxes[i].is_ready)
            loop_turn(w->suite->host.loop, TURN_MS);
    }
    end_all(w);
}

int suite_run_storm(struct suite *s, unsigned seed)
{
    struct storm *w = calloc(1, sizeof *w);
    struct left_behind before;
    int rc = w != NULL ? 0 : -1;
    if (rc < 0)
        return -1;
    w->suite = s;
    w->seed = seed;
    fill_pool(w, BOX_FORK);
    fill_pool(w, BOX_WARM);
    left_count(s, &before);
    for (int i = 0; rc == 0 && i < BATCHES; i++) {
        suite_watch(s, "a batch");
        rc = run_batch(w, &before);
        s->n_cases += BATCH;
    }
    free(w);
    return rc;
}
