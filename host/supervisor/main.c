/* main.c: penstockd: starts everything the configuration names and keeps it running. It has no
 * ZeroMQ, no plugin code and no network of its own. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fdutil.h"
#include "base/log.h"
#include "base/text.h"
#include "conf/bundle.h"
#include "conf/conf.h"
#include "loop/loop.h"
#include "supervisor/supervisor.h"

enum { EXIT_USAGE = 2, EXIT_CONFIG = 78 };

static const char usage[] =
    "usage: penstockd [--config FILE] [--set SECTION.KEY=VALUE ...] [--state-dir DIR ...] "
    "[--ready-fd N]\n"
    "\n"
    "Runs the host: the task and control sockets, the plugins in their boxes, and the shims that "
    "are configured.\n"
    "Without --config it reads /usr/lib/penstock/*.conf, /etc/penstock/plugins.conf and "
    "/etc/penstock/conf.d/*.conf.\n"
    "\n"
    "  --config FILE      read this file instead\n"
    "  --set KEY=VALUE    one option, such as host.queue_max=500\n"
    "  --runtime-dir DIR, --state-dir DIR, --plugin-dirs DIR,...\n"
    "  --log-level error|warn|info|debug, --log-format text|json\n"
    "  --ready-fd N       write a line to this descriptor when the host serves\n"
    "  --version, --help\n"
    "\n"
    "Signals: TERM and INT drain, a second one stops at once. HUP reads the configuration and the "
    "plugins anew.\n";

struct arguments {
    struct conf_request conf;
    int ready_fd;
    int exit_status; /* -1: go on */
};

static void complain(const char *what)
{
    fprintf(stderr, "penstockd: %s\nTry: penstockd --help\n", what);
}

static int take_ready_fd(struct arguments *a, const char *text)
{
    int64_t fd;
    if (text == NULL || text_parse_i64(text, &fd) < 0 || fd < 0 || fd > 1 << 20) {
        complain("--ready-fd: expected the number of a descriptor");
        return -1;
    }
    a->ready_fd = (int)fd;
    return fd_set_cloexec(a->ready_fd, 1);
}

static int read_rest(int argc, char **argv, struct arguments *a)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            fputs(usage, stdout);
            a->exit_status = EXIT_SUCCESS;
        } else if (strcmp(argv[i], "--version") == 0) {
            puts("penstockd " PENSTOCK_VERSION);
            a->exit_status = EXIT_SUCCESS;
        } else if (strcmp(argv[i], "--ready-fd") == 0) {
            if (take_ready_fd(a, argv[++i]) < 0)
                return -1;
        } else {
            fprintf(stderr, "penstockd: unknown argument \"%s\"\nTry: penstockd --help\n", argv[i]);
            return -1;
        }
    }
    return 0;
}

static int read_arguments(int argc, char **argv, struct arguments *a)
{
    const char *problem;
    *a = (struct arguments){
        .conf = {.variables = (const char *const *)environ}, .ready_fd = -1, .exit_status = -1};
    if (conf_request_take(&a->conf, &argc, argv, &problem) < 0) {
        complain(problem);
        return -1;
    }
    return read_rest(argc, argv, a);
}

static void on_signal(void *arg, int signo)
{
    log_info("signal", LS("name", sigabbrev_np(signo)));
    if (signo == SIGHUP)
        supervisor_reload(arg);
    else
        supervisor_stop(arg);
}

static int run(struct conf *conf, const struct arguments *a, struct buf *bundle)
{
    sigset_t set;
    int status = EXIT_FAILURE;
    struct loop *loop = loop_new();
    /* Before anything is started: a signal in between must not leave roles behind. */
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    const struct supervisor_options o = {
        .conf = conf, .request = &a->conf, .bundle = bundle, .ready_fd = a->ready_fd};
    struct supervisor *s = loop != NULL ? supervisor_new(loop, &o) : NULL;
    if (s != NULL && loop_signals(loop, &set, on_signal, s) == 0 && loop_run(loop) == 0)
        status = supervisor_exit_status(s);
    supervisor_free(s);
    loop_free(loop);
    return status;
}

int main(int argc, char **argv)
{
    struct arguments a;
    struct conf_errors errors = {0};
    if (read_arguments(argc, argv, &a) < 0)
        return EXIT_USAGE;
    if (a.exit_status >= 0)
        return a.exit_status;
    signal(SIGPIPE, SIG_IGN);
    struct buf bundle = BUF_INIT(BUNDLE_MAX);
    a.conf.capture = &bundle;
    struct conf *conf = conf_load(&a.conf, &errors);
    a.conf.capture = NULL;
    for (size_t i = 0; i < errors.n; i++)
        fprintf(stderr, "penstockd: %s: %s\n", errors.items[i].where, errors.items[i].what);
    conf_errors_clear(&errors);
    int status = EXIT_CONFIG;
    if (conf != NULL) {
        log_setup("penstockd", (enum log_level)conf_host(conf)->log_level,
                  (enum log_format)conf_host(conf)->log_format, 2);
        status = run(conf, &a, &bundle);
    }
    buf_clear(&bundle);
    conf_free(conf);
    conf_request_clear(&a.conf);
    return status;
}
