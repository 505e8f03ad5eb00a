#ifndef PENSTOCK_CLI_TRACE_H
#define PENSTOCK_CLI_TRACE_H

/* trace.h: the crash report of a task, out of the details of its error: read, symbolised, shown. */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "symbols.h"

struct cli;
struct json_doc;

struct trace_frame {
    char module[64]; /* "": in none */
    unsigned char build_id[SYMBOLS_ID_MAX];
    uint32_t build_id_len;
    uint64_t offset, address;
    const char *end;                     /* the bracket that closes it in the JSON text */
    char function[SYMBOLS_FUNCTION_MAX]; /* "": not known */
    char source[SYMBOLS_SOURCE_MAX];
    uint32_t line;
};

struct trace {
    const struct json_doc *doc; /* borrowed */
    uint32_t details;           /* token of error.details in doc; 0: there are none */
    uint32_t n_frames;
    struct trace_frame frames[SYMBOLS_FRAMES_MAX];
};

/* result: token of a RESULT in doc, or 0. Whatever is missing or broken is left out. */
void trace_read(struct trace *t, const struct json_doc *doc, uint32_t result);
/* The report on stdout, as lines of a grid. */
void trace_show(const struct cli *cli, const struct trace *t);
/* The report on stderr, below a failure that is told; with_log: the last lines too. */
void trace_tell(const struct cli *cli, const struct trace *t, int with_log);
/* Writes the JSON text from at to end, each frame in it with its symbol added. */
void trace_put_json(FILE *stream, const struct trace *t, const char *at, const char *end);

#endif
