/*
 * zygote.c: loads a plugin behind all its walls. Runs in the zygote only.
 *
 * Theory of operation. The warden execs us (`penstock-box zygote`), so we share no address layout
 * and no canary with it, with an empty environment, a box's rights, and one channel. We build what
 * walls are left (Landlock, no executable pages that were writable, filter Z), then load the
 * plugin: from there on every byte of this process may be the plugin's, and the warden takes what
 * we say as a claim.
 *
 * fork mode: zygote_fork.c clones a task for each ZYGOTE_FORK; the warden is the parent of all of
 * them and reaps them. warm mode: we become the worker of one slot ourselves. scan: we describe the
 * plugin and end; open is not called.
 *
 * We end when the channel does, or are killed with the warden (parent-death signal, pid namespace).
 */
#include "sandbox/zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fault.h"
#include "base/fdutil.h"
#include "plugin/rules.h"
#include "sandbox/confine.h"
#include "sandbox/crash.h"
#include "sandbox/zygote_internal.h"

/* ---- the channel
 * ---------------------------------------------------------------------------------- */

static int fail(struct zygote *z, int is_ours, const char *text, const char *error)
{
    struct zygote_failed m = {{CHAN_MAGIC, CHAN_VERSION, ZYGOTE_FAILED}, (uint32_t)is_ours, ""};
    snprintf(m.text, sizeof m.text, "%s%s%s", text, error != NULL ? ": " : "",
             error != NULL ? error : "");
    fd_send_message(z->channel, &m, sizeof m, NULL, 0, 0);
    return WORKER_SETUP_EXIT;
}

static int has_end(const char *text, size_t size)
{
    return memchr(text, '\0', size) != NULL;
}

static int is_setup(const struct zygote *z, ssize_t n, size_t n_fds)
{
    const struct zygote_setup *s = &z->setup;
    return n >= (ssize_t)sizeof *s && s->head.magic == CHAN_MAGIC &&
           s->head.version == CHAN_VERSION && s->head.type == ZYGOTE_SETUP &&
           s->config_len <= BOX_CONFIG_MAX && s->inputs_len <= WARDEN_INPUTS_MAX &&
           s->n_ports <= BOX_PORTS_MAX && s->slots >= 1 && s->slots <= BOX_SLOTS_MAX &&
           (size_t)n == sizeof *s + s->config_len + s->inputs_len &&
           n_fds == (s->mode == BOX_FORK ? 2u : 4u) && has_end(s->slug, sizeof s->slug) &&
           has_end(s->plugin_path, sizeof s->plugin_path) &&
           has_end(s->task_dir, sizeof s->task_dir);
}

static int receive_setup(struct zygote *z)
{
    int fds[4] = {-1, -1, -1, -1};
    size_t n_fds = 4;
    _Static_assert(offsetof(struct zygote, config) ==
                       offsetof(struct zygote, setup) + sizeof(struct zygote_setup),
                   "one message fills both");
    ssize_t n =
        fd_recv_message(z->channel, &z->setup, sizeof z->setup + sizeof z->config, fds, &n_fds, 0);
    if (n < 0)
        return -1;
    if (!is_setup(z, n, n_fds)) {
        errno = EPROTO;
        return -1;
    }
    memcpy(z->inputs, z->config + z->setup.config_len, z->setup.inputs_len);
    z->config[z->setup.config_len] = '\0';
    z->zygote_filter = fds[0];
    z->task_filter = fds[1];
    z->data = fds[2];
    z->page = fds[3];
    return 0;
}

/* ---- walls
 * ---------------------------------------------------------------------------------------- */

const char *zygote_take_steps(const struct zygote_step *steps, size_t n, void *arg)
{
    for (size_t i = 0; i < n; i++) {
        errno = fault_here(steps[i].what);
        if (errno != 0 || steps[i].take(arg) < 0)
            return steps[i].what;
    }
    return NULL;
}

int zygote_die_with_parent(pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return -1;
    errno = ESRCH;
    return getppid() == parent ? 0 : -1;
}

int zygote_hide_memory(void)
{
    return prctl(PR_SET_DUMPABLE, 0);
}

int zygote_adopt_orphans(const struct zygote *z)
{
    return (z->setup.rights & BOX_MAY_ALL) != 0 ? prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L) : 0;
}

/* Who our parent is, is told by the channel: while its other end is open, it is the warden. */
static int die_with_parent(void *arg)
{
    struct zygote *z = arg;
    char byte;
    z->warden = getppid();
    if (zygote_die_with_parent(z->warden) < 0)
        return -1;
    errno = ESRCH;
    return recv(z->channel, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 0 ? 0 : -1;
}

static bool is_learning(const struct zygote *z)
{
    return (z->setup.flags & LAUNCH_LEARN) != 0;
}

/* In learn mode the supervisor reads the names of files in it. */
static int hide_memory(void *arg)
{
    const struct zygote *z = arg;
    return is_learning(z) ? 0 : zygote_hide_memory();
}

static int adopt_orphans(void *arg)
{
    return zygote_adopt_orphans(arg);
}

static int set_signals(void *arg)
{
    const struct zygote *z = arg;
    /* A core that is gone shows as a failed write. */
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return -1;
    return crash_setup(z->setup.limits.memory_bytes);
}

static int make_worker(void *arg)
{
    struct zygote *z = arg;
    /* Lines of a plugin that dies are seen, and no task prints what another one has buffered. */
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    z->worker = worker_new();
    return z->worker != NULL ? 0 : -1;
}

static int prepare_fork(void *arg)
{
    struct zygote *z = arg;
    z->threads = open("/proc/self/task", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return z->setup.mode == BOX_FORK ? zygote_prepare_fork(z) : 0;
}

static int refuse_exec_gain(void *arg)
{
    const struct zygote *z = arg;
    return (z->setup.walls & WALL_MDWE) != 0 ? confine_mdwe() : 0;
}

static int enforce_landlock(void *arg)
{
    const struct zygote *z = arg;
    if ((z->setup.walls & WALL_LANDLOCK) == 0)
        return 0;
    uint32_t slot = z->setup.mode == BOX_FORK ? CONFINE_ALL_SLOTS : z->setup.slot;
    int ruleset = confine_landlock_ruleset(&z->setup, z->inputs, slot);
    int rc = ruleset >= 0 ? confine_landlock_enforce(ruleset) : -1;
    fd_close(&ruleset);
    return rc;
}

/* The plugin must not keep the descriptor: it could answer its own calls. */
static int load_listener(const struct zygote *z)
{
    const struct zygote_listener m = {{CHAN_MAGIC, CHAN_VERSION, ZYGOTE_LISTENER}};
    int fd = confine_load_listener(z->zygote_filter);
    const int rc = fd >= 0 ? fd_send_message(z->channel, &m, sizeof m, &fd, 1, 0) : -1;
    fd_close(&fd);
    return rc;
}

static int load_zygote_filter(void *arg)
{
    struct zygote *z = arg;
    if (is_learning(z)) {
        const int listening = load_listener(z);
        fd_close(&z->zygote_filter);
        return listening;
    }
    int rc = (z->setup.walls & WALL_SECCOMP) != 0 ? confine_load_filter(z->zygote_filter) : 0;
    fd_close(&z->zygote_filter);
    return rc;
}

static const struct zygote_step walls[] = {
    {"parent-death signal", die_with_parent},
    {"dumpable", hide_memory},
    {"orphans", adopt_orphans},
    {"signal handlers", set_signals},
    {"memory of the worker", make_worker},
    {"preparations of clones", prepare_fork},
    {"no pages both written and executed", refuse_exec_gain},
    {"Landlock of the zygote", enforce_landlock},
    {"filter of the zygote", load_zygote_filter},
};

const char *zygote_step_name(size_t i)
{
    return i < sizeof walls / sizeof *walls ? walls[i].what : NULL;
}

/* ---- the plugin
 * ----------------------------------------------------------------------------------- */

static int scan(struct zygote *z)
{
    struct buf json = BUF_INIT(RULE_REPORT_MAX);
    if (abi_describe(&z->plugin.abi, &json) < 0)
        return fail(z, 0, "its description is longer than allowed", NULL);
    const struct data_head head = {DATA_MAGIC, DATA_DESCRIPTOR, 0, json.len};
    if (fd_write_all(z->data, &head, sizeof head) < 0 ||
        fd_write_all(z->data, json.data, json.len) < 0)
        return WORKER_SETUP_EXIT;
    return 0;
}

/*
 * The kernel refuses to unshare threads with EINVAL where there is another one, and else does
 * nothing. Where unshare is refused altogether (containers) the links of /proc/self/task tell: two,
 * and one a thread. Without either we take the worse for granted.
 */
static int has_threads(const struct zygote *z)
{
    struct stat st;
    if (unshare(CLONE_THREAD) == 0)
        return 0;
    if (errno == EINVAL || z->threads < 0 || fstat(z->threads, &st) < 0)
        return 1;
    return st.st_nlink != 3;
}

static int send_ready(struct zygote *z)
{
    const struct zygote_ready m = {{CHAN_MAGIC, CHAN_VERSION, ZYGOTE_READY},
                                   (uint32_t)has_threads(z)};
    fd_close(&z->threads);
    return fd_send_message(z->channel, &m, sizeof m, NULL, 0, 0);
}

struct slot_page *zygote_map_page(int *fd)
{
    void *page = mmap(NULL, SLOT_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
    fd_close(fd);
    return page != MAP_FAILED ? page : NULL;
}

/* ---- warm mode
 * ------------------------------------------------------------------------------------ */

static int become_worker(void *arg)
{
    struct zygote *z = arg;
    const struct worker_setup setup = {.pipeline = z->plugin.pipeline,
                                       .self = z->plugin.self,
                                       .mode = BOX_WARM,
                                       .recycle_after = z->setup.limits.recycle_after,
                                       .recycle_ms = z->setup.limits.recycle_ms,
                                       .recycle_growth_bytes = z->setup.limits.recycle_growth_bytes,
                                       .slot = z->setup.slot,
                                       .generation = z->setup.generation,
                                       .data_fd = z->data,
                                       .page = zygote_map_page(&z->page),
                                       .may_fork = (z->setup.rights & BOX_MAY_ALL) != 0,
                                       .task_dir = z->setup.task_dir};
    return setup.page != NULL ? worker_prepare(z->worker, &setup) : -1;
}

/* Nothing more is said to the warden, and the plugin is to have nothing to say it with. */
static int tell_ready(void *arg)
{
    struct zygote *z = arg;
    int rc = send_ready(z);
    fd_close(&z->channel);
    return rc;
}

/* In learn mode the supervisor knows by itself when the first task begins. */
static int load_task_filter(void *arg)
{
    struct zygote *z = arg;
    int rc = (z->setup.walls & WALL_SECCOMP) != 0 && !is_learning(z)
                 ? confine_load_filter(z->task_filter)
                 : 0;
    fd_close(&z->task_filter);
    return rc;
}

/* The last filter comes behind READY, because it has no message calls. */
static const struct zygote_step warm_steps[] = {
    {"worker", become_worker},
    {"readiness", tell_ready},
    {"filter of the worker", load_task_filter},
};

const char *zygote_warm_step_name(size_t i)
{
    return i < sizeof warm_steps / sizeof *warm_steps ? warm_steps[i].what : NULL;
}

static int serve_warm(struct zygote *z)
{
    const char *what = zygote_take_steps(warm_steps, sizeof warm_steps / sizeof *warm_steps, z);
    if (what == NULL)
        return worker_serve(z->worker);
    if (z->channel >= 0)
        return fail(z, 1, what, strerror(errno));
    dprintf(STDERR_FILENO, "penstock-box: %s: %s\n", what, strerror(errno));
    return WORKER_SETUP_EXIT;
}

/* ---- main
 * ----------------------------------------------------------------------------------------- */

static int load_and_serve(struct zygote *z)
{
    char why[BOX_TEXT_MAX];
    if (load_library(&z->plugin, z->setup.plugin_path, why, sizeof why) < 0)
        return fail(z, 0, why, NULL);
    if (z->setup.mode == BOX_SCAN)
        return scan(z);
    if (load_open(&z->plugin, z->setup.slug, z->config[0] != '\0' ? z->config : "{}", why,
                  sizeof why) < 0)
        return fail(z, 0, why, NULL);
    fflush(stdout);
    if (z->setup.mode == BOX_WARM)
        return serve_warm(z);
    return send_ready(z) < 0 ? WORKER_SETUP_EXIT : zygote_serve_forks(z);
}

int zygote_main(int channel_fd)
{
    struct zygote *z = calloc(1, sizeof *z);
    if (z == NULL)
        return WORKER_SETUP_EXIT;
    z->channel = channel_fd;
    z->zygote_filter = z->task_filter = z->data = z->page = z->threads = -1;
    if (receive_setup(z) < 0)
        return fail(z, 1, "the message that sets the zygote up", strerror(errno));
    const char *what = zygote_take_steps(walls, sizeof walls / sizeof *walls, z);
    if (what != NULL)
        return fail(z, 1, what, strerror(errno));
    return load_and_serve(z);
}
