/* warden_attacks.c: attacks on each guarantee, harmless where they get through. Runs in children of
 * the probe's warden, behind all walls; a watch runs in the warden. */
#include "sandbox/warden_attacks.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/warden_internal.h"

enum {
    KI = 1024,
    THREADS_MANY = 64, /* far more than the limit */
    STACK = 64 * KI,
    DISK_FILES = 32,
    DISK_PIECE = 16 * KI,
    BURN_US = 3000, /* processor time that counts as over the limit */
    LOOK_US = 500,
    LOOKS_MAX = 4000 /* 2 s: a machine so busy could not run a task either */
};

const struct box_limits warden_attack_limits = {
    .memory_bytes = 64 * KI * KI,
    .file_bytes = 64 * KI,
    .log_bytes = KI,
    .cpu_ms = 1000,
    .load_timeout_ms = 1000,
    .files = 32,
    .threads = 4,
    .dir_files = 16,
    .dir_bytes = 256 * KI,
};

/* ---- fs ---- */

static int open_file(const char *path, int flags)
{
    const int fd = open(path, flags | O_CLOEXEC, 0600);
    return fd < 0 ? -1 : close(fd);
}

static int read_canary(const struct warden *w)
{
    return open_file(w->setup.targets.canary, O_RDONLY);
}

static int write_beside_canary(const struct warden *w)
{
    char path[PATH_MAX + 8];
    snprintf(path, sizeof path, "%s.new", w->setup.targets.canary);
    return open_file(path, O_WRONLY | O_CREAT);
}

/* A box with a root of its own may list that one. */
static int list_host_root(const struct warden *w)
{
    const struct probe_targets *t = &w->setup.targets;
    struct stat st;
    const int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return -1;
    errno = EXDEV;
    return st.st_dev == t->root_dev && st.st_ino == t->root_ino ? 0 : -1;
}

/* ---- net ---- */

static int reach_launcher(const struct warden *w, int type)
{
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)w->setup.targets.port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    return fd < 0 ? -1 : connect(fd, (const struct sockaddr *)&to, sizeof to);
}

static int connect_tcp(const struct warden *w)
{
    return reach_launcher(w, SOCK_STREAM);
}

static int connect_udp(const struct warden *w)
{
    return reach_launcher(w, SOCK_DGRAM);
}

/* ---- process ---- */

/* In a pid namespace the launcher's number may be that of the box's own first processes. */
static bool is_ours(const struct warden *w, pid_t pid)
{
    return (w->setup.walls & WALL_PIDNS) != 0 && (pid == getpid() || pid == getppid());
}

static int signal_launcher(const struct warden *w)
{
    const pid_t pid = w->setup.targets.launcher_pid;
    errno = ESRCH;
    return is_ours(w, pid) ? -1 : kill(pid, 0);
}

static int fork_child(const struct warden *w)
{
    (void)w;
    const pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return pid < 0 ? -1 : 0;
}

static int see_launcher(const struct warden *w)
{
    const pid_t pid = w->setup.targets.launcher_pid;
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
    errno = ESRCH;
    return is_ours(w, pid) ? -1 : open_file(path, O_RDONLY);
}

/* ---- syscalls ---- */

static int set_up_io_uring(const struct warden *w)
{
    unsigned char parameters[256] = {0};
    (void)w;
    return syscall(SYS_io_uring_setup, 1L, parameters) < 0 ? -1 : 0;
}

static int be_traced(const struct warden *w)
{
    (void)w;
    return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static int unshare_files(const struct warden *w)
{
    (void)w;
    return unshare(CLONE_FILES); /* needs no right at all */
}

/* ---- memory ---- */

static int map(size_t size, int protection, int flags)
{
    return mmap(NULL, size, protection, flags | MAP_ANONYMOUS, -1, 0) != MAP_FAILED ? 0 : -1;
}

static size_t over_memory(const struct warden *w)
{
    return 2 * (size_t)w->setup.limits.memory_bytes;
}

/* A control group counts what is touched, and has shown in its own probe that it can be limited:
 * memory is not filled for it here. */
static bool counts_in_group(const struct warden *w)
{
    errno = ENOMEM;
    return (w->setup.walls & WALL_CGROUP) != 0;
}

static int map_private(const struct warden *w)
{
    if ((w->setup.walls & WALL_LIMITS) == 0 && counts_in_group(w))
        return -1;
    return map(over_memory(w), PROT_READ | PROT_WRITE, MAP_PRIVATE);
}

static int map_shared(const struct warden *w)
{
    return counts_in_group(w) ? -1 : map(over_memory(w), PROT_READ | PROT_WRITE, MAP_SHARED);
}

/* ---- pids ---- */

static void *wait_for_the_end(void *arg)
{
    (void)arg;
    for (;;)
        pause();
    return NULL;
}

/* Where the kernel counts the box's processes together with all others of the user, only a control
 * group limits them. */
static int start_threads(const struct warden *w)
{
    const uint32_t counted = WALL_USERNS | WALL_OWN_UID;
    pthread_attr_t attributes;
    pthread_t thread;
    if (((w->setup.walls & counted) == 0 || (w->setup.walls & WALL_LIMITS) == 0) &&
        counts_in_group(w))
        return -1;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK);
    for (int i = 0; i < THREADS_MANY; i++) {
        errno = pthread_create(&thread, &attributes, wait_for_the_end, NULL);
        if (errno != 0)
            return -1;
    }
    return 0;
}

/* ---- cpu ---- */

static int burn(const struct warden *w)
{
    (void)w;
    for (;;)
        sched_yield();
    return 0;
}

/* As warden_watch.c does it: reads the child's clock, and kills it. */
static int watch_burning(struct warden *w, pid_t pid, int *status)
{
    const struct timespec pause_time = {.tv_nsec = LOOK_US * 1000L};
    struct timespec used = {0};
    clockid_t clock;
    bool is_over = false;
    (void)w;
    errno = clock_getcpuclockid(pid, &clock);
    for (int i = 0; errno == 0 && !is_over && i < LOOKS_MAX; i++) {
        if (clock_gettime(clock, &used) < 0)
            break;
        is_over = used.tv_sec > 0 || used.tv_nsec > BURN_US * 1000L;
        nanosleep(&pause_time, NULL);
    }
    kill(pid, SIGKILL);
    if (waitpid(pid, status, 0) != pid)
        return -1;
    if (WIFEXITED(*status))
        return 0;
    return is_over && WTERMSIG(*status) == SIGKILL ? ATTACK_HELD : ATTACK_THROUGH;
}

/* The kernel's own limit: there, and not to be raised. */
static int raise_cpu_limit(const struct warden *w)
{
    const struct rlimit endless = {RLIM_INFINITY, RLIM_INFINITY};
    struct rlimit now;
    (void)w;
    if (getrlimit(RLIMIT_CPU, &now) < 0)
        return -1;
    return now.rlim_max == RLIM_INFINITY ? 0 : setrlimit(RLIMIT_CPU, &endless);
}

/* ---- kill ---- */

/* Deaf, stopped, and with a child of the same kind, in a session of its own, where it can have one.
 */
static int be_stubborn(const struct warden *w)
{
    sigset_t all;
    (void)w;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    if (fork() == 0)
        setsid();
    raise(SIGSTOP);
    for (;;)
        pause();
    return 0;
}

static int sweep(struct warden *w, pid_t pid, int *status)
{
    siginfo_t info = {.si_pid = 0};
    if (waitid(P_PID, (id_t)pid, &info, WSTOPPED | WEXITED | WNOWAIT) < 0)
        return -1;
    if (info.si_code == CLD_EXITED)
        return waitpid(pid, status, 0) == pid ? 0 : -1;
    warden_kill_all(w);
    *status = 0;
    return waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD ? ATTACK_HELD : ATTACK_THROUGH;
}

/* ---- wx ---- */

static int map_code(const struct warden *w)
{
    (void)w;
    return map(4 * KI, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE);
}

static int turn_into_code(const struct warden *w)
{
    (void)w;
    void *page = mmap(NULL, 4 * KI, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return -1;
    memset(page, 0x90, KI);
    return mprotect(page, 4 * KI, PROT_READ | PROT_EXEC);
}

/* ---- disk ---- */

static int open_scratch(const struct warden *w, unsigned number)
{
    char path[PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/0/%u", w->task_dir, number);
    return open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

static int write_scratch(const struct warden *w, unsigned number, size_t size)
{
    static const char piece[DISK_PIECE];
    int rc = -1;
    const int fd = open_scratch(w, number);
    if (fd < 0)
        return -1;
    do {
        const size_t n = size < sizeof piece ? size : sizeof piece;
        rc = write(fd, piece, n) == (ssize_t)n ? 0 : -1;
        size -= n;
    } while (rc == 0 && size > 0);
    const int error = errno;
    close(fd);
    errno = error;
    return rc;
}

static int write_large_file(const struct warden *w)
{
    signal(SIGXFSZ, SIG_IGN);
    return write_scratch(w, 0, w->setup.limits.file_bytes + w->setup.limits.dir_bytes);
}

static int write_many_files(const struct warden *w)
{
    for (unsigned i = 0; i < DISK_FILES; i++) {
        if (write_scratch(w, i, DISK_PIECE) < 0)
            return -1;
    }
    return 0;
}

static int map_written_file(const struct warden *w)
{
    if (write_scratch(w, 0, 4 * KI) < 0)
        return -1;
    const int fd = open_scratch(w, 0);
    if (fd < 0)
        return -1;
    return mmap(NULL, 4 * KI, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) != MAP_FAILED ? 0 : -1;
}

const struct attack warden_attacks[] = {
    {GUARANTEE_FS, "read", "reading a file of the host", read_canary, NULL, false},
    {GUARANTEE_FS, "write", "writing a file of the host", write_beside_canary, NULL, false},
    {GUARANTEE_FS, "list", "listing the host's root", list_host_root, NULL, true},
    {GUARANTEE_NET, "tcp", "a TCP connection", connect_tcp, NULL, false},
    {GUARANTEE_NET, "udp", "a UDP socket", connect_udp, NULL, false},
    {GUARANTEE_PROCESS, "signal", "signalling the launcher", signal_launcher, NULL, false},
    {GUARANTEE_PROCESS, "fork", "starting a process", fork_child, NULL, false},
    {GUARANTEE_PROCESS, "see", "seeing the launcher in /proc", see_launcher, NULL, true},
    {GUARANTEE_SYSCALLS, "io_uring", "io_uring_setup", set_up_io_uring, NULL, false},
    {GUARANTEE_SYSCALLS, "ptrace", "ptrace", be_traced, NULL, false},
    {GUARANTEE_SYSCALLS, "unshare", "unshare", unshare_files, NULL, false},
    {GUARANTEE_MEMORY, "private", "private memory over the limit", map_private, NULL, false},
    {GUARANTEE_MEMORY, "shared", "shared memory over the limit", map_shared, NULL, true},
    {GUARANTEE_PIDS, "threads", "threads over the limit", start_threads, NULL, false},
    {GUARANTEE_CPU, "burn", "processor time over the limit", burn, watch_burning, false},
    {GUARANTEE_CPU, "hard", "being without RLIMIT_CPU", raise_cpu_limit, NULL, true},
    {GUARANTEE_KILL, "stubborn", "outliving a kill", be_stubborn, sweep, false},
    {GUARANTEE_WX, "rwx", "pages both written and executed", map_code, NULL, false},
    {GUARANTEE_WX, "mprotect", "executing pages that were written", turn_into_code, NULL, false},
    {GUARANTEE_WX, "file", "executing a file that it has written", map_written_file, NULL, true},
    {GUARANTEE_DISK, "large", "a file over the limit", write_large_file, NULL, false},
    {GUARANTEE_DISK, "many", "many files, over the limit together", write_many_files, NULL, true},
};
const size_t warden_attacks_count = sizeof warden_attacks / sizeof *warden_attacks;
