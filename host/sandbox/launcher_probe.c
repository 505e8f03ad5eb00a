/*
 * launcher_probe.c: which walls can be built on this machine and what they hold, found out by
 * building and attacking them: namespaces by cloning a child that ends at once, everything else by
 * a warden in probe mode that takes all its steps, tells which one failed, and then makes the
 * attacks of warden_attacks.c. What they aim at is put here: a file that everybody may read, a
 * listener on the loopback, and ourselves. Runs in the launcher, once, before the first box.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "sandbox/confine.h"
#include "sandbox/guarantee_judge.h"
#include "sandbox/launcher.h"
#include "sandbox/walls.h"
#include "sandbox/warden_attacks.h"

#define CANARY "canary"

enum { ANSWER_S = 20 /* a machine that is this slow could not run a task either */ };

/* One attempt to build a box. */
struct probe {
    struct launch *launch;
    struct guarantee_facts *facts;
    struct warden_setup setup;
    int listener; /* -1: there is no network at all */
    int canary;
    uint32_t lost; /* enum wall that this attempt could not build */
    char *why;
};

/* ---- namespaces ---- */

static const uint64_t wanted[] = {CLONE_NEWPID, CLONE_NEWNS,  CLONE_NEWNET,
                                  CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP};

/* -1 with errno. */
static int try_clone(uint64_t flags)
{
    const pid_t pid =
        (pid_t)syscall(SYS_clone, (unsigned long)flags | SIGCHLD, 0UL, NULL, NULL, 0UL);
    if (pid == 0)
        _exit(0);
    return pid > 0 && waitpid(pid, NULL, 0) == pid ? 0 : -1;
}

static void note_error(struct guarantee_facts *f, uint32_t walls, int error)
{
    for (unsigned bit = 0; bit < WALLS; bit++) {
        if ((walls >> bit & 1) != 0)
            f->errors[bit] = error;
    }
}

/* All of them but those left out, or those that work one by one; 0: none. */
static uint64_t namespaces_with(uint64_t user, uint64_t without, struct guarantee_facts *f)
{
    uint64_t all = 0, some = 0;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        all |= wanted[i] & ~without;
    if (try_clone(all | user) == 0)
        return all | user;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        if ((wanted[i] & ~without) != 0 && try_clone(wanted[i] | user) == 0)
            some |= wanted[i];
        else
            note_error(f, launch_walls_of(wanted[i] | user), errno);
    }
    return some != 0 && try_clone(some | user) == 0 ? some | user : 0;
}

/* Root needs no user namespace; it takes one where a container keeps the right to the others from
 * it. */
static uint64_t find_namespaces(const struct launch *l, struct guarantee_facts *f)
{
    const uint64_t without = launch_namespaces_of(l->without);
    const uint64_t plain = geteuid() == 0 ? namespaces_with(0, without, f) : 0;
    if (plain != 0 || (without & CLONE_NEWUSER) != 0)
        return plain;
    return namespaces_with(CLONE_NEWUSER, without, f);
}

/* ---- the box of the probe ---- */

/* A mount namespace without a root of its own shows the whole host, and nothing is mounted in it. */
static uint32_t tidy(uint32_t walls)
{
    return (walls & WALL_NEWROOT) != 0 ? walls : walls & ~(uint32_t)(WALL_MOUNTNS | WALL_SCRATCH);
}

static uint32_t hoped_for(const struct launch *l, uint64_t namespaces)
{
    uint32_t walls = launch_walls_of(namespaces) | WALL_LANDLOCK | WALL_SECCOMP | WALL_NO_CAPS |
                     WALL_MDWE | WALL_LIMITS | WALL_SCRATCH;
    if (geteuid() == 0)
        walls |= WALL_OWN_UID;
    if ((walls & WALL_MOUNTNS) != 0)
        walls |= WALL_NEWROOT;
    if (l->groups != NULL)
        walls |= WALL_CGROUP;
    return tidy(walls & ~l->without);
}

union probe_message {
    struct chan_head head;
    struct control_error error;
    struct control_probe probe;
    struct control_ready ready;
};

static void on_error(struct probe *p, struct control_error *m)
{
    m->text[sizeof m->text - 1] = '\0';
    log_warn("this machine lacks a wall", LS("step", m->text), LE(m->error));
    note_error(p->facts, m->wall, m->error);
    p->lost |= m->wall;
    snprintf(p->why, BOX_TEXT_MAX, "the probe failed: %.256s: %s", m->text,
             log_errno_text(m->error));
}

/* Reads what the probe says until it ends. 0, or -1: it did not come to its end. */
static int listen_to(struct probe *p, int fd)
{
    union probe_message m;
    ssize_t n;
    int rc = -1;
    while ((n = fd_recv_message(fd, &m, sizeof m, NULL, NULL, 0)) > 0) {
        if (m.head.type == CONTROL_ERROR && n == (ssize_t)sizeof m.error)
            on_error(p, &m.error);
        if (m.head.type == CONTROL_PROBE && n == (ssize_t)sizeof m.probe)
            memcpy(p->facts->tries, m.probe.tries, sizeof p->facts->tries);
        if (m.head.type == CONTROL_READY && n == (ssize_t)sizeof m.ready) {
            p->facts->walls = m.ready.walls;
            rc = 0;
        }
    }
    return rc;
}

/* A warden of one slot, whose sockets nobody will use. */
static int run_probe(struct probe *p)
{
    const struct timeval patience = {.tv_sec = ANSWER_S};
    struct warden_setup *setup = &p->setup;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return -1;
    setup->control_fd = setup->data_fds[0] = setup->page_fds[0] = pair[1];
    setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    const pid_t pid = launch_spawn(launch_namespaces_of(setup->walls), setup, "");
    if (pid < 0)
        snprintf(p->why, BOX_TEXT_MAX, "the probe failed: clone: %s", log_errno_text(errno));
    fd_close(&pair[1]);
    const int rc = pid > 0 ? listen_to(p, pair[0]) : -1;
    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    fd_close(&pair[0]);
    return rc;
}

static int fill_setup(struct probe *p, uint32_t walls)
{
    struct launch *l = p->launch;
    struct warden_setup *setup = &p->setup;
    setup->magic = WARDEN_MAGIC;
    setup->version = WARDEN_VERSION;
    setup->mode = WARDEN_PROBE;
    launch_groups_forget_fds(setup);
    setup->slots = 1;
    setup->walls = walls;
    setup->landlock_abi = confine_landlock_abi();
    setup->limits = warden_attack_limits;
    setup->helper_fd = l->helper_fd;
    setup->uid = geteuid() == 0 ? l->options.uid_base : geteuid();
    setup->log_level = (int32_t)l->options.log_level;
    setup->log_format = (int32_t)l->options.log_format;
    for (int kind = 0; kind < FILTER_KINDS; kind++) {
        const struct filter_key key = {.kind = (enum filter_kind)kind};
        setup->filter_fds[kind] = launch_filter(l, &key);
    }
    return setup->filter_fds[FILTER_ZYGOTE] >= 0 && setup->filter_fds[FILTER_TASK] >= 0 ? 0 : -1;
}

static int probe_with(struct probe *p, uint32_t walls)
{
    snprintf(p->why, BOX_TEXT_MAX, "the probe failed: it came to no end");
    int rc = fill_setup(p, walls);
    if (rc == 0)
        rc = launch_dirs_make(p->launch, &p->setup);
    if (rc == 0)
        rc = launch_groups_take(p->launch, &p->setup);
    if (rc < 0)
        snprintf(p->why, BOX_TEXT_MAX, "the probe failed: its filters, folders and groups: %s",
                 log_errno_text(errno));
    if (rc == 0)
        rc = run_probe(p);
    launch_groups_close_fds(&p->setup);
    cgroups_give_back(p->launch->groups, p->setup.box);
    launch_dirs_remove(p->launch, p->setup.box);
    return rc;
}

/* ---- what the attacks aim at ---- */

/* Without a loopback nobody can be reached there either. */
static void open_listener(struct probe *p)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (p->listener >= 0 && bind(p->listener, (const struct sockaddr *)&at, sizeof at) == 0 &&
        listen(p->listener, 1) == 0 && getsockname(p->listener, (struct sockaddr *)&at, &len) == 0)
        p->setup.targets.port = ntohs(at.sin_port);
}

static int set_targets(struct probe *p)
{
    const struct launch_dir *boxes = &p->launch->boxes;
    struct probe_targets *t = &p->setup.targets;
    struct stat st;
    open_listener(p);
    if (snprintf(t->canary, sizeof t->canary, "%s/" CANARY, boxes->path) >= (int)sizeof t->canary ||
        stat("/", &st) < 0)
        return -1;
    t->root_dev = st.st_dev;
    t->root_ino = st.st_ino;
    t->launcher_pid = getpid();
    p->canary = openat(boxes->fd, CANARY, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    return p->canary < 0 ? -1 : fchmod(p->canary, 0644);
}

static void clear_targets(struct probe *p)
{
    fd_close(&p->listener);
    fd_close(&p->canary);
    unlinkat(p->launch->boxes.fd, CANARY, 0);
    unlinkat(p->launch->boxes.fd, CANARY ".new", 0);
}

/* ---- all of it ---- */

static bool is_container(void)
{
    return getenv("container") != NULL || getenv("KUBERNETES_SERVICE_HOST") != NULL ||
           access("/.dockerenv", F_OK) == 0 || access("/run/.containerenv", F_OK) == 0;
}

static void fill_facts(const struct launch *l, struct guarantee_facts *f)
{
    struct utsname u;
    *f = (struct guarantee_facts){.without = l->without,
                                  .cgroup_text = l->cgroup_text,
                                  .is_root = geteuid() == 0,
                                  .is_container = is_container()};
    note_error(f, WALL_CGROUP, l->cgroup_error);
    if (uname(&u) == 0 && sscanf(u.release, "%u.%u", &f->kernel_major, &f->kernel_minor) != 2)
        f->kernel_major = 0;
}

/* With all of these walls, and again without those that could not be built, until a box stands. */
static int probe_down(struct probe *p, uint32_t walls)
{
    int rc = -1;
    do {
        p->lost = 0;
        rc = probe_with(p, walls);
        walls = tidy(walls & ~p->lost);
    } while (rc < 0 && p->lost != 0);
    return rc;
}

static int build_and_attack(struct probe *p)
{
    const uint64_t namespaces = find_namespaces(p->launch, p->facts);
    if (namespaces == 0)
        log_warn("this machine lacks walls: no namespace can be made");
    if (set_targets(p) < 0) {
        snprintf(p->why, BOX_TEXT_MAX, "the probe failed: its targets: %s", log_errno_text(errno));
        return -1;
    }
    const int rc = probe_down(p, hoped_for(p->launch, namespaces));
    /* Some machines let a user namespace begin and refuse it its rights. */
    return rc < 0 && namespaces != 0 ? probe_down(p, hoped_for(p->launch, 0)) : rc;
}

int launch_probe(struct launch *l, struct guarantee_facts *f, char *why)
{
    struct probe *p = calloc(1, sizeof *p);
    snprintf(why, BOX_TEXT_MAX, "no memory for the probe of the walls");
    if ((l->without & WALL_CGROUP) == 0)
        launch_groups_open(l);
    fill_facts(l, f);
    if (p == NULL)
        return -1;
    *p = (struct probe){.launch = l, .facts = f, .listener = -1, .canary = -1, .why = why};
    const int rc = build_and_attack(p);
    clear_targets(p);
    free(p);
    if (rc < 0)
        return -1;
    f->landlock_abi = (f->walls & WALL_LANDLOCK) != 0 ? confine_landlock_abi() : 0;
    if ((f->walls & WALL_CGROUP) == 0)
        launch_groups_close(l);
    l->walls = f->walls;
    l->namespaces = launch_namespaces_of(f->walls);
    l->landlock_abi = f->landlock_abi;
    return 0;
}
