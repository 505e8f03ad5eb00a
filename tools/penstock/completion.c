/* completion.c: `penstock completion bash`: a completion script made from the table of commands. */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "commands.h"
#include "options.h"

static void print_option_words(const struct option_row *row)
{
    printf(" --%s", row->name);
}

static void print_options(const struct command *c)
{
    unsigned long common = common_rows_of(c->uses);
    for (size_t i = 0; i < c->n_rows; i++)
        print_option_words(&c->rows[i]);
    for (size_t i = 0; i < n_common_rows; i++) {
        if ((common >> i & 1) != 0)
            print_option_words(&common_rows[i]);
    }
}

/* "--color) words ..." of options that take one of a list. */
static void print_values(const struct option_row *row)
{
    if (row->words == NULL)
        return;
    printf("    --%s) COMPREPLY=($(compgen -W \"", row->name);
    for (size_t i = 0; row->words[i] != NULL; i++)
        printf("%s%s", i > 0 ? " " : "", row->words[i]);
    puts("\" -- \"$word\")); return ;;");
}

static void print_first_words(void)
{
    for (size_t i = 0; commands[i] != NULL; i++) {
        size_t n = strcspn(commands[i]->words, " ");
        int is_repeated = i > 0 && strncmp(commands[i - 1]->words, commands[i]->words, n + 1) == 0;
        if (!is_repeated || commands[i]->words[n] == '\0')
            printf("%s%.*s", i > 0 ? " " : "", (int)n, commands[i]->words);
    }
}

static void print_verbs(void)
{
    for (size_t i = 0; commands[i] != NULL; i++) {
        const char *space = strchr(commands[i]->words, ' ');
        if (space != NULL)
            printf("    \"%.*s\") verbs+=\" %s\" ;;&\n", (int)(space - commands[i]->words),
                   commands[i]->words, space + 1);
    }
}

static void print_head(void)
{
    puts("# bash completion for penstock; load it with: source <(penstock completion bash)\n"
         "_penstock()\n"
         "{\n"
         "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} verbs=\"\" "
         "options=\"\"\n"
         "  local first=${COMP_WORDS[1]} both=\"${COMP_WORDS[1]} ${COMP_WORDS[2]}\"\n"
         "  COMPREPLY=()\n"
         "  if ((COMP_CWORD == 1)); then");
    printf("    COMPREPLY=($(compgen -W \"");
    print_first_words();
    puts(" help --help --version\" -- \"$word\")); return\n"
         "  fi\n"
         "  case \"$first\" in");
    print_verbs();
    puts("  esac\n"
         "  if ((COMP_CWORD == 2)) && [ -n \"$verbs\" ]; then\n"
         "    COMPREPLY=($(compgen -W \"$verbs --help\" -- \"$word\")); return\n"
         "  fi");
}

static void print_all_values(void)
{
    puts("  case \"$before\" in");
    for (size_t i = 0; commands[i] != NULL; i++) {
        for (size_t k = 0; k < commands[i]->n_rows; k++)
            print_values(&commands[i]->rows[k]);
    }
    for (size_t i = 0; i < n_common_rows; i++)
        print_values(&common_rows[i]);
    puts("  esac");
}

static void print_all_options(int of_two_words)
{
    printf("  case \"$%s\" in\n", of_two_words ? "both" : "first");
    for (size_t i = 0; commands[i] != NULL; i++) {
        if ((strchr(commands[i]->words, ' ') != NULL) != of_two_words)
            continue;
        printf("    \"%s\") options=\"", commands[i]->words);
        print_options(commands[i]);
        puts("\" ;;");
    }
    puts("  esac");
}

static int completion(struct cli *cli, void *args, char **operands, int n)
{
    (void)args;
    (void)n;
    if (strcmp(operands[0], "bash") != 0)
        return cli_fail(cli, CLI_USAGE, "bash is what there is", "no completion for %s",
                        operands[0]);
    print_head();
    print_all_values();
    print_all_options(0);
    print_all_options(1);
    puts("  [[ $word == -* ]] && COMPREPLY=($(compgen -W \"$options\" -- \"$word\"))\n"
         "}\n"
         "complete -o default -F _penstock penstock");
    return CLI_OK;
}

const struct command completion_command = {
    .words = "completion",
    .operands = "SHELL",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "Print a script that completes commands and options; SHELL is bash.",
    .run = completion,
};
