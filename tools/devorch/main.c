/* main.c: penstock-devorch, an orchestrator for development and demos: Avtomatika's current worker
 * API on one side, jobs and files for people on the other, everything in memory, loopback only. One
 * process, one thread. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/log.h"
#include "base/text.h"
#include "loop/loop.h"
#include "orch.h"
#include "protocol.h"

enum { EXIT_USAGE = 2, FILE_MAX = 64 * 1024 * 1024 };

static const struct route routes[] = {
    {"POST", "/_worker/workers/register", on_register, BODY_BYTES},
    {"PATCH", "/_worker/workers/{}", on_heartbeat, BODY_BYTES},
    {"GET", "/_worker/workers/{}/tasks/next", on_poll, BODY_NONE},
    {"POST", "/_worker/tasks/result", on_result, BODY_BYTES},
    {"POST", "/_worker/events", on_event, BODY_BYTES},
    {"POST", "/jobs", on_job_new, BODY_BYTES},
    {"GET", "/jobs", on_job_list, BODY_NONE},
    {"GET", "/jobs/{}", on_job_show, BODY_NONE},
    {"POST", "/jobs/{}/cancel", on_job_cancel, BODY_NONE},
    {"GET", "/workers", on_worker_list, BODY_NONE},
    {"POST", "/files", on_file_new, BODY_FILE},
    {"PUT", "/files/{}", on_file_put, BODY_FILE},
    {"GET", "/files/{}", on_file_get, BODY_NONE},
    {NULL, NULL, NULL, BODY_NONE},
};

static const char help[] =
    "usage: penstock-devorch [OPTION ...]\n"
    "\n"
    "An orchestrator for development: speaks Avtomatika's worker API (rxon " PROTOCOL_VERSION
    ") on 127.0.0.1,\n"
    "and lets people and scripts make jobs and keep files. Everything is in memory.\n"
    "\n"
    "  --port N             port to listen on; 0: any free one (default 8082)\n"
    "  --ready-fd N         write the base URL and a newline to this descriptor when listening\n"
    "  --token T            the workers' token and signing key (default: $PENSTOCK_DEVORCH_TOKEN,\n"
    "                       else \"devorch\"); arguments can be seen by others, the variable "
    "cannot\n"
    "  --poll-timeout D     how long an empty poll is held, like 30s (default) or 500ms\n"
    "  --task-timeout D     from hand-out to result, then it is tried again (default 5m)\n"
    "  --worker-ttl D       a worker not heard of for so long gets no work (default 120s)\n"
    "  --max-retries N      further tries after a failure that may pass (default 3)\n"
    "  --max-jobs N         jobs kept; old ended ones make room (default 10000)\n"
    "  --max-store SIZE     total of the file store, like 1Gi (default)\n"
    "  --quiet              log warnings and errors only\n"
    "  --help, --version\n"
    "\n"
    "Jobs:\n"
    "  POST /jobs           {\"type\": \"thumbnail\", \"params\": {...}, \"priority\"?: 0, "
    "\"deadline_ms\"?: from now,\n"
    "                       \"timeout_ms\"?: from hand-out, \"metadata\"?: {...}}  ->  201 "
    "{\"job_id\", \"state\"}\n"
    "  GET /jobs/ID         its state (queued running finished failed quarantined cancelled), "
    "data, error;\n"
    "                       ?wait=10s answers when it has ended, or after that time\n"
    "  GET /jobs            ?state=S&limit=N: the newest first\n"
    "  POST /jobs/ID/cancel\n"
    "  GET /workers\n"
    "Files (up to 64 MiB):\n"
    "  POST /files          raw bytes  ->  201 {\"uri\", \"sha256\", \"size\"}; give the uri in a "
    "job's params\n"
    "  PUT /files/NAME      the same under a name of your own\n"
    "  GET /files/NAME\n"
    "\n"
    "Unlike the original a job waits until a worker can take it, a late result of a cancelled job "
    "is ignored,\n"
    "a poll that was abandoned takes no task, and neither schemas, reputation nor rate limits are "
    "enforced.\n"
    "\n"
    "Exit status: 0 ended by a signal, 1 failure, 2 usage.\n";

static int parse_count(const char *text, int64_t *value)
{
    return text_parse_i64(text, value) < 0 || *value < 0 ? -1 : 0;
}

/* An option with a value that goes to a number of struct options. */
static const struct {
    const char *name;
    int (*parse)(const char *text, int64_t *value);
    size_t offset;
    int64_t min, max;
    const char *expected;
} numbers[] = {
    {"port", parse_count, offsetof(struct options, port), 0, 65535, "a port"},
    {"ready-fd", parse_count, offsetof(struct options, ready_fd), 0, 1023, "a descriptor"},
    {"max-retries", parse_count, offsetof(struct options, max_retries), 0, 1000,
     "a number up to 1000"},
    {"max-jobs", parse_count, offsetof(struct options, max_jobs), 1, 1000000,
     "a number from 1 to 1000000"},
    {"poll-timeout", text_parse_duration, offsetof(struct options, poll_timeout_ms), 1, 600000,
     "a duration up to 10m"},
    {"task-timeout", text_parse_duration, offsetof(struct options, task_timeout_ms), 1, 86400000,
     "a duration up to 1d"},
    {"worker-ttl", text_parse_duration, offsetof(struct options, worker_ttl_ms), 1, 86400000,
     "a duration up to 1d"},
    {"max-store", text_parse_size, offsetof(struct options, store_bytes), 0, INT64_C(1) << 40,
     "a size up to 1Ti"},
};

enum {
    N_NUMBERS = sizeof numbers / sizeof *numbers,
    OPT_TOKEN = N_NUMBERS,
    OPT_QUIET,
    OPT_HELP,
    OPT_VERSION
};

static int set_number(struct options *o, int k, const char *text)
{
    int64_t value;
    if (numbers[k].parse(text, &value) < 0 || value < numbers[k].min || value > numbers[k].max) {
        fprintf(stderr, "penstock-devorch: --%s %s: not %s\n", numbers[k].name, text,
                numbers[k].expected);
        return -1;
    }
    *(int64_t *)((char *)o + numbers[k].offset) = value;
    return 0;
}

/* -1: go on; else the exit status. */
static int set_option(struct options *o, int k, const char *value)
{
    if (k >= 0 && k < N_NUMBERS)
        return set_number(o, k, value) < 0 ? EXIT_USAGE : -1;
    switch (k) {
    case OPT_TOKEN:
        o->token = value;
        return -1;
    case OPT_QUIET:
        o->quiet = 1;
        return -1;
    case OPT_HELP:
        fputs(help, stdout);
        return EXIT_SUCCESS;
    case OPT_VERSION:
        puts("penstock-devorch " PENSTOCK_VERSION " (rxon " PROTOCOL_VERSION ")");
        return EXIT_SUCCESS;
    default:
        fputs("penstock-devorch: try --help\n", stderr);
        return EXIT_USAGE;
    }
}

static int parse_options(struct options *o, int argc, char **argv)
{
    struct option table[OPT_VERSION + 2] = {{.name = NULL}};
    int status = -1;
    int k;
    for (k = 0; k < N_NUMBERS; k++)
        table[k] = (struct option){.name = numbers[k].name, .has_arg = required_argument, .val = k};
    table[OPT_TOKEN] =
        (struct option){.name = "token", .has_arg = required_argument, .val = OPT_TOKEN};
    table[OPT_QUIET] = (struct option){.name = "quiet", .val = OPT_QUIET};
    table[OPT_HELP] = (struct option){.name = "help", .val = OPT_HELP};
    table[OPT_VERSION] = (struct option){.name = "version", .val = OPT_VERSION};
    while (status < 0 && (k = getopt_long(argc, argv, "", table, NULL)) != -1)
        status = set_option(o, k, optarg);
    if (status < 0 && optind < argc) {
        fprintf(stderr, "penstock-devorch: %s: no arguments are expected; try --help\n",
                argv[optind]);
        status = EXIT_USAGE;
    }
    if (status < 0 && o->token[0] == '\0') {
        fputs("penstock-devorch: the token is empty: without it nothing can be signed\n", stderr);
        status = EXIT_USAGE;
    }
    return status;
}

static void on_signal(void *arg, int signo)
{
    (void)signo;
    loop_stop(arg);
}

static int announce(const struct orch *o)
{
    char url[64];
    int n = snprintf(url, sizeof url, "http://127.0.0.1:%d\n", server_port(o->server));
    int fd = (int)o->options.ready_fd;
    log_info("listening", LB("url", url, (size_t)n - 1));
    if (fd < 0)
        return 0;
    if (fd_write_all(fd, url, (size_t)n) < 0) {
        log_error("the ready descriptor cannot be written", LE(errno));
        return -1;
    }
    if (fd > 2)
        close(fd);
    return 0;
}

static int serve(struct orch *o)
{
    const struct server_options options = {.port = (int)o->options.port,
                                           .routes = routes,
                                           .context = o,
                                           .max_bytes = PROTOCOL_BODY_MAX,
                                           .max_file = FILE_MAX};
    o->server = server_new(o->loop, &options);
    if (o->server == NULL) {
        log_error("cannot listen", LI("port", o->options.port), LE(errno));
        return -1;
    }
    int rc = announce(o) < 0 ? -1 : loop_run(o->loop);
    server_free(o->server);
    return rc;
}

static int run(const struct options *options)
{
    sigset_t signals;
    struct orch o = {.loop = NULL};
    struct loop *loop = loop_new();
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    int rc = -1;
    if (loop == NULL || loop_signals(loop, &signals, on_signal, loop) < 0 ||
        orch_init(&o, loop, options) < 0)
        log_error("cannot start", LE(errno));
    else
        rc = serve(&o);
    orch_clear(&o);
    loop_free(loop);
    return rc;
}

/* A file of the store is an open descriptor. */
static void raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int main(int argc, char **argv)
{
    const char *token = getenv("PENSTOCK_DEVORCH_TOKEN");
    struct options options = {.token = token != NULL ? token : "devorch",
                              .port = 8082,
                              .ready_fd = -1,
                              .max_retries = 3,
                              .max_jobs = 10000,
                              .poll_timeout_ms = 30000,
                              .worker_ttl_ms = 120000,
                              .task_timeout_ms = 300000,
                              .store_bytes = INT64_C(1) << 30};
    int status = parse_options(&options, argc, argv);
    if (status >= 0)
        return status;
    signal(SIGPIPE, SIG_IGN);
    log_setup("penstock-devorch", options.quiet ? LOG_WARN : LOG_INFO, LOG_TEXT, 2);
    raise_descriptors();
    return run(&options) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
