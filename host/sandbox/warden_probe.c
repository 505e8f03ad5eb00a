/*
 * warden_probe.c: whether the walls hold, found out by attacking them. Runs in the warden of the
 * launcher's probe, and from attack_main on in a child of it.
 *
 * Theory of operation. The box of the probe stands, with no plugin in it. For each attack of
 * warden_attacks.c the warden forks a child, which takes the walls that a zygote and a task put
 * round themselves, then attacks once and ends: its exit status is the errno with which it was
 * refused, or 0 if it got through. A child that a filter kills was refused too. One child an attack
 * costs less than a millisecond, and none can spoil what another one finds out.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fdutil.h"
#include "sandbox/confine.h"
#include "sandbox/filter.h"
#include "sandbox/warden_attacks.h"
#include "sandbox/warden_internal.h"

enum { WALLS_FAILED = 255, LANDLOCK_SCOPES_SIGNALS = 6 /* ABI */ };

/* ---- children ---- */

int warden_in_child(int (*fn)(struct warden *w, void *arg), struct warden *w, void *arg)
{
    int status = 0;
    const pid_t pid = fork();
    if (pid == 0)
        _exit(fn(w, arg) == 0 ? 0 : errno);
    if (pid < 0)
        return errno;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return errno;
    }
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    return WTERMSIG(status) == SIGSYS ? EINTR : ECHILD;
}

/* ---- in the child ---- */

/* What zygote.c and zygote_fork.c do, in their order: rulesets first, filters last. */
static int take_landlock(const struct warden *w, int rulesets[2])
{
    struct zygote_setup s = {.walls = w->setup.walls, .landlock_abi = w->setup.landlock_abi};
    snprintf(s.plugin_path, sizeof s.plugin_path, "%s", w->plugin_path);
    snprintf(s.task_dir, sizeof s.task_dir, "%s", w->task_dir);
    rulesets[0] = confine_landlock_ruleset(&s, "", CONFINE_ALL_SLOTS);
    rulesets[1] = confine_landlock_ruleset(&s, "", 0);
    return rulesets[0] < 0 || rulesets[1] < 0 ? -1 : confine_landlock_enforce(rulesets[0]);
}

static int take_filters(const struct warden *w)
{
    if (confine_load_filter(w->setup.filter_fds[FILTER_ZYGOTE]) < 0)
        return -1;
    if (w->setup.landlock_abi < LANDLOCK_SCOPES_SIGNALS && confine_own_signals() < 0)
        return -1;
    return confine_load_filter(w->setup.filter_fds[FILTER_TASK]);
}

static int take_walls(const struct warden *w)
{
    const uint32_t walls = w->setup.walls;
    int rulesets[2] = {-1, -1};
    if (warden_set_limits(w) < 0 ||
        ((walls & WALL_LIMITS) != 0 && confine_cpu(w->setup.limits.cpu_ms) < 0) ||
        ((walls & WALL_MDWE) != 0 && confine_mdwe() < 0) ||
        ((walls & WALL_LANDLOCK) != 0 && take_landlock(w, rulesets) < 0))
        return -1;
    if ((walls & WALL_LANDLOCK) != 0 && confine_landlock_enforce(rulesets[1]) < 0)
        return -1;
    fd_close(&rulesets[0]);
    fd_close(&rulesets[1]);
    return (walls & WALL_SECCOMP) != 0 ? take_filters(w) : 0;
}

__attribute__((noreturn)) static void attack_main(const struct warden *w, const struct attack *a)
{
    char point[64];
    snprintf(point, sizeof point, "probe.attack-%s", a->name);
    if (fault_here(point) != 0)
        _exit(0); /* as if it had got through */
    if (prctl(PR_SET_PDEATHSIG, (long)SIGKILL, 0L, 0L, 0L) < 0 || take_walls(w) < 0)
        _exit(WALLS_FAILED);
    _exit(a->run(w) == 0 ? 0 : errno);
}

/* ---- the warden ---- */

static int wait_for(struct warden *w, pid_t pid, int *status)
{
    (void)w;
    return waitpid(pid, status, 0) == pid ? 0 : -1;
}

/* 0: it was refused, with *error; 1: it got through; -1: it was not made, *error says why. */
static int judge(int status, int *error)
{
    const int exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    *error = exit_status > 0 && exit_status != WALLS_FAILED ? exit_status : 0;
    if (WIFSIGNALED(status)) {
        *error = EPERM;
        return WTERMSIG(status) == SIGSYS ? 0 : -1;
    }
    *error = exit_status == WALLS_FAILED ? EPROTO : *error;
    return exit_status == WALLS_FAILED ? -1 : exit_status == 0;
}

static int make_attack(struct warden *w, const struct attack *a, int *error)
{
    int status = 0;
    const pid_t pid = fork();
    if (pid == 0)
        attack_main(w, a);
    *error = errno;
    if (pid < 0)
        return -1;
    const int rc = a->watch != NULL ? a->watch(w, pid, &status) : wait_for(w, pid, &status);
    *error = errno;
    /* What it has left is ours now. */
    while (waitpid(-1, NULL, WNOHANG) > 0)
        continue;
    if (rc <= 0)
        return rc < 0 ? -1 : judge(status, error);
    *error = 0;
    return rc == ATTACK_THROUGH;
}

/* The worst that an attack did decides. */
static void note(struct probe_try *t, const struct attack *a, int rc, int error)
{
    const uint32_t result = rc == 0      ? PROBE_HELD
                            : rc < 0     ? PROBE_UNKNOWN
                            : a->is_part ? PROBE_PARTLY
                                         : PROBE_THROUGH;
    if (t->what[0] != '\0' && result >= t->result)
        return;
    t->result = result;
    t->error = rc == 1 ? 0 : error;
    snprintf(t->what, sizeof t->what, "%s", a->what);
}

void warden_probe(struct warden *w)
{
    struct control_probe m = {
        .head = {.magic = CHAN_MAGIC, .version = CHAN_VERSION, .type = CONTROL_PROBE}};
    for (size_t i = 0; i < warden_attacks_count; i++) {
        const struct attack *a = &warden_attacks[i];
        int error = 0;
        const int rc = make_attack(w, a, &error);
        note(&m.tries[a->guarantee], a, rc, error);
    }
    warden_kill_all(w);
    warden_send(w, &m, sizeof m);
}
