/* journal.c: `penstock journal`: finds the journal and the program that reads it, penstock-journal, and
 * becomes that. Part of the command line. */
#include "journal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "commands.h"
#include "local.h"
#include "settings.h"

#include "conf/conf.h"

enum { WORDS_MAX = 8 };

struct export_args {
    const char *output;
};

void journal_dir(const struct conf_host *host, char *out, size_t size)
{
    snprintf(out, size, "%s/journal", host->state_dir);
}

static int find_dir(const struct cli *cli, char *dir, size_t size)
{
    struct conf *conf = settings_load(cli);
    if (conf == NULL)
        return CLI_BAD_CONFIG;
    journal_dir(conf_host(conf), dir, size);
    conf_free(conf);
    return CLI_OK;
}

/* Does not come back if all goes well. words: what stands before the folder, NULL-ended. */
static int become(const struct cli *cli, const char *const *words, const char *to)
{
    char program[PATH_MAX], dir[PATH_MAX];
    const char *argv[WORDS_MAX + 6] = {"penstock-journal"};
    size_t n = 1;
    int status = find_dir(cli, dir, sizeof dir);
    if (status != CLI_OK)
        return status;
    if (local_program(argv[0], program, sizeof program) < 0)
        return cli_fail(cli, CLI_FAIL, "it is installed together with penstock",
                        "no penstock-journal in %s", program);
    if (cli->common.is_json)
        argv[n++] = "--json";
    for (size_t i = 0; i < WORDS_MAX && words[i] != NULL; i++)
        argv[n++] = words[i];
    argv[n++] = dir;
    if (to != NULL)
        argv[n++] = to;
    fflush(NULL);
    execv(program, (char *const *)argv);
    return cli_fail(cli, CLI_FAIL, NULL, "cannot start %s: %s", program, strerror(errno));
}

static int check(struct cli *cli, void *args, char **operands, int n)
{
    (void)args;
    (void)operands;
    (void)n;
    return become(cli, (const char *const[]){"--", "check", NULL}, NULL);
}

static int status(struct cli *cli, void *args, char **operands, int n)
{
    (void)args;
    (void)operands;
    (void)n;
    return become(cli, (const char *const[]){"--", "status", NULL}, NULL);
}

static int backup(struct cli *cli, void *args, char **operands, int n)
{
    (void)args;
    (void)n;
    return become(cli, (const char *const[]){"--", "backup", NULL}, operands[0]);
}

static int export(struct cli *cli, void *args, char **operands, int n)
{
    const struct export_args *a = args;
    (void)operands;
    (void)n;
    if (a->output == NULL)
        return become(cli, (const char *const[]){"--", "export", NULL}, NULL);
    return become(cli, (const char *const[]){"--output", a->output, "--", "export", NULL}, NULL);
}

static const struct option_row export_rows[] = {
    {"output", 'o', OPTION_TEXT, offsetof(struct export_args, output), "FILE",
     "Write there and not to standard output; for its owner only.", NULL},
};

const struct command journal_check_command = {
    .words = "journal check",
    .uses = USES_CONFIG | USES_JSON,
    .summary = "Look whether all is there that the journal names, and whole.",
    .text = "The host may run meanwhile. Exits with 1 if there is anything to look at.",
    .run = check,
};

const struct command journal_status_command = {
    .words = "journal status",
    .uses = USES_CONFIG | USES_JSON,
    .summary = "Show how many tasks the journal holds, and how large it is.",
    .run = status,
};

const struct command journal_backup_command = {
    .words = "journal backup",
    .operands = "DIR",
    .min_operands = 1,
    .max_operands = 1,
    .uses = USES_CONFIG | USES_JSON,
    .summary = "Copy the journal, as it is at one moment, into a new folder.",
    .text =
        "The host may run meanwhile. To put it back, stop the host, move the folder journal of its"
        " state_dir away, copy this one to its place, and give it to the user of the host.",
    .run = backup,
};

const struct command journal_export_command = {
    .words = "journal export",
    .uses = USES_CONFIG | USES_JSON,
    .summary = "Print each task of the journal as a line of JSON, oldest first.",
    .text = "Bytes that are no text are base64. No tokens or keys of clients are in it; what their"
            " tasks hold is.",
    ROWS(export_rows),
    .args_size = sizeof(struct export_args),
    .run = export,
};
