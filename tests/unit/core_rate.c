/* core_rate.c: when to come again, by what has left the queue. */
#include "cmocka_all.h"

#include "core/quota_rate.h"

enum { FAIR_DICE = 200 /* neither shorter nor longer */ };

/* From 1000 on, so much has left in each 100 ms of the last `ms` before now. */
struct history {
    int64_t ms;
    struct amount each;
    int64_t idle_ms; /* and then nothing */
};

static const struct {
    const char *what;
    struct history past;
    struct amount more;
    int64_t least, most;
} cases[] = {
    {"one more at 100 a second", {4000, {10, 0}, 0}, {1, 0}, 50, 50},
    {"100 more at 100 a second", {4000, {10, 0}, 0}, {100, 0}, 950, 1100},
    {"1000 more at 100 a second", {4000, {10, 0}, 0}, {1000, 0}, 9500, 11000},
    {"never more than a minute", {4000, {1, 0}, 0}, {100000, 0}, 60000, 60000},
    {"bytes", {4000, {1, 1000}, 0}, {0, 20000}, 1900, 2200},
    {"the slower of both", {4000, {100, 1000}, 0}, {10, 20000}, 1900, 2200},
    {"an old rate is forgotten", {4000, {10, 0}, 20000}, {1, 0}, 7000, 8000},
    {"a rate that has just ended counts less", {4000, {10, 0}, 4000}, {100, 0}, 2200, 2500},
    {"a host that has just started and done nothing", {0, {0, 0}, 10}, {1000, 0}, 200, 300},
    {"nothing is needed", {4000, {10, 0}, 0}, {0, 0}, 50, 50},
};

static int64_t live(struct rate *r, const struct history *h)
{
    int64_t now = 1000;
    rate_init(r, now);
    for (int64_t end = now + h->ms; now < end; now += 100)
        rate_note(r, now, h->each);
    return now + h->idle_ms;
}

static void estimates(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rate r;
        int64_t now = live(&r, &cases[i].past);
        int64_t ms = rate_estimate_ms(&r, now, cases[i].more, FAIR_DICE);
        print_message("%s: %d ms\n", cases[i].what, (int)ms);
        assert_in_range(ms, cases[i].least, cases[i].most);
    }
}

static void answers_differ_by_a_fifth(void **state)
{
    (void)state;
    struct rate r;
    const struct history h = {4000, {10, 0}, 0};
    int64_t now = live(&r, &h),
            fair = rate_estimate_ms(&r, now, (struct amount){100, 0}, FAIR_DICE);
    int64_t least = fair, most = fair;
    for (uint64_t dice = 0; dice < 1000; dice++) {
        int64_t ms = rate_estimate_ms(&r, now, (struct amount){100, 0}, dice);
        least = ms < least ? ms : least;
        most = ms > most ? ms : most;
    }
    assert_in_range(least, fair * 79 / 100, fair * 81 / 100);
    assert_in_range(most, fair * 119 / 100, fair * 121 / 100);
}

/* A machine may sleep for long. */
static void a_long_time_later(void **state)
{
    (void)state;
    struct rate r;
    const struct history h = {4000, {10, 0}, (int64_t)1 << 50};
    int64_t now = live(&r, &h);
    assert_in_range(rate_estimate_ms(&r, now, (struct amount){1, 0}, FAIR_DICE), 7000, 8000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(estimates),
        cmocka_unit_test(answers_differ_by_a_fifth),
        cmocka_unit_test(a_long_time_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
