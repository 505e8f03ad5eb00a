/*
 * launcher_probe.c: which walls can be built on this machine, found out by building them:
 * namespaces by cloning a child that ends at once, everything else by a warden in probe mode that
 * takes all its steps and tells which one failed. Runs in the launcher, once, before the first box.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "sandbox/confine.h"
#include "sandbox/launcher.h"
#include "sandbox/walls.h"

enum {
    ANSWER_S = 20,          /* a machine that is this slow could not run a task either */
    PROBE_SCRATCH = 1 << 20 /* bytes of a task directory */
};

static const uint64_t wanted[] = {CLONE_NEWPID, CLONE_NEWNS,  CLONE_NEWNET,
                                  CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP};

static bool can_clone(uint64_t flags)
{
    const pid_t pid =
        (pid_t)syscall(SYS_clone, (unsigned long)flags | SIGCHLD, 0UL, NULL, NULL, 0UL);
    if (pid == 0)
        _exit(0);
    return pid > 0 && waitpid(pid, NULL, 0) == pid;
}

/* All of them, or those that work one by one; 0: none. */
static uint64_t namespaces_with(uint64_t user)
{
    uint64_t all = 0, some = 0;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        all |= wanted[i];
    if (can_clone(all | user))
        return all | user;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        if (can_clone(wanted[i] | user))
            some |= wanted[i];
    }
    return some != 0 && can_clone(some | user) ? some | user : 0;
}

/* Root needs no user namespace; it takes one where a container keeps the right to the others from
 * it. */
static uint64_t find_namespaces(void)
{
    const uint64_t plain = geteuid() == 0 ? namespaces_with(0) : 0;
    return plain != 0 ? plain : namespaces_with(CLONE_NEWUSER);
}

static uint32_t hoped_for(const struct launch *l, uint64_t namespaces)
{
    const uint32_t walls = launch_walls_of(namespaces);
    return walls | ((walls & WALL_MOUNTNS) != 0 ? WALL_NEWROOT | WALL_SCRATCH : 0) |
           (geteuid() == 0 ? WALL_OWN_UID : 0) | WALL_LANDLOCK | WALL_SECCOMP | WALL_NO_CAPS |
           WALL_MDWE | (l->groups != NULL ? WALL_CGROUP : 0);
}

union probe_message {
    struct chan_head head;
    struct control_error error;
    struct control_ready ready;
};

/* Reads what the probe says until it ends. 0 with walls, or -1: it did not come to its end. */
static int listen_to(int fd, uint32_t *walls)
{
    union probe_message m;
    ssize_t n;
    int rc = -1;
    while ((n = fd_recv_message(fd, &m, sizeof m, NULL, NULL, 0)) > 0) {
        if (m.head.type == CONTROL_ERROR && n == (ssize_t)sizeof m.error) {
            m.error.text[sizeof m.error.text - 1] = '\0';
            log_warn("this machine lacks a wall", LS("step", m.error.text), LE(m.error.error));
        }
        if (m.head.type == CONTROL_READY && n == (ssize_t)sizeof m.ready) {
            *walls = m.ready.walls;
            rc = 0;
        }
    }
    return rc;
}

static int run_probe(struct launch *l, struct warden_setup *setup, uint32_t *walls)
{
    const struct timeval patience = {.tv_sec = ANSWER_S};
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return -1;
    setup->control_fd = pair[1];
    setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    const pid_t pid = launch_spawn(launch_namespaces_of(setup->walls), setup, "");
    fd_close(&pair[1]);
    const int rc = pid > 0 ? listen_to(pair[0], walls) : -1;
    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    } else {
        log_warn("no box can be cloned with these walls", LE(errno));
    }
    fd_close(&pair[0]);
    (void)l;
    return rc;
}

static int probe_with(struct launch *l, uint64_t namespaces, uint32_t *walls)
{
    struct warden_setup *setup = calloc(1, sizeof *setup);
    int rc = -1;
    if (setup == NULL)
        return -1;
    setup->magic = WARDEN_MAGIC;
    setup->version = WARDEN_VERSION;
    setup->mode = WARDEN_PROBE;
    launch_groups_forget_fds(setup);
    setup->walls = hoped_for(l, namespaces);
    setup->landlock_abi = confine_landlock_abi();
    setup->limits.dir_bytes = PROBE_SCRATCH;
    setup->helper_fd = l->helper_fd;
    setup->uid = geteuid() == 0 ? l->options.uid_base : geteuid();
    setup->log_level = (int32_t)l->options.log_level;
    setup->log_format = (int32_t)l->options.log_format;
    for (int kind = 0; kind < FILTER_KINDS; kind++) {
        const struct filter_key key = {.kind = (enum filter_kind)kind};
        setup->filter_fds[kind] = launch_filter(l, &key);
    }
    if (setup->filter_fds[FILTER_ZYGOTE] >= 0 && setup->filter_fds[FILTER_TASK] >= 0 &&
        launch_dirs_make(l, setup) == 0 && launch_groups_take(l, setup) == 0)
        rc = run_probe(l, setup, walls);
    launch_groups_close_fds(setup);
    cgroups_give_back(l->groups, setup->box);
    launch_dirs_remove(l, setup->box);
    free(setup);
    return rc;
}

/* Without these a box would hold nothing back, whatever else stands. */
static int check_least(uint32_t walls)
{
    const uint32_t least = WALL_SECCOMP | WALL_NO_CAPS | (geteuid() == 0 ? WALL_OWN_UID : 0);
    if ((least & ~walls) == 0)
        return 0;
    for (uint32_t bit = 1; bit <= WALL_MDWE; bit <<= 1) {
        if ((bit & least & ~walls) != 0)
            log_error("no box can do without this wall", LS("wall", wall_name(bit)));
    }
    if ((least & ~walls & WALL_OWN_UID) != 0)
        log_error("give --box-uid-base a range of user ids that exist here");
    return -1;
}

static int check_strict(uint32_t walls)
{
    const uint32_t other = geteuid() == 0 ? WALL_USERNS : WALL_OWN_UID;
    const uint32_t missing = ~(walls | other) & (2 * (uint32_t)WALL_MDWE - 1);
    char text[WALLS_TEXT];
    if (missing == 0)
        return 0;
    walls_text(missing, 0, text);
    log_error("guarantees must be strong, and these walls cannot be built here", LS("walls", text));
    return -1;
}

int launch_probe(struct launch *l)
{
    char text[WALLS_TEXT];
    uint32_t walls = 0;
    const uint64_t namespaces = find_namespaces();
    if (namespaces == 0)
        log_warn("this machine lacks walls: no namespace can be made");
    launch_groups_open(l);
    int rc = probe_with(l, namespaces, &walls);
    /* Some machines let a user namespace begin and refuse it its rights. */
    if (rc < 0 && namespaces != 0)
        rc = probe_with(l, 0, &walls);
    if (rc < 0) {
        log_error("the probe of the walls failed");
        return -1;
    }
    /* A mount namespace without a root of its own shows the whole host. */
    if ((walls & WALL_NEWROOT) == 0)
        walls &= ~(uint32_t)(WALL_MOUNTNS | WALL_SCRATCH);
    if ((walls & WALL_CGROUP) == 0)
        launch_groups_close(l);
    l->walls = walls;
    l->namespaces = launch_namespaces_of(walls);
    l->landlock_abi = (walls & WALL_LANDLOCK) != 0 ? confine_landlock_abi() : 0;
    walls_text(walls, l->landlock_abi, text);
    log_info("walls of boxes", LS("walls", text));
    if (check_least(walls) < 0)
        return -1;
    return l->options.require_strong != 0 ? check_strict(walls) : 0;
}
