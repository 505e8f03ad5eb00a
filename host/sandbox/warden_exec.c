/* warden_exec.c: forks and executes a zygote: its limits, its environment, its descriptors. Runs in
 * the warden, and between fork and exec in the zygote. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fdutil.h"
#include "sandbox/filter.h"
#include "sandbox/warden_internal.h"

enum {
    CHANNEL = 3,       /* of the zygote */
    FIRST_FREE = 10,   /* above whatever the zygote's own descriptors are put over */
    ZYGOTE_FILES = 16, /* what a zygote holds itself while it forks, beside a ruleset a slot */
    STACK_BYTES = 8 * 1024 * 1024,
    PENDING_SIGNALS = 256,
    EXEC_FAILED = 126
};

/* ---- limits: they bind the zygote, and tasks inherit them ---- */

struct limit {
    int what;
    uint64_t value;
    bool is_set;
};

/* Processes of one user are counted together, and only where the box has its own user is that its
 * own count: the warden, its zygotes, and in each slot a task with its threads, a cleaner, and one
 * that measures. */
static uint64_t processes(const struct warden *w)
{
    const uint64_t slots = w->setup.slots;
    return 2 + 3 * slots + slots * w->setup.limits.threads;
}

static int set_limit(const struct limit *l)
{
    struct rlimit now;
    if (!l->is_set)
        return 0;
    if (getrlimit((__rlimit_resource_t)l->what, &now) < 0)
        return -1;
    /* Lower than what is allowed already, never higher: that would take a right. */
    const rlim_t value = l->value < now.rlim_max ? l->value : now.rlim_max;
    const struct rlimit both = {value, value};
    return setrlimit((__rlimit_resource_t)l->what, &both);
}

int warden_set_limits(const struct warden *w)
{
    const struct box_limits *b = &w->setup.limits;
    const bool has_own_count = (w->setup.walls & (WALL_USERNS | WALL_OWN_UID)) != 0;
    const struct limit limits[] = {
        {RLIMIT_CORE, 0, true},
        {RLIMIT_FSIZE, b->file_bytes, b->file_bytes > 0},
        /* Private writable memory, reservations not counted: CUDA, Go and sanitizers reserve
           terabytes. */
        {RLIMIT_DATA, b->memory_bytes, b->memory_bytes > 0},
        {RLIMIT_STACK, STACK_BYTES, true},
        {RLIMIT_MEMLOCK, 0, true},
        {RLIMIT_MSGQUEUE, 0, true},
        {RLIMIT_NPROC, processes(w), has_own_count && b->threads > 0},
        {RLIMIT_NOFILE, b->files + (uint64_t)ZYGOTE_FILES + w->setup.slots, b->files > 0},
        {RLIMIT_SIGPENDING, PENDING_SIGNALS, true},
        {RLIMIT_RTPRIO, 0, true},
        {RLIMIT_NICE, 0, true},
    };
    if ((w->setup.walls & WALL_LIMITS) == 0)
        return 0;
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        if (set_limit(&limits[i]) < 0)
            return -1;
    }
    return 0;
}

/* ---- environment ---- */

enum { VARIABLES = 8 };

struct environment {
    char texts[VARIABLES][PATH_MAX + 32];
    char *list[VARIABLES + 1];
    size_t n;
};

__attribute__((format(printf, 2, 3))) static void put(struct environment *e, const char *format,
                                                      ...)
{
    va_list ap;
    va_start(ap, format);
    vsnprintf(e->texts[e->n], sizeof e->texts[e->n], format, ap);
    va_end(ap);
    e->list[e->n] = e->texts[e->n];
    e->n++;
}

/* A slot's share of the machine: libraries that start a thread a processor would start them in
 * every slot. */
static unsigned threads_for(const struct warden *w)
{
    cpu_set_t set;
    const unsigned n = sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
    const unsigned share = n / w->setup.slots > 0 ? n / w->setup.slots : 1;
    const unsigned most = w->setup.limits.threads;
    return most > 0 && most < share ? most : share;
}

static void fill_environment(struct environment *e, const struct zygote *z)
{
    const struct warden *w = z->warden;
    const char *fault = getenv("PENSTOCK_FAULT");
    const unsigned threads = threads_for(w);
    put(e, "PATH=/usr/bin:/bin");
    put(e, "LANG=C.UTF-8");
    if (w->mode == BOX_FORK)
        put(e, "TMPDIR=%s", w->task_dir);
    else
        put(e, "TMPDIR=%s/%u", w->task_dir, z->slot);
    put(e, "OMP_NUM_THREADS=%u", threads);
    put(e, "OPENBLAS_NUM_THREADS=%u", threads);
    put(e, "MKL_NUM_THREADS=%u", threads);
    put(e, "VIPS_CONCURRENCY=%u", threads);
    if (fault != NULL)
        put(e, "PENSTOCK_FAULT=%s", fault);
}

/* ---- the child ---- */

struct birth {
    int channel, output, failed;
};

/* The group first: what comes after is put over descriptors that may be the group's. */
static int child_prepare(const struct zygote *z, const struct birth *b)
{
    const struct warden *w = z->warden;
    sigset_t none;
    sigemptyset(&none);
    if (warden_group_join(w, warden_group_of(z)) < 0 ||
        prctl(PR_SET_PDEATHSIG, (long)SIGKILL, 0L, 0L, 0L) < 0 ||
        sigprocmask(SIG_SETMASK, &none, NULL) < 0 || dup2(b->output, STDOUT_FILENO) < 0 ||
        dup2(b->output, STDERR_FILENO) < 0 || dup2(b->channel, CHANNEL) < 0 ||
        fd_set_cloexec(CHANNEL, 0) < 0)
        return -1;
    errno = fault_here("warden.limits");
    return errno != 0 ? -1 : warden_set_limits(w);
}

__attribute__((noreturn)) static void child_main(const struct zygote *z, const struct birth *b)
{
    struct environment e = {.n = 0};
    char *argv[] = {(char[]){"penstock-box"}, (char[]){"zygote"}, (char[]){"3"}, NULL};
    fill_environment(&e, z);
    if (child_prepare(z, b) == 0)
        execveat(z->warden->setup.helper_fd, "", argv, e.list, AT_EMPTY_PATH);
    /* Only we can write this: the pipe is closed by the exec, before any plugin code. */
    const int error = errno;
    (void)!write(b->failed, &error, sizeof error);
    _exit(EXEC_FAILED);
}

/* ---- the warden ---- */

static int move_up(int *fd)
{
    const int moved = fcntl(*fd, F_DUPFD_CLOEXEC, FIRST_FREE);
    fd_close(fd);
    *fd = moved;
    return moved;
}

static int open_channels(struct zygote *z, struct birth *b)
{
    int pair[2], ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return -1;
    z->channel = pair[0];
    b->channel = pair[1];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return -1;
    z->birth = ends[0];
    b->failed = ends[1];
    b->output = warden_output_open(&z->output, CONTROL_LOG_ZYGOTE, 0);
    return b->output < 0 || warden_output_read(&z->output) < 0 || move_up(&b->failed) < 0 ? -1 : 0;
}

int warden_exec_zygote(struct zygote *z)
{
    struct birth b = {-1, -1, -1};
    pid_t pid = -1;
    if (open_channels(z, &b) == 0)
        pid = fork();
    if (pid == 0)
        child_main(z, &b);
    fd_close(&b.channel);
    fd_close(&b.output);
    fd_close(&b.failed);
    z->pid = pid > 0 ? pid : 0;
    return pid > 0 ? 0 : -1;
}

int warden_send_setup(struct zygote *z)
{
    struct warden *w = z->warden;
    struct {
        struct zygote_setup setup;
        char rest[BOX_CONFIG_MAX + WARDEN_INPUTS_MAX];
    } m = {.setup = {
               .head = {.magic = CHAN_MAGIC, .version = CHAN_VERSION, .type = ZYGOTE_SETUP},
               .mode = (uint32_t)w->mode,
               .rights = w->setup.rights,
               .slot = z->slot,
               .walls = w->setup.walls,
               .config_len = w->setup.config_len,
               .landlock_abi = w->setup.landlock_abi,
               .slots = w->setup.slots,
               .flags = w->setup.flags,
               .inputs_len = w->setup.inputs_len,
               .n_ports = w->setup.n_ports,
               .generation = w->slots[z->slot].generation,
               .limits = w->setup.limits,
           }};
    const int fds[] = {w->setup.filter_fds[FILTER_ZYGOTE], w->setup.filter_fds[FILTER_TASK],
                       w->setup.data_fds[z->slot], w->setup.page_fds[z->slot]};
    if (w->is_once)
        m.setup.limits.recycle_after = 1;
    memcpy(m.setup.slug, w->setup.slug, sizeof m.setup.slug);
    memcpy(m.setup.plugin_path, w->plugin_path, sizeof m.setup.plugin_path);
    memcpy(m.setup.task_dir, w->task_dir, sizeof m.setup.task_dir);
    memcpy(m.setup.ports, w->setup.ports, sizeof m.setup.ports);
    memcpy(m.rest, w->config, w->setup.config_len);
    memcpy(m.rest + w->setup.config_len, w->inputs, w->setup.inputs_len);
    const size_t n = sizeof m.setup + w->setup.config_len + w->setup.inputs_len;
    if (fd_send_message(z->channel, &m, n, fds, w->mode == BOX_FORK ? 2 : 4, 0) == 0)
        return 0;
    /* One that is gone by now has left its reason in the pipe, and is noticed when it is reaped. */
    return errno == EPIPE || errno == ECONNRESET ? 0 : -1;
}
