#ifndef PENSTOCK_OPTIONS_H
#define PENSTOCK_OPTIONS_H

/* options.h: reads options by getopt_long into structs, as the tables of command.h say. */

#include <stddef.h>

#include "command.h"

struct cli;

/* Rows of struct common_args that a command with these uses takes: bit i of the result stands for
 * row i. */
extern const struct option_row common_rows[];
extern const size_t n_common_rows;
unsigned long common_rows_of(unsigned uses);

/*
 * Reads argv[1...]; operands are moved to its end and *first tells where they start. command NULL:
 * only common options, and reading stops at the first operand. Returns an exit status; errors are
 * told.
 */
int options_read(struct cli *cli, const struct command *command, void *args, int argc, char **argv,
                 int *first);
/* Frees what options_read put into args; not args itself. */
void options_clear(const struct command *command, void *args);

#endif
