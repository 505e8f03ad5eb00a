#ifndef PENSTOCK_PLUGIN_SCHEMA_INTERNAL_H
#define PENSTOCK_PLUGIN_SCHEMA_INTERNAL_H

/*
 * schema_internal.h: what the files of schema.h share. A schema is a row of nodes, one for each
 * subschema; a node has a row of rules, one for each keyword that can fail. Nothing in it is freed
 * or moved before schema_free.
 */

#include <stdbool.h>
#include <stdint.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/buf.h"
#include "base/json.h"
#include "plugin/schema.h"

#define SCHEMA_NONE UINT32_MAX

/* Sets of kinds of instances: a bit for each enum json_kind; bit 0 stands for numbers without a
 * fraction. */
enum {
    ON_INTEGER = 1,
    ON_OBJECT = 1 << JSON_OBJECT,
    ON_ARRAY = 1 << JSON_ARRAY,
    ON_STRING = 1 << JSON_STRING,
    ON_NUMBER = 1 << JSON_NUMBER,
    ON_BOOLEAN = 1 << JSON_TRUE | 1 << JSON_FALSE,
    ON_NULL = 1 << JSON_NULL,
    ON_ANY = ON_OBJECT | ON_ARRAY | ON_STRING | ON_NUMBER | ON_BOOLEAN | ON_NULL
};

struct compiler;
struct check;
struct place;
struct rule;

struct keyword {
    const char *name;
    uint8_t dialects; /* in which it means something */
    uint16_t on;      /* kinds of instances it looks at */
    /* Reads the value into the rule or the node; 0, or -1 with the error. */
    int (*compile)(struct compiler *c, uint32_t node, uint32_t value, struct rule *rule);
    bool (*check)(struct check *k, const struct rule *r,
                  const struct place *at); /* NULL: not a rule of its own */
};

struct rule {
    const struct keyword *keyword;
    uint32_t token; /* of the keyword's value */
    union {
        int64_t limit;
        uint32_t node;
        struct {
            uint32_t first, n; /* in the schema's list */
        } list;
        pcre2_code *pattern;
    } u;
};

/* A name that properties or required mention. */
struct name {
    uint32_t token;
    uint32_t node; /* SCHEMA_NONE: only required */
    bool is_required;
};

struct node {
    uint32_t token;
    bool is_false;  /* the schema false */
    uint16_t types; /* kinds it admits */
    uint32_t rule, n_rules;
    bool has_shape; /* properties, required or additionalProperties */
    uint32_t name, n_names, n_required;
    uint32_t additional;       /* node for other members, or SCHEMA_NONE */
    uint32_t prefix, n_prefix; /* nodes of the first items, in the schema's list */
    uint32_t rest;             /* node of the other items, or SCHEMA_NONE */
};

struct schema {
    struct json_doc doc; /* of its own text */
    char *text;
    struct node *nodes;
    struct rule *rules;
    struct name *names; /* of each node sorted, so that members are looked up by halving */
    uint32_t *list;
    uint32_t n_nodes, n_rules, n_names, n_list;
    uint64_t seed; /* of the hashes for uniqueItems */
    pcre2_match_data *match_data;
    pcre2_match_context *match_context;
    struct buf *scratch; /* a string with escapes, unescaped for its pattern */
};

/* --- compiling: schema.c, schema_keywords.c, schema_refs.c --- */

enum { DIALECT_2020 = 1, DIALECT_2019 = 2, DIALECT_7 = 4, DIALECT_ANY = 7 };

/* How far a value may be handed on without going deeper into it ($ref, allOf, ...): bounds the
 * stack. */
enum { SCHEMA_IN_PLACE_MAX = 32 };

struct compiler {
    struct schema *s;
    struct schema_error *e;
    uint32_t *node_of; /* by token; SCHEMA_NONE: not a schema */
    unsigned dialect;
    /* Of the node that is being compiled; 0 if absent. */
    uint32_t properties, required;
};

int schema_refuse(struct compiler *c, uint32_t token, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Makes the token a schema that will be compiled; its node. */
uint32_t schema_add_node(struct compiler *c, uint32_t token);
/* Sorts and joins the names of properties and required. */
int schema_build_shape(struct compiler *c, uint32_t node);
/* NULL: unknown in every dialect. */
const struct keyword *schema_find_keyword(const struct json_doc *doc, uint32_t token);
/* Refuses a keyword that schema_find_keyword does not know. */
int schema_refuse_keyword(struct compiler *c, uint32_t token);
int schema_resolve_refs(struct compiler *c);
int schema_refuse_loops(struct compiler *c);

/* --- checking: schema_check.c, schema_values.c, schema_alternatives.c --- */

struct place {
    const struct place *up;
    uint32_t token;
    uint32_t key;   /* token of the member's name, or SCHEMA_NONE */
    uint32_t index; /* in an array, if there is no key */
};

struct check {
    const struct schema *s;
    const struct json_doc *doc;
    schema_report_fn fn;
    void *arg;
    int problems;
    bool is_quiet;   /* nothing is reported: the first failure decides */
    bool is_stopped; /* no verdict possible, already reported; unwinding */
    int64_t steps_left;
    int64_t pattern_us_left;
};

bool schema_check_node(struct check *k, uint32_t node, const struct place *at);
/* Whether it matches; reports nothing. */
bool schema_matches(struct check *k, uint32_t node, const struct place *at);
/* Spends steps; false and stopped if there are none left. */
bool schema_spend(struct check *k, uint64_t steps, const struct place *at);
/* Reports the failure; always false. */
bool schema_fail(struct check *k, const struct place *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Reports that there can be no verdict, even in quiet; always false. */
bool schema_stop(struct check *k, const struct place *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool schema_fail_type(struct check *k, const struct place *at, unsigned types);
/* A member that the schema does not know. */
bool schema_fail_member(struct check *k, const struct node *node, const struct place *at);
/* Whether a value of these kinds (see ON_INTEGER) is one of the types. */
bool schema_type_fits(const struct json_doc *doc, uint32_t token, unsigned types);

/* The value for a message: its spelling, cut; "an object". Room for SCHEMA_SHOWN bytes. */
enum { SCHEMA_SHOWN = 64 };
const char *schema_shown(const struct json_doc *doc, uint32_t token, char *out);

bool schema_check_all(struct check *k, const struct rule *r, const struct place *at);
bool schema_check_any(struct check *k, const struct rule *r, const struct place *at);
bool schema_check_one(struct check *k, const struct rule *r, const struct place *at);
bool schema_check_not(struct check *k, const struct rule *r, const struct place *at);
bool schema_check_ref(struct check *k, const struct rule *r, const struct place *at);
bool schema_check_enum(struct check *k, const struct rule *r, const struct place *at);
bool schema_check_const(struct check *k, const struct rule *r, const struct place *at);
bool schema_check_minimum(struct check *k, const struct rule *r, const struct place *at);
bool schema_check_maximum(struct check *k, const struct rule *r, const struct place *at);
bool schema_check_above(struct check *k, const struct rule *r, const struct place *at);
bool schema_check_below(struct check *k, const struct rule *r, const struct place *at);
bool schema_check_multiple(struct check *k, const struct rule *r, const struct place *at);
bool schema_check_min_length(struct check *k, const struct rule *r, const struct place *at);
bool schema_check_max_length(struct check *k, const struct rule *r, const struct place *at);
bool schema_check_min_items(struct check *k, const struct rule *r, const struct place *at);
bool schema_check_max_items(struct check *k, const struct rule *r, const struct place *at);
bool schema_check_min_members(struct check *k, const struct rule *r, const struct place *at);
bool schema_check_max_members(struct check *k, const struct rule *r, const struct place *at);
bool schema_check_unique(struct check *k, const struct rule *r, const struct place *at);
bool schema_check_pattern(struct check *k, const struct rule *r, const struct place *at);

/* JSON Pointer to a token of the doc; cut with "..." at n bytes. */
void schema_pointer_to_token(const struct json_doc *doc, uint32_t token, char *out, size_t n);
void schema_pointer_to_place(const struct json_doc *doc, const struct place *at, char *out,
                             size_t n);
/* "integer or null" */
void schema_type_words(unsigned types, char *out, size_t n);

#endif
