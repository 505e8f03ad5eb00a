/* schema_check.c: checks a value against a compiled schema: nodes, objects, arrays. Runs in the
 * core, per task. */
#include "plugin/schema_internal.h"

/*
 * Steps a check may take: members, items, alternatives, values of an enum. The first suffices for
 * any ordinary task; then some for each value, as a large task may take longer; the last keeps any
 * check under about a second.
 */
enum { STEPS_FIRST = 1000000, STEPS_A_VALUE = 64, STEPS_MAX = 50000000 };
/* Processor time for all patterns of a check: they are the one thing that steps do not measure. */
enum { PATTERN_TIME_US = 200000 };

bool schema_spend(struct check *k, uint64_t steps, const struct place *at)
{
    if (k->is_stopped)
        return false;
    if (steps > (uint64_t)k->steps_left)
        return schema_stop(k, at, "takes too many steps to check against its schema");
    k->steps_left -= (int64_t)steps;
    return true;
}

/* Nothing more need be looked at. */
static bool is_over(const struct check *k)
{
    return k->is_quiet || k->is_stopped || k->problems >= SCHEMA_PROBLEMS_MAX;
}

static const struct name *find_name(const struct check *k, const struct node *node, uint32_t key)
{
    const struct name *names = k->s->names + node->name;
    uint32_t low = 0, high = node->n_names;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = json_string_order(k->doc, key, &k->s->doc, names[middle].token);
        if (order == 0)
            return &names[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static bool check_member(struct check *k, const struct node *node, const struct name *name,
                         const struct place *at)
{
    if (name != NULL && name->node != SCHEMA_NONE)
        return schema_check_node(k, name->node, at);
    if (node->additional == SCHEMA_NONE)
        return true;
    if (k->s->nodes[node->additional].is_false)
        return schema_fail_member(k, node, at);
    return schema_check_node(k, node->additional, at);
}

/* Whether the object has a member of the name in the schema. */
static bool has_member(const struct check *k, uint32_t object, uint32_t name)
{
    uint32_t key = json_first(object);
    for (uint32_t n = k->doc->tokens[object].count; n > 0; n--) {
        if (json_string_order(k->doc, key, &k->s->doc, name) == 0)
            return true;
        key = json_next(k->doc, key + 1);
    }
    return false;
}

static bool fail_missing(struct check *k, const struct node *node, const struct place *at)
{
    for (uint32_t i = 0; i < node->n_names && !is_over(k); i++) {
        const struct name *name = &k->s->names[node->name + i];
        char shown[SCHEMA_SHOWN];
        if (name->is_required && schema_spend(k, k->doc->tokens[at->token].count, at) &&
            !has_member(k, at->token, name->token))
            schema_fail(k, at, "%s is missing", schema_shown(&k->s->doc, name->token, shown));
    }
    return false;
}

static bool check_object(struct check *k, const struct node *node, const struct place *at)
{
    uint32_t key = json_first(at->token), found = 0, count = k->doc->tokens[at->token].count;
    bool ok = schema_spend(k, count, at);
    for (uint32_t n = count; n > 0; n--) {
        const struct name *name = find_name(k, node, key);
        struct place member = {.up = at, .token = key + 1, .key = key};
        found += name != NULL && name->is_required;
        if (!check_member(k, node, name, &member))
            ok = false;
        if (!ok && is_over(k))
            return false;
        key = json_next(k->doc, key + 1);
    }
    return found == node->n_required ? ok : fail_missing(k, node, at);
}

static uint32_t node_of_item(const struct schema *s, const struct node *node, uint32_t index)
{
    return index < node->n_prefix ? s->list[node->prefix + index] : node->rest;
}

static bool fail_extra_items(struct check *k, const struct node *node, const struct place *at)
{
    return schema_fail(k, at, "must have at most %u items, has %u", node->n_prefix,
                       k->doc->tokens[at->token].count);
}

static bool check_array(struct check *k, const struct node *node, const struct place *at)
{
    uint32_t item = json_first(at->token), count = k->doc->tokens[at->token].count;
    bool ok = schema_spend(k, count, at);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t child = node_of_item(k->s, node, i);
        struct place place = {.up = at, .token = item, .key = SCHEMA_NONE, .index = i};
        if (child == SCHEMA_NONE)
            break;
        if (i >= node->n_prefix && k->s->nodes[child].is_false)
            return fail_extra_items(k, node, at);
        if (!schema_check_node(k, child, &place))
            ok = false;
        if (!ok && is_over(k))
            return false;
        item = json_next(k->doc, item);
    }
    return ok;
}

static bool check_rules(struct check *k, const struct node *node, unsigned kind,
                        const struct place *at)
{
    bool ok = true;
    for (uint32_t i = 0; i < node->n_rules; i++) {
        const struct rule *r = &k->s->rules[node->rule + i];
        if ((r->keyword->on & kind) != 0 && !r->keyword->check(k, r, at))
            ok = false;
        if (!ok && is_over(k))
            return false;
    }
    return ok;
}

/* Recursion ends: values are at most JSON_DEPTH_MAX deep, and none is handed on over
 * SCHEMA_IN_PLACE_MAX steps. */
bool schema_check_node(struct check *k, uint32_t i, const struct place *at)
{
    const struct node *node = &k->s->nodes[i];
    unsigned kind = 1u << json_kind(k->doc, at->token);
    if (!schema_spend(k, 1, at))
        return false;
    if (node->is_false)
        return schema_fail(k, at, "is not allowed here");
    if (node->types != ON_ANY && !schema_type_fits(k->doc, at->token, node->types))
        return schema_fail_type(k, at, node->types);
    bool ok = check_rules(k, node, kind, at);
    if (!ok && is_over(k))
        return false;
    if (kind == ON_OBJECT && node->has_shape)
        return check_object(k, node, at) && ok;
    if (kind == ON_ARRAY && (node->n_prefix > 0 || node->rest != SCHEMA_NONE))
        return check_array(k, node, at) && ok;
    return ok;
}

int schema_check(const struct schema *s, const struct json_doc *doc, uint32_t token,
                 schema_report_fn fn, void *arg)
{
    struct check k = {.s = s, .doc = doc, .fn = fn, .arg = arg, .is_quiet = fn == NULL};
    struct place root = {.token = token, .key = SCHEMA_NONE};
    int64_t steps = STEPS_FIRST + (int64_t)(doc->tokens[token].next - token) * STEPS_A_VALUE;
    k.steps_left = steps < STEPS_MAX ? steps : STEPS_MAX;
    k.pattern_us_left = PATTERN_TIME_US;
    bool ok = schema_check_node(&k, 0, &root);
    return ok ? 0 : k.problems > 0 ? k.problems : 1;
}
