/* launcher_arguments.c: the launcher's command line. Runs in the supervisor and the command line. */
#include "conf/launcher_arguments.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "conf/settings.h"

void launcher_arguments_add(struct launcher_arguments *a, const char *flag, const char *value)
{
    if (a->n + 2 < LAUNCHER_ARGUMENTS_MAX) {
        a->items[a->n++] = (char *)(uintptr_t)flag;
        if (value != NULL)
            a->items[a->n++] = (char *)(uintptr_t)value;
    }
    a->items[a->n] = NULL;
}

/* What is written there stays until the end. */
static char *keep(struct launcher_arguments *a, size_t len)
{
    char *kept = a->text + a->text_len;
    a->text_len += len + 1;
    return kept;
}

static const char *number(struct launcher_arguments *a, int64_t value)
{
    const size_t room = sizeof a->text - a->text_len;
    const int n = snprintf(a->text + a->text_len, room, "%lld", (long long)value);
    return n > 0 && (size_t)n < room ? keep(a, (size_t)n) : "";
}

static const char *joined(struct launcher_arguments *a, const struct conf_list *list)
{
    char *start = a->text + a->text_len;
    const size_t room = sizeof a->text - a->text_len;
    size_t n = 0;
    for (size_t i = 0; i < list->n && n + strlen(list->items[i]) + 2 < room; i++)
        n += (size_t)snprintf(start + n, room - n, "%s%s", i > 0 ? "," : "", list->items[i]);
    start[n] = '\0';
    return keep(a, n);
}

void launcher_arguments_init(struct launcher_arguments *a, const struct conf_host *host)
{
    *a = (struct launcher_arguments){.n = 0};
    launcher_arguments_add(a, "--box-uid-base", number(a, host->box_uid_base));
    launcher_arguments_add(a, "--cgroup", host->cgroup);
    launcher_arguments_add(a, "--require", joined(a, &host->require));
    launcher_arguments_add(a, "--require-strong", joined(a, &host->require_strong));
    if (host->require_signature)
        launcher_arguments_add(a, "--require-signature", NULL);
    for (size_t i = 0; i < host->trusted_keys.n; i++)
        launcher_arguments_add(a, "--trusted-key", host->trusted_keys.items[i]);
}
