#ifndef PENSTOCK_HELP_H
#define PENSTOCK_HELP_H

/* help.h: help at every level, made from the table of commands. To stdout, but for help_unknown. */

struct cli;
struct command;

void help_version(void);
void help_all(void);
void help_subject(const char *subject);
void help_command(const struct command *c);
/* There is no such command: says so, with the nearest one; returns CLI_USAGE. */
int help_unknown(const struct cli *cli, int argc, char **argv);

#endif
