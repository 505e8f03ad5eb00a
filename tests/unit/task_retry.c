/* task_retry.c: when a failed task is tried again, and when it is over. */
#include "cmocka_all.h"

#include "task/retry.h"

#define LATEST UINT64_MAX

static const struct retry_policy usual = {3, 1000, 300000, UINT64_C(1) << CODE_TRANSIENT};
static const struct retry_policy once = {1, 1000, 300000, UINT64_C(1) << CODE_TRANSIENT};
static const struct retry_policy eager = {100, 1, 5, UINT64_C(1) << CODE_TRANSIENT};
static const struct retry_policy sudden = {100, 0, 0, UINT64_C(1) << CODE_TRANSIENT};
static const struct retry_policy capped = {100, 1000, 500, UINT64_C(1) << CODE_TRANSIENT};
static const struct retry_policy longest = {100, INT64_MAX / 2 + 1, INT64_MAX,
                                            UINT64_C(1) << CODE_TRANSIENT};

/* random 0: the shortest pause, and half: the longest. */
static const struct {
    const struct retry_policy *policy;
    enum code code;
    uint32_t failures;
    uint64_t random;
    int64_t expected;
} rows[] = {
    {&usual, CODE_TRANSIENT, 1, 0, 500},
    {&usual, CODE_TRANSIENT, 1, 500, 1000},
    {&usual, CODE_TRANSIENT, 1, 501, 500},
    {&usual, CODE_TRANSIENT, 2, 0, 1000},
    {&usual, CODE_TRANSIENT, 2, 1000, 2000},
    {&usual, CODE_TRANSIENT, 3, 0, RETRY_NEVER},
    {&usual, CODE_TRANSIENT, 4, 0, RETRY_NEVER},
    {&usual, CODE_CRASH, 1, 0, RETRY_NEVER},
    {&once, CODE_TRANSIENT, 1, 0, RETRY_NEVER},
    {&eager, CODE_TRANSIENT, 1, 0, 1},
    {&eager, CODE_TRANSIENT, 2, 1, 2},
    {&eager, CODE_TRANSIENT, 3, 2, 4},
    {&eager, CODE_TRANSIENT, 4, 2, 5},
    {&eager, CODE_TRANSIENT, 99, 2, 5},
    {&eager, CODE_TRANSIENT, 100, 0, RETRY_NEVER},
    {&sudden, CODE_TRANSIENT, 5, 12345, 0},
    {&capped, CODE_TRANSIENT, 1, 0, 250},
    {&capped, CODE_TRANSIENT, 1, 250, 500},
    {&longest, CODE_TRANSIENT, 99, INT64_MAX / 2, INT64_MAX},
    {&longest, CODE_TRANSIENT, 99, 0, INT64_MAX / 2 + 1},
};

static void each_failure(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const int64_t found =
            retry_after_ms(rows[i].policy, rows[i].code, rows[i].failures, rows[i].random);
        if (found != rows[i].expected)
            fail_msg("row %zu: expected %lld, found %lld", i, (long long)rows[i].expected,
                     (long long)found);
    }
}

static void random_bits_stay_within_the_pause(void **state)
{
    (void)state;
    for (uint64_t bits = 1; bits != 0; bits <<= 1) {
        const int64_t ms = retry_after_ms(&usual, CODE_TRANSIENT, 2, bits - 1);
        assert_true(ms >= 1000 && ms <= 2000);
    }
    assert_true(retry_after_ms(&usual, CODE_TRANSIENT, 2, LATEST) >= 1000);
}

/* A lost worker is no attempt, but a box that never comes is the end some day. */
static void causes_of_ours(void **state)
{
    int64_t sum = 0;
    (void)state;
    assert_int_equal(retry_ours_after_ms(1, 77), 0);
    assert_int_equal(retry_ours_after_ms(2, 0), 50);
    assert_int_equal(retry_ours_after_ms(2, 50), 100);
    assert_int_equal(retry_ours_after_ms(3, 0), 100);
    assert_int_equal(retry_ours_after_ms(RETRY_OURS_MAX, 15000), 30000);
    assert_int_equal(retry_ours_after_ms(RETRY_OURS_MAX + 1, 0), RETRY_NEVER);
    for (uint32_t n = 1; n <= RETRY_OURS_MAX; n++)
        sum += retry_ours_after_ms(n, 0);
    assert_true(sum > 120000); /* a restart of whatever is broken fits into it */
}

static void whose_cause(void **state)
{
    (void)state;
    assert_true(retry_is_ours(CODE_SANDBOX_ERROR, true));
    assert_true(retry_is_ours(CODE_SANDBOX_ERROR, false));
    assert_true(retry_is_ours(CODE_KILLED, false));
    assert_false(retry_is_ours(CODE_KILLED, true));
    assert_false(retry_is_ours(CODE_CRASH, false));
    assert_false(retry_is_ours(CODE_INTERNAL, true));
    assert_true(retry_survives(RETRY_DEATHS_MAX - 1));
    assert_false(retry_survives(RETRY_DEATHS_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_failure), cmocka_unit_test(random_bits_stay_within_the_pause),
        cmocka_unit_test(causes_of_ours), cmocka_unit_test(whose_cause)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
