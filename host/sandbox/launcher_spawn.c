/*
 * launcher_spawn.c: clones a warden into its namespaces and executes the box helper. Runs in the
 * launcher, and between clone and exec in the child, which makes plain system calls only.
 *
 * The child waits for a byte from its parent before it goes on: by then the parent has written the
 * maps of the user namespace, and a child that reads end of file instead knows that its parent died
 * before the death signal was armed. clone and not clone3: containers answer clone3 with ENOSYS,
 * and all flags needed fit into clone.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "sandbox/launcher.h"

struct namespace_wall {
    uint64_t flag;
    uint32_t wall;
};

static const struct namespace_wall namespace_walls[] = {
    {CLONE_NEWUSER, WALL_USERNS},     {CLONE_NEWPID, WALL_PIDNS}, {CLONE_NEWNS, WALL_MOUNTNS},
    {CLONE_NEWNET, WALL_NETNS},       {CLONE_NEWIPC, WALL_IPCNS}, {CLONE_NEWUTS, WALL_UTSNS},
    {CLONE_NEWCGROUP, WALL_CGROUPNS},
};

uint32_t launch_walls_of(uint64_t namespaces)
{
    uint32_t walls = 0;
    for (size_t i = 0; i < sizeof namespace_walls / sizeof *namespace_walls; i++) {
        if ((namespaces & namespace_walls[i].flag) != 0)
            walls |= namespace_walls[i].wall;
    }
    return walls;
}

uint64_t launch_namespaces_of(uint32_t walls)
{
    uint64_t namespaces = 0;
    for (size_t i = 0; i < sizeof namespace_walls / sizeof *namespace_walls; i++) {
        if ((walls & namespace_walls[i].wall) != 0)
            namespaces |= namespace_walls[i].flag;
    }
    return namespaces;
}

/* ---- in the child ---- */

static int write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    const size_t n = strlen(text);
    const int rc = write(fd, text, n) == (ssize_t)n ? 0 : -1;
    fd_close(&fd);
    return rc;
}

/* A user may map himself only, and only without groups. The files are his own because the child is
 * dumpable again, which the launcher is not. */
static int child_map_self(uid_t uid, gid_t gid)
{
    char uids[64], gids[64];
    snprintf(uids, sizeof uids, "%u %u 1\n", uid, uid);
    snprintf(gids, sizeof gids, "%u %u 1\n", gid, gid);
    if (prctl(PR_SET_DUMPABLE, 1L, 0L, 0L, 0L) < 0 ||
        write_file("/proc/self/setgroups", "deny") < 0 ||
        write_file("/proc/self/uid_map", uids) < 0)
        return -1;
    return write_file("/proc/self/gid_map", gids);
}

/* Rights in the new user namespace that exec would take away; the warden gives each up again. */
static const int kept_caps[] = {CAP_SYS_ADMIN, CAP_SETPCAP, CAP_SYS_RESOURCE};

static int child_keep_caps(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    if (syscall(SYS_capget, &head, data) < 0)
        return -1;
    data[0].inheritable = data[0].permitted;
    data[1].inheritable = data[1].permitted;
    if (syscall(SYS_capset, &head, data) < 0)
        return -1;
    for (size_t i = 0; i < sizeof kept_caps / sizeof *kept_caps; i++) {
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, (long)kept_caps[i], 0L, 0L) < 0)
            return -1;
    }
    return 0;
}

static int keep_group_fds(const struct warden_setup *setup)
{
    int rc = 0;
    for (int i = 0; i < WARDEN_GROUPS; i++) {
        for (int file = 0; file < CGROUP_FILES; file++) {
            if (setup->group_fds[i][file] >= 0)
                rc |= fd_set_cloexec(setup->group_fds[i][file], 0);
        }
    }
    return rc;
}

static int child_keep_fds(const struct warden_setup *setup, int setup_fd)
{
    int rc = fd_set_cloexec(setup->control_fd, 0) | fd_set_cloexec(setup->helper_fd, 0) |
             fd_set_cloexec(setup_fd, 0);
    for (int kind = 0; kind < FILTER_KINDS; kind++)
        rc |= fd_set_cloexec(setup->filter_fds[kind], 0);
    for (uint32_t i = 0; i < setup->slots; i++)
        rc |= fd_set_cloexec(setup->data_fds[i], 0) | fd_set_cloexec(setup->page_fds[i], 0);
    for (uint32_t i = 0; i < setup->plugin.n; i++) {
        if (setup->plugin.parts[i].fd >= 0)
            rc |= fd_set_cloexec(setup->plugin.parts[i].fd, 0);
    }
    return rc | keep_group_fds(setup);
}

/* Nothing of the launcher's environment goes on, but a test's wish to see a step fail. */
static void child_exec(const struct warden_setup *setup, int setup_fd, const char *fault)
{
    char number[16], wish[128];
    char *argv[] = {(char[]){"penstock-box"}, (char[]){"warden"}, number, NULL};
    char *envp[] = {fault != NULL ? wish : NULL, NULL};
    snprintf(number, sizeof number, "%d", setup_fd);
    if (fault != NULL)
        snprintf(wish, sizeof wish, "PENSTOCK_FAULT=%s", fault);
    execveat(setup->helper_fd, "", argv, envp, AT_EMPTY_PATH);
}

__attribute__((noreturn)) static void child_fail(const struct warden_setup *setup, const char *what)
{
    struct control_error m = {
        .head = {.magic = CHAN_MAGIC, .version = CHAN_VERSION, .type = CONTROL_ERROR},
        .error = errno};
    snprintf(m.text, sizeof m.text, "%s", what);
    send(setup->control_fd, &m, sizeof m, MSG_NOSIGNAL);
    _exit(126);
}

/* What the child has to know of its parent: in a new user namespace it has no ids to ask for. */
struct birth {
    const struct warden_setup *setup;
    const char *fault;
    int setup_fd;
    int gate[2];
    bool maps_self;
    uid_t uid;
    gid_t gid;
};

__attribute__((noreturn)) static void child_main(const struct birth *b)
{
    const struct warden_setup *setup = b->setup;
    char byte;
    prctl(PR_SET_PDEATHSIG, (long)SIGKILL, 0L, 0L, 0L);
    close(b->gate[1]);
    if (read(b->gate[0], &byte, 1) != 1)
        _exit(126);
    if (b->maps_self && child_map_self(b->uid, b->gid) < 0)
        child_fail(setup, "mapping the user");
    if (b->maps_self && child_keep_caps() < 0)
        child_fail(setup, "keeping rights over exec");
    /* Whatever was inherited from the launcher's own parent stays here. */
    if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0 && errno != ENOSYS && errno != EPERM)
        child_fail(setup, "closing descriptors");
    if (child_keep_fds(setup, b->setup_fd) != 0)
        child_fail(setup, "keeping descriptors");
    child_exec(setup, b->setup_fd, b->fault);
    child_fail(setup, "executing the box helper");
}

/* ---- in the launcher ---- */

/* Root maps itself, for the mounts, and the box's user; only a process outside may do that. */
static int map_child(pid_t pid, uid_t box_uid)
{
    char path[64], ids[64];
    snprintf(ids, sizeof ids, "0 0 1\n%u %u 1\n", box_uid, box_uid);
    snprintf(path, sizeof path, "/proc/%d/uid_map", pid);
    if (write_file(path, ids) < 0)
        return -1;
    snprintf(path, sizeof path, "/proc/%d/gid_map", pid);
    return write_file(path, ids);
}

static int make_setup_fd(const struct warden_setup *setup, const void *config)
{
    int fd = memfd_create("penstock-warden", MFD_CLOEXEC);
    if (fd >= 0 && (fd_write_all(fd, setup, sizeof *setup) < 0 ||
                    fd_write_all(fd, config, setup->config_len + setup->inputs_len) < 0))
        fd_close(&fd);
    return fd;
}

/* What must happen while the child waits at the gate. */
static int release(pid_t pid, uint64_t namespaces, uid_t box_uid, int gate)
{
    if ((namespaces & CLONE_NEWUSER) != 0 && geteuid() == 0 && map_child(pid, box_uid) < 0)
        return -1;
    return write(gate, "", 1) == 1 ? 0 : -1;
}

static pid_t clone_child(const struct birth *b, uint64_t namespaces)
{
    const unsigned long flags = (unsigned long)namespaces | SIGCHLD;
    const pid_t pid = (pid_t)syscall(SYS_clone, flags, 0UL, NULL, NULL, 0UL);
    if (pid == 0)
        child_main(b);
    return pid;
}

static void give_up(pid_t pid)
{
    const int saved = errno;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    errno = saved;
}

pid_t launch_spawn(uint64_t namespaces, const struct warden_setup *setup, const void *config)
{
    struct birth b = {.setup = setup,
                      .fault = getenv("PENSTOCK_FAULT"),
                      .setup_fd = make_setup_fd(setup, config),
                      .gate = {-1, -1},
                      .maps_self = (namespaces & CLONE_NEWUSER) != 0 && geteuid() != 0,
                      .uid = geteuid(),
                      .gid = getegid()};
    pid_t pid = -1;
    if (b.setup_fd >= 0 && pipe2(b.gate, O_CLOEXEC) == 0)
        pid = clone_child(&b, namespaces);
    fd_close(&b.gate[0]);
    if (pid > 0 && release(pid, namespaces, setup->uid, b.gate[1]) < 0) {
        give_up(pid);
        pid = -1;
    }
    fd_close(&b.gate[1]);
    fd_close(&b.setup_fd);
    return pid;
}
