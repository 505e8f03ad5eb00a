/* supervisor_roles.c: the command lines of the roles. Runs in penstockd. */
#include "supervisor/supervisor_internal.h"

#include <limits.h>
#include <stdio.h>

#include "base/log.h"
#include "conf/conf.h"
#include "conf/launcher_arguments.h"
#include "supervisor/shims.h"

enum { ARGUMENTS_MAX = 128 };

struct argument_list {
    char *items[ARGUMENTS_MAX];
    size_t n;
};

static void add(struct argument_list *a, const char *word)
{
    if (a->n + 1 < ARGUMENTS_MAX)
        a->items[a->n++] = (char *)(size_t)word;
}

static void add_pair(struct argument_list *a, const char *flag, const char *value)
{
    add(a, flag);
    add(a, value);
}

static void add_conf(struct argument_list *a, const struct supervisor *s)
{
    for (char **at = s->conf_arguments; *at != NULL; at++)
        add(a, *at);
}

static struct role *make_role(struct supervisor *s, const char *name, const char *program,
                              char **arguments, char **environment, role_ended_fn fn)
{
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof path, "%s/%s", s->bin_dir, program) >= sizeof path)
        return NULL;
    const struct role_spec spec = {
        .name = name, .program = path, .arguments = arguments, .environment = environment};
    return role_new(s->loop, &spec, fn, s);
}

static int make_launcher(struct supervisor *s, role_ended_fn fn)
{
    static const char *const levels[] = {"error", "warn", "info", "debug"};
    struct launcher_arguments a;
    launcher_arguments_init(&a, s->host);
    launcher_arguments_add(&a, "--channel-fd", "3");
    launcher_arguments_add(&a, "--state-dir", s->host->state_dir);
    launcher_arguments_add(&a, "--log-level", levels[s->host->log_level]);
    launcher_arguments_add(&a, "--log-format", s->host->log_format == LOG_JSON ? "json" : "text");
    s->launcher = make_role(s, "launcher", "penstock-launcher", a.items, s->environment, fn);
    return s->launcher != NULL ? 0 : -1;
}

static int make_core(struct supervisor *s, role_ended_fn fn)
{
    struct argument_list a = {.n = 0};
    add_conf(&a, s);
    add_pair(&a, "--launcher-fd", "3");
    add_pair(&a, "--status-fd", "4");
    add_pair(&a, "--conf-fd", "5");
    s->core = make_role(s, "core", "penstock-core", a.items, s->environment, fn);
    return s->core != NULL ? 0 : -1;
}

static int make_shims(struct supervisor *s, void (*on_ended)(void *arg))
{
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof path, "%s/penstock-shim", s->bin_dir) >= sizeof path)
        return -1;
    const struct shims_options o = {
        .program = path, .conf_arguments = s->conf_arguments, .on_ended = on_ended, .arg = s};
    s->shims = shims_new(s->loop, &o);
    return s->shims != NULL ? shims_settle(s->shims, s->conf, NULL) : -1;
}

int supervisor_make_roles(struct supervisor *s, role_ended_fn on_pair_ended,
                          void (*on_shim_ended)(void *arg))
{
    return make_launcher(s, on_pair_ended) < 0 || make_core(s, on_pair_ended) < 0 ||
                   make_shims(s, on_shim_ended) < 0
               ? -1
               : 0;
}
