#ifndef PENSTOCK_CLI_RESULT_H
#define PENSTOCK_CLI_RESULT_H

/* result.h: shows a RESULT, of the host or of `penstock run`, and turns it into an exit status. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/message.h"

struct cli;
struct json_doc;
struct outputs;

/* What a crash report is told with. */
struct result_origin {
    const char *plugin_file; /* path of the plugin on this machine, "" or NULL: not known */
    bool was_log_shown;      /* log lines have been shown when they came */
};

/*
 * object: token of the RESULT's header in doc; body: its frames. Outputs are written; data goes to
 * stdout, the verdict and what was written to stderr; with --json one document: the header, and
 * "files" with the paths.
 */
int result_finish(const struct cli *cli, const struct json_doc *doc, uint32_t object,
                  const struct result_origin *origin, const struct wire_view *body, size_t n_body,
                  struct outputs *outputs);
/* Only writes the outputs. */
int result_outputs(const struct json_doc *doc, uint32_t object, const struct wire_view *body,
                   size_t n_body, struct outputs *outputs);
/* Only the exit status. */
int result_status(const struct json_doc *doc, uint32_t object);
/* The exit status of an error code by its name; "" is CLI_OK. */
int result_status_of_code(const char *code);
/* A log line of the plugin to stderr: "  plugin warn: text". */
void result_log(const struct cli *cli, const char *stream, const char *level, const char *text,
                size_t len);

#endif
