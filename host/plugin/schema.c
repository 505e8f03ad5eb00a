/* schema.c: compiles a JSON Schema: one node a subschema, one rule a keyword. Runs in the core and
 * the tools. */
#include "plugin/schema.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "plugin/schema_internal.h"

int schema_refuse(struct compiler *c, uint32_t token, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    vsnprintf(c->e->message, sizeof c->e->message, format, ap);
    va_end(ap);
    schema_pointer_to_token(&c->s->doc, token, c->e->pointer, sizeof c->e->pointer);
    return -1;
}

static struct schema *no_memory(struct schema_error *e)
{
    *e = (struct schema_error){.message = "out of memory"};
    return NULL;
}

uint32_t schema_add_node(struct compiler *c, uint32_t token)
{
    uint32_t i = c->s->n_nodes++;
    c->s->nodes[i] = (struct node){
        .token = token, .types = ON_ANY, .additional = SCHEMA_NONE, .rest = SCHEMA_NONE};
    c->node_of[token] = i;
    return i;
}

/* Before 2019-09 a $ref stands for its whole schema; what lies beside it is not looked at. */
static bool is_overruled(const struct compiler *c, uint32_t schema, uint32_t key)
{
    static const char *const kept[] = {"$ref", "$defs", "definitions"};
    if (c->dialect != DIALECT_7 || json_find(&c->s->doc, schema, "$ref") == 0)
        return false;
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        if (json_string_is(&c->s->doc, key, kept[i]))
            return false;
    }
    return true;
}

static int compile_member(struct compiler *c, uint32_t node, uint32_t key)
{
    const struct keyword *keyword = schema_find_keyword(&c->s->doc, key);
    if (keyword == NULL || (keyword->dialects & c->dialect) == 0)
        return schema_refuse_keyword(c, key);
    struct rule rule = {.keyword = keyword, .token = key + 1};
    if (keyword->compile != NULL && keyword->compile(c, node, key + 1, &rule) < 0)
        return -1;
    if (keyword->check != NULL)
        c->s->rules[c->s->n_rules++] = rule;
    return 0;
}

static int compile_object(struct compiler *c, uint32_t node)
{
    const struct json_doc *doc = &c->s->doc;
    uint32_t schema = c->s->nodes[node].token, key = json_first(schema);
    c->properties = c->required = 0;
    c->s->nodes[node].rule = c->s->n_rules;
    for (uint32_t n = doc->tokens[schema].count; n > 0; n--) {
        if (!is_overruled(c, schema, key) && compile_member(c, node, key) < 0)
            return -1;
        key = json_next(doc, key + 1);
    }
    c->s->nodes[node].n_rules = c->s->n_rules - c->s->nodes[node].rule;
    return schema_build_shape(c, node);
}

static int compile_node(struct compiler *c, uint32_t node)
{
    uint32_t token = c->s->nodes[node].token;
    switch (json_kind(&c->s->doc, token)) {
    case JSON_TRUE:
        return 0;
    case JSON_FALSE:
        c->s->nodes[node].is_false = true;
        return 0;
    case JSON_OBJECT:
        return compile_object(c, node);
    default:
        return schema_refuse(c, token, "a schema must be an object or a boolean");
    }
}

static int choose_dialect(struct compiler *c)
{
    static const struct {
        const char *uri;
        unsigned dialect;
    } known[] = {{"https://json-schema.org/draft/2020-12/schema", DIALECT_2020},
                 {"https://json-schema.org/draft/2019-09/schema", DIALECT_2019},
                 {"http://json-schema.org/draft-07/schema", DIALECT_7},
                 {"http://json-schema.org/draft-07/schema#", DIALECT_7},
                 {"http://json-schema.org/draft-06/schema", DIALECT_7},
                 {"http://json-schema.org/draft-06/schema#", DIALECT_7}};
    uint32_t uri = json_find(&c->s->doc, 0, "$schema");
    c->dialect = DIALECT_2020;
    if (uri == 0)
        return 0;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (json_string_is(&c->s->doc, uri, known[i].uri)) {
            c->dialect = known[i].dialect;
            return 0;
        }
    }
    return schema_refuse(
        c, uri, "$schema: not a dialect that is supported (2020-12, 2019-09, draft-07, draft-06)");
}

/* Children are added behind the node that names them, so the row grows while it is walked. */
static int compile_all(struct compiler *c)
{
    if (choose_dialect(c) < 0)
        return -1;
    schema_add_node(c, 0);
    for (uint32_t i = 0; i < c->s->n_nodes; i++) {
        if (compile_node(c, i) < 0)
            return -1;
    }
    if (schema_resolve_refs(c) < 0)
        return -1;
    return schema_refuse_loops(c);
}

/* Nodes, rules, names and list entries stand for a token each: there are never more of them than
 * tokens. */
static int allocate(struct schema *s)
{
    size_t n = s->doc.n;
    s->nodes = calloc(n, sizeof *s->nodes);
    s->rules = calloc(n, sizeof *s->rules);
    s->names = calloc(n, sizeof *s->names);
    s->list = calloc(n, sizeof *s->list);
    s->scratch = malloc(sizeof *s->scratch);
    if (s->scratch != NULL)
        buf_init(s->scratch, UINT32_MAX);
    s->match_data = pcre2_match_data_create(1, NULL);
    s->match_context = pcre2_match_context_create(NULL);
    if (getrandom(&s->seed, sizeof s->seed, 0) != sizeof s->seed)
        return -1;
    bool has_all = s->nodes && s->rules && s->names && s->list && s->scratch && s->match_data &&
                   s->match_context;
    return has_all ? 0 : -1;
}

static int compile(struct schema *s, struct schema_error *e)
{
    struct compiler c = {.s = s, .e = e};
    c.node_of = malloc(s->doc.n * sizeof *c.node_of);
    if (c.node_of == NULL || allocate(s) < 0) {
        free(c.node_of);
        no_memory(e);
        return -1;
    }
    for (uint32_t i = 0; i < s->doc.n; i++)
        c.node_of[i] = SCHEMA_NONE;
    int rc = compile_all(&c);
    free(c.node_of);
    return rc;
}

static int scan(struct schema *s, const char *text, size_t len, struct schema_error *e)
{
    struct json_fault fault;
    if (len > SCHEMA_TEXT_MAX) {
        snprintf(e->message, sizeof e->message, "longer than %d bytes", SCHEMA_TEXT_MAX);
        return -1;
    }
    s->text = malloc(len + 1);
    if (s->text == NULL) {
        no_memory(e);
        return -1;
    }
    memcpy(s->text, text, len);
    if (json_scan(&s->doc, s->text, len, &fault) == 0)
        return 0;
    snprintf(e->message, sizeof e->message, "not JSON: %s at byte %zu", fault.what, fault.offset);
    return -1;
}

struct schema *schema_compile(const char *text, size_t len, struct schema_error *e)
{
    *e = (struct schema_error){.message = ""};
    struct schema *s = calloc(1, sizeof *s);
    if (s == NULL)
        return no_memory(e);
    if (scan(s, text, len, e) < 0 || compile(s, e) < 0) {
        schema_free(s);
        return NULL;
    }
    return s;
}

void schema_free(struct schema *s)
{
    if (s == NULL)
        return;
    for (uint32_t i = 0; i < s->n_rules; i++) {
        if (s->rules[i].keyword->check == schema_check_pattern)
            pcre2_code_free(s->rules[i].u.pattern);
    }
    pcre2_match_data_free(s->match_data);
    pcre2_match_context_free(s->match_context);
    if (s->scratch != NULL)
        buf_clear(s->scratch);
    free(s->scratch);
    free(s->list);
    free(s->names);
    free(s->rules);
    free(s->nodes);
    json_doc_clear(&s->doc);
    free(s->text);
    free(s);
}
