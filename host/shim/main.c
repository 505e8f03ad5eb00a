/* main.c: penstock-shim: the connection of this host to one orchestrator. Started by penstockd for
 * each shim section, or by hand. It keeps no tasks, only who it is: its worker id, and its secret
 * as a client of the core. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/log.h"
#include "base/process.h"
#include "base/text.h"
#include "conf/conf.h"
#include "conf/users.h"
#include "loop/loop.h"
#include "shim/shim.h"

enum { EXIT_USAGE = 2, EXIT_CONFIG = 78, SEATS_MAX = 256 };

struct arguments {
    struct conf_request conf;
    const char *name, *core, *seat;
    bool is_alone;
};

static const char usage[] =
    "usage: penstock-shim --name NAME [--core ENDPOINT] [--standalone] [--config FILE] [--set "
    "KEY=VALUE]...\n"
    "\n"
    "Connects this host with the orchestrator of the section shim \"NAME\".\n"
    "\n"
    "  --name NAME       which section of the configuration\n"
    "  --core ENDPOINT   where the core is [ipc://<host.tasks_socket>]\n"
    "  --seat N          which of the users of shims it becomes, if it is root [its place in the\n"
    "                    configuration]\n"
    "  --standalone      do not stop when the parent process ends\n"
    "  --config FILE, --set KEY=VALUE, --state-dir DIR ...   as for penstockd\n"
    "  --help, --version\n"
    "\n"
    "The token: token_file or token of the section, or PENSTOCK_SHIM_<NAME>_TOKEN in the "
    "environment.\n"
    "SIGTERM or SIGINT: takes no more tasks and ends when what runs is done; a second one ends it "
    "at once.\n"
    "SIGHUP: asks the core for its pipelines again.\n";

/* -1: wrong; 1: answered. */
static int read_one(struct arguments *a, int argc, char **argv, int *i)
{
    const char *const flag = argv[*i];
    if (strcmp(flag, "--help") == 0) {
        fputs(usage, stdout);
        return 1;
    }
    if (strcmp(flag, "--version") == 0) {
        puts("penstock-shim " PENSTOCK_VERSION);
        return 1;
    }
    if (strcmp(flag, "--standalone") == 0) {
        a->is_alone = true;
        return 0;
    }
    const char **to = strcmp(flag, "--name") == 0   ? &a->name
                      : strcmp(flag, "--core") == 0 ? &a->core
                      : strcmp(flag, "--seat") == 0 ? &a->seat
                                                    : NULL;
    if (to == NULL || *i + 1 >= argc) {
        fprintf(stderr, "penstock-shim: %s %s: see --help\n", flag,
                to == NULL ? "is unknown" : "needs a value");
        return -1;
    }
    *to = argv[++*i];
    return 0;
}

static int read_arguments(int argc, char **argv, struct arguments *a)
{
    const char *problem;
    *a = (struct arguments){.conf = {.variables = (const char *const *)environ}};
    if (conf_request_take(&a->conf, &argc, argv, &problem) < 0) {
        fprintf(stderr, "penstock-shim: %s: see --help\n", problem);
        return -1;
    }
    for (int i = 1; i < argc; i++) {
        int rc = read_one(a, argc, argv, &i);
        if (rc != 0)
            return rc;
    }
    if (a->name != NULL)
        return 0;
    fprintf(stderr, "penstock-shim: needs --name: see --help\n");
    return -1;
}

static void on_signal(void *arg, int signo)
{
    struct shim *s = arg;
    log_info("signal", LS("name", sigabbrev_np(signo)));
    if (signo == SIGHUP) {
        bridge_refresh(s->bridge);
    } else if (s->is_draining) {
        log_warn("stopping at once");
        loop_stop(s->loop);
    } else {
        shim_drain(s);
    }
}

static int serve(const struct conf *conf, const struct conf_shim *section, uid_t user,
                 const char *endpoint)
{
    struct shim shim = {.loop = NULL};
    sigset_t set;
    int rc = -1;
    struct loop *loop = loop_new();
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    if (loop != NULL && shim_init(&shim, loop, conf, section, user, endpoint) == 0 &&
        loop_signals(loop, &set, on_signal, &shim) == 0)
        rc = loop_run(loop);
    shim_clear(&shim);
    loop_free(loop);
    return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* -1: no such number. */
static int find_user(const struct arguments *a, const struct conf *conf,
                     const struct conf_shim *section, uid_t *user)
{
    int64_t seat;
    *user = users_shim(conf, section);
    if (a->seat == NULL)
        return 0;
    if (text_parse_i64(a->seat, &seat) < 0 || seat < 0 || seat >= SEATS_MAX)
        return -1;
    *user = users_shim_seat(conf_host(conf), (size_t)seat);
    return 0;
}

static int run(const struct arguments *a, const struct conf *conf)
{
    char endpoint[4096];
    uid_t user;
    const struct conf_host *host = conf_host(conf);
    const struct conf_shim *section = conf_shim_find(conf, a->name);
    if (section == NULL) {
        fprintf(stderr, "penstock-shim: the configuration has no section shim \"%s\"\n", a->name);
        return EXIT_CONFIG;
    }
    if (find_user(a, conf, section, &user) < 0) {
        fprintf(stderr, "penstock-shim: --seat: expected a number below %d\n", SEATS_MAX);
        return EXIT_USAGE;
    }
    log_setup("penstock-shim", (enum log_level)host->log_level, (enum log_format)host->log_format,
              STDERR_FILENO);
    snprintf(endpoint, sizeof endpoint, "ipc://%s", host->tasks_socket);
    return serve(conf, section, user, a->core != NULL ? a->core : endpoint);
}

int main(int argc, char **argv)
{
    struct arguments a;
    struct conf_errors errors = {0};
    int rc = read_arguments(argc, argv, &a);
    if (rc != 0)
        return rc > 0 ? EXIT_SUCCESS : EXIT_USAGE;
    /* A supervisor that was killed leaves nobody who could end us in order. */
    if (!a.is_alone)
        process_end_with_parent(SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    fault_setup();
    struct conf *conf = conf_load(&a.conf, &errors);
    for (size_t i = 0; i < errors.n; i++)
        fprintf(stderr, "penstock-shim: %s: %s\n", errors.items[i].where, errors.items[i].what);
    conf_errors_clear(&errors);
    rc = conf != NULL ? run(&a, conf) : EXIT_CONFIG;
    conf_free(conf);
    conf_request_clear(&a.conf);
    return rc;
}
