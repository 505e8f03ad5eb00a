#ifndef PENSTOCK_CLI_JOURNAL_H
#define PENSTOCK_CLI_JOURNAL_H

/* journal.h: where the journal of a host lies. */

#include <stddef.h>

struct conf_host;

void journal_dir(const struct conf_host *host, char *out, size_t size);

#endif
