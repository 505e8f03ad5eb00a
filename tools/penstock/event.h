#ifndef PENSTOCK_CLI_EVENT_H
#define PENSTOCK_CLI_EVENT_H

/* event.h: shows EVENTs of the host. */

#include <stdbool.h>

struct answer;
struct cli;

/* With --json a line on stdout. Else a line for people: log lines on stderr, states and progress
 * there too, but only if wants_events. */
void event_show(const struct cli *cli, const struct answer *event, bool wants_events);
/* With time and task on stdout: for `task watch`. */
void event_show_dated(const struct cli *cli, const struct answer *event);
/* One line of JSON: line feeds can only stand between tokens, and become blanks. */
void event_print_line(const char *json, unsigned long n);

#endif
