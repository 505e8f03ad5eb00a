#ifndef PENSTOCK_CLI_SYMBOLIZE_H
#define PENSTOCK_CLI_SYMBOLIZE_H

/* symbolize.h: fills functions and lines into a trace, from files of this machine that have the same
 * build-ids. */

struct trace;

/* plugin_file: path of the plugin, or "" or NULL. Frames of which nothing is found stay as they are. */
void trace_symbolize(struct trace *t, const char *plugin_file);

#endif
