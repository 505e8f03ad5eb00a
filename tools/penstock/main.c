/* main.c: the command line `penstock`: finds the command, reads its options, runs it. */
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "command.h"
#include "help.h"
#include "options.h"
#include "terminal.h"

#include "base/log.h"
#include "base/text.h"

enum { PATIENCE_MS = 2000 };

static int set_up(struct cli *cli)
{
    const char *patience = getenv("PENSTOCK_PATIENCE");
    cli->common.socket = getenv("PENSTOCK_SOCKET");
    cli->common.server_key = getenv("PENSTOCK_SERVER_KEY");
    cli->common.client_key = getenv("PENSTOCK_CLIENT_KEY");
    cli->common.config = getenv("PENSTOCK_CONFIG");
    cli->common.color = "auto";
    cli->common.patience_ms = PATIENCE_MS;
    if (patience != NULL && text_parse_duration(patience, &cli->common.patience_ms) < 0)
        return cli_fail(cli, CLI_USAGE, "write 500ms, 2s, 1m",
                        "PENSTOCK_PATIENCE=%s is no duration", patience);
    return CLI_OK;
}

static void settle(struct cli *cli)
{
    terminal_colors(cli);
    log_setup("penstock", cli->common.is_verbose ? LOG_DEBUG : LOG_WARN, LOG_TEXT, 2);
}

/* Output that could not be written is a failure, unless nobody reads any more. */
static int flush(const struct cli *cli, int status)
{
    int failed = ferror(stdout);
    if (fflush(stdout) != 0 || failed)
        return errno == EPIPE ? status
                              : cli_fail(cli, CLI_FAIL, NULL, "cannot write: %s", strerror(errno));
    return status;
}

static int count_operands(const struct cli *cli, const struct command *c, int n, char **operands)
{
    char hint[160];
    snprintf(hint, sizeof hint, "usage: penstock %s%s%s", c->words, c->operands != NULL ? " " : "",
             c->operands != NULL ? c->operands : "");
    if (n < c->min_operands)
        return cli_fail(cli, CLI_USAGE, hint, "something is missing");
    if (c->max_operands >= 0 && n > c->max_operands)
        return cli_fail(cli, CLI_USAGE, hint, "\"%s\" is too much", operands[c->max_operands]);
    return CLI_OK;
}

static int run_command(struct cli *cli, const struct command *c, int argc, char **argv)
{
    void *args = calloc(1, c->args_size > 0 ? c->args_size : 1);
    int first, status = args != NULL ? CLI_OK : cli_no_memory(cli);
    cli->command = c;
    if (status == CLI_OK)
        status = options_read(cli, c, args, argc, argv, &first);
    settle(cli);
    if (status == CLI_OK && cli->common.wants_help) {
        help_command(c);
    } else if (status == CLI_OK) {
        status = count_operands(cli, c, argc - first, argv + first);
        if (status == CLI_OK)
            status = c->run(cli, args, argv + first, argc - first);
    }
    if (args != NULL)
        options_clear(c, args);
    free(args);
    return status;
}

/* "help task submit" and "task submit --help" are the same. */
static int help_words(struct cli *cli, int argc, char **argv)
{
    int n_words;
    const struct command *c = argc > 0 ? command_find(argc, argv, &n_words) : NULL;
    if (c != NULL)
        help_command(c);
    else if (argc == 0)
        help_all();
    else if (command_is_subject(argv[0]))
        help_subject(argv[0]);
    else
        return help_unknown(cli, argc, argv);
    return CLI_OK;
}

static int only_subject(struct cli *cli, int argc, char **argv)
{
    if (argc == 1)
        return cli_fail(cli, CLI_USAGE, NULL,
                        "what about %s? penstock %s --help lists what can be done", argv[0],
                        argv[0]);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        help_subject(argv[0]);
        return CLI_OK;
    }
    return help_unknown(cli, argc, argv);
}

static int dispatch(struct cli *cli, int argc, char **argv)
{
    int n_words;
    const struct command *c = command_find(argc, argv, &n_words);
    if (c != NULL)
        return run_command(cli, c, argc - n_words + 1, argv + n_words - 1);
    if (strcmp(argv[0], "help") == 0)
        return help_words(cli, argc - 1, argv + 1);
    if (command_is_subject(argv[0]))
        return only_subject(cli, argc, argv);
    return help_unknown(cli, argc, argv);
}

int main(int argc, char **argv)
{
    struct cli cli = {.command = NULL};
    int first, status;
    setlocale(LC_ALL, "");
    signal(SIGPIPE, SIG_IGN);
    status = set_up(&cli);
    if (status == CLI_OK && argc > 1 && strcmp(argv[1], "--version") == 0) {
        help_version();
        return flush(&cli, CLI_OK);
    }
    if (status == CLI_OK)
        status = options_read(&cli, NULL, NULL, argc, argv, &first);
    settle(&cli);
    if (status == CLI_OK && first == argc && cli.common.wants_help) {
        help_all();
    } else if (status == CLI_OK && first == argc) {
        status = cli_fail(&cli, CLI_USAGE, "penstock --help lists the commands", "no command");
    } else if (status == CLI_OK) {
        status = cli.common.wants_help ? help_words(&cli, argc - first, argv + first)
                                       : dispatch(&cli, argc - first, argv + first);
    }
    free(cli.common.sets.items);
    return flush(&cli, status);
}
