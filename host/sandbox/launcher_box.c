/* launcher_box.c: makes one box: looks at the plugin's file, makes sockets, pages and directories,
 * and starts the warden. Runs in the launcher. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fdutil.h"
#include "sandbox/confine.h"
#include "sandbox/launcher.h"

/* A task's inputs and results pass here; the kernel's default (208 KiB) costs a wake-up more often.
 */
enum { DATA_BUFFER_BYTES = 1024 * 1024 };

/* A box in the making. The core's ends of sockets are here, the box's in setup. */
struct making {
    struct launch *launch;
    const struct launch_start *message;
    const char *config; /* and behind it the declared inputs */
    struct warden_setup setup;
    char rest[BOX_CONFIG_MAX + WARDEN_INPUTS_MAX]; /* what follows setup on its way to the warden */
    int control;
    int data[BOX_SLOTS_MAX];
    pid_t pid;
    struct launch_child *child;
    bool is_plugin_fault;
    char sha256[BOX_DIGEST_MAX];
    char why[BOX_TEXT_MAX];
};

struct making_step {
    const char *name;
    int (*take)(struct making *m);
};

static bool has_end(const char *text, size_t size)
{
    return memchr(text, '\0', size) != NULL;
}

/* Paths behind the configuration, the last one with its NUL too. */
static bool inputs_end(const struct making *m)
{
    const uint32_t n = m->message->inputs_len;
    return n == 0 || m->config[m->message->config_len + n - 1] == '\0';
}

/* Only for whoever runs a launcher of his own, and for one warm worker behind walls. */
static bool may_learn(const struct making *m)
{
    const struct launch_start *s = m->message;
    return (s->flags & LAUNCH_LEARN) == 0 ||
           (m->launch->options.is_lenient && s->mode == BOX_WARM && s->slots == 1 &&
            (s->rights & BOX_MAY_ALL) == 0);
}

static int check_message(struct making *m)
{
    const struct launch_start *s = m->message;
    const bool is_known = s->mode >= BOX_FORK && s->mode <= BOX_EXEC;
    const bool has_many = s->mode == BOX_FORK || s->mode == BOX_WARM;
    const bool is_good = is_known && s->slots >= 1 && s->slots <= BOX_SLOTS_MAX &&
                         (has_many || s->slots == 1) && s->rights < BOX_RIGHTS_ALL &&
                         has_end(s->slug, sizeof s->slug) &&
                         has_end(s->plugin_id, sizeof s->plugin_id) &&
                         has_end(s->plugin_path, sizeof s->plugin_path) &&
                         has_end(s->sha256, sizeof s->sha256) && s->n_ports <= BOX_PORTS_MAX &&
                         may_learn(m) && inputs_end(m) && launch_find(m->launch, s->box) == NULL;
    errno = EINVAL;
    return is_good ? 0 : -1;
}

/* What stands round a box of the profile off: what lets it be killed, and keeps it from being
 * more than its user. */
#define WALLS_OFF                                                                                  \
    (WALL_USERNS | WALL_PIDNS | WALL_OWN_UID | WALL_NO_CAPS | WALL_LIMITS | WALL_CGROUP)

/* Without the walls that the box's rights open; and without a limit a directory in memory would be
 * bounded by nothing but the machine's. */
static uint32_t walls_for(const struct launch *l, const struct launch_start *s)
{
    const uint32_t rights = s->rights;
    uint32_t walls = l->walls;
    if ((s->flags & LAUNCH_DISK_SCRATCH) != 0 || s->limits.dir_bytes == 0)
        walls &= ~(uint32_t)WALL_SCRATCH;
    if ((rights & BOX_MAY_NETWORK) != 0)
        walls &= ~(uint32_t)WALL_NETNS;
    if ((rights & BOX_MAY_JIT) != 0)
        walls &= ~(uint32_t)WALL_MDWE;
    if ((rights & BOX_MAY_ALL) != 0)
        walls &= (uint32_t)WALLS_OFF;
    /* A user namespace is the way to the others, and no wall without them. */
    return (walls & WALL_PIDNS) == 0 && (rights & BOX_MAY_ALL) != 0 ? walls & ~(uint32_t)WALL_USERNS
                                                                    : walls;
}

/* Landlock is what keeps a task out of the directory of the one beside it: all of a box's tasks run
 * as one user. */
static int check_neighbours(struct making *m)
{
    const struct launch_start *s = m->message;
    if (s->slots == 1 || (s->rights & BOX_MAY_ALL) != 0 ||
        (walls_for(m->launch, s) & WALL_LANDLOCK) != 0)
        return 0;
    snprintf(m->why, sizeof m->why,
             "without Landlock a box takes one task at a time; it was asked for %u", s->slots);
    errno = EPERM;
    return -1;
}

/* A user id that no live box has: signals, limits and files of two boxes must not meet. */
static uid_t next_uid(struct launch *l)
{
    uid_t uid;
    do {
        uid = l->options.uid_base + l->next_uid++ % LAUNCH_UIDS;
    } while (launch_has_uid(l, uid));
    return uid;
}

static int fill_setup(struct making *m)
{
    const struct launch_start *s = m->message;
    const struct launch *l = m->launch;
    struct warden_setup *setup = &m->setup;
    setup->magic = WARDEN_MAGIC;
    setup->version = WARDEN_VERSION;
    setup->box = s->box;
    setup->mode = s->mode;
    setup->slots = s->slots;
    setup->rights = s->rights;
    setup->walls = walls_for(l, s);
    setup->landlock_abi = l->landlock_abi;
    setup->config_len = s->config_len;
    setup->flags = s->flags;
    setup->extra_calls = s->extra_calls;
    setup->n_ports = s->n_ports;
    memcpy(setup->ports, s->ports, sizeof setup->ports);
    setup->log_level = (int32_t)l->options.log_level;
    setup->log_format = (int32_t)l->options.log_format;
    setup->limits = s->limits;
    setup->helper_fd = l->helper_fd;
    setup->uid = (setup->walls & WALL_OWN_UID) != 0 ? next_uid(m->launch) : geteuid();
    memcpy(setup->slug, s->slug, sizeof setup->slug);
    memcpy(setup->plugin_id, s->plugin_id, sizeof setup->plugin_id);
    return 0;
}

static int open_plugin(struct making *m)
{
    m->is_plugin_fault = true;
    if (launch_trust(m->launch, m->message, &m->setup.plugin, m->sha256, m->why) < 0)
        return -1;
    m->is_plugin_fault = false;
    return 0;
}

static int resolve_inputs(struct making *m)
{
    const size_t config_len = m->message->config_len;
    const ssize_t n =
        launch_resolve_inputs(m->launch, m->config + config_len, m->message->inputs_len,
                              m->rest + config_len, WARDEN_INPUTS_MAX, m->why);
    if (n < 0)
        return -1;
    memcpy(m->rest, m->config, config_len);
    m->setup.inputs_len = (uint32_t)n;
    return 0;
}

static int get_filters(struct making *m)
{
    for (int kind = 0; kind < FILTER_KINDS; kind++) {
        const bool is_learning = (m->setup.flags & LAUNCH_LEARN) != 0 && kind == FILTER_ZYGOTE;
        const struct filter_key key = {(enum filter_kind)kind, m->setup.rights,
                                       m->setup.extra_calls, is_learning};
        m->setup.filter_fds[kind] = launch_filter(m->launch, &key);
        if (m->setup.filter_fds[kind] < 0)
            return -1;
    }
    return 0;
}

static void widen(int fd)
{
    const int bytes = DATA_BUFFER_BYTES;
    /* FORCE needs a right; without it the kernel's maximum holds, which is slower but works. */
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) < 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

static int make_pair(int type, int *mine, int *theirs)
{
    int pair[2];
    if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair) < 0)
        return -1;
    *mine = pair[0];
    *theirs = pair[1];
    return 0;
}

static int make_sockets(struct making *m)
{
    if (make_pair(SOCK_SEQPACKET, &m->control, &m->setup.control_fd) < 0)
        return -1;
    for (uint32_t i = 0; i < m->setup.slots; i++) {
        if (make_pair(SOCK_STREAM, &m->data[i], &m->setup.data_fds[i]) < 0)
            return -1;
        widen(m->data[i]);
        widen(m->setup.data_fds[i]);
    }
    return 0;
}

/* Sealed, so that nobody can cut the page short under the core's mapping. */
static int make_pages(struct making *m)
{
    for (uint32_t i = 0; i < m->setup.slots; i++) {
        const int fd = memfd_create("penstock-slot", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        m->setup.page_fds[i] = fd;
        if (fd < 0 || ftruncate(fd, SLOT_PAGE_SIZE) < 0 ||
            fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
            return -1;
    }
    return 0;
}

static int make_dirs(struct making *m)
{
    return launch_dirs_make(m->launch, &m->setup);
}

static int take_groups(struct making *m)
{
    return launch_groups_take(m->launch, &m->setup);
}

static int spawn(struct making *m)
{
    const uint64_t namespaces = launch_namespaces_of(m->setup.walls);
    m->pid = launch_spawn(namespaces, &m->setup, m->rest);
    return m->pid > 0 ? 0 : -1;
}

static int watch(struct making *m)
{
    m->child = launch_watch(m->launch, &m->setup, m->pid);
    return m->child != NULL ? 0 : -1;
}

static const struct making_step steps[] = {
    {"message", check_message}, {"neighbours", check_neighbours},
    {"setup", fill_setup},      {"plugin", open_plugin},
    {"inputs", resolve_inputs}, {"filters", get_filters},
    {"sockets", make_sockets},  {"pages", make_pages},
    {"directories", make_dirs}, {"groups", take_groups},
    {"clone", spawn},           {"watch", watch},
};

static const char *take_steps(struct making *m)
{
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        char point[64];
        snprintf(point, sizeof point, "launcher.%s", steps[i].name);
        errno = fault_here(point);
        if (errno != 0 || steps[i].take(m) < 0)
            return steps[i].name;
    }
    return NULL;
}

static void warn_of_ports(const struct making *m)
{
    const uint32_t rights = m->setup.rights & (BOX_MAY_NETWORK | BOX_MAY_ALL);
    if (rights == BOX_MAY_NETWORK && m->launch->landlock_abi < LANDLOCK_ABI_NET)
        log_warn("the box may connect to all ports: connect_ports needs Landlock of Linux 6.7",
                 LI("box", m->setup.box), LS("pipeline", m->setup.slug),
                 LI("landlock", m->launch->landlock_abi));
}

static void answer_started(const struct making *m)
{
    struct launch_started answer = {
        .head = {.magic = CHAN_MAGIC, .version = CHAN_VERSION, .type = LAUNCH_STARTED},
        .box = m->setup.box,
        .warden_pid = m->pid,
    };
    int fds[1 + 2 * BOX_SLOTS_MAX];
    size_t n = 0;
    memcpy(answer.sha256, m->sha256, sizeof answer.sha256);
    fds[n++] = m->control;
    for (uint32_t i = 0; i < m->setup.slots; i++) {
        fds[n++] = m->data[i];
        fds[n++] = m->setup.page_fds[i];
    }
    const bool is_brief = m->setup.mode == BOX_SCAN || m->setup.mode == BOX_EXEC;
    const enum log_level level = is_brief ? LOG_DEBUG : LOG_INFO;
    LOG_AT(level, "box started", LI("box", m->setup.box),
           LS("plugin", m->setup.plugin.parts[0].name), LS("pipeline", m->setup.slug),
           LI("pid", m->pid), LI("uid", m->setup.uid));
    warn_of_ports(m);
    launch_send(m->launch, &answer, sizeof answer, fds, n);
}

static void answer_failed(struct making *m, const char *step)
{
    struct launch_failed answer = {
        .head = {.magic = CHAN_MAGIC, .version = CHAN_VERSION, .type = LAUNCH_FAILED},
        .box = m->message->box,
        .error = errno,
        .is_plugin_fault = m->is_plugin_fault,
    };
    if (m->why[0] == '\0')
        snprintf(m->why, sizeof m->why, "the launcher could not make a box: step %s", step);
    snprintf(answer.text, sizeof answer.text, "%s", m->why);
    log_warn("box not started", LI("box", answer.box), LS("why", answer.text), LE(answer.error));
    launch_send(m->launch, &answer, sizeof answer, NULL, 0);
}

static void undo(struct making *m)
{
    if (m->child != NULL)
        return;
    if (m->pid > 0) {
        kill(m->pid, SIGKILL);
        waitpid(m->pid, NULL, 0);
    }
    cgroups_give_back(m->launch->groups, m->setup.box);
    if (m->setup.box_dir[0] != '\0')
        launch_dirs_remove(m->launch, m->setup.box);
}

static void close_all(struct making *m)
{
    fd_close(&m->control);
    fd_close(&m->setup.control_fd);
    for (int i = 0; i < BOX_SLOTS_MAX; i++) {
        fd_close(&m->data[i]);
        fd_close(&m->setup.data_fds[i]);
        fd_close(&m->setup.page_fds[i]);
    }
    launch_groups_close_fds(&m->setup);
    plugin_source_close(&m->setup.plugin);
}

static struct making *making_new(struct launch *l, const struct launch_start *message,
                                 const char *config)
{
    struct making *m = calloc(1, sizeof *m);
    if (m == NULL)
        return NULL;
    m->launch = l;
    m->message = message;
    m->config = config;
    m->control = m->setup.control_fd = -1;
    launch_groups_forget_fds(&m->setup);
    for (int i = 0; i < BOX_SLOTS_MAX; i++)
        m->data[i] = m->setup.data_fds[i] = m->setup.page_fds[i] = -1;
    return m;
}

void launch_box(struct launch *l, const struct launch_start *message, const char *config)
{
    struct making nothing = {.launch = l, .message = message};
    struct making *m = making_new(l, message, config);
    if (m == NULL) {
        answer_failed(&nothing, "memory");
        return;
    }
    const char *failed = take_steps(m);
    if (failed == NULL) {
        answer_started(m);
    } else {
        /* Whoever hears of the failure finds nothing left of it. */
        const int error = errno;
        undo(m);
        close_all(m);
        errno = error;
        answer_failed(m, failed);
    }
    close_all(m);
    free(m);
}
