#ifndef PENSTOCK_LOCAL_H
#define PENSTOCK_LOCAL_H

/*
 * local.h: boxes without a host: a launcher of our own, started from the program next to us, for
 * `run`, `plugin check` and `doctor`. Errors are told where they are found; functions return exit
 * statuses. [loop]
 */

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct box;
struct box_spec;
struct catalog;
struct cli;
struct conf;
struct conf_host;
struct conf_pipeline;
struct catalog_pipeline;
struct launch_report;
struct launcher;
struct loop;

struct local {
    const struct cli *cli;
    struct loop *loop;
    struct launcher *launcher;
    pid_t pid;          /* of the launcher, -1: none */
    char dir[PATH_MAX]; /* its state: a folder of our own, removed at the end */
    bool is_known;      /* the launcher's report has come */
    bool is_lost;       /* the launcher ended by itself */
    int signo;          /* SIGINT, SIGTERM or SIGHUP came, 0: none */
    struct box *box;    /* of the command at hand: a signal kills it, unless on_signal is set */
    void (*on_signal)(void *arg, int signo);
    void *arg;
};

/* Starts the launcher, and takes over the signals that end programs: the folder must not be left
 * behind. is_named: the files are chosen by whoever calls us, not by the configuration's folders:
 * they need no signature here (plugin_file_trust tells what a host would say). Fails where boxes hold
 * less than the configuration requires. */
int local_open(struct local *l, const struct cli *cli, const struct conf_host *host, bool is_named);
/* The same without that last check: *report is what boxes hold here, is_refused or not; borrowed
 * until local_close. */
int local_probe(struct local *l, const struct cli *cli, const struct conf_host *host, bool is_named,
                const struct launch_report **report);
/* Ends it, with every box. Fine after a local_open that failed. */
void local_close(struct local *l);
/* Describes the plugin of that file in a confined child and adds it to the catalogue, as broken if
 * need be. A plugin's log lines go to stderr. */
int local_scan(struct local *l, const struct conf *conf, const char *path, struct catalog *catalog);
/* Runs the loop until *is_over. CLI_SIGNAL + n if a signal came meanwhile, or before. */
int local_run(struct local *l, const bool *is_over);
/* A spec for the pipeline, as the host would start its box. Borrows from conf and pipeline. CLI_FAIL:
 * it needs what its configuration does not give it, and that is told. */
int local_spec(const struct cli *cli, const struct conf *conf, const struct catalog_pipeline *p,
               struct box_spec *out);
/* The path of a program of ours: next to us, or where it is installed. -1: out (size bytes) names
 * where it was sought. */
int local_program(const char *name, char *out, size_t size);

#endif
