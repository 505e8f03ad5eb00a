#ifndef PENSTOCK_HISTORY_H
#define PENSTOCK_HISTORY_H

/* history.h: what happened to a task, attempt by attempt. */

#include <stdint.h>

struct cli;
struct json_doc;

/* The member history of a QUERY's task on stdout, a row for each event under an empty line; nothing if
 * there is none. Returns an exit status. */
int history_show(const struct cli *cli, const struct json_doc *doc, uint32_t task);

#endif
