#ifndef PENSTOCK_SANDBOX_SECCOMP_RULES_H
#define PENSTOCK_SANDBOX_SECCOMP_RULES_H

/* seccomp_rules.h: what each filter answers to each system call, as tables. Between
 * seccomp_rules.c, which holds them, and filter.c, which builds filters of them. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sandbox/filter.h"

struct scmp_arg_cmp;

/* Calls that are answered the same way whatever their arguments are. */
struct filter_group {
    uint8_t zygote, task; /* enum filter_answer */
    uint32_t rights;      /* enum box_rights that the pipeline must have; 0: always */
    uint32_t without;     /* enum box_rights that it must not have */
    const char *const
        *names; /* NULL-ended; what the library or the machine does not know is left out */
};

enum filter_compare { COMPARE_NONE = 0, COMPARE_IS, COMPARE_IS_NOT };

/* (argument & mask) is, or is not, value. A mask goes with COMPARE_IS only. */
struct filter_arg {
    uint8_t compare; /* enum filter_compare */
    uint8_t index;
    uint64_t mask, value;
};

enum { FILTER_ARGS = 2 };

/* One case of a call; a call whose cases all do not fit is trapped. Cases of one call exclude each
 * other. */
struct filter_case {
    const char *name;
    uint8_t zygote, task;
    uint32_t rights;
    uint32_t without;
    struct filter_arg args[FILTER_ARGS];
};

/* Calls that are younger than the library's tables; their numbers are the same on every
 * architecture. */
struct filter_number {
    int number;
    uint8_t zygote, task;
};

/* Whether a row with these holds for a box with those rights. */
static inline bool filter_applies(uint32_t rights, uint32_t wanted, uint32_t unwanted)
{
    return (wanted & ~rights) == 0 && (unwanted & rights) == 0;
}

/* filter.c: the case's arguments as the library wants them: their number. args: FILTER_ARGS. */
unsigned filter_compare_all(const struct filter_case *c, struct scmp_arg_cmp *args);
/* filter_learn.c: fills a context of the library whose default is to ask the supervisor. 0, or a
 * negative errno. */
int filter_fill_learning(void *ctx, const struct filter_key *key);

/* seccomp_extra.c: whether that call is one of those added by extra_syscalls: then no row of the
 * tables holds for it. */
bool filter_extra_has(uint64_t extra_calls, const char *name);
/* The cases of the n-th of them; *count 0: whatever its arguments are. */
const struct filter_case *filter_extra_cases(size_t number, size_t *count);

extern const struct filter_group filter_groups[];
extern const size_t filter_groups_count;
extern const struct filter_case filter_cases[];
extern const size_t filter_cases_count;
extern const struct filter_number filter_numbers[];
extern const size_t filter_numbers_count;

#endif
