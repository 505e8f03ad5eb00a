/* main.c: penstock-core: the ROUTER sockets, the queue and the verdicts. Started by penstockd,
 * which hands it the channel to the launcher; it never runs plugin code and never forks. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/process.h"
#include "conf/bundle.h"
#include "conf/conf.h"
#include "core/core.h"
#include "core/reload.h"
#include "loop/loop.h"

enum { EXIT_USAGE = 2, EXIT_CONFIG = 78 };

struct arguments {
    struct conf_request conf;
    int launcher_fd, status_fd, conf_fd;
    int restarts;
    const char *last_end;
};

static int number(const char *text)
{
    int64_t v;
    return text != NULL && text_parse_i64(text, &v) == 0 && v >= 0 && v < 1 << 20 ? (int)v : -1;
}

static int read_arguments(int argc, char **argv, struct arguments *a)
{
    const char *problem;
    *a = (struct arguments){.conf = {.variables = (const char *const *)environ},
                            .launcher_fd = -1,
                            .status_fd = -1,
                            .conf_fd = -1};
    if (conf_request_take(&a->conf, &argc, argv, &problem) < 0) {
        fprintf(stderr, "penstock-core: %s\n", problem);
        return -1;
    }
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--launcher-fd") == 0)
            a->launcher_fd = number(argv[i + 1]);
        else if (strcmp(argv[i], "--status-fd") == 0)
            a->status_fd = number(argv[i + 1]);
        else if (strcmp(argv[i], "--conf-fd") == 0)
            a->conf_fd = number(argv[i + 1]);
        else if (strcmp(argv[i], "--restarts") == 0)
            a->restarts = number(argv[i + 1]);
        else if (strcmp(argv[i], "--last-end") == 0)
            a->last_end = argv[i + 1];
    }
    if (a->launcher_fd >= 0)
        return 0;
    fprintf(stderr, "penstock-core: needs --launcher-fd: it is started by penstockd\n");
    return -1;
}

static void on_signal(void *arg, int signo)
{
    struct core *c = arg;
    log_info("signal", LS("name", sigabbrev_np(signo)));
    if (signo == SIGHUP) {
        reload_all(c);
        return;
    }
    /* The first one drains, the second one stops. */
    if (c->stops_when_idle)
        core_stop_now(c);
    else
        core_drain(c, true);
}

/* The status to exit with. What the configuration requires and the machine does not give is an error
 * of the configuration: starting again would not help. */
static int serve(struct conf *conf, const struct arguments *a)
{
    struct core core;
    sigset_t set;
    int rc = -1;
    struct loop *loop = loop_new();
    if (loop == NULL)
        return EXIT_FAILURE;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    const struct core_options o = {.request = &a->conf,
                                   .conf = conf,
                                   .launcher_fd = a->launcher_fd,
                                   .status_fd = a->status_fd,
                                   .restarts = a->restarts,
                                   .last_end = a->last_end};
    if (core_init(&core, loop, &o) == 0 && loop_signals(loop, &set, on_signal, &core) == 0)
        rc = loop_run(loop) == 0 && !core.has_failed ? 0 : -1;
    const bool is_refused = core.is_refused;
    core_clear(&core);
    loop_free(loop);
    return is_refused ? EXIT_CONFIG : rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Two descriptors a slot and a handful a peer: as many as the system allows. */
static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* What the supervisor has read; without one the files themselves. */
static struct conf *load(const struct arguments *a, struct buf *bundle, struct conf_errors *errors)
{
    struct conf_request r = a->conf;
    if (a->conf_fd >= 0 && reload_read_bundle(bundle, a->conf_fd) == 0) {
        r.bundle = bundle->len > 0 ? (const char *)bundle->data : "";
        r.bundle_len = bundle->len;
    }
    return conf_load(&r, errors);
}

int main(int argc, char **argv)
{
    struct arguments a;
    struct conf_errors errors = {0};
    if (read_arguments(argc, argv, &a) < 0)
        return EXIT_USAGE;
    /* A supervisor that was killed leaves nobody who could end us in order, and its successor must
     * find the place free. */
    process_end_with_parent(SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    fault_setup();
    clock_setup();
    raise_file_limit();
    struct buf bundle = BUF_INIT(BUNDLE_MAX);
    struct conf *conf = load(&a, &bundle, &errors);
    for (size_t i = 0; i < errors.n; i++)
        fprintf(stderr, "penstock-core: %s: %s\n", errors.items[i].where, errors.items[i].what);
    conf_errors_clear(&errors);
    if (conf == NULL)
        return EXIT_CONFIG;
    const struct conf_host *host = conf_host(conf);
    log_setup("penstock-core", (enum log_level)host->log_level, (enum log_format)host->log_format,
              2);
    const int status = serve(conf, &a);
    conf_free(conf);
    buf_clear(&bundle);
    conf_request_clear(&a.conf);
    return status;
}
