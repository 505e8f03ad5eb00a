/* core_growth.c: when a door is shut. */
#include "cmocka_all.h"

#include <stdint.h>

#include "core/growth.h"

struct row {
    const char *what;
    struct growth g;
    size_t excess;
};

static const struct row rows[] = {
    {"nothing is held", {.held = 0, .accounted = 0, .allowance = 10}, 0},
    {"all has its reason", {.held = 1000, .accounted = 1000, .allowance = 10}, 0},
    {"more is known than is there", {.held = 100, .accounted = 1000, .allowance = 10}, 0},
    {"just allowed", {.held = 110, .accounted = 100, .allowance = 10}, 0},
    {"one byte too much", {.held = 111, .accounted = 100, .allowance = 10}, 1},
    {"whole messages wait", {.held = 120, .accounted = 100, .allowance = 10, .is_behind = true}, 0},
    {"too much even so", {.held = 125, .accounted = 100, .allowance = 10, .is_behind = true}, 5},
    {"nothing is allowed", {.held = 7, .accounted = 0, .allowance = 0}, 7},
    {"the kernel does not tell", {.held = SIZE_MAX, .accounted = 5, .allowance = 5}, SIZE_MAX - 10},
};

static void each_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (growth_excess(&rows[i].g) != rows[i].excess)
            fail_msg("%s: found %zu", rows[i].what, growth_excess(&rows[i].g));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_row)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
