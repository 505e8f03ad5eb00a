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
#include "sandbox/guarantee.h"
#include "sandbox/guarantee_judge.h"
#include "sandbox/launcher.h"
#include "sandbox/walls.h"

/* Above the range that systemd gives to containers (UIDS-GIDS): nobody hands these out. */
#define UID_BASE_DEFAULT 1900000000U

enum { CHANNEL = 3, EXIT_USAGE = 2 };

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

static int parse_state_dir(struct launch_options *o, const char *text)
{
    o->state_dir = text;
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

static int parse_cgroup(struct launch_options *o, const char *text)
{
    o->cgroup = text;
    return strcmp(text, "auto") == 0 || strcmp(text, "off") == 0 || text[0] == '/' ? 0 : -1;
}

static int parse_require(struct launch_options *o, const char *text)
{
    return guarantees_parse(text, &o->require);
}

static int parse_require_strong(struct launch_options *o, const char *text)
{
    return guarantees_parse(text, &o->require_strong);
}

static int parse_lenient(struct launch_options *o, const char *text)
{
    (void)text;
    o->is_lenient = true;
    return 0;
}

static int parse_signature(struct launch_options *o, const char *text)
{
    (void)text;
    o->requires_signature = true;
    return 0;
}

static int parse_key(struct launch_options *o, const char *text)
{
    if (o->n_keys == LAUNCH_KEYS_MAX)
        return -1;
    o->keys[o->n_keys++] = text;
    return 0;
}

static int parse_helper(struct launch_options *o, const char *text)
{
    o->box_helper = text;
    return 0;
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

struct launch_option {
    const char *name, *value, *help;
    int (*take)(struct launch_options *o, const char *text);
};

static const struct launch_option launch_options[] = {
    {"channel-fd", "N", "the launch channel, an inherited SEQPACKET socket", parse_channel},
    {"state-dir", "DIR", "task directories lie in DIR/boxes", parse_state_dir},
    {"box-uid-base", "N", "as root: boxes run as the 65536 users from N (default 1900000000)",
     parse_uid_base},
    {"cgroup", "WHERE", "auto, off, or the folder where control groups are made (default: auto)",
     parse_cgroup},
    {"require", "LIST", "guarantees without which it does not start: fs,net,...", parse_require},
    {"require-strong", "LIST", "guarantees that must be strong", parse_require_strong},
    {"lenient-files", NULL, "warn of plugin files that others may change, but take them",
     parse_lenient},
    {"require-signature", NULL, "take only plugin files that a trusted key has signed",
     parse_signature},
    {"trusted-key", "FILE", "a public key; may be given several times", parse_key},
    {"box-helper", "PATH", "the program penstock-box (default: found beside this one)",
     parse_helper},
    {"log-level", "LEVEL", "error, warn, info, debug (default: info)", parse_level},
    {"log-format", "FORMAT", "text, json (default: text)", parse_format},
    {"help", NULL, "print this", NULL},
};

enum { OPTIONS = sizeof launch_options / sizeof *launch_options };

static void print_usage(FILE *out)
{
    fputs("usage: penstock-launcher --channel-fd N --state-dir DIR [option ...]\n"
          "Starts boxes for whoever holds the other end of the channel; not meant to be started by "
          "hand.\n",
          out);
    for (size_t i = 0; i < OPTIONS; i++) {
        char text[64];
        const struct launch_option *o = &launch_options[i];
        snprintf(text, sizeof text, "--%s %s", o->name, o->value != NULL ? o->value : "");
        fprintf(out, "  %-24s %s\n", text, o->help);
    }
}

static void fill_long_options(struct option *out)
{
    for (size_t i = 0; i < OPTIONS; i++)
        out[i] = (struct option){launch_options[i].name,
                                 launch_options[i].value != NULL ? required_argument : no_argument,
                                 NULL, (int)i};
    out[OPTIONS] = (struct option){NULL, 0, NULL, 0};
}

/* 0; -1: said what is wrong; 1: help was wanted and is given. */
static int parse(struct launch_options *o, int argc, char **argv)
{
    struct option long_options[OPTIONS + 1];
    fill_long_options(long_options);
    for (int id; (id = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
        if (id == '?')
            return -1;
        const struct launch_option *option = &launch_options[id];
        if (option->take == NULL) {
            print_usage(stdout);
            return 1;
        }
        if (option->take(o, optarg) < 0) {
            fprintf(stderr, "penstock-launcher: --%s: not a value for it: %s\n", option->name,
                    optarg);
            return -1;
        }
    }
    if (o->channel_fd < 0 || o->state_dir == NULL || optind != argc) {
        print_usage(stderr);
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

static int probe(struct launch *l)
{
    struct guarantee_facts facts;
    char why[BOX_TEXT_MAX];
    const int rc = launch_probe(l, &facts, why);
    return launch_report(l, rc == 0 ? &facts : NULL, why);
}

static int read_without(struct launch *l)
{
    const char *text = getenv("PENSTOCK_WITHOUT");
    if (text == NULL)
        return 0;
    if (walls_parse(text, &l->without) < 0) {
        log_error("PENSTOCK_WITHOUT names a wall that is none", LS("walls", text));
        return -1;
    }
    log_warn("walls are left out for a test: boxes are not safe", LS("PENSTOCK_WITHOUT", text));
    return 0;
}

static int start(struct launch *l)
{
    launch_filters_init(&l->filters);
    if (read_without(l) < 0)
        return -1;
    l->helper_fd = find_helper(&l->options);
    if (l->helper_fd < 0) {
        log_error("the program penstock-box cannot be opened", LE(errno));
        return -1;
    }
    if (launch_trust_start(l) < 0 || launch_dirs_open(l) < 0 || launch_give_up_rights() < 0)
        return -1;
    return probe(l);
}

int main(int argc, char **argv)
{
    struct launch l = {.options = {.channel_fd = -1,
                                   .uid_base = UID_BASE_DEFAULT,
                                   .cgroup = "auto",
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
    int rc = start(&l);
    if (rc == 0 && (rc = launch_run(&l)) < 0)
        log_error("the launcher ends", LE(errno));
    launch_groups_close(&l);
    launch_filters_clear(&l.filters);
    launch_dirs_close(&l);
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
