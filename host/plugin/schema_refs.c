/* schema_refs.c: the names of an object's schema, and references between schemas. Used at compile
 * time only. */
#include <stdlib.h>
#include <string.h>

#include "plugin/schema_internal.h"

static int order_of_names(const void *a, const void *b, void *arg)
{
    const struct json_doc *doc = arg;
    return json_string_order(doc, ((const struct name *)a)->token, doc,
                             ((const struct name *)b)->token);
}

static void add_property_names(struct compiler *c)
{
    const struct json_doc *doc = &c->s->doc;
    uint32_t key = json_first(c->properties);
    for (uint32_t n = doc->tokens[c->properties].count; n > 0; n--) {
        c->s->names[c->s->n_names++] = (struct name){.token = key, .node = c->node_of[key + 1]};
        key = json_next(doc, key + 1);
    }
}

static void add_required_names(struct compiler *c)
{
    const struct json_doc *doc = &c->s->doc;
    uint32_t at = json_first(c->required);
    for (uint32_t n = doc->tokens[c->required].count; n > 0; n--) {
        c->s->names[c->s->n_names++] =
            (struct name){.token = at, .node = SCHEMA_NONE, .is_required = true};
        at = json_next(doc, at);
    }
}

/* Makes one of two names that are the same; -1: both stand in required. */
static int join(struct compiler *c, struct name *kept, const struct name *other)
{
    if (kept->is_required && other->is_required)
        return schema_refuse(c, other->token, "required: a name stands there twice");
    kept->is_required = true;
    if (kept->node == SCHEMA_NONE)
        kept->node = other->node;
    return 0;
}

static int join_names(struct compiler *c, struct name *names, uint32_t n)
{
    const struct json_doc *doc = &c->s->doc;
    uint32_t kept = 0;
    for (uint32_t i = 1; i < n; i++) {
        if (json_string_order(doc, names[kept].token, doc, names[i].token) != 0)
            names[++kept] = names[i];
        else if (join(c, &names[kept], &names[i]) < 0)
            return -1;
    }
    c->s->n_names -= n - (n > 0 ? kept + 1 : 0);
    return 0;
}

int schema_build_shape(struct compiler *c, uint32_t i)
{
    struct node *node = &c->s->nodes[i];
    node->name = c->s->n_names;
    if (c->properties != 0)
        add_property_names(c);
    if (c->required != 0)
        add_required_names(c);
    struct name *names = c->s->names + node->name;
    uint32_t n = c->s->n_names - node->name;
    qsort_r(names, n, sizeof *names, order_of_names, &c->s->doc);
    if (join_names(c, names, n) < 0)
        return -1;
    node->n_names = c->s->n_names - node->name;
    for (uint32_t k = 0; k < node->n_names; k++)
        node->n_required += names[k].is_required;
    node->has_shape = node->n_names > 0 || node->additional != SCHEMA_NONE;
    return 0;
}

static int hex_value(char c)
{
    return c >= '0' && c <= '9'                     ? c - '0'
           : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                    : -1;
}

/* Undoes %25 in place; false if it is broken or hides a NUL. */
static bool undo_percent(char *s)
{
    char *out = s;
    for (; *s != '\0'; s++) {
        if (*s == '%') {
            int high = hex_value(s[1]), low = high >= 0 ? hex_value(s[2]) : -1;
            if (low < 0 || high + low == 0)
                return false;
            *out++ = (char)(high * 16 + low);
            s += 2;
        } else {
            *out++ = *s;
        }
    }
    *out = '\0';
    return true;
}

/* Undoes ~0 and ~1 in place. */
static bool undo_tilde(char *s)
{
    char *out = s;
    for (; *s != '\0'; s++) {
        if (*s == '~' && s[1] != '0' && s[1] != '1')
            return false;
        *out++ = *s != '~' ? *s : *++s == '0' ? '~' : '/';
    }
    *out = '\0';
    return true;
}

/* 0: there is none (the root is nobody's child). */
static uint32_t child_of(const struct json_doc *doc, uint32_t token, char *segment)
{
    if (!undo_tilde(segment))
        return 0;
    if (json_kind(doc, token) != JSON_ARRAY)
        return json_find(doc, token, segment);
    char *end;
    unsigned long index = strtoul(segment, &end, 10);
    bool is_index = *segment >= '0' && *segment <= '9' && *end == '\0' &&
                    (*segment != '0' || end == segment + 1);
    if (!is_index || index >= doc->tokens[token].count)
        return 0;
    uint32_t at = json_first(token);
    while (index-- > 0)
        at = json_next(doc, at);
    return at;
}

/* The token that "#" and a JSON Pointer lead to, or SCHEMA_NONE. Changes the text. */
static uint32_t follow(const struct json_doc *doc, char *ref)
{
    uint32_t at = 0;
    if (ref[0] != '#' || !undo_percent(ref) || (ref[1] != '\0' && ref[1] != '/'))
        return SCHEMA_NONE;
    for (char *segment = ref + 1; *segment == '/';) {
        char *end = strchrnul(++segment, '/'), stop = *end;
        *end = '\0';
        at = child_of(doc, at, segment);
        if (at == 0)
            return SCHEMA_NONE;
        *end = stop;
        segment = end;
    }
    return at;
}

static int resolve(struct compiler *c, struct rule *r)
{
    char shown[SCHEMA_SHOWN];
    char *ref = json_strdup(&c->s->doc, r->token);
    if (ref == NULL)
        return schema_refuse(c, r->token, "out of memory");
    bool is_local = ref[0] == '#';
    uint32_t token = follow(&c->s->doc, ref);
    free(ref);
    schema_shown(&c->s->doc, r->token, shown);
    if (!is_local)
        return schema_refuse(c, r->token,
                             "$ref: %s is not supported, only references within the schema (#/...)",
                             shown);
    if (token == SCHEMA_NONE)
        return schema_refuse(c, r->token, "$ref: %s leads to nothing in this schema", shown);
    if (c->node_of[token] == SCHEMA_NONE)
        return schema_refuse(c, r->token, "$ref: %s does not lead to a schema", shown);
    r->u.node = c->node_of[token];
    return 0;
}

int schema_resolve_refs(struct compiler *c)
{
    for (uint32_t i = 0; i < c->s->n_rules; i++) {
        struct rule *r = &c->s->rules[i];
        if (r->keyword->check == schema_check_ref && resolve(c, r) < 0)
            return -1;
    }
    return 0;
}

/* The nodes a rule hands the same value on to. */
static uint32_t in_place(const struct schema *s, const struct rule *r, const uint32_t **nodes)
{
    if (r->keyword->check == schema_check_ref || r->keyword->check == schema_check_not) {
        *nodes = &r->u.node;
        return 1;
    }
    if (r->keyword->check == schema_check_all || r->keyword->check == schema_check_any ||
        r->keyword->check == schema_check_one) {
        *nodes = s->list + r->u.list.first;
        return r->u.list.n;
    }
    return 0;
}

static int measure(struct compiler *c, uint8_t *heights, uint32_t node, unsigned depth);

/* The greatest height among the nodes of one rule; -1 with the error. */
static int measure_rule(struct compiler *c, uint8_t *heights, const struct rule *r, unsigned depth)
{
    const uint32_t *nodes = NULL;
    uint32_t n = in_place(c->s, r, &nodes);
    int most = 0;
    for (uint32_t k = 0; k < n; k++) {
        int height = measure(c, heights, nodes[k], depth + 1);
        if (height < 0)
            return -1;
        most = height > most ? height : most;
    }
    return most;
}

/*
 * The length of the longest way from the node on which a value is handed on without going into it.
 * heights keeps what is known (0: nothing yet). A loop has no longest way; it is found by walking
 * past the maximum.
 */
static int measure(struct compiler *c, uint8_t *heights, uint32_t node, unsigned depth)
{
    const struct node *at = &c->s->nodes[node];
    int most = 0;
    if (depth > SCHEMA_IN_PLACE_MAX)
        return schema_refuse(c, at->token,
                             "a schema that refers to itself for the same value, or to others over "
                             "more than %d steps",
                             SCHEMA_IN_PLACE_MAX);
    if (heights[node] != 0)
        return heights[node];
    for (uint32_t i = 0; i < at->n_rules; i++) {
        int height = measure_rule(c, heights, &c->s->rules[at->rule + i], depth);
        if (height < 0)
            return -1;
        most = height > most ? height : most;
    }
    if (most + (int)depth > SCHEMA_IN_PLACE_MAX)
        return schema_refuse(c, at->token, "references for the same value over more than %d steps",
                             SCHEMA_IN_PLACE_MAX);
    heights[node] = (uint8_t)(most + 1);
    return most + 1;
}

int schema_refuse_loops(struct compiler *c)
{
    uint8_t *heights = calloc(c->s->n_nodes, 1);
    int rc = 0;
    if (heights == NULL)
        return schema_refuse(c, 0, "out of memory");
    for (uint32_t i = 0; i < c->s->n_nodes && rc >= 0; i++)
        rc = measure(c, heights, i, 0);
    free(heights);
    return rc < 0 ? -1 : 0;
}
