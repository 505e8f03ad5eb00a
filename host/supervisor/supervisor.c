/*
 * supervisor.c: which programs make a host. Runs in penstockd.
 *
 * Theory of operation: launcher and core are a pair: they share a socketpair that nobody else
 * holds, so when one of them ends the other one does too, and both are started again with a new
 * pair. The core tells through a pipe that it serves; the shims start then, and they live on
 * through a restart of the pair. On TERM the shims
 * are told first: the long poll that each has open may still bring a task, which the core has to
 * run; when they have ended, the core is told to drain, and the launcher ends by itself when the
 * core has closed its channel. A second TERM goes to all at once.
 */
#include "supervisor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/log.h"
#include "base/process.h"
#include "conf/conf.h"
#include "conf/launcher_arguments.h"
#include "loop/loop.h"
#include "supervisor/environment.h"
#include "supervisor/notify.h"
#include "supervisor/place.h"
#include "supervisor/role.h"

enum { EXIT_CONFIG = 78, ARGUMENTS_MAX = 128, STARTS_MAX = 3, STOP_EXTRA_MS = 10000 };

struct supervisor {
    struct loop *loop;
    const struct conf *conf;
    const struct conf_host *host;
    char bin_dir[PATH_MAX];
    char **conf_arguments;
    char **environment;
    char **shim_environments[64];
    int lock_fd, ready_fd;
    int core_ready_fd; /* our end of the pipe on which the core says that it serves */
    struct loop_io *core_ready;
    struct role *launcher, *core;
    struct role *shims[64];
    size_t n_shims;
    struct loop_timer *pair_again, *last_resort;
    unsigned failed_starts; /* in a row, before the core ever served */
    bool has_served;
    bool is_stopping;
    bool is_core_told; /* to drain */
    bool has_failed;
    int exit_status;
};

enum { SHIMS_MAX = sizeof((struct supervisor *)0)->shims / sizeof(struct role *) };

/* ---- the pair: launcher and core
 * ------------------------------------------------------------------ */

static void start_shims(struct supervisor *s)
{
    for (size_t i = 0; i < s->n_shims; i++) {
        if (!role_is_running(s->shims[i]))
            role_start(s->shims[i], NULL, 0);
    }
}

static void drop_ready_pipe(struct supervisor *s)
{
    loop_io_del(s->core_ready);
    s->core_ready = NULL;
    fd_close(&s->core_ready_fd);
}

static void on_core_ready(void *arg, uint32_t events)
{
    struct supervisor *s = arg;
    char word[16];
    (void)events;
    bool is_ready = read(s->core_ready_fd, word, sizeof word) > 0;
    drop_ready_pipe(s);
    if (!is_ready || s->is_stopping)
        return;
    s->has_served = true;
    s->failed_starts = 0;
    start_shims(s);
    notify_manager("READY=1");
    log_info("host is ready");
    if (s->ready_fd >= 0 && fd_write_all(s->ready_fd, "ready\n", 6) < 0)
        log_warn("readiness cannot be told", LE(errno));
    fd_close(&s->ready_fd);
}

static int start_with_pipe(struct supervisor *s, int channel)
{
    int pipe_fds[2];
    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return -1;
    const int fds[] = {channel, pipe_fds[1]};
    int rc = role_start(s->core, fds, 2);
    close(pipe_fds[1]);
    s->core_ready_fd = pipe_fds[0];
    s->core_ready =
        rc == 0 ? loop_io_add(s->loop, s->core_ready_fd, EPOLLIN, on_core_ready, s) : NULL;
    return s->core_ready != NULL ? 0 : -1;
}

static int start_pair(struct supervisor *s)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        log_error("channel between core and launcher cannot be made", LE(errno));
        return -1;
    }
    int rc = role_start(s->launcher, &pair[0], 1);
    if (rc == 0)
        rc = start_with_pipe(s, pair[1]);
    close(pair[0]);
    close(pair[1]);
    return rc;
}

static bool has_running_shim(const struct supervisor *s)
{
    for (size_t i = 0; i < s->n_shims; i++) {
        if (role_is_running(s->shims[i]))
            return true;
    }
    return false;
}

static void end_if_done(struct supervisor *s)
{
    bool is_running =
        role_is_running(s->launcher) || role_is_running(s->core) || has_running_shim(s);
    if (s->is_stopping && !is_running)
        loop_stop(s->loop);
}

static void fail(struct supervisor *s, int status)
{
    s->has_failed = true;
    s->exit_status = status;
    supervisor_stop(s);
}

static void log_end(const struct role *r, int wait_status, bool is_expected)
{
    const char *how = WIFSIGNALED(wait_status) ? "signal" : "exit";
    int what = WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
    if (is_expected)
        log_info("role ended", LS("role", role_name(r)), LI(how, what));
    else
        log_error("role ended unexpectedly", LS("role", role_name(r)), LI(how, what));
}

static bool is_asked_to_stop(const struct supervisor *s, const struct role *r, int wait_status)
{
    /* The core ends by itself after SHUTDOWN on the control socket: then all of the host does. */
    return s->is_stopping ||
           (r == s->core && WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0);
}

static void on_pair_again(void *arg)
{
    struct supervisor *s = arg;
    if (start_pair(s) < 0)
        fail(s, EXIT_FAILURE);
}

/* One of the two is gone. The other one notices by their channel; when both are, they start anew.
 */
static void on_pair_ended(void *arg, struct role *r, int wait_status, int64_t next_ms)
{
    struct supervisor *s = arg;
    bool is_asked = is_asked_to_stop(s, r, wait_status);
    log_end(r, wait_status, is_asked || r == s->launcher);
    if (r == s->core)
        drop_ready_pipe(s);
    if (!s->is_stopping && is_asked) {
        supervisor_stop(s);
    } else if (!s->is_stopping && !s->has_served && r == s->core &&
               ++s->failed_starts >= STARTS_MAX) {
        fail(s, WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : EXIT_FAILURE);
    } else if (!s->is_stopping && WIFEXITED(wait_status) &&
               WEXITSTATUS(wait_status) == EXIT_CONFIG) {
        fail(s, EXIT_CONFIG);
    } else if (!s->is_stopping && !role_is_running(s->core) && !role_is_running(s->launcher)) {
        loop_timer_after(s->pair_again, next_ms);
    }
    end_if_done(s);
}

static void drain_core(struct supervisor *s)
{
    s->is_core_told = true;
    role_signal(s->core, SIGTERM);
}

/* A shim that is wrongly configured does not get better by itself: its pauses grow like any
 * other's. */
static void on_shim_ended(void *arg, struct role *r, int wait_status, int64_t next_ms)
{
    struct supervisor *s = arg;
    log_end(r, wait_status, s->is_stopping);
    if (!s->is_stopping)
        role_start_later(r, next_ms);
    else if (!has_running_shim(s) && !s->is_core_told)
        drain_core(s);
    end_if_done(s);
}

/* ---- making the roles
 * ----------------------------------------------------------------------------- */

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

static int make_launcher(struct supervisor *s)
{
    static const char *const levels[] = {"error", "warn", "info", "debug"};
    struct launcher_arguments a;
    launcher_arguments_init(&a, s->host);
    launcher_arguments_add(&a, "--channel-fd", "3");
    launcher_arguments_add(&a, "--state-dir", s->host->state_dir);
    launcher_arguments_add(&a, "--log-level", levels[s->host->log_level]);
    launcher_arguments_add(&a, "--log-format", s->host->log_format == LOG_JSON ? "json" : "text");
    s->launcher =
        make_role(s, "launcher", "penstock-launcher", a.items, s->environment, on_pair_ended);
    return s->launcher != NULL ? 0 : -1;
}

static int make_core(struct supervisor *s)
{
    struct argument_list a = {.n = 0};
    add_conf(&a, s);
    add_pair(&a, "--launcher-fd", "3");
    add_pair(&a, "--ready-fd", "4");
    s->core = make_role(s, "core", "penstock-core", a.items, s->environment, on_pair_ended);
    return s->core != NULL ? 0 : -1;
}

static int make_shim(struct supervisor *s, const struct conf_shim *shim)
{
    char name[128];
    struct argument_list a = {.n = 0};
    if (s->n_shims == SHIMS_MAX) {
        log_error("too many shims", LI("most", SHIMS_MAX));
        return -1;
    }
    snprintf(name, sizeof name, "shim-%s", shim->name);
    add_conf(&a, s);
    add_pair(&a, "--name", shim->name);
    char **environment = environment_for(shim->name);
    s->shim_environments[s->n_shims] = environment;
    s->shims[s->n_shims] = environment != NULL ? make_role(s, name, "penstock-shim", a.items,
                                                           environment, on_shim_ended)
                                               : NULL;
    if (s->shims[s->n_shims] == NULL)
        return -1;
    s->n_shims++;
    return 0;
}

static int make_roles(struct supervisor *s)
{
    int rc = make_launcher(s) < 0 || make_core(s) < 0 ? -1 : 0;
    for (size_t i = 0; i < conf_shim_count(s->conf) && rc == 0; i++) {
        const struct conf_shim *shim = conf_shim_at(s->conf, i);
        if (shim->enabled)
            rc = make_shim(s, shim);
    }
    return rc;
}

/* ---- the end
 * -------------------------------------------------------------------------------------- */

/* Roles that neither drain nor stop are killed: a hung one must not keep the host for ever. */
static void on_last_resort(void *arg)
{
    struct supervisor *s = arg;
    log_error("roles did not end in time and are killed");
    for (size_t i = 0; i < s->n_shims; i++)
        role_signal(s->shims[i], SIGKILL);
    role_signal(s->core, SIGKILL);
    role_signal(s->launcher, SIGKILL);
}

void supervisor_stop(struct supervisor *s)
{
    if (!s->is_stopping)
        notify_manager("STOPPING=1");
    bool is_first = !s->is_stopping;
    s->is_stopping = true;
    loop_timer_off(s->pair_again);
    for (size_t i = 0; i < s->n_shims; i++)
        role_signal(s->shims[i], SIGTERM);
    /* To the core the first signal means drain and the second one stop, whichever of the two they
     * are. */
    if (!is_first && !s->is_core_told)
        role_signal(s->core, SIGINT);
    if (!is_first || !has_running_shim(s))
        drain_core(s);
    /* First the shims have that time, then the core. */
    loop_timer_after(s->last_resort, 2 * s->host->drain_timeout_ms + STOP_EXTRA_MS);
    end_if_done(s);
}

int supervisor_exit_status(const struct supervisor *s)
{
    return s->has_failed ? s->exit_status : EXIT_SUCCESS;
}

struct supervisor *supervisor_new(struct loop *loop, const struct supervisor_options *o)
{
    struct supervisor *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->loop = loop;
    s->conf = o->conf;
    s->host = conf_host(o->conf);
    s->lock_fd = s->core_ready_fd = -1;
    s->ready_fd = o->ready_fd;
    s->conf_arguments = conf_request_arguments(o->request);
    s->environment = environment_for(NULL);
    s->pair_again = loop_timer_new(loop, on_pair_again, s);
    s->last_resort = loop_timer_new(loop, on_last_resort, s);
    bool is_complete = s->conf_arguments != NULL && s->environment != NULL &&
                       s->pair_again != NULL && s->last_resort != NULL &&
                       process_own_dir(s->bin_dir, sizeof s->bin_dir) == 0;
    if (is_complete)
        place_leave_group(s->host);
    if (!is_complete || (s->lock_fd = place_take(s->host)) < 0 || make_roles(s) < 0 ||
        start_pair(s) < 0) {
        supervisor_free(s);
        return NULL;
    }
    return s;
}

void supervisor_free(struct supervisor *s)
{
    if (s == NULL)
        return;
    drop_ready_pipe(s);
    for (size_t i = 0; i < s->n_shims; i++)
        role_free(s->shims[i]);
    for (size_t i = 0; i < SHIMS_MAX; i++)
        free(s->shim_environments[i]);
    role_free(s->core);
    role_free(s->launcher);
    loop_timer_free(s->pair_again);
    loop_timer_free(s->last_resort);
    conf_arguments_free(s->conf_arguments);
    free(s->environment);
    fd_close(&s->ready_fd);
    if (s->lock_fd >= 0)
        place_leave(s->host);
    fd_close(&s->lock_fd);
    free(s);
}
