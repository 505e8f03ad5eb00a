/*
 * shims.c: which shims run. Runs in penstockd.
 *
 * Each shim has a seat from its first to its last moment, which says whose user it becomes on a host
 * that root has started: places in the configuration move when a section goes, and two shims must never
 * be one user. What ends by a reload keeps its seat until it has ended.
 */
#include "supervisor/shims.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/log.h"
#include "conf/changes.h"
#include "conf/conf.h"
#include "supervisor/environment.h"
#include "supervisor/role.h"

enum { SEATS = 64, ARGUMENTS_MAX = 128, STOP_EXTRA_MS = 10000 };

struct shim {
    struct shims *all;
    struct role *role;
    char **environment;
    char *name;
    bool is_wanted; /* by the configuration */
    bool restarts;  /* it ends because its section has changed */
};

struct shims {
    struct loop *loop;
    struct shims_options options;
    char *program;
    struct shim *seats[SEATS]; /* NULL: free */
    bool is_serving, is_stopping;
};

struct shims *shims_new(struct loop *loop, const struct shims_options *o)
{
    struct shims *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    *s = (struct shims){.loop = loop, .options = *o, .program = strdup(o->program)};
    if (s->program != NULL)
        return s;
    free(s);
    return NULL;
}

static void shim_free(struct shim *shim)
{
    if (shim == NULL)
        return;
    role_free(shim->role);
    free(shim->environment);
    free(shim->name);
    free(shim);
}

static void leave_seat(struct shim *shim)
{
    for (size_t i = 0; i < SEATS; i++) {
        if (shim->all->seats[i] == shim)
            shim->all->seats[i] = NULL;
    }
    shim_free(shim);
}

static void start_again(struct shim *shim, int64_t next_ms)
{
    role_start_later(shim->role, shim->restarts ? 0 : next_ms);
    shim->restarts = false;
}

/* A shim that is wrongly configured does not get better by itself: its pauses grow like any
 * other's. */
static void on_ended(void *arg, struct role *r, int wait_status, int64_t next_ms)
{
    struct shim *shim = arg;
    struct shims *s = shim->all;
    (void)r;
    (void)wait_status;
    role_log_end(shim->role, s->is_stopping || !shim->is_wanted || shim->restarts, next_ms);
    if (!shim->is_wanted)
        leave_seat(shim);
    else if (!s->is_stopping)
        start_again(shim, next_ms);
    s->options.on_ended(s->options.arg);
}

/* ---- making them
 * ---------------------------------------------------------------------------------- */

static struct role *make_role(struct shim *shim, size_t seat)
{
    char name[128], number[24];
    char *arguments[ARGUMENTS_MAX];
    size_t n = 0;
    snprintf(name, sizeof name, "shim-%s", shim->name);
    snprintf(number, sizeof number, "%zu", seat);
    char name_flag[] = "--name", seat_flag[] = "--seat";
    char *const own[] = {name_flag, shim->name, seat_flag, number, NULL};
    for (char *const *at = shim->all->options.conf_arguments; *at != NULL && n < ARGUMENTS_MAX;
         at++)
        arguments[n++] = *at;
    if (n + sizeof own / sizeof *own > ARGUMENTS_MAX)
        return NULL;
    memcpy(arguments + n, own, sizeof own);
    const struct role_spec spec = {.name = name,
                                   .program = shim->all->program,
                                   .arguments = arguments,
                                   .environment = shim->environment};
    return role_new(shim->all->loop, &spec, on_ended, shim);
}

static int add(struct shims *s, const struct conf_shim *conf)
{
    size_t seat = 0;
    while (seat < SEATS && s->seats[seat] != NULL)
        seat++;
    if (seat == SEATS) {
        log_error("too many shims", LI("most", SEATS));
        return -1;
    }
    struct shim *shim = calloc(1, sizeof *shim);
    if (shim == NULL)
        return -1;
    *shim = (struct shim){.all = s, .is_wanted = true, .name = strdup(conf->name)};
    shim->environment = environment_for(conf->name);
    if (shim->name != NULL && shim->environment != NULL)
        shim->role = make_role(shim, seat);
    if (shim->role == NULL) {
        shim_free(shim);
        return -1;
    }
    s->seats[seat] = shim;
    if (s->is_serving)
        role_start(shim->role, NULL, 0);
    return 0;
}

static struct shim *find(const struct shims *s, const char *name)
{
    for (size_t i = 0; i < SEATS; i++) {
        if (s->seats[i] != NULL && strcmp(s->seats[i]->name, name) == 0)
            return s->seats[i];
    }
    return NULL;
}

/* One that is just ending comes back when it has: two of a name would be one worker. */
static int want(struct shims *s, const struct conf_shim *conf)
{
    struct shim *shim = find(s, conf->name);
    if (shim == NULL)
        return add(s, conf);
    shim->restarts = shim->restarts || !shim->is_wanted;
    shim->is_wanted = true;
    return 0;
}

static const struct conf_shim *section(const struct conf *conf, const char *name)
{
    const struct conf_shim *shim = conf_shim_find(conf, name);
    return shim != NULL && shim->enabled ? shim : NULL;
}

static int64_t grace_ms(const struct conf *conf)
{
    return conf_host(conf)->drain_timeout_ms + STOP_EXTRA_MS;
}

/* One that does not run has nothing to end. */
static void take_out(struct shim *shim, const struct conf *conf)
{
    if (!shim->is_wanted)
        return; /* it drains already, and a second signal would cut that short */
    log_info("shim is taken out", LS("role", role_name(shim->role)));
    shim->is_wanted = false;
    if (!shim->restarts)
        role_stop(shim->role, grace_ms(conf));
    shim->restarts = false;
    if (!role_is_running(shim->role))
        leave_seat(shim);
}

/* A signal would take its next start from one that does not run. */
static void refresh(struct shim *shim)
{
    if (role_is_running(shim->role))
        role_signal(shim->role, SIGHUP);
}

static void settle_one(struct shim *shim, const struct conf *conf, const struct conf *before)
{
    if (section(conf, shim->name) == NULL) {
        take_out(shim, conf);
    } else if (before != NULL && !conf_same_shim(before, conf, shim->name)) {
        log_info("shim is started again with its new options", LS("role", role_name(shim->role)));
        if (!shim->restarts)
            role_stop(shim->role, grace_ms(conf));
        shim->restarts = role_is_running(shim->role);
        if (!shim->restarts && shim->all->is_serving)
            role_start_later(shim->role, 0);
    } else {
        refresh(shim);
    }
}

int shims_settle(struct shims *s, const struct conf *conf, const struct conf *before)
{
    int rc = 0;
    for (size_t i = 0; i < SEATS; i++) {
        if (s->seats[i] != NULL && s->seats[i]->is_wanted)
            settle_one(s->seats[i], conf, before);
    }
    for (size_t i = 0; i < conf_shim_count(conf); i++) {
        const struct conf_shim *shim = conf_shim_at(conf, i);
        if (shim->enabled && want(s, shim) < 0)
            rc = -1;
    }
    return rc;
}

/* ---- all of them
 * ---------------------------------------------------------------------------------- */

void shims_start(struct shims *s)
{
    s->is_serving = true;
    for (size_t i = 0; i < SEATS; i++) {
        if (s->seats[i] != NULL && s->seats[i]->is_wanted && !role_is_running(s->seats[i]->role))
            role_start(s->seats[i]->role, NULL, 0);
    }
}

static void signal_all(struct shims *s, int signo)
{
    for (size_t i = 0; i < SEATS; i++) {
        if (s->seats[i] != NULL)
            role_signal(s->seats[i]->role, signo);
    }
}

void shims_refresh(struct shims *s)
{
    for (size_t i = 0; i < SEATS; i++) {
        if (s->seats[i] != NULL)
            refresh(s->seats[i]);
    }
}

void shims_stop(struct shims *s, int signo)
{
    s->is_stopping = true;
    s->is_serving = false;
    signal_all(s, signo);
}

bool shims_are_running(const struct shims *s)
{
    for (size_t i = 0; i < SEATS; i++) {
        if (s->seats[i] != NULL && role_is_running(s->seats[i]->role))
            return true;
    }
    return false;
}

void shims_free(struct shims *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < SEATS; i++)
        shim_free(s->seats[i]);
    free(s->program);
    free(s);
}
