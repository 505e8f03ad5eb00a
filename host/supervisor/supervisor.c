/*
 * supervisor.c: which programs make a host. Runs in penstockd.
 *
 * Theory of operation: launcher and core are a pair: they share a socketpair that nobody else
 * holds, so when one of them ends the other one does too, and both are started again with a new
 * pair. The core tells over a channel that it serves; the shims start then, and they live on
 * through a restart of the pair. On HUP, or when the core asks because a reload came over its control
 * socket, the supervisor reads the configuration's files, which may be root's alone, and hands them
 * over; the core checks them, and tells when they are in force: only then they are in force here too. On TERM the shims
 * are told first: the long poll that each has open may still bring a task, which the core has to
 * run; when they have ended, the core is told to drain, and the launcher ends by itself when the
 * core has closed its channel. A second TERM goes to all at once.
 */
#include "supervisor/supervisor_internal.h"

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

#include "base/clock.h"
#include "base/fdutil.h"
#include "base/log.h"
#include "base/process.h"
#include "conf/bundle.h"
#include "conf/conf.h"
#include "loop/loop.h"
#include "supervisor/environment.h"
#include "supervisor/notify.h"
#include "supervisor/place.h"
#include "supervisor/shims.h"

enum { EXIT_CONFIG = 78, STARTS_MAX = 3, STOP_EXTRA_MS = 10000 };

/* ---- the pair: launcher and core
 * ------------------------------------------------------------------ */

/* By the configuration in force, whatever the files say by now: a wrong one that was refused must not
 * end a host whose core has died. */
static int start_core(struct supervisor *s, int channel)
{
    int pair[2], conf = supervisor_memory_file(&s->in_force);
    if (conf < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        log_error("the core cannot be given its configuration", LE(errno));
        fd_close(&conf);
        return -1;
    }
    const int fds[] = {channel, pair[1], conf};
    int rc = role_start(s->core, fds, 3);
    close(pair[1]);
    fd_close(&conf);
    return supervisor_watch_status(s, pair[0]) == 0 ? rc : -1;
}

/* The core shows it in STATS. */
static void hand_over_restarts(struct supervisor *s)
{
    char count[24];
    snprintf(count, sizeof count, "%u", s->restarts);
    if (s->restarts > 0 && (role_set_argument(s->core, "--restarts", count) < 0 ||
                            role_set_argument(s->core, "--last-end", s->last_end) < 0))
        log_warn("no memory to tell the core why it was started again");
}

static int start_pair(struct supervisor *s)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        log_error("channel between core and launcher cannot be made", LE(errno));
        return -1;
    }
    s->end_weight = 0;
    hand_over_restarts(s);
    int rc = role_start(s->launcher, &pair[0], 1);
    if (rc == 0)
        rc = start_core(s, pair[1]);
    close(pair[0]);
    close(pair[1]);
    return rc;
}

static void end_if_done(struct supervisor *s)
{
    bool is_running =
        role_is_running(s->launcher) || role_is_running(s->core) || shims_are_running(s->shims);
    if (s->is_stopping && !is_running)
        loop_stop(s->loop);
}

static void fail(struct supervisor *s, int status)
{
    s->has_failed = true;
    s->exit_status = status;
    supervisor_stop(s);
}

/* How much an end says of why the pair is gone: whoever follows the other one exits, the launcher with
 * 0, and it may be seen first. */
static unsigned weight_of(int wait_status)
{
    return WIFSIGNALED(wait_status) ? 3 : WEXITSTATUS(wait_status) != 0 ? 2 : 1;
}

static void note_end(struct supervisor *s, const struct role *r, int wait_status)
{
    const unsigned weight = weight_of(wait_status);
    s->restarts += s->end_weight == 0;
    if (weight <= s->end_weight)
        return;
    s->end_weight = weight;
    snprintf(s->last_end, sizeof s->last_end, "%s: %s", role_name(r), role_last_end(r));
}

/* The launcher goes when its channel has closed. */
static bool is_follower(const struct supervisor *s, const struct role *r, int wait_status)
{
    return r == s->launcher && WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0;
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
    role_log_end(r, is_asked || s->end_weight > 0 || is_follower(s, r, wait_status), next_ms);
    if (!s->is_stopping && !is_asked)
        note_end(s, r, wait_status);
    if (r == s->core)
        supervisor_drop_status(s);
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

static void on_shim_ended(void *arg)
{
    struct supervisor *s = arg;
    if (s->is_stopping && !shims_are_running(s->shims) && !s->is_core_told)
        drain_core(s);
    end_if_done(s);
}

/* ---- another configuration
 * ------------------------------------------------------------------------ */

void supervisor_reload(struct supervisor *s)
{
    char text[96];
    if (s->is_stopping)
        return;
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_mono_us());
    notify_manager(text);
    supervisor_read(s);
    if (!role_is_running(s->core))
        supervisor_configure(s); /* the core gets it when it starts */
    else if (supervisor_hand_over(s) == 0)
        return; /* it says when it has checked it */
    notify_manager("READY=1");
}

/* ---- the end
 * -------------------------------------------------------------------------------------- */

/* Roles that neither drain nor stop are killed: a hung one must not keep the host for ever. */
static void on_last_resort(void *arg)
{
    struct supervisor *s = arg;
    log_error("roles did not end in time and are killed");
    shims_stop(s->shims, SIGKILL);
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
    shims_stop(s->shims, SIGTERM);
    /* To the core the first signal means drain and the second one stop, whichever of the two they
     * are. */
    if (!is_first && !s->is_core_told)
        role_signal(s->core, SIGINT);
    if (!is_first || !shims_are_running(s->shims))
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
    s->request = o->request;
    s->conf = conf_ref(o->conf);
    s->host = conf_host(o->conf);
    s->lock_fd = s->status_fd = -1;
    s->ready_fd = o->ready_fd;
    buf_init(&s->bundle, BUNDLE_MAX);
    s->in_force = *o->bundle;
    *o->bundle = (struct buf)BUF_INIT(BUNDLE_MAX);
    s->conf_arguments = conf_request_arguments(o->request);
    s->environment = environment_for(NULL);
    s->pair_again = loop_timer_new(loop, on_pair_again, s);
    s->last_resort = loop_timer_new(loop, on_last_resort, s);
    bool is_complete = s->conf_arguments != NULL && s->environment != NULL &&
                       s->pair_again != NULL && s->last_resort != NULL &&
                       process_own_dir(s->bin_dir, sizeof s->bin_dir) == 0;
    if (is_complete)
        place_leave_group(s->host);
    if (!is_complete || (s->lock_fd = place_take(s->host)) < 0 ||
        supervisor_make_roles(s, on_pair_ended, on_shim_ended) < 0 || start_pair(s) < 0) {
        supervisor_free(s);
        return NULL;
    }
    return s;
}

void supervisor_free(struct supervisor *s)
{
    if (s == NULL)
        return;
    supervisor_drop_status(s);
    shims_free(s->shims);
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
    conf_free(s->conf);
    buf_clear(&s->bundle);
    buf_clear(&s->in_force);
    free(s);
}
