/*
 * local.c: a launcher of our own. Part of the command line.
 *
 * Theory of operation: the launcher is posix_spawn'ed with one end of a SEQPACKET pair as
 * descriptor 3, in a process group of its own, so that ^C reaches us only and we can end tasks in
 * order. It has no rights that we do not have. When our end of the channel is closed, by us or by
 * our death, it ends its boxes and itself; we wait for that.
 */
#include "local.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"
#include "result.h"

#include "base/fdutil.h"
#include "base/process.h"
#include "conf/conf.h"
#include "conf/launcher_arguments.h"
#include "loop/loop.h"
#include "plugin/catalog.h"
#include "sandbox/box.h"
#include "sandbox/spec.h"
#include "sandbox/tree.h"

enum { CHANNEL_FD = 3, END_MS = 5000 };

extern char **environ;

int local_program(const char *name, char *out, size_t size)
{
    char dir[PATH_MAX];
    const char *const places[] = {"", "/../libexec/penstock"};
    if (process_own_dir(dir, sizeof dir) < 0)
        return -1;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if ((size_t)snprintf(out, size, "%s%s/%s", dir, places[i], name) < size &&
            access(out, R_OK) == 0)
            return 0;
    }
    snprintf(out, size, "%s", dir);
    return -1;
}

static int make_dir(struct local *l)
{
    const char *tmp = getenv("TMPDIR");
    if (tmp == NULL || *tmp != '/')
        tmp = "/tmp";
    if ((size_t)snprintf(l->dir, sizeof l->dir, "%s/penstock-XXXXXX", tmp) >= sizeof l->dir ||
        mkdtemp(l->dir) == NULL) {
        int status = cli_fail(l->cli, CLI_FAIL, "TMPDIR names another place",
                              "cannot make a folder in %s: %s", tmp, strerror(errno));
        l->dir[0] = '\0';
        return status;
    }
    /* Boxes have other uids when we are root: they pass through. */
    chmod(l->dir, 0711);
    return CLI_OK;
}

static void remove_dir(struct local *l)
{
    if (l->dir[0] == '\0')
        return;
    int fd = tree_open(AT_FDCWD, l->dir);
    if (fd >= 0)
        tree_empty(fd);
    fd_close(&fd);
    rmdir(l->dir);
    l->dir[0] = '\0';
}

static int spawn(struct local *l, const char *program, const struct launcher_arguments *a,
                 int channel)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, ignored;
    char *arguments[LAUNCHER_ARGUMENTS_MAX + 1] = {(char[]){"penstock-launcher"}};
    memcpy(arguments + 1, a->items, sizeof a->items);
    sigemptyset(&none);
    sigemptyset(&ignored);
    sigaddset(&ignored, SIGPIPE);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &ignored);
    int rc = posix_spawn_file_actions_adddup2(&actions, channel, CHANNEL_FD);
    if (rc == 0)
        rc = posix_spawn(&l->pid, program, &actions, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (rc != 0)
        l->pid = -1;
    return rc;
}

static int start(struct local *l, const struct conf_host *host, int channel)
{
    char program[PATH_MAX];
    struct launcher_arguments a;
    launcher_arguments_init(&a, host);
    launcher_arguments_add(&a, "--channel-fd", "3");
    launcher_arguments_add(&a, "--state-dir", l->dir);
    launcher_arguments_add(&a, "--lenient-files", NULL);
    launcher_arguments_add(&a, "--log-level", l->cli->common.is_verbose ? "info" : "error");
    if (local_program("penstock-launcher", program, sizeof program) < 0)
        return cli_fail(l->cli, CLI_FAIL, "it is installed together with penstockd",
                        "no penstock-launcher in %s", program);
    int error = spawn(l, program, &a, channel);
    return error == 0
               ? CLI_OK
               : cli_fail(l->cli, CLI_FAIL, NULL, "cannot start %s: %s", program, strerror(error));
}

static void on_lost(void *arg)
{
    struct local *l = arg;
    l->is_lost = true;
    loop_stop(l->loop);
}

static void on_report(void *arg, const struct launch_report *report)
{
    struct local *l = arg;
    (void)report;
    l->is_known = true;
    loop_stop(l->loop);
}

static void on_signal(void *arg, int signo)
{
    struct local *l = arg;
    l->signo = signo;
    if (l->on_signal != NULL)
        l->on_signal(l->arg, signo);
    else if (l->box != NULL)
        box_kill(l->box);
    else if (!l->is_known)
        loop_stop(l->loop);
}

static int take_signals(struct local *l)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    return loop_signals(l->loop, &set, on_signal, l);
}

int local_run(struct local *l, const bool *is_over)
{
    while (!*is_over) {
        if (loop_run(l->loop) < 0)
            return cli_fail(l->cli, CLI_FAIL, NULL, "epoll: %s", strerror(errno));
    }
    l->box = NULL;
    return l->signo != 0 ? CLI_SIGNAL + l->signo : CLI_OK;
}

static int start_launcher(struct local *l, const struct cli *cli, const struct conf_host *host,
                          bool is_named)
{
    int pair[2];
    struct conf_host settings = *host;
    if (is_named) {
        settings.require_signature = false;
        settings.trusted_keys = (struct conf_list){.n = 0};
    }
    *l = (struct local){.cli = cli, .pid = -1, .loop = loop_new()};
    if (l->loop == NULL || take_signals(l) < 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return cli_fail(cli, CLI_FAIL, NULL, "cannot start: %s", strerror(errno));
    int status = make_dir(l);
    if (status == CLI_OK)
        status = start(l, &settings, pair[1]);
    close(pair[1]);
    if (status == CLI_OK) {
        l->launcher = launcher_new(l->loop, pair[0], on_lost, l);
        if (l->launcher == NULL)
            status = cli_no_memory(cli);
    }
    if (l->launcher == NULL)
        close(pair[0]);
    return status;
}

int local_probe(struct local *l, const struct cli *cli, const struct conf_host *host, bool is_named,
                const struct launch_report **report)
{
    int status = start_launcher(l, cli, host, is_named);
    *report = NULL;
    if (status != CLI_OK)
        return status;
    launcher_on_report(l->launcher, on_report, l);
    while (!l->is_known && !l->is_lost && l->signo == 0 && loop_run(l->loop) == 0)
        continue;
    if (l->signo != 0)
        return CLI_SIGNAL + l->signo;
    *report = launcher_report(l->launcher);
    return *report != NULL
               ? CLI_OK
               : cli_fail(cli, CLI_FAIL, "penstock doctor looks closer", "the launcher has ended");
}

int local_open(struct local *l, const struct cli *cli, const struct conf_host *host, bool is_named)
{
    const struct launch_report *report;
    int status = local_probe(l, cli, host, is_named, &report);
    if (status == CLI_OK && report != NULL && report->is_refused != 0)
        status = cli_fail(cli, CLI_FAIL, "penstock doctor shows what boxes hold here",
                          "boxes do not hold here what is required: %s", report->why);
    return status;
}

/* It ends by itself when the channel is closed; after a while it is killed. */
static void wait_launcher(pid_t pid)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (fd < 0 || poll(&p, 1, END_MS) == 0)
        kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    fd_close(&fd);
}

void local_close(struct local *l)
{
    launcher_free(l->launcher);
    if (l->pid > 0)
        wait_launcher(l->pid);
    loop_free(l->loop);
    remove_dir(l);
    l->launcher = NULL;
    l->loop = NULL;
    l->pid = -1;
}

/* ---- scan
 * ----------------------------------------------------------------------------------------- */

struct scan {
    struct local *local;
    const struct conf *conf;
    struct catalog *catalog;
    const char *path;
    bool is_described, is_over, has_failed;
};

static void on_descriptor(void *arg, struct box *b, const char *json, size_t len)
{
    struct scan *s = arg;
    if (!s->is_described && catalog_add(s->catalog, s->path, json, len) < 0 && errno != EEXIST)
        s->has_failed = true;
    if (spec_check_scan(s->conf, s->catalog, s->path, box_sha256(b)) < 0)
        s->has_failed = true;
    s->is_described = true;
}

static void on_log(void *arg, struct box *b, void *task, enum box_stream stream, int level,
                   const char *text, size_t len)
{
    static const char *const levels[] = {"error", "warn", "info", "debug"};
    struct scan *s = arg;
    (void)b;
    (void)task;
    result_log(s->local->cli, stream == BOX_LOG_OUTPUT ? "output" : "plugin", levels[level & 3],
               text, len);
}

static void on_ended(void *arg, struct box *b, enum code code, const char *message)
{
    struct scan *s = arg;
    (void)b;
    (void)code;
    if (!s->is_described && catalog_add_broken(s->catalog, s->path, message) < 0 && errno != EEXIST)
        s->has_failed = true;
    s->is_over = true;
    loop_stop(s->local->loop);
}

int local_scan(struct local *l, const struct conf *conf, const char *path, struct catalog *catalog)
{
    static const struct box_events events = {
        .on_descriptor = on_descriptor, .on_log = on_log, .on_ended = on_ended};
    struct scan s = {.local = l, .conf = conf, .catalog = catalog, .path = path};
    const struct box_spec spec = spec_of_scan(conf, path);
    l->box = l->is_lost || l->signo != 0 ? NULL : box_start(l->launcher, &spec, &events, &s);
    if (l->box == NULL && l->signo == 0)
        return cli_fail(l->cli, CLI_FAIL, "penstock doctor looks closer", "the launcher has ended");
    s.is_over = l->box == NULL;
    int status = local_run(l, &s.is_over);
    if (status != CLI_OK)
        return status;
    return s.has_failed ? cli_no_memory(l->cli) : CLI_OK;
}

/* ---- boxes
 * ---------------------------------------------------------------------------------------- */

int local_spec(const struct cli *cli, const struct conf *conf, const struct catalog_pipeline *p,
               struct box_spec *out)
{
    char why[SPEC_WHY];
    return spec_of(conf, p, out, why) == 0
               ? CLI_OK
               : cli_fail(cli, CLI_FAIL, "--set gives it for one run", "%s", why);
}
