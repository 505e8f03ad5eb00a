#ifndef PENSTOCK_PARAMS_H
#define PENSTOCK_PARAMS_H

/* params.h: the params of a task from --params and --param. */

#include "command.h"

#include "base/json.h"

struct buf;
struct cli;

enum { PARAMS_MAX = 64 * 1024 * 1024 };

/* Reads `whole` (JSON text, @FILE, or - for stdin; NULL: {}) and checks that it is an object, and
 * that each of `single` has the form NAME=VALUE. It may wait for stdin. Returns an exit status;
 * errors are told. */
int params_read(const struct cli *cli, const char *whole, const struct texts *single,
                struct buf *text);
/*
 * Appends one JSON object: that of params_read, byte for byte but for the members that `single`
 * sets anew. schema (at NULL: none) tells which values are strings: where it does not, a value that
 * reads as a number, true, false, null, object or array is that, anything else a string.
 */
int params_build(const struct cli *cli, const struct buf *text, const struct texts *single,
                 struct json_span schema, struct buf *out);
/* Whether the schema matters for these. */
int params_need_schema(const struct texts *single);

#endif
