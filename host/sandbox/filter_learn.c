/*
 * filter_learn.c: the filter of learn mode. Runs in the launcher.
 *
 * What the ordinary filter lets through in every part of a plugin's life goes through here too. All
 * else, and the calls that say what a plugin looks for, are held by the kernel until the supervisor
 * (tools/penstock/learn.c) has looked at them: it lets go on what the ordinary filter would
 * (filter_judge), and answers the rest itself. If it is gone, they fail with ENOSYS.
 */
#include <errno.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>

#include "sandbox/filter.h"
#include "sandbox/seccomp_rules.h"

/* Allowed or not, they tell files and addresses. */
static const char *const watched[] = {"access", "connect", "creat",    "faccessat",  "faccessat2",
                                      "lstat",  "mmap",    "mprotect", "newfstatat", "open",
                                      "openat", "openat2", "sendmsg",  "socket",     "stat",
                                      "statx",  NULL};

static bool is_watched(const char *name)
{
    for (size_t i = 0; watched[i] != NULL; i++) {
        if (strcmp(watched[i], name) == 0)
            return true;
    }
    return false;
}

static int allow(void *ctx, const char *name, unsigned n, const struct scmp_arg_cmp *args)
{
    const int call = seccomp_syscall_resolve_name(name);
    return call == __NR_SCMP_ERROR ? 0 : seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, call, n, args);
}

static int allow_groups(void *ctx, const struct filter_key *key)
{
    int rc = 0;
    for (size_t i = 0; i < filter_groups_count; i++) {
        const struct filter_group *g = &filter_groups[i];
        if (!filter_applies(key->rights, g->rights, g->without) || g->zygote != ANSWER_ALLOW ||
            g->task != ANSWER_ALLOW)
            continue;
        for (const char *const *name = g->names; rc == 0 && *name != NULL; name++)
            rc = is_watched(*name) ? 0 : allow(ctx, *name, 0, NULL);
    }
    return rc;
}

static int allow_cases(void *ctx, const struct filter_key *key)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < filter_cases_count; i++) {
        const struct filter_case *c = &filter_cases[i];
        struct scmp_arg_cmp args[FILTER_ARGS];
        if (!filter_applies(key->rights, c->rights, c->without) || c->zygote != ANSWER_ALLOW ||
            c->task != ANSWER_ALLOW || is_watched(c->name))
            continue;
        const unsigned n = filter_compare_all(c, args);
        rc = allow(ctx, c->name, n, args);
    }
    return rc;
}

static int allow_numbers(void *ctx)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < filter_numbers_count; i++) {
        const struct filter_number *n = &filter_numbers[i];
        if (n->zygote == ANSWER_ALLOW && n->task == ANSWER_ALLOW)
            rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, n->number, 0);
    }
    return rc;
}

/* Of the watched ones what tells nothing: memory that is not both written and executed, and the
 * zygote's channel, over which the supervisor's descriptor goes before there is a supervisor. */
static int allow_plain(void *ctx)
{
    const struct scmp_arg_cmp unwritten = {
        .arg = 2, .op = SCMP_CMP_MASKED_EQ, .datum_a = PROT_WRITE, .datum_b = 0};
    const struct scmp_arg_cmp unexecuted = {
        .arg = 2, .op = SCMP_CMP_MASKED_EQ, .datum_a = PROT_EXEC, .datum_b = 0};
    const struct scmp_arg_cmp channel = {
        .arg = 0, .op = SCMP_CMP_EQ, .datum_a = FILTER_LEARN_CHANNEL, .datum_b = 0};
    int rc = allow(ctx, "mmap", 1, &unwritten);
    if (rc == 0)
        rc = allow(ctx, "mmap", 1, &unexecuted);
    if (rc == 0)
        rc = allow(ctx, "mprotect", 1, &unexecuted);
    return rc == 0 ? allow(ctx, "sendmsg", 1, &channel) : rc;
}

int filter_fill_learning(void *ctx, const struct filter_key *key)
{
    int rc = allow_plain(ctx);
    if (rc == 0)
        rc = allow_groups(ctx, key);
    if (rc == 0)
        rc = allow_cases(ctx, key);
    return rc == 0 ? allow_numbers(ctx) : rc;
}
