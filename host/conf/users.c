/* users.c: users of the roles. Runs in every program that loads the configuration. */
#include "conf/users.h"

#include <errno.h>
#include <grp.h>
#include <stddef.h>

#include "conf/conf.h"

enum { CORE_BELOW = 1, SHIMS_BELOW = 2 };

static uid_t below(const struct conf_host *h, size_t n)
{
    return (uid_t)h->box_uid_base - (uid_t)n;
}

uid_t users_core(const struct conf_host *h)
{
    return below(h, CORE_BELOW);
}

uid_t users_last_box(const struct conf_host *h)
{
    return (uid_t)h->box_uid_base + USERS_BOXES - 1;
}

uid_t users_shim_seat(const struct conf_host *h, size_t seat)
{
    return below(h, SHIMS_BELOW + seat);
}

uid_t users_shim(const struct conf *c, const struct conf_shim *shim)
{
    size_t i = 0;
    while (i < conf_shim_count(c) && conf_shim_at(c, i) != shim)
        i++;
    return users_shim_seat(conf_host(c), i);
}

int users_tasks_group(const struct conf_host *h, gid_t *group)
{
    *group = users_core(h);
    if (h->socket_group[0] == '\0')
        return 0;
    errno = 0;
    const struct group *g = getgrnam(h->socket_group);
    if (g == NULL) {
        errno = errno != 0 ? errno : ENOENT;
        return -1;
    }
    *group = g->gr_gid;
    return 0;
}
