/* help.c: prints the help. Part of the command line. */
#include "help.h"

#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "command.h"
#include "options.h"
#include "terminal.h"

#include "base/text.h"

#include "penstock/plugin.h"

enum { COMMAND_COLUMN = 20, OPTION_COLUMN = 28, HELP_WIDTH_MAX = 100, NAMES_MAX = 64 };

static int help_width(void)
{
    int width = terminal_width(stdout);
    return width > HELP_WIDTH_MAX ? HELP_WIDTH_MAX : width;
}

void help_version(void)
{
    printf("penstock %s (plugin ABI %d.%d, %s)\n", PENSTOCK_VERSION, PEN_ABI_MAJOR, PEN_ABI_MINOR,
           PENSTOCK_BUILD_TYPE);
}

static void print_summary(const struct command *c)
{
    printf("  %-*s  ", COMMAND_COLUMN, c->words);
    terminal_wrap(stdout, c->summary, COMMAND_COLUMN + 4, help_width());
}

void help_all(void)
{
    puts("usage: penstock COMMAND [OPTION ...]\n\ncommands:");
    for (size_t i = 0; commands[i] != NULL; i++)
        print_summary(commands[i]);
    putchar('\n');
    terminal_wrap(stdout,
                  "penstock COMMAND --help tells the options of a command; --version the version.\n"
                  "\n"
                  "Exit status: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 refused, 5 out of "
                  "time, 6 host not "
                  "reachable, 75 try again later, 78 bad configuration, 128+n ended by signal n.",
                  0, help_width());
}

static int is_of_subject(const struct command *c, const char *subject)
{
    size_t n = strlen(subject);
    return strncmp(c->words, subject, n) == 0 && (c->words[n] == ' ' || c->words[n] == '\0');
}

void help_subject(const char *subject)
{
    printf("usage: penstock %s VERB [OPTION ...]\n\ncommands:\n", subject);
    for (size_t i = 0; commands[i] != NULL; i++) {
        if (is_of_subject(commands[i], subject))
            print_summary(commands[i]);
    }
}

static void print_option(const struct option_row *row)
{
    char left[80];
    int n = row->letter != 0 ? snprintf(left, sizeof left, "  -%c, --%s", row->letter, row->name)
                             : snprintf(left, sizeof left, "      --%s", row->name);
    if (row->value != NULL)
        snprintf(left + n, sizeof left - (size_t)n, " %s", row->value);
    printf("%-*s", OPTION_COLUMN - 1, left);
    if (strlen(left) >= OPTION_COLUMN - 1)
        printf("\n%*s", OPTION_COLUMN, "");
    else
        putchar(' ');
    terminal_wrap(stdout, row->help, OPTION_COLUMN, help_width());
}

void help_command(const struct command *c)
{
    unsigned long common = common_rows_of(c->uses);
    printf("usage: penstock %s [OPTION ...]%s%s\n\n", c->words, c->operands != NULL ? " " : "",
           c->operands != NULL ? c->operands : "");
    terminal_wrap(stdout, c->summary, 0, help_width());
    if (c->text != NULL) {
        putchar('\n');
        terminal_wrap(stdout, c->text, 0, help_width());
    }
    puts("\noptions:");
    for (size_t i = 0; i < c->n_rows; i++)
        print_option(&c->rows[i]);
    for (size_t i = 0; i < n_common_rows; i++) {
        if ((common >> i & 1) != 0)
            print_option(&common_rows[i]);
    }
}

/* Words of commands, from the first word or, behind a subject, from the second. */
static size_t gather_words(const char *subject, const char **words)
{
    size_t n = 0;
    for (size_t i = 0; commands[i] != NULL && n < NAMES_MAX; i++) {
        const char *space = strchr(commands[i]->words, ' ');
        if (subject == NULL)
            words[n++] = commands[i]->words;
        else if (is_of_subject(commands[i], subject) && space != NULL)
            words[n++] = space + 1;
    }
    return n;
}

/* The first word alone may be wrong ("taks list"), or a verb without its subject. */
static const char *nearest_command(const char *subject, const char *word, const char *both)
{
    const char *words[NAMES_MAX];
    size_t n = gather_words(subject, words);
    const char *near = text_nearest(both, words, n);
    if (near == NULL)
        near = text_nearest(word, words, n);
    for (size_t i = 0; near == NULL && i < n; i++) {
        const char *space = strchr(words[i], ' ');
        if (space != NULL && strcmp(space + 1, word) == 0)
            near = words[i];
    }
    return near;
}

int help_unknown(const struct cli *cli, int argc, char **argv)
{
    int has_subject = command_is_subject(argv[0]) && argc > 1;
    const char *word = argv[has_subject ? 1 : 0];
    char both[128], hint[160] = "penstock --help lists the commands";
    snprintf(both, sizeof both, "%s%s%s", word, !has_subject && argc > 1 ? " " : "",
             !has_subject && argc > 1 ? argv[1] : "");
    const char *near = nearest_command(has_subject ? argv[0] : NULL, word, both);
    if (near != NULL && has_subject)
        snprintf(hint, sizeof hint, "did you mean %s %s?", argv[0], near);
    else if (near != NULL)
        snprintf(hint, sizeof hint, "did you mean %s?", near);
    else if (has_subject)
        snprintf(hint, sizeof hint, "penstock %s --help lists what can be done", argv[0]);
    return cli_fail(cli, CLI_USAGE, hint, "there is no command %s%s%s", argv[0],
                    has_subject ? " " : "", has_subject ? argv[1] : "");
}
