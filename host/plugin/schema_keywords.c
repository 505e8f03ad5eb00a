/* schema_keywords.c: the keywords that are understood, and what each may be set to. Used at compile
 * time only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "plugin/schema_internal.h"

/* Longest pattern: what PCRE2 makes of it must stay small. */
enum { PATTERN_MAX = 4096 };

static int refuse_value(struct compiler *c, uint32_t value, const struct rule *rule,
                        const char *expected)
{
    return schema_refuse(c, value, "%s: must be %s", rule->keyword->name, expected);
}

static bool is_kind(const struct compiler *c, uint32_t token, enum json_kind kind)
{
    return json_kind(&c->s->doc, token) == kind;
}

/* The bits of a type's name; 0 if it is none. */
static unsigned type_bits(const struct json_doc *doc, uint32_t token)
{
    static const struct {
        const char *name;
        unsigned bits;
    } types[] = {{"object", ON_OBJECT},   {"array", ON_ARRAY},   {"string", ON_STRING},
                 {"integer", ON_INTEGER}, {"number", ON_NUMBER}, {"boolean", ON_BOOLEAN},
                 {"null", ON_NULL}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (json_string_is(doc, token, types[i].name))
            return types[i].bits;
    }
    return 0;
}

static int compile_type(struct compiler *c, uint32_t node, uint32_t value, struct rule *rule)
{
    static const char expected[] = "a type name, or a list of different ones";
    bool is_list = is_kind(c, value, JSON_ARRAY);
    uint32_t n = is_list ? c->s->doc.tokens[value].count : 1,
             at = is_list ? json_first(value) : value;
    unsigned types = 0;
    for (; n > 0; n--) {
        unsigned bits = type_bits(&c->s->doc, at);
        if (bits == 0 || (types & bits) != 0)
            return refuse_value(c, at, rule, expected);
        types |= bits;
        at = json_next(&c->s->doc, at);
    }
    if (types == 0)
        return refuse_value(c, value, rule, expected);
    c->s->nodes[node].types = (uint16_t)types;
    return 0;
}

static int compile_array(struct compiler *c, uint32_t node, uint32_t value, struct rule *rule)
{
    (void)node;
    return is_kind(c, value, JSON_ARRAY) ? 0 : refuse_value(c, value, rule, "an array");
}

static int compile_count(struct compiler *c, uint32_t node, uint32_t value, struct rule *rule)
{
    (void)node;
    if (json_i64(&c->s->doc, value, &rule->u.limit) < 0 || rule->u.limit < 0)
        return refuse_value(c, value, rule, "a whole number, 0 or more");
    return 0;
}

static int compile_number(struct compiler *c, uint32_t node, uint32_t value, struct rule *rule)
{
    (void)node;
    return is_kind(c, value, JSON_NUMBER) ? 0 : refuse_value(c, value, rule, "a number");
}

static int compile_multiple(struct compiler *c, uint32_t node, uint32_t value, struct rule *rule)
{
    const struct json_doc *doc = &c->s->doc;
    (void)node;
    if (!is_kind(c, value, JSON_NUMBER) || doc->text[doc->tokens[value].at] == '-' ||
        json_multiple_of(doc, value, doc, value) < 0)
        return refuse_value(c, value, rule, "a number above 0 of at most 19 digits");
    return 0;
}

/* true is a rule, false is none. */
static int compile_flag(struct compiler *c, uint32_t node, uint32_t value, struct rule *rule)
{
    (void)node;
    rule->u.limit = is_kind(c, value, JSON_TRUE);
    return rule->u.limit || is_kind(c, value, JSON_FALSE)
               ? 0
               : refuse_value(c, value, rule, "true or false");
}

/* Patterns are read as ECMAScript reads them, as far as PCRE2 can. */
static pcre2_code *compile_regex(const char *text, size_t n, int *error, size_t *offset)
{
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (context == NULL) {
        *error = PCRE2_ERROR_NOMEMORY;
        return NULL;
    }
    pcre2_set_compile_extra_options(context, PCRE2_EXTRA_ALT_BSUX);
    pcre2_set_max_pattern_length(context, PATTERN_MAX);
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)text, n,
                                     PCRE2_UTF | PCRE2_NO_UTF_CHECK | PCRE2_DOLLAR_ENDONLY |
                                         PCRE2_ALLOW_EMPTY_CLASS | PCRE2_MATCH_UNSET_BACKREF |
                                         PCRE2_NEVER_BACKSLASH_C,
                                     error, offset, context);
    pcre2_compile_context_free(context);
    return code;
}

static int compile_pattern(struct compiler *c, uint32_t node, uint32_t value, struct rule *rule)
{
    int error = 0;
    size_t offset = 0;
    (void)node;
    if (!is_kind(c, value, JSON_STRING))
        return refuse_value(c, value, rule, "a string");
    buf_reset(c->s->scratch);
    if (json_string(&c->s->doc, value, c->s->scratch) < 0)
        return schema_refuse(c, value, "out of memory");
    rule->u.pattern =
        compile_regex((const char *)c->s->scratch->data, c->s->scratch->len, &error, &offset);
    if (rule->u.pattern != NULL)
        return 0;
    PCRE2_UCHAR why[128];
    pcre2_get_error_message(error, why, sizeof why);
    return schema_refuse(c, value, "pattern: %s, at character %zu", (const char *)why, offset);
}

static int compile_list(struct compiler *c, uint32_t node, uint32_t value, struct rule *rule)
{
    const struct json_doc *doc = &c->s->doc;
    (void)node;
    if (!is_kind(c, value, JSON_ARRAY) || doc->tokens[value].count == 0)
        return refuse_value(c, value, rule, "a list of schemas");
    rule->u.list.first = c->s->n_list;
    rule->u.list.n = doc->tokens[value].count;
    uint32_t at = json_first(value);
    for (uint32_t n = rule->u.list.n; n > 0; n--) {
        c->s->list[c->s->n_list++] = schema_add_node(c, at);
        at = json_next(doc, at);
    }
    return 0;
}

static int compile_child(struct compiler *c, uint32_t node, uint32_t value, struct rule *rule)
{
    (void)node;
    rule->u.node = schema_add_node(c, value);
    return 0;
}

static int compile_map(struct compiler *c, uint32_t node, uint32_t value, struct rule *rule)
{
    (void)node;
    if (!is_kind(c, value, JSON_OBJECT))
        return refuse_value(c, value, rule, "an object of schemas");
    uint32_t key = json_first(value);
    for (uint32_t n = c->s->doc.tokens[value].count; n > 0; n--) {
        schema_add_node(c, key + 1);
        key = json_next(&c->s->doc, key + 1);
    }
    return 0;
}

static int compile_properties(struct compiler *c, uint32_t node, uint32_t value, struct rule *rule)
{
    c->properties = value;
    return compile_map(c, node, value, rule);
}

static int compile_required(struct compiler *c, uint32_t node, uint32_t value, struct rule *rule)
{
    uint32_t at = json_first(value);
    (void)node;
    if (!is_kind(c, value, JSON_ARRAY))
        return refuse_value(c, value, rule, "a list of names");
    for (uint32_t n = c->s->doc.tokens[value].count; n > 0; n--) {
        if (!is_kind(c, at, JSON_STRING))
            return refuse_value(c, at, rule, "a list of names");
        at = json_next(&c->s->doc, at);
    }
    c->required = value;
    return 0;
}

static int compile_additional(struct compiler *c, uint32_t node, uint32_t value, struct rule *rule)
{
    (void)rule;
    uint32_t child = schema_add_node(c, value);
    c->s->nodes[node].additional = child;
    return 0;
}

static int compile_prefix(struct compiler *c, uint32_t node, uint32_t value, struct rule *rule)
{
    if (compile_list(c, node, value, rule) < 0)
        return -1;
    c->s->nodes[node].prefix = rule->u.list.first;
    c->s->nodes[node].n_prefix = rule->u.list.n;
    return 0;
}

static int compile_items(struct compiler *c, uint32_t node, uint32_t value, struct rule *rule)
{
    if (c->dialect != DIALECT_2020 && is_kind(c, value, JSON_ARRAY))
        return c->s->doc.tokens[value].count > 0 ? compile_prefix(c, node, value, rule) : 0;
    if (is_kind(c, value, JSON_ARRAY))
        return schema_refuse(
            c, value, "items: must be one schema (a list of them is prefixItems in 2020-12)");
    uint32_t child = schema_add_node(c, value);
    c->s->nodes[node].rest = child;
    return 0;
}

/* Means something only beside an items that is a list. */
static int compile_additional_items(struct compiler *c, uint32_t node, uint32_t value,
                                    struct rule *rule)
{
    uint32_t child = schema_add_node(c, value),
             items = json_find(&c->s->doc, c->s->nodes[node].token, "items");
    (void)rule;
    if (items != 0 && is_kind(c, items, JSON_ARRAY))
        c->s->nodes[node].rest = child;
    return 0;
}

static int compile_ref(struct compiler *c, uint32_t node, uint32_t value, struct rule *rule)
{
    (void)node;
    rule->u.node = SCHEMA_NONE; /* found when all nodes are there */
    return is_kind(c, value, JSON_STRING) ? 0 : refuse_value(c, value, rule, "a string");
}

/* A base URI further in would change what the references below it mean. */
static int compile_id(struct compiler *c, uint32_t node, uint32_t value, struct rule *rule)
{
    (void)rule;
    return node == 0 ? 0 : schema_refuse(c, value, "$id: is supported at the root only");
}

static int compile_dialect(struct compiler *c, uint32_t node, uint32_t value, struct rule *rule)
{
    uint32_t root = json_find(&c->s->doc, 0, "$schema");
    (void)rule;
    if (node == 0 || (root != 0 && json_equal(&c->s->doc, root, &c->s->doc, value)))
        return 0;
    return schema_refuse(c, value, "$schema: must be the one of the root");
}

#define COUNT(name, on, check)                                                                     \
    {                                                                                              \
        name, DIALECT_ANY, on, compile_count, check                                                \
    }
#define BOUND(name, check)                                                                         \
    {                                                                                              \
        name, DIALECT_ANY, ON_NUMBER, compile_number, check                                        \
    }
#define LIST(name, check)                                                                          \
    {                                                                                              \
        name, DIALECT_ANY, ON_ANY, compile_list, check                                             \
    }
#define NOTE(name)                                                                                 \
    {                                                                                              \
        name, DIALECT_ANY, 0, NULL, NULL                                                           \
    }

static const struct keyword keywords[] = {
    {"type", DIALECT_ANY, ON_ANY, compile_type, NULL},
    {"enum", DIALECT_ANY, ON_ANY, compile_array, schema_check_enum},
    {"const", DIALECT_ANY, ON_ANY, NULL, schema_check_const},
    {"properties", DIALECT_ANY, ON_OBJECT, compile_properties, NULL},
    {"required", DIALECT_ANY, ON_OBJECT, compile_required, NULL},
    {"additionalProperties", DIALECT_ANY, ON_OBJECT, compile_additional, NULL},
    {"items", DIALECT_ANY, ON_ARRAY, compile_items, NULL},
    {"prefixItems", DIALECT_2020, ON_ARRAY, compile_prefix, NULL},
    {"additionalItems", DIALECT_2019 | DIALECT_7, ON_ARRAY, compile_additional_items, NULL},
    COUNT("minLength", ON_STRING, schema_check_min_length),
    COUNT("maxLength", ON_STRING, schema_check_max_length),
    COUNT("minItems", ON_ARRAY, schema_check_min_items),
    COUNT("maxItems", ON_ARRAY, schema_check_max_items),
    COUNT("minProperties", ON_OBJECT, schema_check_min_members),
    COUNT("maxProperties", ON_OBJECT, schema_check_max_members),
    BOUND("minimum", schema_check_minimum),
    BOUND("maximum", schema_check_maximum),
    BOUND("exclusiveMinimum", schema_check_above),
    BOUND("exclusiveMaximum", schema_check_below),
    {"multipleOf", DIALECT_ANY, ON_NUMBER, compile_multiple, schema_check_multiple},
    {"pattern", DIALECT_ANY, ON_STRING, compile_pattern, schema_check_pattern},
    {"uniqueItems", DIALECT_ANY, ON_ARRAY, compile_flag, schema_check_unique},
    LIST("allOf", schema_check_all),
    LIST("anyOf", schema_check_any),
    LIST("oneOf", schema_check_one),
    {"not", DIALECT_ANY, ON_ANY, compile_child, schema_check_not},
    {"$ref", DIALECT_ANY, ON_ANY, compile_ref, schema_check_ref},
    {"$defs", DIALECT_ANY, 0, compile_map, NULL},
    {"definitions", DIALECT_ANY, 0, compile_map, NULL},
    {"$schema", DIALECT_ANY, 0, compile_dialect, NULL},
    {"$id", DIALECT_ANY, 0, compile_id, NULL},
    NOTE("$comment"),
    NOTE("title"),
    NOTE("description"),
    NOTE("default"),
    NOTE("examples"),
    NOTE("format"),
    NOTE("deprecated"),
    NOTE("readOnly"),
    NOTE("writeOnly"),
    NOTE("contentEncoding"),
    NOTE("contentMediaType"),
};
enum { KEYWORDS = sizeof keywords / sizeof *keywords };

/* Known to JSON Schema, and refused: half of their meaning would be worse than none. */
static const char *const unsupported[] = {"if",
                                          "then",
                                          "else",
                                          "contains",
                                          "minContains",
                                          "maxContains",
                                          "$anchor",
                                          "propertyNames",
                                          "dependencies",
                                          "$dynamicRef",
                                          "$dynamicAnchor",
                                          "patternProperties",
                                          "$vocabulary",
                                          "contentSchema",
                                          "$recursiveRef",
                                          "$recursiveAnchor",
                                          "dependentRequired",
                                          "dependentSchemas",
                                          "unevaluatedItems",
                                          "unevaluatedProperties"};

const struct keyword *schema_find_keyword(const struct json_doc *doc, uint32_t token)
{
    for (size_t i = 0; i < KEYWORDS; i++) {
        if (json_string_is(doc, token, keywords[i].name))
            return &keywords[i];
    }
    return NULL;
}

int schema_refuse_keyword(struct compiler *c, uint32_t token)
{
    const struct keyword *other_dialect = schema_find_keyword(&c->s->doc, token);
    const char *words[KEYWORDS];
    char shown[SCHEMA_SHOWN];
    if (other_dialect != NULL)
        return schema_refuse(c, token, "%s: not a keyword of this schema's dialect",
                             other_dialect->name);
    for (size_t i = 0; i < sizeof unsupported / sizeof *unsupported; i++) {
        if (json_string_is(&c->s->doc, token, unsupported[i]))
            return schema_refuse(c, token, "%s: this keyword is not supported", unsupported[i]);
    }
    for (size_t i = 0; i < KEYWORDS; i++)
        words[i] = keywords[i].name;
    char *name = json_strdup(&c->s->doc, token);
    const char *near = name != NULL ? text_nearest(name, words, KEYWORDS) : NULL;
    free(name);
    schema_shown(&c->s->doc, token, shown);
    return schema_refuse(c, token, "%s: unknown keyword%s%s%s", shown,
                         near != NULL ? "; did you mean " : "", near != NULL ? near : "",
                         near != NULL ? "?" : "");
}
