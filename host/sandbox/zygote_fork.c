/*
 * zygote_fork.c: clones tasks out of the zygote. Runs in the zygote, and from clone_task on in the
 * task.
 *
 * Theory of operation. A task is a raw clone with CLONE_PARENT: its parent is the warden, who is
 * trusted, times it and reaps it; the zygote, in which a plugin lives, can neither wait for it nor
 * answer for it. Such a clone is not glibc's fork:
 *   - handlers of pthread_atfork do not run. A plugin that depends on them takes the warm mode.
 *   - the thread id that glibc keeps would stay the zygote's. The kernel is told to write the new
 * one there (CLONE_CHILD_SETTID with the address that glibc itself gave the kernel at start).
 *   - the list of robust mutexes is not registered; the task does it.
 *   - only the calling thread is copied. So the warden asks for forks only where open left no other
 * thread. No lock of libc can be held over it, because there is one thread, and it is here.
 *
 * The task then takes its steps in an order where each leaves the rights for the next, Landlock and
 * filter last, and only then waits for its work: all this is off the critical path of a task,
 * because slots are forked ahead.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "sandbox/confine.h"
#include "sandbox/filter.h"
#include "sandbox/zygote.h"
#include "sandbox/zygote_internal.h"

enum { FORK_FDS = 3, FORK_GROUPS = 2 };

/* What one task is made of; lives on the zygote's stack. */
struct fork_order {
    struct zygote *zygote;
    struct zygote_fork message;
    int data, page, output;
    int groups[FORK_GROUPS]; /* -1: none, or the warden moves the task */
};

/* Once for all tasks: a ruleset costs some sixty system calls, enforcing it one. */
static int make_rulesets(struct zygote *z)
{
    for (uint32_t i = 0; i < z->setup.slots; i++) {
        z->rulesets[i] = confine_landlock_ruleset(&z->setup, z->inputs, i);
        if (z->rulesets[i] < 0)
            return -1;
    }
    return 0;
}

int zygote_prepare_fork(struct zygote *z)
{
    if ((z->setup.walls & WALL_LANDLOCK) != 0 && make_rulesets(z) < 0)
        return -1;
    z->tid_address = zygote_find_tid();
    if (z->tid_address == NULL)
        return -1;
    return (int)syscall(SYS_get_robust_list, 0, &z->robust_list, &z->robust_len);
}

/* ---- in the task
 * ---------------------------------------------------------------------------------- */

static int take_output(void *arg)
{
    struct fork_order *o = arg;
    if (dup2(o->output, STDOUT_FILENO) < 0 || dup2(o->output, STDERR_FILENO) < 0)
        return -1;
    fd_close(&o->output);
    fd_close(&o->zygote->channel);
    return 0;
}

/* Before anything of a task's is in memory. The step is the task's own because the kernel lets a
 * process that moves itself go at once, and has others wait. */
static int join_groups(void *arg)
{
    struct fork_order *o = arg;
    for (int i = 0; i < FORK_GROUPS; i++) {
        if (o->groups[i] >= 0 && write(o->groups[i], "0", 1) != 1)
            return -1;
        fd_close(&o->groups[i]);
    }
    return 0;
}

static int mend_clone(void *arg)
{
    struct fork_order *o = arg;
    struct zygote *z = o->zygote;
    return (int)syscall(SYS_set_robust_list, z->robust_list, z->robust_len);
}

static int die_with_warden(void *arg)
{
    struct fork_order *o = arg;
    return zygote_die_with_parent(o->zygote->warden) < 0 || zygote_hide_memory() < 0 ? -1 : 0;
}

static int set_name(void *arg)
{
    struct fork_order *o = arg;
    char text[PATH_MAX + 16];
    snprintf(text, sizeof text, "task-%u", o->message.slot);
    if (prctl(PR_SET_NAME, text) < 0)
        return -1;
    snprintf(text, sizeof text, "%s/%u", o->zygote->setup.task_dir, o->message.slot);
    return o->zygote->setup.task_dir[0] != '\0' ? setenv("TMPDIR", text, 1) : 0;
}

static int adopt_orphans(void *arg)
{
    const struct fork_order *o = arg;
    return zygote_adopt_orphans(o->zygote);
}

static int set_cpu_limit(void *arg)
{
    struct fork_order *o = arg;
    const struct zygote_setup *setup = &o->zygote->setup;
    return (setup->walls & WALL_LIMITS) != 0 ? confine_cpu(setup->limits.cpu_ms) : 0;
}

static int make_worker(void *arg)
{
    struct fork_order *o = arg;
    const struct worker_setup setup = {.pipeline = o->zygote->plugin.pipeline,
                                       .self = o->zygote->plugin.self,
                                       .mode = BOX_FORK,
                                       .slot = o->message.slot,
                                       .generation = o->message.generation,
                                       .data_fd = o->data,
                                       .page = zygote_map_page(&o->page),
                                       .task_dir = o->zygote->setup.task_dir};
    return setup.page != NULL ? worker_prepare(o->zygote->worker, &setup) : -1;
}

/* Neighbours' rulesets would only take room among the task's descriptors. */
static void close_rulesets(struct zygote *z)
{
    const unsigned first = (unsigned)z->rulesets[0],
                   last = (unsigned)z->rulesets[z->setup.slots - 1];
    if (last - first + 1 == z->setup.slots && close_range(first, last, 0) == 0)
        return;
    for (uint32_t i = 0; i < z->setup.slots; i++)
        fd_close(&z->rulesets[i]);
}

/* A domain inside the zygote's: the slot's own directory, and no signal to the zygote. */
static int enforce_landlock(void *arg)
{
    struct fork_order *o = arg;
    struct zygote *z = o->zygote;
    if ((z->setup.walls & WALL_LANDLOCK) == 0)
        return 0;
    if (confine_landlock_enforce(z->rulesets[o->message.slot]) < 0)
        return -1;
    close_rulesets(z);
    return 0;
}

enum { LANDLOCK_SCOPES_SIGNALS = 6 /* ABI */ };

static int load_filter(void *arg)
{
    struct fork_order *o = arg;
    struct zygote *z = o->zygote;
    if ((z->setup.walls & WALL_SECCOMP) == 0) {
        fd_close(&z->task_filter);
        return 0;
    }
    if (z->setup.landlock_abi < LANDLOCK_SCOPES_SIGNALS && confine_own_signals() < 0)
        return -1;
    /* Mapped and closed inside; the descriptor goes with it, because nothing is left to load. */
    int filter = z->task_filter;
    z->task_filter = -1;
    return confine_load_filter(filter) < 0 || close(filter) < 0 ? -1 : 0;
}

static const struct zygote_step steps[] = {
    {"output", take_output},
    {"control group of the task", join_groups},
    {"robust list", mend_clone},
    {"parent-death signal", die_with_warden},
    {"orphans of the task", adopt_orphans},
    {"name", set_name},
    {"limit of processor time", set_cpu_limit},
    {"worker", make_worker},
    {"Landlock of the task", enforce_landlock},
    {"filter of the task", load_filter},
};

const char *zygote_task_step_name(size_t i)
{
    return i < sizeof steps / sizeof *steps ? steps[i].what : NULL;
}

static _Noreturn void run_task(struct fork_order *o)
{
    const char *what = zygote_take_steps(steps, sizeof steps / sizeof *steps, o);
    if (what != NULL) {
        dprintf(STDERR_FILENO, "penstock-box: %s: %s\n", what, strerror(errno));
        _exit(WORKER_SETUP_EXIT);
    }
    int status = worker_serve(o->zygote->worker);
    _exit(status);
}

/* ---- in the zygote
 * -------------------------------------------------------------------------------- */

static pid_t clone_task(const struct zygote *z)
{
    const unsigned long flags = TASK_CLONE_FLAGS;
#if defined(__x86_64__)
    return (pid_t)syscall(SYS_clone, flags, NULL, NULL, z->tid_address, NULL);
#else
    return (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, z->tid_address);
#endif
}

static int answer(struct zygote *z, const struct fork_order *o, pid_t pid)
{
    const struct zygote_forked m = {{CHAN_MAGIC, CHAN_VERSION, ZYGOTE_FORKED},
                                    o->message.slot,
                                    (int32_t)pid,
                                    o->message.generation};
    return fd_send_message(z->channel, &m, sizeof m, NULL, 0, 0);
}

static int fork_task(struct zygote *z, struct fork_order *o)
{
    pid_t pid = clone_task(z);
    if (pid == 0)
        run_task(o);
    int rc = answer(z, o, pid < 0 ? -errno : pid);
    fd_close(&o->data);
    fd_close(&o->page);
    fd_close(&o->output);
    for (int i = 0; i < FORK_GROUPS; i++)
        fd_close(&o->groups[i]);
    return rc;
}

/* 1; 0 at the end of the channel; -1: a message that the warden cannot have meant. */
static int receive_order(struct zygote *z, struct fork_order *o)
{
    int fds[FORK_FDS + FORK_GROUPS] = {-1, -1, -1, -1, -1};
    size_t n_fds = FORK_FDS + FORK_GROUPS;
    ssize_t n = fd_recv_message(z->channel, &o->message, sizeof o->message, fds, &n_fds, 0);
    const struct chan_head *head = &o->message.head;
    if (n == 0)
        return 0;
    if (n != (ssize_t)sizeof o->message || n_fds < FORK_FDS || head->magic != CHAN_MAGIC ||
        head->version != CHAN_VERSION || head->type != ZYGOTE_FORK ||
        o->message.slot >= z->setup.slots)
        return -1;
    *o = (struct fork_order){z, o->message, fds[0], fds[1], fds[2], {fds[3], fds[4]}};
    return 1;
}

int zygote_serve_forks(struct zygote *z)
{
    struct fork_order order;
    int rc;
    while ((rc = receive_order(z, &order)) > 0) {
        if (fork_task(z, &order) < 0)
            return WORKER_SETUP_EXIT;
    }
    if (rc == 0 && z->plugin.pipeline->close != NULL)
        z->plugin.pipeline->close(z->plugin.self);
    return rc == 0 ? 0 : WORKER_SETUP_EXIT;
}
