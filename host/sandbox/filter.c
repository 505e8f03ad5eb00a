/* filter.c: builds a seccomp filter of the tables and exports it as BPF. Runs in the launcher. */
#include "sandbox/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fdutil.h"
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

static bool applies(uint32_t rights, uint32_t wanted, uint32_t unwanted)
{
    return (wanted & ~rights) == 0 && (unwanted & rights) == 0;
}

/* The answer of a filter where no row fits. */
static uint32_t default_of(enum filter_kind kind)
{
    return kind == FILTER_ZYGOTE ? SCMP_ACT_TRAP : SCMP_ACT_ALLOW;
}

/* 0, or a negative errno as the library's. answer: enum filter_answer or NO_RULE. */
static int add(scmp_filter_ctx ctx, enum filter_kind kind, int answer, int number, unsigned n,
               const struct scmp_arg_cmp *args)
{
    if (answer == NO_RULE || number == __NR_SCMP_ERROR)
        return 0;
    const uint32_t action = action_of((enum filter_answer)answer);
    return action != default_of(kind) ? seccomp_rule_add_array(ctx, action, number, n, args) : 0;
}

static int add_groups(scmp_filter_ctx ctx, enum filter_kind kind, uint32_t rights)
{
    int rc = 0;
    for (size_t i = 0; i < filter_groups_count; i++) {
        const struct filter_group *g = &filter_groups[i];
        if (!applies(rights, g->rights, g->without))
            continue;
        for (const char *const *name = g->names; rc == 0 && *name != NULL; name++) {
            rc = add(ctx, kind, pick(kind, g->zygote, g->task), seccomp_syscall_resolve_name(*name),
                     0, NULL);
        }
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

static int add_cases(scmp_filter_ctx ctx, enum filter_kind kind, uint32_t rights)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < filter_cases_count; i++) {
        const struct filter_case *c = &filter_cases[i];
        struct scmp_arg_cmp args[FILTER_ARGS];
        unsigned n = 0;
        if (!applies(rights, c->rights, c->without))
            continue;
        while (n < FILTER_ARGS && c->args[n].compare != COMPARE_NONE) {
            args[n] = compare(&c->args[n]);
            n++;
        }
        rc = add(ctx, kind, pick(kind, c->zygote, c->task), seccomp_syscall_resolve_name(c->name),
                 n, args);
    }
    return rc;
}

static int add_numbers(scmp_filter_ctx ctx, enum filter_kind kind)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < filter_numbers_count; i++) {
        const struct filter_number *n = &filter_numbers[i];
        rc = add(ctx, kind, pick(kind, n->zygote, n->task), n->number, 0, NULL);
    }
    return rc;
}

static int fill(scmp_filter_ctx ctx, enum filter_kind kind, uint32_t rights)
{
    int rc = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    /* A binary tree over the numbers: a third of the linear list's price to load and to pass. */
    if (rc == 0)
        rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (rc == 0)
        rc = add_groups(ctx, kind, rights);
    if (rc == 0)
        rc = add_cases(ctx, kind, rights);
    if (rc == 0)
        rc = add_numbers(ctx, kind);
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

int filter_build(enum filter_kind kind, uint32_t rights)
{
    scmp_filter_ctx ctx = seccomp_init(default_of(kind));
    if (ctx == NULL) {
        errno = ENOMEM;
        return -1;
    }
    const int rc = fill(ctx, kind, rights);
    int fd = -1;
    errno = -rc;
    if (rc == 0)
        fd = memfd_create("penstock-filter", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd >= 0 && export_sealed(ctx, fd) < 0)
        fd_close(&fd);
    seccomp_release(ctx);
    return fd;
}
