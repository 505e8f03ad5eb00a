/* task_sched.c: order, limits and bookkeeping of the scheduler. */
#include "cmocka_all.h"

#include <stdbool.h>
#include <stdlib.h>

#include "task/sched.h"

struct item {
    struct sched_item item;
    int id;
};

static struct item make(int id, double priority)
{
    return (struct item){.item.priority = priority, .id = id};
}

static int pop(struct sched *s)
{
    struct item *i = (struct item *)sched_pop(s);
    return i != NULL ? i->id : -1;
}

static void higher_priority_first_then_first_come(void **state)
{
    (void)state;
    struct sched *s = sched_new(0);
    struct sched_lane *lane = sched_lane_new(s, sched_group_new(s, 0));
    struct item items[] = {make(0, 5), make(1, 9), make(2, 5), make(3, 0.5), make(4, 9)};
    static const int order[] = {1, 4, 0, 2, 3};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(sched_push(s, lane, &items[i].item), 0);
        sched_add_slot(s, lane);
    }
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(pop(s), order[i]);
    assert_int_equal(pop(s), -1);
    assert_int_equal(sched_running(s), 5);
    sched_free(s);
}

static void nothing_runs_without_a_slot(void **state)
{
    (void)state;
    struct sched *s = sched_new(0);
    struct sched_lane *a = sched_lane_new(s, sched_group_new(s, 0));
    struct item one = make(1, 5), two = make(2, 5);
    sched_push(s, a, &one.item);
    assert_int_equal(pop(s), -1);
    sched_add_slot(s, a);
    assert_int_equal(pop(s), 1);
    sched_push(s, a, &two.item);
    assert_int_equal(pop(s), -1);
    sched_add_slot(s, a);
    sched_take_slot(s, a);
    assert_int_equal(pop(s), -1);
    sched_add_slot(s, a);
    assert_int_equal(pop(s), 2);
    sched_free(s);
}

static void a_full_lane_does_not_hold_up_others(void **state)
{
    (void)state;
    struct sched *s = sched_new(0);
    struct sched_group *g = sched_group_new(s, 0);
    struct sched_lane *full = sched_lane_new(s, g), *open = sched_lane_new(s, g);
    struct item first = make(1, 9), second = make(2, 1);
    sched_push(s, full, &first.item);
    sched_push(s, open, &second.item);
    sched_add_slot(s, open);
    assert_int_equal(pop(s), 2);
    sched_free(s);
}

static void the_limit_of_a_group_and_of_the_host(void **state)
{
    (void)state;
    struct sched *s = sched_new(2);
    struct sched_group *narrow = sched_group_new(s, 1), *wide = sched_group_new(s, 0);
    struct sched_lane *a = sched_lane_new(s, narrow), *b = sched_lane_new(s, narrow),
                      *c = sched_lane_new(s, wide);
    struct item items[] = {make(0, 9), make(1, 8), make(2, 1), make(3, 1)};
    struct sched_lane *lanes[] = {a, b, c, c};
    for (size_t i = 0; i < 4; i++) {
        sched_push(s, lanes[i], &items[i].item);
        sched_add_slot(s, lanes[i]);
    }
    assert_int_equal(pop(s), 0);
    assert_int_equal(pop(s), 2);  /* 1 waits for its group */
    assert_int_equal(pop(s), -1); /* 3 waits for the host */
    sched_end(s, &items[0].item);
    assert_int_equal(pop(s), 1);
    sched_end(s, &items[2].item);
    assert_int_equal(pop(s), 3);
    sched_end(s, &items[1].item);
    sched_end(s, &items[3].item);
    assert_int_equal(sched_running(s), 0);
    sched_free(s);
}

static void removing_and_putting_back(void **state)
{
    (void)state;
    struct sched *s = sched_new(0);
    struct sched_lane *lane = sched_lane_new(s, sched_group_new(s, 0));
    struct item items[] = {make(0, 5), make(1, 5), make(2, 5)};
    for (size_t i = 0; i < 3; i++)
        sched_push(s, lane, &items[i].item);
    sched_add_slot(s, lane);
    assert_int_equal(pop(s), 0);
    assert_int_equal(sched_requeue(s, &items[0].item), 0); /* keeps its turn */
    sched_remove(s, &items[1].item);
    sched_remove(s, &items[1].item);
    assert_int_equal(sched_waiting(s), 2);
    assert_int_equal(sched_running(s), 0);
    sched_add_slot(s, lane);
    sched_add_slot(s, lane);
    assert_int_equal(pop(s), 0);
    assert_int_equal(pop(s), 2);
    sched_free(s);
}

static void taken_ahead(void **state)
{
    (void)state;
    struct sched *s = sched_new(0);
    struct sched_group *g = sched_group_new(s, 1);
    struct sched_lane *a = sched_lane_new(s, g), *b = sched_lane_new(s, g);
    struct item items[] = {make(0, 5), make(1, 5), make(2, 5), make(3, 1)};
    for (size_t i = 0; i < 3; i++)
        sched_push(s, a, &items[i].item);
    sched_add_slot(s, a);
    assert_null(sched_take_ahead(s, a)); /* a slot is free */
    assert_int_equal(pop(s), 0);
    assert_null(sched_take_ahead(s, b));
    assert_ptr_equal(sched_take_ahead(s, a), &items[1]);
    assert_int_equal(sched_running(s), 2);
    assert_int_equal(sched_lane_running(a), 2);
    assert_int_equal(sched_waiting(s), 1);
    sched_end(s, &items[0].item);
    sched_promote(s, a);
    assert_int_equal(sched_running(s), 1);
    sched_push(s, b, &items[3].item);
    sched_add_slot(s, b);
    assert_int_equal(pop(s), -1);        /* the group is full, also by what was promoted */
    assert_null(sched_take_ahead(s, a)); /* the other lane has waited long enough */
    sched_end(s, &items[1].item);
    assert_int_equal(pop(s), 3);
    assert_ptr_equal(sched_take_ahead(s, a), &items[2]);
    assert_int_equal(sched_return(s, &items[2].item), 0); /* to its old place */
    assert_int_equal(sched_lane_running(a), 0);
    assert_ptr_equal(sched_lane_first(s, a), &items[2]);
    assert_ptr_equal(sched_take_ahead(s, a), &items[2]);
    sched_end_ahead(s, &items[2].item);
    sched_end(s, &items[3].item);
    assert_int_equal(sched_running(s) + sched_waiting(s), 0);
    sched_free(s);
}

/* Against a plain model: 40 lanes in 7 groups, thousands of steps. */
enum { LANES = 40, GROUPS = 7, ITEMS = 400 };

struct model {
    struct item items[ITEMS];
    int lane_of[ITEMS]; /* -1: idle; running: lane + 100 */
    int slots[LANES], group_running[GROUPS], limit[GROUPS];
    bool is_ahead[ITEMS];
    uint64_t order[ITEMS], next;
};

static int best(const struct model *m)
{
    int found = -1;
    for (int i = 0; i < ITEMS; i++) {
        int l = m->lane_of[i];
        if (l < 0 || l >= 100 || m->slots[l] == 0)
            continue;
        int g = l % GROUPS;
        if (m->limit[g] > 0 && m->group_running[g] >= m->limit[g])
            continue;
        if (found < 0 || m->items[i].item.priority > m->items[found].item.priority ||
            (m->items[i].item.priority == m->items[found].item.priority &&
             m->order[i] < m->order[found]))
            found = i;
    }
    return found;
}

static int first_of(const struct model *m, int lane)
{
    int found = -1;
    for (int i = 0; i < ITEMS; i++) {
        if (m->lane_of[i] == lane &&
            (found < 0 || m->items[i].item.priority > m->items[found].item.priority ||
             (m->items[i].item.priority == m->items[found].item.priority &&
              m->order[i] < m->order[found])))
            found = i;
    }
    return found;
}

/* The first of its lane, and nobody who might run has a higher priority; between lanes it is a
 * matter of turns. */
static void check_popped(const struct model *m, int popped)
{
    int wanted = best(m);
    assert_int_equal(popped < 0, wanted < 0);
    if (popped < 0)
        return;
    int lane = m->lane_of[popped];
    assert_true(m->slots[lane] > 0);
    assert_true(m->limit[lane % GROUPS] == 0 ||
                m->group_running[lane % GROUPS] < m->limit[lane % GROUPS]);
    assert_int_equal(popped, first_of(m, lane));
    assert_true(m->items[popped].item.priority == m->items[wanted].item.priority);
}

/* Whether somebody has a slot, and no more than a limit holds him up. */
static bool is_any_held_up(const struct model *m, int lane)
{
    bool is_held_up = false;
    for (int i = 0; i < ITEMS; i++) {
        int l = m->lane_of[i];
        bool is_ready = l >= 0 && l < 100 && m->slots[l] > 0;
        bool is_below = is_ready && (m->limit[l % GROUPS] == 0 ||
                                     m->group_running[l % GROUPS] < m->limit[l % GROUPS]);
        is_held_up = is_held_up || is_below || (is_ready && l % GROUPS == lane % GROUPS);
    }
    return is_held_up;
}

static void take_one_ahead(struct model *m, struct sched *s, struct sched_lane *lane, int l)
{
    int first = first_of(m, l);
    if (first >= 0 && (m->slots[l] > 0 || is_any_held_up(m, l)))
        first = -1;
    struct item *taken = (struct item *)sched_take_ahead(s, lane);
    assert_int_equal(taken != NULL ? taken->id : -1, first);
    if (first < 0)
        return;
    m->lane_of[first] += 100;
    m->is_ahead[first] = true;
}

static void end_ahead(struct model *m, struct sched *s, int i, unsigned how)
{
    int lane = m->lane_of[i] - 100;
    struct sched_item *item = &m->items[i].item;
    m->is_ahead[i] = false;
    if (how % 3 == 0) {
        assert_int_equal(sched_return(s, item), 0);
        m->lane_of[i] = lane;
    } else if (how % 3 == 1) {
        sched_end_ahead(s, item);
        m->lane_of[i] = -1;
    } else {
        sched_promote(s, item->lane);
        m->group_running[lane % GROUPS]++;
    }
}

static void against_a_model(void **state)
{
    (void)state;
    struct model *m = calloc(1, sizeof *m);
    struct sched *s = sched_new(0);
    struct sched_group *groups[GROUPS];
    struct sched_lane *lanes[LANES];
    unsigned seed = 7;
    for (int g = 0; g < GROUPS; g++)
        groups[g] = sched_group_new(s, (uint32_t)(m->limit[g] = g));
    for (int l = 0; l < LANES; l++)
        lanes[l] = sched_lane_new(s, groups[l % GROUPS]);
    for (int i = 0; i < ITEMS; i++)
        m->lane_of[i] = -1;
    for (int step = 0; step < 20000; step++) {
        int i = rand_r(&seed) % ITEMS, l = rand_r(&seed) % LANES;
        if (m->lane_of[i] == -1) {
            m->items[i] = make(i, rand_r(&seed) % 4);
            m->lane_of[i] = l;
            m->order[i] = ++m->next;
            sched_push(s, lanes[l], &m->items[i].item);
        } else if (m->is_ahead[i]) {
            end_ahead(m, s, i, (unsigned)step);
        } else if (m->lane_of[i] >= 100) {
            int lane = m->lane_of[i] - 100;
            sched_end(s, &m->items[i].item);
            m->group_running[lane % GROUPS]--;
            m->lane_of[i] = -1;
        } else if (step % 5 == 0) {
            sched_remove(s, &m->items[i].item);
            m->lane_of[i] = -1;
        }
        if (step % 3 == 0) {
            sched_add_slot(s, lanes[l]);
            m->slots[l]++;
        }
        if (step % 97 == 0 && m->slots[l] > 0) {
            sched_take_slot(s, lanes[l]);
            m->slots[l]--;
        }
        int wanted = pop(s);
        check_popped(m, wanted);
        if (wanted >= 0 && step % 5 == 0) {
            sched_go_ahead(s, m->items[wanted].item.lane);
            m->is_ahead[wanted] = true;
            m->lane_of[wanted] += 100;
        } else if (wanted >= 0) {
            m->slots[m->lane_of[wanted]]--;
            m->group_running[m->lane_of[wanted] % GROUPS]++;
            m->lane_of[wanted] += 100;
        }
        take_one_ahead(m, s, lanes[l], l);
    }
    sched_free(s);
    free(m);
}

/* A reload sets other limits, and a new generation of a pipeline may have another task type. */
static void limits_that_change(void **state)
{
    (void)state;
    struct sched *s = sched_new(8);
    struct sched_group *a = sched_group_new(s, 0), *b = sched_group_new(s, 1);
    struct sched_lane *lane = sched_lane_new(s, a), *other = sched_lane_new(s, b);
    struct item items[] = {make(0, 5), make(1, 5), make(2, 5), make(3, 5), make(4, 1)};
    for (size_t i = 0; i < 4; i++) {
        sched_push(s, lane, &items[i].item);
        sched_add_slot(s, lane);
    }
    sched_push(s, other, &items[4].item);
    sched_add_slot(s, other);
    sched_lane_limit(s, lane, 1);
    assert_int_equal(pop(s), 0);
    assert_int_equal(sched_lane_move(s, lane, b), 0); /* with the one that runs: b is full */
    assert_int_equal(pop(s), -1);
    sched_group_limit(s, b, 0);
    assert_int_equal(pop(s), 4); /* its own lane is at its limit still */
    sched_lane_limit(s, lane, 3);
    assert_int_equal(pop(s), 1);
    sched_limit(s, 3);
    assert_int_equal(pop(s), -1);
    sched_limit(s, 0);
    assert_int_equal(pop(s), 2);
    assert_int_equal(pop(s), -1);
    sched_end(s, &items[0].item);
    assert_int_equal(pop(s), 3);
    assert_int_equal(sched_running(s), 4);
    sched_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(higher_priority_first_then_first_come),
        cmocka_unit_test(nothing_runs_without_a_slot),
        cmocka_unit_test(a_full_lane_does_not_hold_up_others),
        cmocka_unit_test(the_limit_of_a_group_and_of_the_host),
        cmocka_unit_test(limits_that_change),
        cmocka_unit_test(removing_and_putting_back),
        cmocka_unit_test(taken_ahead),
        cmocka_unit_test(against_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
