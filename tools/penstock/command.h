#ifndef PENSTOCK_COMMAND_H
#define PENSTOCK_COMMAND_H

/* command.h: the table of commands, and of the options of each. Help and completion are made from
 * it. */

#include <stddef.h>

struct cli;

enum option_kind {
    OPTION_FLAG,     /* bool */
    OPTION_TEXT,     /* const char *, borrowed from argv */
    OPTION_TEXTS,    /* struct texts: may be given more than once */
    OPTION_DURATION, /* int64_t, milliseconds */
    OPTION_SIZE,     /* int64_t, bytes */
    OPTION_NUMBER    /* int64_t, not below zero */
};

struct texts {
    const char **items;
    size_t n;
};

struct option_row {
    const char *name;
    char letter; /* 0: none */
    enum option_kind kind;
    size_t offset;            /* in the command's struct of arguments */
    const char *value;        /* the word for its value in the help; NULL of a flag */
    const char *help;         /* one sentence */
    const char *const *words; /* NULL-ended list of what the value may be; NULL: anything */
};

/* What a command makes use of; each brings common options with it. */
enum { USES_HOST = 1, USES_CONFIG = 2, USES_JSON = 4 };

struct command {
    const char *words;              /* "task submit" */
    const char *operands;           /* for the usage line, or NULL */
    int min_operands, max_operands; /* -1: no end */
    unsigned uses;
    const char *summary; /* one line */
    const char *text;    /* more lines for --help, or NULL */
    const struct option_row *rows;
    size_t n_rows;
    size_t args_size;
    /* args: args_size bytes that the options were written to, zero where none was given. Returns
     * the exit status. */
    int (*run)(struct cli *cli, void *args, char **operands, int n);
};

#define ROWS(table) .rows = (table), .n_rows = sizeof(table) / sizeof *(table)

/* NULL-ended, in the order of the help. */
extern const struct command *const commands[];

/* The command that the first words of argv name, with the number of words; NULL: none. */
const struct command *command_find(int argc, char **argv, int *n_words);
/* Whether a command begins with that word. */
int command_is_subject(const char *word);

#endif
