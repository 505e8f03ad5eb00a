/* filter.c: builds a seccomp filter of the tables and exports it as BPF. Runs in the launcher. */
#include "sandbox/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "conf/extra_calls.h"
#include "sandbox/seccomp_rules.h"

enum { NO_RULE = -1 };

static uint32_t action_of(enum filter_answer answer)
{
    switch (answer) {
    case ANSWER_ALLOW:
        return SCMP_ACT_ALLOW;
    case ANSWER_EPERM:
        return SCMP_ACT_ERRNO(EPERM);
    case ANSWER_ENOSYS:
        return SCMP_ACT_ERRNO(ENOSYS);
    case ANSWER_NOTHING:
        return SCMP_ACT_ERRNO(0);
    case ANSWER_TRAP:
        break;
    }
    return SCMP_ACT_TRAP;
}

/* What a row says in this filter. A task's filter lies over the zygote's and only takes away what
 * differs: a tenth of the length, and loading it is most of what a forked task costs. */
static int pick(enum filter_kind kind, uint8_t zygote, uint8_t task)
{
    if (kind == FILTER_ZYGOTE)
        return zygote;
    return task != zygote ? task : NO_RULE;
}

/* The answer of a filter where no row fits. */
static uint32_t default_of(enum filter_kind kind)
{
    return kind == FILTER_ZYGOTE ? SCMP_ACT_TRAP : SCMP_ACT_ALLOW;
}

/* 0, or a negative errno as the library's. answer: enum filter_answer or NO_RULE. */
static int add_rule(scmp_filter_ctx ctx, enum filter_kind kind, int answer, int number, unsigned n,
                    const struct scmp_arg_cmp *args)
{
    if (answer == NO_RULE || number == __NR_SCMP_ERROR)
        return 0;
    const uint32_t action = action_of((enum filter_answer)answer);
    return action != default_of(kind) ? seccomp_rule_add_array(ctx, action, number, n, args) : 0;
}

/* The same for a call by its name; what extra_syscalls adds is answered by add_extra alone. */
static int add(scmp_filter_ctx ctx, const struct filter_key *key, int answer, const char *name,
               unsigned n, const struct scmp_arg_cmp *args)
{
    if (filter_extra_has(key->extra_calls, name))
        return 0;
    return add_rule(ctx, key->kind, answer, seccomp_syscall_resolve_name(name), n, args);
}

static int add_groups(scmp_filter_ctx ctx, const struct filter_key *key)
{
    int rc = 0;
    for (size_t i = 0; i < filter_groups_count; i++) {
        const struct filter_group *g = &filter_groups[i];
        if (!filter_applies(key->rights, g->rights, g->without))
            continue;
        for (const char *const *name = g->names; rc == 0 && *name != NULL; name++)
            rc = add(ctx, key, pick(key->kind, g->zygote, g->task), *name, 0, NULL);
    }
    return rc;
}

static struct scmp_arg_cmp compare(const struct filter_arg *a)
{
    if (a->compare == COMPARE_IS_NOT)
        return (struct scmp_arg_cmp){.arg = a->index, .op = SCMP_CMP_NE, .datum_a = a->value};
    return (struct scmp_arg_cmp){
        .arg = a->index, .op = SCMP_CMP_MASKED_EQ, .datum_a = a->mask, .datum_b = a->value};
}

unsigned filter_compare_all(const struct filter_case *c, struct scmp_arg_cmp *args)
{
    unsigned n = 0;
    for (; n < FILTER_ARGS && c->args[n].compare != COMPARE_NONE; n++)
        args[n] = compare(&c->args[n]);
    return n;
}

static int add_cases(scmp_filter_ctx ctx, const struct filter_key *key)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < filter_cases_count; i++) {
        const struct filter_case *c = &filter_cases[i];
        struct scmp_arg_cmp args[FILTER_ARGS];
        if (!filter_applies(key->rights, c->rights, c->without))
            continue;
        const unsigned n = filter_compare_all(c, args);
        rc = add(ctx, key, pick(key->kind, c->zygote, c->task), c->name, n, args);
    }
    return rc;
}

/* The zygote's filter alone: a task's lets through what it does not name. */
static int add_extra_call(scmp_filter_ctx ctx, size_t number)
{
    struct scmp_arg_cmp args[FILTER_ARGS];
    size_t count;
    const int call = seccomp_syscall_resolve_name(extra_call_name(number));
    const struct filter_case *c = filter_extra_cases(number, &count);
    int rc = count == 0 ? add_rule(ctx, FILTER_ZYGOTE, ANSWER_ALLOW, call, 0, NULL) : 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        const unsigned n = filter_compare_all(&c[i], args);
        rc = add_rule(ctx, FILTER_ZYGOTE, ANSWER_ALLOW, call, n, args);
    }
    return rc;
}

static int add_extra(scmp_filter_ctx ctx, const struct filter_key *key)
{
    int rc = 0;
    if (key->kind != FILTER_ZYGOTE)
        return 0;
    for (size_t i = 0; rc == 0 && extra_call_name(i) != NULL; i++) {
        if (filter_extra_has(key->extra_calls, extra_call_name(i)))
            rc = add_extra_call(ctx, i);
    }
    return rc;
}

static int add_numbers(scmp_filter_ctx ctx, enum filter_kind kind)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < filter_numbers_count; i++) {
        const struct filter_number *n = &filter_numbers[i];
        rc = add_rule(ctx, kind, pick(kind, n->zygote, n->task), n->number, 0, NULL);
    }
    return rc;
}

static int fill(scmp_filter_ctx ctx, const struct filter_key *key)
{
    int rc = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    /* A binary tree over the numbers: a third of the linear list's price to load and to pass. */
    if (rc == 0)
        rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (rc == 0 && key->is_learning)
        return filter_fill_learning(ctx, key);
    if (rc == 0)
        rc = add_groups(ctx, key);
    if (rc == 0)
        rc = add_cases(ctx, key);
    if (rc == 0)
        rc = add_extra(ctx, key);
    if (rc == 0)
        rc = add_numbers(ctx, key->kind);
    return rc;
}

static int export_sealed(scmp_filter_ctx ctx, int fd)
{
    const int rc = seccomp_export_bpf(ctx, fd);
    if (rc < 0) {
        errno = -rc;
        return -1;
    }
    return fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
}

int filter_build(const struct filter_key *key)
{
    scmp_filter_ctx ctx = seccomp_init(key->is_learning ? SCMP_ACT_NOTIFY : default_of(key->kind));
    if (ctx == NULL) {
        errno = ENOMEM;
        return -1;
    }
    const int rc = fill(ctx, key);
    int fd = -1;
    errno = -rc;
    if (rc == 0)
        fd = memfd_create("penstock-filter", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd >= 0 && export_sealed(ctx, fd) < 0)
        fd_close(&fd);
    seccomp_release(ctx);
    return fd;
}
