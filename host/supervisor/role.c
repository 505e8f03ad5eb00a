/*
 * role.c: starts programs and waits for them. Runs in the supervisor.
 *
 * Theory of operation: a role is posix_spawn'ed into a process group of its own, so that a
 * terminal's Ctrl-C reaches the supervisor only, which ends the roles in order. It gets exactly the
 * descriptors it is given, from 3 on; everything else of ours is CLOEXEC. Each role asks the kernel
 * to be ended when we die (process_end_with_parent). The loop reaps by pidfd.
 */
#include "supervisor/role.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdutil.h"
#include "base/log.h"
#include "loop/loop.h"

/* A program that held out for a minute starts again at the first pause. */
enum {
    PAUSE_FIRST_MS = 200,
    PAUSE_MAX_MS = 30000,
    HELD_OUT_MS = 60000,
    FD_FIRST = 3,
    FD_ASIDE = 64,
    ARGUMENTS_MAX = 256,
    END_TEXT = 32
};

struct role {
    struct loop *loop;
    struct loop_timer *again, *kill;
    char *name, *program;
    char *arguments[ARGUMENTS_MAX];
    char **environment;
    role_ended_fn fn;
    void *arg;
    pid_t pid; /* 0: it does not run */
    int64_t started_ms, pause_ms;
    char last_end[END_TEXT];
};

static void on_again(void *arg)
{
    struct role *r = arg;
    if (role_start(r, NULL, 0) < 0)
        role_start_later(r, PAUSE_MAX_MS);
}

static void on_kill(void *arg)
{
    struct role *r = arg;
    log_error("role did not end in time and is killed", LS("role", r->name));
    kill(r->pid, SIGKILL);
}

struct role *role_new(struct loop *loop, const struct role_spec *spec, role_ended_fn fn, void *arg)
{
    struct role *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->loop = loop;
    r->fn = fn;
    r->arg = arg;
    r->pause_ms = PAUSE_FIRST_MS;
    r->environment = spec->environment;
    r->name = strdup(spec->name);
    r->program = strdup(spec->program);
    r->again = loop_timer_new(loop, on_again, r);
    r->kill = loop_timer_new(loop, on_kill, r);
    bool is_complete = r->name != NULL && r->program != NULL && r->again != NULL && r->kill != NULL;
    r->arguments[0] = r->program;
    for (size_t i = 0; is_complete && spec->arguments[i] != NULL && i + 2 < ARGUMENTS_MAX; i++)
        is_complete = (r->arguments[i + 1] = strdup(spec->arguments[i])) != NULL;
    if (!is_complete) {
        role_free(r);
        return NULL;
    }
    return r;
}

static void on_ended(void *arg, pid_t pid, int wait_status)
{
    struct role *r = arg;
    int64_t ran_ms = clock_mono_ms() - r->started_ms;
    (void)pid;
    r->pid = 0;
    loop_timer_off(r->kill);
    const bool is_signal = WIFSIGNALED(wait_status);
    snprintf(r->last_end, sizeof r->last_end, "%s %d", is_signal ? "signal" : "exit",
             is_signal ? WTERMSIG(wait_status) : WEXITSTATUS(wait_status));
    if (ran_ms > HELD_OUT_MS)
        r->pause_ms = PAUSE_FIRST_MS;
    int64_t pause = r->pause_ms;
    r->pause_ms = pause * 2 < PAUSE_MAX_MS ? pause * 2 : PAUSE_MAX_MS;
    r->fn(r->arg, r, wait_status, pause);
}

/* Source and target numbers may overlap: first aside, then into place. */
static int place_fds(posix_spawn_file_actions_t *actions, const int *fds, unsigned n, int *aside)
{
    for (unsigned i = 0; i < n; i++) {
        aside[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, FD_ASIDE);
        if (aside[i] < 0 ||
            posix_spawn_file_actions_adddup2(actions, aside[i], FD_FIRST + (int)i) != 0)
            return -1;
    }
    return 0;
}

static int spawn(struct role *r, posix_spawn_file_actions_t *actions)
{
    posix_spawnattr_t attributes;
    sigset_t blocked, all;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGHUP);
    sigfillset(&all);
    if ((errno = posix_spawnattr_init(&attributes)) != 0)
        return -1;
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigmask(&attributes, &blocked);
    posix_spawnattr_setsigdefault(&attributes, &all);
    errno = posix_spawn(&r->pid, r->program, actions, &attributes, r->arguments, r->environment);
    posix_spawnattr_destroy(&attributes);
    return errno == 0 ? 0 : -1;
}

int role_start(struct role *r, const int *fds, unsigned n_fds)
{
    posix_spawn_file_actions_t actions;
    int aside[ROLE_FDS_MAX] = {-1, -1, -1, -1};
    if (r->pid != 0 || n_fds > ROLE_FDS_MAX ||
        (errno = posix_spawn_file_actions_init(&actions)) != 0)
        return -1;
    int rc = place_fds(&actions, fds, n_fds, aside);
    if (rc == 0)
        rc = spawn(r, &actions);
    if (rc < 0)
        r->pid = 0;
    posix_spawn_file_actions_destroy(&actions);
    for (unsigned i = 0; i < ROLE_FDS_MAX; i++)
        fd_close(&aside[i]);
    if (rc < 0) {
        log_error("role cannot be started", LS("role", r->name), LS("program", r->program),
                  LE(errno));
        return -1;
    }
    r->started_ms = clock_mono_ms();
    log_info("role started", LS("role", r->name), LI("pid", r->pid));
    if (loop_child(r->loop, r->pid, on_ended, r) == 0)
        return 0;
    kill(r->pid, SIGKILL); /* unwatched it would never be seen to end */
    waitpid(r->pid, NULL, 0);
    r->pid = 0;
    return -1;
}

void role_start_later(struct role *r, int64_t delay_ms)
{
    loop_timer_after(r->again, delay_ms);
}

static int replace(char **at, const char *text)
{
    char *copy = strdup(text);
    if (copy == NULL)
        return -1;
    free(*at);
    *at = copy;
    return 0;
}

int role_set_argument(struct role *r, const char *flag, const char *value)
{
    size_t i = 1;
    while (i + 3 < ARGUMENTS_MAX && r->arguments[i] != NULL && strcmp(r->arguments[i], flag) != 0)
        i++;
    if (i + 3 >= ARGUMENTS_MAX || replace(&r->arguments[i], flag) < 0)
        return -1;
    if (replace(&r->arguments[i + 1], value) == 0)
        return 0;
    if (r->arguments[i + 1] == NULL) { /* a flag without a value would be worse than none */
        free(r->arguments[i]);
        r->arguments[i] = NULL;
    }
    return -1;
}

const char *role_last_end(const struct role *r)
{
    return r->last_end;
}

void role_stop(struct role *r, int64_t grace_ms)
{
    role_signal(r, SIGTERM);
    if (r->pid != 0)
        loop_timer_after(r->kill, grace_ms);
}

void role_log_end(const struct role *r, bool is_expected, int64_t next_ms)
{
    if (is_expected)
        log_info("role ended", LS("role", r->name), LS("how", role_last_end(r)));
    else
        log_error("role ended unexpectedly", LS("role", r->name), LS("how", role_last_end(r)),
                  LI("again_in_ms", next_ms));
}

void role_signal(struct role *r, int signo)
{
    loop_timer_off(r->again);
    if (r->pid != 0)
        kill(r->pid, signo);
}

bool role_is_running(const struct role *r)
{
    return r->pid != 0;
}

const char *role_name(const struct role *r)
{
    return r->name;
}

void role_free(struct role *r)
{
    if (r == NULL)
        return;
    if (r->pid != 0) {
        kill(r->pid, SIGKILL);
        waitpid(r->pid, NULL, 0);
    }
    loop_timer_free(r->again);
    loop_timer_free(r->kill);
    for (size_t i = 1; i < ARGUMENTS_MAX; i++)
        free(r->arguments[i]);
    free(r->program);
    free(r->name);
    free(r);
}
