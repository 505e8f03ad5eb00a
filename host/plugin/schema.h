#ifndef PENSTOCK_PLUGIN_SCHEMA_H
#define PENSTOCK_PLUGIN_SCHEMA_H

/*
 * schema.h: JSON Schema for params and results. Compiled once when a plugin is loaded, checked per
 * task.
 *
 * A subset of 2020-12: type enum const properties required additionalProperties items prefixItems
 * minLength maxLength pattern minItems maxItems uniqueItems minProperties maxProperties minimum
 * maximum exclusiveMinimum exclusiveMaximum multipleOf anyOf allOf oneOf not $ref (local) $defs
 * definitions, and true/false. Annotations are ignored, format among them. Every other keyword is
 * refused, not ignored. With "$schema" of draft 6, 7 or 2019-09 also items as an array, and
 * additionalItems.
 *
 * A schema keeps scratch memory: one thread at a time may use it.
 */

#include <stddef.h>
#include <stdint.h>

struct buf;
struct json_doc;
struct schema;

/* Problems that one check reports at most; longest schema text. */
enum { SCHEMA_PROBLEMS_MAX = 32, SCHEMA_TEXT_MAX = 256 * 1024 };

struct schema_error {
    char pointer[256]; /* JSON Pointer into the schema, cut if longer */
    char message[256]; /* names the keyword, and what was expected */
};

/* Copies what it needs. NULL with *e: not JSON, a keyword that is not supported or has a wrong
 * value, a $ref that does not lead to a schema or back to itself, no memory. */
struct schema *schema_compile(const char *text, size_t len, struct schema_error *e);
/* NULL is fine. */
void schema_free(struct schema *s);

/* pointer: JSON Pointer to the value, relative to the token checked ("" is itself); both die with
 * the call. */
typedef void (*schema_report_fn)(void *arg, const char *pointer, const char *message);

/*
 * Checks the value at the token. 0: it is valid; else the number of problems, each reported through
 * fn. With fn NULL it stops at the first. Time is bounded: what cannot be decided within the bounds
 * (a pattern that backtracks without end, an explosion of alternatives), or without memory, is a
 * problem and says so.
 */
int schema_check(const struct schema *s, const struct json_doc *doc, uint32_t token,
                 schema_report_fn fn, void *arg);

/*
 * The same, with the report appended to json as [{"path":"/width","message":"must be <= 4096, is
 * 9000"}] and to line as "/width: must be <= 4096, is 9000; ..."; either may be NULL, and neither
 * is touched if the value is valid. A report that does not fit its buffer is cut to whole problems.
 */
int schema_explain(const struct schema *s, const struct json_doc *doc, uint32_t token,
                   struct buf *json, struct buf *line);

#endif
