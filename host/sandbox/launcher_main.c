/* launcher_main.c: options and start of penstock-launcher. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fdutil.h"
#include "base/text.h"
#include "sandbox/launcher.h"

/* Above the range that systemd gives to containers (UIDS-GIDS): nobody hands these out. */
#define UID_BASE_DEFAULT 1900000000U

enum { CHANNEL = 3, EXIT_USAGE = 2 };

enum option_id {
    OPT_CHANNEL = 256,
    OPT_STATE,
    OPT_UID_BASE,
    OPT_ISOLATION,
    OPT_LENIENT,
    OPT_HELPER,
    OPT_LEVEL,
    OPT_FORMAT,
    OPT_HELP
};

static const struct option long_options[] = {
    {"channel-fd", required_argument, NULL, OPT_CHANNEL},
    {"state-dir", required_argument, NULL, OPT_STATE},
    {"box-uid-base", required_argument, NULL, OPT_UID_BASE},
    {"isolation", required_argument, NULL, OPT_ISOLATION},
    {"lenient-files", no_argument, NULL, OPT_LENIENT},
    {"box-helper", required_argument, NULL, OPT_HELPER},
    {"log-level", required_argument, NULL, OPT_LEVEL},
    {"log-format", required_argument, NULL, OPT_FORMAT},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static const char usage[] =
    "usage: penstock-launcher --channel-fd N --state-dir DIR [option ...]\n"
    "Starts boxes for whoever holds the other end of the channel; not meant to be started by "
    "hand.\n"
    "  --channel-fd N           the launch channel, an inherited SEQPACKET socket\n"
    "  --state-dir DIR          task directories lie in DIR/boxes\n"
    "  --box-uid-base N         as root: boxes run as the 65536 users from N (default 1900000000)\n"
    "  --isolation best|strict  strict: do not start where a wall cannot be built (default: best)\n"
    "  --lenient-files          warn of plugin files that others may change, but take them\n"
    "  --box-helper PATH        the program penstock-box (default: found beside this one)\n"
    "  --log-level LEVEL        error, warn, info, debug (default: info)\n"
    "  --log-format FORMAT      text, json (default: text)\n";

static int parse_number(const char *text, int64_t least, int64_t most, int64_t *value)
{
    return text_parse_i64(text, value) == 0 && *value >= least && *value <= most ? 0 : -1;
}

static int parse_channel(struct launch_options *o, const char *text)
{
    int64_t n;
    if (parse_number(text, CHANNEL, INT_MAX, &n) < 0)
        return -1;
    o->channel_fd = (int)n;
    return 0;
}

/* 0 is root, which a box must not be. */
static int parse_uid_base(struct launch_options *o, const char *text)
{
    int64_t n;
    if (parse_number(text, 1, INT_MAX - LAUNCH_UIDS, &n) < 0)
        return -1;
    o->uid_base = (uint32_t)n;
    return 0;
}

static int parse_isolation(struct launch_options *o, const char *text)
{
    o->is_strict = strcmp(text, "strict") == 0;
    return o->is_strict || strcmp(text, "best") == 0 ? 0 : -1;
}

static int parse_level(struct launch_options *o, const char *text)
{
    const int level = log_level_parse(text);
    o->log_level = level >= 0 ? (enum log_level)level : LOG_INFO;
    return level >= 0 ? 0 : -1;
}

static int parse_format(struct launch_options *o, const char *text)
{
    const int format = log_format_parse(text);
    o->log_format = format >= 0 ? (enum log_format)format : LOG_TEXT;
    return format >= 0 ? 0 : -1;
}

static int take_option(struct launch_options *o, int id, const char *value)
{
    switch (id) {
    case OPT_CHANNEL:
        return parse_channel(o, value);
    case OPT_STATE:
        o->state_dir = value;
        return 0;
    case OPT_UID_BASE:
        return parse_uid_base(o, value);
    case OPT_ISOLATION:
        return parse_isolation(o, value);
    case OPT_LENIENT:
        o->is_lenient = true;
        return 0;
    case OPT_HELPER:
        o->box_helper = value;
        return 0;
    case OPT_LEVEL:
        return parse_level(o, value);
    case OPT_FORMAT:
        return parse_format(o, value);
    default:
        return -1;
    }
}

/* 0; -1: said what is wrong; 1: help was wanted and is given. */
static int parse(struct launch_options *o, int argc, char **argv)
{
    int index = 0;
    for (int id; (id = getopt_long(argc, argv, "", long_options, &index)) != -1;) {
        if (id == OPT_HELP) {
            fputs(usage, stdout);
            return 1;
        }
        if (take_option(o, id, optarg) < 0) {
            if (id != '?')
                fprintf(stderr, "penstock-launcher: --%s: not a value for it: %s\n",
                        long_options[index].name, optarg);
            return -1;
        }
    }
    if (o->channel_fd < 0 || o->state_dir == NULL || optind != argc) {
        fputs(usage, stderr);
        return -1;
    }
    return 0;
}

/* Under an old container profile the call does not exist; then one by one, as far as anybody opens
 * files. */
static int close_from(int first)
{
    enum { LAST = 4096 };
    if (close_range((unsigned)first, ~0U, 0) == 0)
        return 0;
    for (int fd = first; fd < LAST; fd++)
        close(fd);
    return 0;
}

/* Nothing that was left open by whoever started us gets near a box; the channel becomes
 * descriptor 3. */
static int tidy_fds(struct launch_options *o)
{
    const int null = open("/dev/null", O_RDWR);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
        return -1;
    if (o->channel_fd != CHANNEL && dup2(o->channel_fd, CHANNEL) < 0)
        return -1;
    o->channel_fd = CHANNEL;
    return fd_set_cloexec(CHANNEL, 1) < 0 ? -1 : close_from(CHANNEL + 1);
}

/* A box of 64 slots takes 129 descriptors while it is made. */
static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int open_helper(const char *path)
{
    return open(path, O_PATH | O_CLOEXEC);
}

/* Beside this program in a build tree; under libexec once installed. */
static int find_helper(const struct launch_options *o)
{
    static const char *const places[] = {"penstock-box", "../libexec/penstock/penstock-box"};
    char self[PATH_MAX], path[PATH_MAX + 64];
    if (o->box_helper != NULL)
        return open_helper(o->box_helper);
    const ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    int fd = -1;
    if (n > 0) {
        self[n] = '\0';
        *strrchr(self, '/') = '\0';
    }
    for (size_t i = 0; n > 0 && fd < 0 && i < sizeof places / sizeof *places; i++) {
        snprintf(path, sizeof path, "%s/%s", self, places[i]);
        fd = open_helper(path);
    }
    return fd >= 0 ? fd : open_helper(PENSTOCK_BOX_INSTALLED);
}

static int start(struct launch *l)
{
    for (int kind = 0; kind < FILTER_KINDS; kind++) {
        for (int needs = 0; needs < LAUNCH_NEEDS_ALL; needs++)
            l->filters[kind][needs] = -1;
    }
    l->helper_fd = find_helper(&l->options);
    if (l->helper_fd < 0) {
        log_error("the program penstock-box cannot be opened", LE(errno));
        return -1;
    }
    return launch_dirs_open(l) < 0 ? -1 : launch_probe(l);
}

int main(int argc, char **argv)
{
    struct launch l = {.options = {.channel_fd = -1,
                                   .uid_base = UID_BASE_DEFAULT,
                                   .log_level = LOG_INFO,
                                   .log_format = LOG_TEXT}};
    const int parsed = parse(&l.options, argc, argv);
    if (parsed != 0)
        return parsed > 0 ? EXIT_SUCCESS : EXIT_USAGE;
    fault_setup();
    log_setup("penstock-launcher", l.options.log_level, l.options.log_format, STDERR_FILENO);
    umask(022);
    /* What it holds is no one's to look at, its children's least of all. */
    prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L);
    raise_file_limit();
    if (tidy_fds(&l.options) < 0) {
        log_error("the launch channel cannot be used", LE(errno));
        return EXIT_FAILURE;
    }
    if (start(&l) < 0)
        return EXIT_FAILURE;
    const int rc = launch_run(&l);
    if (rc < 0)
        log_error("the launcher ends", LE(errno));
    launch_dirs_close(&l);
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
