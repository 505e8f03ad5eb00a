/* filter_judge.c: what a filter would answer, looked up in the same tables. Runs in the command
 * line, which supervises learn mode. */
#include <string.h>

#include "conf/extra_calls.h"
#include "sandbox/filter.h"
#include "sandbox/seccomp_rules.h"
#include "sandbox/verdict.h"

static bool fits(const struct filter_arg *a, const uint64_t *args)
{
    if (a->compare == COMPARE_IS_NOT)
        return args[a->index] != a->value;
    return (args[a->index] & a->mask) == a->value;
}

static bool all_fit(const struct filter_case *c, const uint64_t *args)
{
    for (size_t i = 0; i < FILTER_ARGS && c->args[i].compare != COMPARE_NONE; i++) {
        if (!fits(&c->args[i], args))
            return false;
    }
    return true;
}

static enum filter_answer pick(enum filter_kind kind, uint8_t zygote, uint8_t task)
{
    return (enum filter_answer)(kind == FILTER_ZYGOTE ? zygote : task);
}

static enum filter_answer judge_extra(const char *name, const uint64_t *args)
{
    size_t number = 0, count;
    while (strcmp(extra_call_name(number), name) != 0)
        number++;
    const struct filter_case *c = filter_extra_cases(number, &count);
    for (size_t i = 0; i < count; i++) {
        if (all_fit(&c[i], args))
            return ANSWER_ALLOW;
    }
    return count == 0 ? ANSWER_ALLOW : ANSWER_TRAP;
}

static bool is_in(const char *name, const char *const *names)
{
    while (*names != NULL && strcmp(*names, name) != 0)
        names++;
    return *names != NULL;
}

static enum filter_answer judge_by_name(const struct filter_key *key, const char *name,
                                        const uint64_t *args)
{
    for (size_t i = 0; i < filter_groups_count; i++) {
        const struct filter_group *g = &filter_groups[i];
        if (filter_applies(key->rights, g->rights, g->without) && is_in(name, g->names))
            return pick(key->kind, g->zygote, g->task);
    }
    for (size_t i = 0; i < filter_cases_count; i++) {
        const struct filter_case *c = &filter_cases[i];
        if (filter_applies(key->rights, c->rights, c->without) && strcmp(c->name, name) == 0 &&
            all_fit(c, args))
            return pick(key->kind, c->zygote, c->task);
    }
    return ANSWER_TRAP;
}

enum filter_answer filter_judge(const struct filter_key *key, int number, const uint64_t *args)
{
    const char *name = syscall_name(number);
    for (size_t i = 0; i < filter_numbers_count; i++) {
        if (filter_numbers[i].number == number)
            return pick(key->kind, filter_numbers[i].zygote, filter_numbers[i].task);
    }
    if (name == NULL)
        return ANSWER_TRAP;
    return filter_extra_has(key->extra_calls, name) ? judge_extra(name, args)
                                                    : judge_by_name(key, name, args);
}
