#ifndef PENSTOCK_CLI_H
#define PENSTOCK_CLI_H

/* cli.h: what every command of `penstock` has at hand: the common options, errors, exit statuses.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "command.h"

/* A signal n that ends a command early gives CLI_SIGNAL + n. */
enum {
    CLI_OK = 0,
    CLI_FAIL = 1,
    CLI_USAGE = 2,
    CLI_NOT_FOUND = 3,
    CLI_REFUSED = 4,
    CLI_TIMEOUT = 5,
    CLI_UNREACHABLE = 6,
    CLI_LATER = 75,
    CLI_BAD_CONFIG = 78,
    CLI_SIGNAL = 128
};

/* Options that most commands share (options.c has their rows). */
struct common_args {
    const char *socket;                  /* NULL: from the configuration */
    const char *server_key, *client_key; /* over TCP: the host's public one, the file of ours */
    const char *config;                  /* NULL: the usual places */
    const char *color;                   /* "auto", "always", "never" */
    struct texts sets;                   /* KEY=VALUE each */
    int64_t patience_ms;
    bool is_json, is_quiet, is_verbose, wants_help;
};

struct cli {
    struct common_args common;
    const struct command *command; /* the one that runs */
    bool has_color_out, has_color_err;
};

/* "penstock: cause: hint" to stderr, control characters escaped; returns status. hint may be NULL.
 */
int cli_fail(const struct cli *cli, int status, const char *hint, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The same for what only should be known: "penstock: warning: ...". Silent with -q. */
void cli_warn(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A line to stderr that says how things went; silent with -q. */
void cli_note(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
int cli_no_memory(const struct cli *cli);

#endif
